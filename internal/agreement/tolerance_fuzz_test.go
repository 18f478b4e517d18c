package agreement

import (
	"bytes"
	"errors"
	"math"
	"testing"

	"github.com/opengradient/opengradient/internal/tensor"
)

// Whatever two members publish, the comparison ends with the oracle's answer or refuses bytes that are no output.
func FuzzCompare(f *testing.F) {
	for _, pair := range [][2][]byte{
		{encode(f, f32(1, 2)), encode(f, f32(1, 2.00001))},
		{encode(f, f64(math.MaxFloat64, 0)), encode(f, f64(-math.MaxFloat64, 0x1p-1074))},
		{encode(f, f32(float32(math.NaN()), float32(math.Inf(-1)))), encode(f, f32(float32(math.NaN()), 1))},
		{encode(f, floats(tensor.FP16, 0x3c00, 1)), encode(f, floats(tensor.FP16, 0x3c02, 0x8001))},
		{encode(f, floats(tensor.BF16, 0x3f80)), encode(f, floats(tensor.BF16, 0x3f83))},
		{encode(f, floats(tensor.Int32, 7)), encode(f, floats(tensor.Int32, 8))},
		{encode(f), nil},
	} {
		f.Add(pair[0], pair[1], uint64(TauUnit/100_000))
	}
	f.Fuzz(func(t *testing.T, candidate, other []byte, parts uint64) {
		tau := Tau(parts % uint64(MaxTau+1))
		taus := Taus{tau, tau, tau, tau}
		got, err := Compare(candidate, other, taus, int64(len(candidate)))
		a, soundA := canonicalTensors(candidate)
		b, soundB := canonicalTensors(other)
		if !soundA || !soundB {
			if !errors.Is(err, ErrOutput) {
				t.Fatalf("expected %v, got %+v, %v", ErrOutput, got, err)
			}
			return
		}
		if want := oracleRelation(a, b, taus); err != nil || got.Relation != want {
			t.Fatalf("expected %v, got %+v, %v", want, got, err)
		}
		if got.Elements > int64(len(candidate)) || (got.Relation == Within) != (got.Error <= uint64(tau)) {
			t.Fatalf("expected the error to say the same for at most %d elements, got %+v", len(candidate), got)
		}
	})
}

func canonicalTensors(encoding []byte) ([]tensor.Tensor, bool) {
	ts, err := tensor.Decode(encoding, tensor.DefaultLimits)
	if err != nil {
		return nil, false
	}
	again, err := tensor.EncodeOutputs(ts)
	return ts, err == nil && bytes.Equal(again, encoding)
}
