package tensor

import (
	"bytes"
	"encoding/binary"
	"errors"
	"math"
	"testing"

	"pgregory.net/rapid"
)

var wide = Limits{MaxTensors: 1 << 20, MaxRank: MaxRank, MaxBytes: 1 << 30}

// genTensor draws a valid tensor of a few elements.
func genTensor(rt *rapid.T, name string) Tensor {
	d := Datatype(rapid.IntRange(int(Bool), int(Bytes)).Draw(rt, "datatype"))
	shape := rapid.SliceOfN(rapid.Int64Range(0, 4), 0, 3).Draw(rt, "shape")
	n, err := elements(shape)
	if err != nil {
		rt.Fatal(err)
	}
	var data []byte
	switch {
	case d == Bytes:
		for range n {
			text := rapid.SliceOfN(rapid.Byte(), 0, 5).Draw(rt, "text")
			data = binary.LittleEndian.AppendUint32(data, uint32(len(text)))
			data = append(data, text...)
		}
	case d == Bool:
		data = rapid.SliceOfN(rapid.ByteRange(0, 1), int(n), int(n)).Draw(rt, "data")
	default:
		size := int(n) * d.Size()
		data = rapid.SliceOfN(rapid.Byte(), size, size).Draw(rt, "data")
	}
	return Tensor{name, d, shape, data}
}

func genTensors(rt *rapid.T) []Tensor {
	names := rapid.SliceOfNDistinct(rapid.StringN(1, 8, MaxNameBytes), 0, 4, rapid.ID[string]).Draw(rt, "names")
	ts := make([]Tensor, len(names))
	for i, name := range names {
		ts[i] = genTensor(rt, name)
	}
	return ts
}

func equal(a, b Tensor) bool {
	if a.Name != b.Name || a.Datatype != b.Datatype || len(a.Shape) != len(b.Shape) || !bytes.Equal(a.Data, b.Data) {
		return false
	}
	for i := range a.Shape {
		if a.Shape[i] != b.Shape[i] {
			return false
		}
	}
	return true
}

func TestDecodeInvertsEncode(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		ts := genTensors(rt)
		b, err := Encode(ts)
		if err != nil {
			rt.Fatal(err)
		}
		got, err := Decode(b, wide)
		if err != nil {
			rt.Fatal(err)
		}
		if len(got) != len(ts) {
			rt.Fatalf("got %d tensors, want %d", len(got), len(ts))
		}
		clear(b) // what was decoded must not change with its input
		for i := range ts {
			if !equal(got[i], ts[i]) {
				rt.Fatalf("tensor %d: got %+v, want %+v", i, got[i], ts[i])
			}
		}
	})
}

func TestEncodedSizeNeedsNoData(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		ts := genTensors(rt)
		bare := make([]Tensor, 0, len(ts))
		fixed := make([]Tensor, 0, len(ts))
		for _, x := range ts {
			if x.Datatype != Bytes {
				fixed = append(fixed, x)
				bare = append(bare, Tensor{Name: x.Name, Datatype: x.Datatype, Shape: x.Shape})
			}
		}
		b, err := Encode(fixed)
		if err != nil {
			rt.Fatal(err)
		}
		size, err := EncodedSize(bare...)
		if err != nil || size != int64(len(b)) {
			rt.Fatalf("got %d, %v; want %d", size, err, len(b))
		}
	})
}

func TestEncodedSizeRefuses(t *testing.T) {
	for name, tc := range map[string]struct {
		ts   []Tensor
		want error
	}{
		"text, whose size is not known": {[]Tensor{{Name: "x", Datatype: Bytes}}, ErrDatatype},
		"a sum that overflows": {[]Tensor{
			{Name: "x", Datatype: Uint8, Shape: []int64{math.MaxInt64 - 100}},
			{Name: "y", Datatype: Uint8, Shape: []int64{math.MaxInt64 - 100}},
		}, ErrShape},
		"a size that overflows": {[]Tensor{{Name: "x", Datatype: FP64, Shape: []int64{math.MaxInt64}}}, ErrShape},
		"a negative dimension":  {[]Tensor{{Name: "x", Datatype: FP64, Shape: []int64{-1}}}, ErrShape},
		"a name twice":          {[]Tensor{{Name: "x", Datatype: FP64}, {Name: "x", Datatype: FP64}}, ErrDuplicate},
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := EncodedSize(tc.ts...); !errors.Is(err, tc.want) {
				t.Fatalf("got %v, want %v", err, tc.want)
			}
		})
	}
}

func TestEncodeRefusesWhatIsNotValid(t *testing.T) {
	good := Tensor{"x", Uint8, []int64{1}, []byte{7}}
	if _, err := Encode([]Tensor{good, good}); !errors.Is(err, ErrDuplicate) {
		t.Errorf("a name twice: %v", err)
	}
	if _, err := Encode([]Tensor{{"x", Uint8, []int64{1}, nil}}); !errors.Is(err, ErrData) {
		t.Errorf("missing data: %v", err)
	}
}

func TestDecodeRefuses(t *testing.T) {
	good, err := Encode([]Tensor{{"x", Uint8, []int64{2}, []byte{1, 2}}, {"y", Bool, nil, []byte{1}}})
	if err != nil {
		t.Fatal(err)
	}
	change := func(at int, v byte) []byte {
		b := bytes.Clone(good)
		b[at] = v
		return b
	}
	for name, tc := range map[string]struct {
		b    []byte
		lim  Limits
		want error
	}{
		"nothing":                       {nil, wide, ErrEncoding},
		"another magic":                 {change(0, 'X'), wide, ErrEncoding},
		"another version":               {change(4, 2), wide, ErrEncoding},
		"more tensors than room":        {change(8, 0xff), Limits{math.MaxInt, 16, 1 << 20}, ErrEncoding},
		"one tensor more than there is": {change(5, 3), wide, ErrEncoding},
		"one tensor fewer":              {change(5, 1), wide, ErrEncoding},
		"a byte after the end":          {append(bytes.Clone(good), 0), wide, ErrEncoding},
		"an unknown datatype":           {change(12, 77), wide, ErrDatatype},
		"a negative dimension":          {change(21, 0x80), wide, ErrShape},
		"a dimension too large":         {change(14, 3), wide, ErrData},
		"more data than there is":       {change(29, 0x80), wide, ErrEncoding},
		"two tensors of one name":       {change(34, 'x'), wide, ErrDuplicate},
		"a boolean of 2":                {change(len(good)-1, 2), wide, ErrData},
		"too many tensors":              {good, Limits{1, 16, 1 << 20}, ErrLimit},
		"too high a rank":               {good, Limits{2, 0, 1 << 20}, ErrLimit},
		"too many bytes":                {good, Limits{2, 16, int64(len(good)) - 1}, ErrLimit},
		"everything under zero limits":  {good, Limits{}, ErrLimit},
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := Decode(tc.b, tc.lim); !errors.Is(err, tc.want) {
				t.Fatalf("got %v, want %v", err, tc.want)
			}
		})
	}
	for n := range good {
		if _, err := Decode(good[:n], wide); err == nil {
			t.Fatalf("the first %d of %d bytes were accepted", n, len(good))
		}
	}
	if _, err := Decode(good, Limits{2, 1, int64(len(good))}); err != nil {
		t.Fatalf("limits that just suffice: %v", err)
	}
}

func FuzzDecode(f *testing.F) {
	for _, ts := range [][]Tensor{
		nil,
		{{"x", FP32, []int64{1, 2}, make([]byte, 8)}},
		{{"a", Bytes, []int64{2}, []byte("\x01\x00\x00\x00a\x00\x00\x00\x00")}, {"b", Bool, nil, []byte{1}}},
		{{"empty", Int64, []int64{0, 5}, nil}},
	} {
		b, err := Encode(ts)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	lim := Limits{MaxTensors: 8, MaxRank: 4, MaxBytes: 1 << 16}
	f.Fuzz(func(t *testing.T, b []byte) {
		ts, err := Decode(b, lim)
		if err != nil {
			return
		}
		again, err := Encode(ts)
		if err != nil {
			t.Fatalf("accepted but not encodable: %v", err)
		}
		if !bytes.Equal(again, b) {
			t.Fatalf("accepted %x, which encodes to %x", b, again)
		}
	})
}
