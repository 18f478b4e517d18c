package tensor

import (
	"bytes"
	"encoding/binary"
	"math"
	"testing"

	"pgregory.net/rapid"
)

func TestCanonicalPatterns(t *testing.T) {
	b16 := func(vs ...uint16) (b []byte) {
		for _, v := range vs {
			b = binary.LittleEndian.AppendUint16(b, v)
		}
		return b
	}
	b32 := func(vs ...uint32) (b []byte) {
		for _, v := range vs {
			b = binary.LittleEndian.AppendUint32(b, v)
		}
		return b
	}
	b64 := func(vs ...uint64) (b []byte) {
		for _, v := range vs {
			b = binary.LittleEndian.AppendUint64(b, v)
		}
		return b
	}
	// Each row: negative zero, negative quiet NaN, signalling NaN, the largest
	// NaN, then values to keep: the smallest subnormal, -1, and both infinities.
	for _, tc := range []struct {
		datatype  Datatype
		in, want  []byte
		tailBytes int
	}{
		{FP16, b16(0x8000, 0xfe00, 0x7c01, 0xffff, 0x8001, 0xbc00, 0x7c00, 0xfc00), b16(0, 0x7e00, 0x7e00, 0x7e00, 0x8001, 0xbc00, 0x7c00, 0xfc00), 1},
		{BF16, b16(0x8000, 0xffc0, 0x7f81, 0xffff, 0x8001, 0xbf80, 0x7f80, 0xff80), b16(0, 0x7fc0, 0x7fc0, 0x7fc0, 0x8001, 0xbf80, 0x7f80, 0xff80), 1},
		{FP32, b32(1<<31, 0xffc00000, 0x7f800001, math.MaxUint32, 1, 0xbf800000, 0x7f800000, 0xff800000), b32(0, 0x7fc00000, 0x7fc00000, 0x7fc00000, 1, 0xbf800000, 0x7f800000, 0xff800000), 3},
		{FP64, b64(1<<63, 0xfff8<<48, 0x7ff0<<48+1, math.MaxUint64, 1, 0xbff0<<48, 0x7ff0<<48, 0xfff0<<48), b64(0, 0x7ff8<<48, 0x7ff8<<48, 0x7ff8<<48, 1, 0xbff0<<48, 0x7ff0<<48, 0xfff0<<48), 7},
		{Int32, b32(1<<31, 0x7f800001), b32(1<<31, 0x7f800001), 3},
		{Uint16, b16(0x8000, 0xffff), b16(0x8000, 0xffff), 1},
	} {
		t.Run(tc.datatype.String(), func(t *testing.T) {
			tail := bytes.Repeat([]byte{0xff}, tc.tailBytes)
			in := append(bytes.Clone(tc.in), tail...)
			before := bytes.Clone(in)
			got := Tensor{Name: "x", Datatype: tc.datatype, Data: in}.Canonical()
			if want := append(bytes.Clone(tc.want), tail...); !bytes.Equal(got.Data, want) {
				t.Errorf("got %x, want %x", got.Data, want)
			}
			if !bytes.Equal(in, before) {
				t.Error("the tensor itself was changed")
			}
		})
	}
}

func TestCanonicalIsIdempotentAndKeepsValues(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		x := genTensor(rt, "x")
		once := x.Canonical()
		if twice := once.Canonical(); !equal(once, twice) {
			rt.Fatalf("got %x, then %x", once.Data, twice.Data)
		}
		if err := once.Validate(); err != nil {
			rt.Fatal(err)
		}
		if x.Datatype != FP32 {
			return
		}
		for i := 0; i < len(x.Data); i += 4 {
			a := math.Float32frombits(binary.LittleEndian.Uint32(x.Data[i:]))
			b := math.Float32frombits(binary.LittleEndian.Uint32(once.Data[i:]))
			if a != b && (a == a || b == b) {
				rt.Fatalf("element %d: %v became %v", i/4, a, b)
			}
		}
	})
}

func TestEncodeOutputsIsCanonical(t *testing.T) {
	minusZero := []Tensor{{"y", FP32, nil, []byte{0, 0, 0, 0x80}}}
	zero := []Tensor{{"y", FP32, nil, []byte{0, 0, 0, 0}}}
	a, errA := EncodeOutputs(minusZero)
	b, errB := Encode(zero)
	if errA != nil || errB != nil || !bytes.Equal(a, b) {
		t.Fatalf("got %x, %v; want %x, %v", a, errA, b, errB)
	}
}
