package tensor

import (
	"errors"
	"math"
	"strings"
	"testing"
)

func TestDatatypeNamesRoundTrip(t *testing.T) {
	sizes := map[Datatype]int{
		Bool: 1, Uint8: 1, Uint16: 2, Uint32: 4, Uint64: 8, Int8: 1, Int16: 2, Int32: 4, Int64: 8,
		FP16: 2, FP32: 4, FP64: 8, BF16: 2, Bytes: 0,
	}
	for d := Bool; d <= Bytes; d++ {
		got, err := ParseDatatype(d.String())
		if err != nil || got != d {
			t.Errorf("ParseDatatype(%q) = %v, %v", d.String(), got, err)
		}
		if d.Size() != sizes[d] {
			t.Errorf("%s: size %d, want %d", d, d.Size(), sizes[d])
		}
		if want := d == FP16 || d == FP32 || d == FP64 || d == BF16; d.IsFloat() != want {
			t.Errorf("%s: IsFloat = %v", d, d.IsFloat())
		}
	}
	for _, s := range []string{"", "INVALID", "fp32", "FP8", "DATATYPE(3)"} {
		if _, err := ParseDatatype(s); !errors.Is(err, ErrDatatype) {
			t.Errorf("ParseDatatype(%q): %v", s, err)
		}
	}
	if d := Datatype(200); d.Valid() || d.Size() != 0 || d.String() != "DATATYPE(200)" {
		t.Errorf("an unknown datatype: %v %d %s", d.Valid(), d.Size(), d)
	}
}

func TestElements(t *testing.T) {
	for name, tc := range map[string]struct {
		shape []int64
		want  int64
		err   error
	}{
		"a scalar has one element":         {nil, 1, nil},
		"a product":                        {[]int64{2, 3, 4}, 24, nil},
		"a zero dimension empties":         {[]int64{2, 0, 4}, 0, nil},
		"the largest product":              {[]int64{math.MaxInt64, 1}, math.MaxInt64, nil},
		"a negative dimension":             {[]int64{2, -1}, 0, ErrShape},
		"an overflow":                      {[]int64{1 << 32, 1 << 31}, 0, ErrShape},
		"an overflow hidden behind a zero": {[]int64{0, 1 << 32, 1 << 32}, 0, ErrShape},
		"a rank above the maximum":         {make([]int64, MaxRank+1), 0, ErrShape},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := Tensor{Shape: tc.shape}.Elements()
			if got != tc.want || !errors.Is(err, tc.err) {
				t.Fatalf("got %d, %v; want %d, %v", got, err, tc.want, tc.err)
			}
		})
	}
}

func TestValidate(t *testing.T) {
	for name, tc := range map[string]struct {
		tensor Tensor
		want   error
	}{
		"a sound matrix":                     {Tensor{"x", FP32, []int64{1, 2}, make([]byte, 8)}, nil},
		"an empty tensor":                    {Tensor{"x", FP32, []int64{0}, nil}, nil},
		"sound text":                         {Tensor{"x", Bytes, []int64{2}, []byte("\x01\x00\x00\x00a\x00\x00\x00\x00")}, nil},
		"no name":                            {Tensor{"", FP32, nil, make([]byte, 4)}, ErrName},
		"a name too long":                    {Tensor{strings.Repeat("n", MaxNameBytes+1), FP32, nil, make([]byte, 4)}, ErrName},
		"a name that is not UTF-8":           {Tensor{"\xff", FP32, nil, make([]byte, 4)}, ErrName},
		"the invalid datatype":               {Tensor{"x", Invalid, nil, nil}, ErrDatatype},
		"an unknown datatype":                {Tensor{"x", 99, nil, nil}, ErrDatatype},
		"data too short":                     {Tensor{"x", FP32, []int64{2}, make([]byte, 7)}, ErrData},
		"data too long":                      {Tensor{"x", FP32, []int64{2}, make([]byte, 9)}, ErrData},
		"a byte size that overflows":         {Tensor{"x", FP64, []int64{math.MaxInt64 / 4}, nil}, ErrShape},
		"a boolean that is neither 0 nor 1":  {Tensor{"x", Bool, []int64{2}, []byte{1, 2}}, ErrData},
		"text with a missing element":        {Tensor{"x", Bytes, []int64{2}, []byte{0, 0, 0, 0}}, ErrData},
		"text that ends in a length":         {Tensor{"x", Bytes, []int64{1}, []byte{0, 0, 0}}, ErrData},
		"text longer than the data":          {Tensor{"x", Bytes, []int64{1}, []byte{255, 255, 255, 255, 1}}, ErrData},
		"text with bytes after the elements": {Tensor{"x", Bytes, []int64{1}, []byte{0, 0, 0, 0, 1}}, ErrData},
		"text of a lying size":               {Tensor{"x", Bytes, []int64{math.MaxInt64}, nil}, ErrData},
	} {
		t.Run(name, func(t *testing.T) {
			if err := tc.tensor.Validate(); !errors.Is(err, tc.want) {
				t.Fatalf("got %v, want %v", err, tc.want)
			}
		})
	}
}
