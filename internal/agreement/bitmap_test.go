package agreement

import (
	"bytes"
	"errors"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

func TestPackOutcomes(t *testing.T) {
	for _, tc := range []struct {
		name     string
		outcomes []int32
		want     []byte
	}{
		{"none", nil, []byte{}},
		{"least significant bits first", []int32{1, 2, 3}, []byte{0b00_11_10_01}},
		{"a full byte", []int32{3, 0, 0, 3}, []byte{0b11_00_00_11}},
		{"the fifth begins a byte", []int32{0, 0, 0, 0, 2}, []byte{0, 2}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			got, err := PackOutcomes(tc.outcomes)
			if err != nil || !bytes.Equal(got, tc.want) {
				t.Errorf("expected %08b, got %08b, %v", tc.want, got, err)
			}
		})
	}
	for _, outcome := range []int32{-1, 4, 1 << 30} {
		if _, err := PackOutcomes([]int32{0, outcome}); !errors.Is(err, ErrBitmap) {
			t.Errorf("outcome %d: expected %v, got %v", outcome, ErrBitmap, err)
		}
	}
}

func TestUnpackOutcomesRefuses(t *testing.T) {
	for _, tc := range []struct {
		name   string
		bitmap []byte
		n      int
	}{
		{"too short", []byte{0}, 5},
		{"too long", []byte{0, 0}, 4},
		{"bytes for nobody", []byte{0}, 0},
		{"a negative count", nil, -1},
		{"set unused bits", []byte{0b01_00_00_00}, 3},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if got, err := UnpackOutcomes[int32](tc.bitmap, tc.n); !errors.Is(err, ErrBitmap) {
				t.Errorf("expected %v, got %v, %v", ErrBitmap, got, err)
			}
		})
	}
}

func TestUnpackInvertsPack(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		outcomes := rapid.SliceOfN(rapid.Int32Range(0, 3), 0, 200).Draw(rt, "outcomes")
		bitmap, err := PackOutcomes(outcomes)
		if err != nil {
			rt.Fatal(err)
		}
		got, err := UnpackOutcomes[int32](bitmap, len(outcomes))
		if err != nil || !slices.Equal(got, outcomes) {
			rt.Fatalf("expected %v, got %v, %v", outcomes, got, err)
		}
	})
}

func FuzzUnpackOutcomes(f *testing.F) {
	f.Add([]byte{}, 0)
	f.Add([]byte{0b11_10_01_00}, 4)
	f.Add([]byte{0xff, 0x03}, 5)
	f.Add([]byte{0xff, 0x07}, 5)
	f.Fuzz(func(t *testing.T, bitmap []byte, n int) {
		outcomes, err := UnpackOutcomes[int32](bitmap, n)
		if err != nil {
			return
		}
		again, err := PackOutcomes(outcomes)
		if err != nil || !bytes.Equal(again, bitmap) {
			t.Fatalf("expected %x, got %x, %v", bitmap, again, err)
		}
	})
}

func TestBitsAreThoseOfThePositions(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		n := rapid.IntRange(1, 40).Draw(rt, "members")
		set := rapid.SliceOfNDistinct(rapid.IntRange(0, n-1), 0, n, rapid.ID[int]).Draw(rt, "positions")
		bits := PackBits(n, set)
		if want := (n + 7) / 8; len(set) > 0 && len(bits) != want || len(set) == 0 && bits != nil {
			rt.Fatalf("expected %d bytes for %v, got %x", want, set, bits)
		}
		for position := -1; position < n+9; position++ {
			if got := HasBit(bits, position); got != slices.Contains(set, position) {
				rt.Fatalf("position %d of %v: got %t in %x", position, set, got, bits)
			}
		}
	})
	if got := PackBits(10, []int{0, 9}); !bytes.Equal(got, []byte{1, 2}) {
		t.Errorf("expected 0102, got %x", got)
	}
}
