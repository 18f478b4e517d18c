package inputs

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/opengradient/opengradient/internal/oipjson"
	"github.com/opengradient/opengradient/internal/tensor"
)

// drawTensor draws a sound tensor without NaN in floats, of which there is more than one pattern.
func drawTensor(t *rapid.T, name string) tensor.Tensor {
	d := tensor.Datatype(rapid.IntRange(int(tensor.Bool), int(tensor.Bytes)).Draw(t, "datatype"))
	x := tensor.Tensor{Name: name, Datatype: d, Shape: rapid.SliceOfN(rapid.Int64Range(1, 4), 0, 3).Draw(t, "shape")}
	n, err := x.Elements()
	if err != nil {
		t.Fatal(err)
	}
	for range n {
		switch {
		case d == tensor.Bytes:
			b := rapid.SliceOfN(rapid.Byte(), 0, 5).Draw(t, "element")
			x.Data = append(binary.LittleEndian.AppendUint32(x.Data, uint32(len(b))), b...)
		case d == tensor.Bool:
			x.Data = append(x.Data, byte(rapid.IntRange(0, 1).Draw(t, "element")))
		default:
			b := rapid.SliceOfN(rapid.Byte(), d.Size(), d.Size()).Draw(t, "element")
			if d.IsFloat() {
				b[d.Size()-1] &^= 0x40 // keeps the exponent off its largest value
			}
			x.Data = append(x.Data, b...)
		}
	}
	return x
}

// specOf is a signature that a tensor matches: each dimension is fixed, or one symbol for all sizes alike.
func specOf(t *rapid.T, x tensor.Tensor) tensor.Spec {
	s := tensor.Spec{Name: x.Name, Datatype: x.Datatype}
	free := -1
	if len(x.Shape) > 0 && rapid.Bool().Draw(t, "symbolic") {
		free = rapid.IntRange(0, len(x.Shape)-1).Draw(t, "free")
	}
	for i, n := range x.Shape {
		d := tensor.Dim{Size: n}
		if i == free {
			d = tensor.Dim{Size: 1, Symbol: "N"}
			if n%2 == 0 && rapid.Bool().Draw(t, "factor") {
				d.Size = 2
			}
		}
		s.Dims = append(s.Dims, d)
	}
	return s
}

// Whatever way a tensor is written for the command line, it is the tensor that the Open Inference Protocol gives.
func TestValuesAgreeWithRequests(t *testing.T) {
	none := func(string) ([]byte, error) { return nil, errNoFile }
	rapid.Check(t, func(t *rapid.T) {
		x := drawTensor(t, "x")
		spec := specOf(t, x)
		data, err := oipjson.MarshalData(x)
		if err != nil {
			t.Fatal(err)
		}
		ways := map[string]string{"flat": string(data), "nested": nest(string(data), x)}
		if x.Datatype != tensor.Bytes && len(x.Data) > 0 {
			ways["elements"] = strings.ReplaceAll(strings.Trim(string(data), "[]"), `"`, "")
		}
		for way, value := range ways {
			s, err := Read([]string{"x=" + value}, none)
			if err != nil {
				t.Fatal(err)
			}
			got, err := s.Requests([]tensor.Spec{spec}, Options{})
			if err != nil {
				t.Fatalf("%s: %s for %s: %v", way, value, spec, err)
			}
			y := got[0].Inputs[0]
			if y.Name != x.Name || y.Datatype != x.Datatype || fmt.Sprint(y.Shape) != fmt.Sprint(x.Shape) || !bytes.Equal(y.Data, x.Data) {
				t.Fatalf("%s: %s for %s: expected %+v, got %+v", way, value, spec, x, y)
			}
		}
	})
}

// nest writes flat data nested as the shape; a scalar stays flat.
func nest(flat string, x tensor.Tensor) string {
	if len(x.Shape) < 2 {
		return flat
	}
	data := []byte(flat)
	var elements []string
	for at, start := 1, 1; at < len(data); at++ {
		switch data[at] {
		case '"':
			for at++; data[at] != '"'; at++ {
				if data[at] == '\\' {
					at++
				}
			}
		case ',', ']':
			elements = append(elements, flat[start:at])
			start = at + 1
		}
	}
	for i := len(x.Shape) - 1; i >= 0; i-- {
		var groups []string
		for at := 0; at < len(elements); at += int(x.Shape[i]) {
			groups = append(groups, "["+strings.Join(elements[at:at+int(x.Shape[i])], ",")+"]")
		}
		elements = groups
	}
	return elements[0]
}

// An array of NumPy is the tensor that it was written from.
func TestArraysAgreeWithTensors(t *testing.T) {
	descr := map[tensor.Datatype]string{
		tensor.Bool: "|b1", tensor.Uint8: "|u1", tensor.Int8: "|i1", tensor.Uint16: "<u2", tensor.Int64: "<i8", tensor.FP16: "<f2", tensor.FP32: "<f4",
	}
	rapid.Check(t, func(t *rapid.T) {
		x := drawTensor(t, "x")
		kind, has := descr[x.Datatype]
		if !has {
			return // NumPy has no such datatype here
		}
		shape := "("
		for _, n := range x.Shape {
			shape += fmt.Sprintf("%d, ", n)
		}
		file := npy(kind, shape+")", x.Data)
		s, err := Read([]string{rapid.SampledFrom([]string{"f", "x=@f", "@f"}).Draw(t, "word")}, func(string) ([]byte, error) { return file, nil })
		if err != nil {
			t.Fatal(err)
		}
		got, err := s.Requests([]tensor.Spec{specOf(t, x)}, Options{})
		if err != nil {
			t.Fatal(err)
		}
		if y := got[0].Inputs[0]; fmt.Sprint(y) != fmt.Sprint(x) && !(len(x.Shape) == 0 && bytes.Equal(x.Data, y.Data)) {
			t.Fatalf("expected %+v, got %+v", x, y)
		}
	})
}

// Whatever is accepted are sound tensors with the names and datatypes of the signature.
func FuzzRequests(f *testing.F) {
	for _, seed := range []string{
		"x=1,2", "x=[[1,2],[3,4]]", "x=NaN,1", "x=@-", "-", "x=", "s=hello", `s=["a",{"b64":"AA=="}]`, "x=1,2|s=a", "@-", "x=[[[", "x=1e9999,-0",
	} {
		f.Add(seed, []byte("1,2"))
		f.Add(seed, npy("<f4", "(1, 2)", make([]byte, 8)))
		f.Add(seed, picture(f))
		f.Add(seed, zipped(f, "x", npy("<f4", "(1, 2)", make([]byte, 8))))
		f.Add(seed, []byte(`{"inputs":[{"name":"x","datatype":"FP32","shape":[1],"data":[1]}]}`))
	}
	specs := [][]tensor.Spec{
		{in("x", tensor.FP32, symbol("N"), dim(2))},
		{in("x", tensor.Uint8, symbol("N"), twice("M"), dim(3)), in("s", tensor.Bytes, symbol("N"))},
		{in("x", tensor.FP32, symbol("N"), symbol("N"))},
	}
	f.Fuzz(func(t *testing.T, words string, file []byte) {
		s, err := Read(strings.Split(words, "|"), func(string) ([]byte, error) { return file, nil })
		if err != nil {
			return
		}
		for _, spec := range specs {
			list, err := s.Requests(spec, Options{})
			if err != nil {
				continue
			}
			for _, r := range list {
				for i, x := range r.Inputs {
					if err := x.Validate(); err != nil {
						t.Fatalf("%q: %v", words, err)
					}
					if s.NeedsSignature() && (x.Name != spec[i].Name || x.Datatype != spec[i].Datatype) {
						t.Fatalf("%q: expected %s, got %s %s", words, spec[i], x.Name, x.Datatype)
					}
				}
			}
		}
	})
}
