package oipjson

import (
	"bytes"
	"fmt"
	"math"
	"math/big"
	"testing"

	"pgregory.net/rapid"

	"github.com/opengradient/opengradient/internal/tensor"
)

// The oracle finds the nearest 16-bit value by looking at every one of them in rational numbers.
func TestHalvesMatchOracle(t *testing.T) {
	for _, d := range []tensor.Datatype{tensor.FP16, tensor.BF16} {
		f := formats[d]
		var values []*big.Rat // by bits, of the finite values from 0
		for bits := uint64(0); bits < f.infinity(); bits++ {
			values = append(values, new(big.Rat).SetFloat64(halfValue(f, bits)))
		}
		rapid.Check(t, func(t *rapid.T) {
			at := rapid.IntRange(0, len(values)-2).Draw(t, "at")
			between := new(big.Rat).Add(values[at], values[at+1])
			between.Mul(between, big.NewRat(1, 2))
			nudge := new(big.Rat).SetFrac(big.NewInt(rapid.Int64Range(-3, 3).Draw(t, "nudge")), new(big.Int).Exp(big.NewInt(10), big.NewInt(60), nil))
			value := between.Add(between, nudge)
			literal := value.FloatString(200)
			exact, _ := new(big.Rat).SetString(literal)
			want := uint64(at)
			low, high := new(big.Rat).Sub(exact, values[at]), new(big.Rat).Sub(values[at+1], exact)
			if c := low.Cmp(high); c > 0 || c == 0 && at%2 == 1 {
				want++
			}
			got, err := parseFloat(d, []byte(literal))
			if err != nil || got != want {
				t.Fatalf("%s %s: expected %04x, got %v and %04x", d, literal, want, err, got)
			}
		})
	}
}

func drawTensor(t *rapid.T) tensor.Tensor {
	d := tensor.Datatype(rapid.IntRange(int(tensor.Bool), int(tensor.Bytes)).Draw(t, "datatype"))
	shape := rapid.SliceOfN(rapid.Int64Range(0, 4), 0, 3).Draw(t, "shape")
	x := tensor.Tensor{Name: rapid.StringN(1, 10, 60).Draw(t, "name"), Datatype: d, Shape: shape}
	n, err := x.Elements()
	if err != nil {
		t.Fatal(err)
	}
	for range n {
		switch {
		case d == tensor.Bytes:
			value := rapid.SliceOfN(rapid.Byte(), 0, 8).Draw(t, "bytes")
			x.Data = append(append(x.Data, byte(len(value)), 0, 0, 0), value...)
		case d == tensor.Bool:
			x.Data = append(x.Data, rapid.SampledFrom([]byte{0, 1}).Draw(t, "bool"))
		default:
			x.Data = append(x.Data, rapid.SliceOfN(rapid.Byte(), d.Size(), d.Size()).Draw(t, "element")...)
		}
	}
	return x
}

// Reading back what was written gives the same tensor, but for the patterns of NaN.
func TestMarshalReadsBack(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		in := drawTensor(t)
		text, err := MarshalTensors([]tensor.Tensor{in})
		if err != nil {
			t.Fatal(err)
		}
		out, err := ParseTensors(text)
		if err != nil {
			t.Fatalf("%s: %v", text, err)
		}
		if got := out[0]; got.Name != in.Name || got.Datatype != in.Datatype || fmt.Sprint(got.Shape) != fmt.Sprint(in.Shape) || !sameButNaN(in, got) {
			t.Fatalf("%s: expected %+v, got %+v", text, in, got)
		}
	})
}

func sameButNaN(a, b tensor.Tensor) bool {
	if !a.Datatype.IsFloat() {
		return bytes.Equal(a.Data, b.Data)
	}
	size := a.Datatype.Size()
	if len(a.Data) != len(b.Data) {
		return false
	}
	for at := 0; at < len(a.Data); at += size {
		x, y := a.Data[at:at+size], b.Data[at:at+size]
		if !bytes.Equal(x, y) && !(isNaN(a.Datatype, x) && isNaN(a.Datatype, y)) {
			return false
		}
	}
	return true
}

func isNaN(d tensor.Datatype, b []byte) bool {
	var bits uint64
	for i, v := range b {
		bits |= uint64(v) << (8 * i)
	}
	switch d {
	case tensor.FP64:
		return math.IsNaN(math.Float64frombits(bits))
	case tensor.FP32:
		return math.IsNaN(float64(math.Float32frombits(uint32(bits))))
	default:
		return math.IsNaN(halfValue(formats[d], bits))
	}
}

// Whatever is accepted is valid, and writing and reading it again changes nothing.
func FuzzParseRequests(f *testing.F) {
	for _, seed := range []string{
		one("FP32", "[1,2]", "[[0.5,-1e-3]]"), one("BYTES", "[2]", `["a\u00e9\"",{"b64":"AAE="}]`), one("BOOL", "[]", "[true]"),
		one("INT64", "[1]", "[-9223372036854775808]"), one("FP16", "[2]", `["NaN",6e-8]`), one("UINT8", "[0]", "[]"),
		"[" + one("BF16", "[1]", "[1]") + "]", `{"outputs":[{"name":"p"}],"id":"x","inputs":[]}`, "[", `{"inputs":[{"data":`,
		one("BYTES", "[1]", `[{"b64":"AA==" , "b64":""}]`), one("FP64", "[1]", "[1e-99999]"), one("FP16", "[1]", "[1e99999999]"),
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		requests, err := ParseRequests(b)
		if err != nil {
			return
		}
		for _, r := range requests {
			text, err := MarshalTensors(r.Inputs)
			if err != nil {
				t.Fatal(err)
			}
			again, err := ParseTensors(text)
			if err != nil {
				t.Fatalf("%s: %v", text, err)
			}
			for i := range again {
				if !bytes.Equal(again[i].Data, r.Inputs[i].Data) {
					t.Fatalf("%s: expected %x, got %x", text, r.Inputs[i].Data, again[i].Data)
				}
			}
		}
	})
}
