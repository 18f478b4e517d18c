package agreement

import (
	"math"
	"testing"

	"pgregory.net/rapid"

	"github.com/opengradient/opengradient/internal/tensor"
)

// Honest members compute in more places than their outputs have, with some noise, and round to the nearest number at the
// end. A true value halfway between two numbers sends them to both sides: they are not split while noise and half a step
// together stay within τ/(2+3τ) of the scale. The default tolerances leave 5·10^-4 for noise in FP16 and 3.9·10^-3 in BF16.
func TestHalfwayCasesDoNotSplitHonestMembers(t *testing.T) {
	noise := map[tensor.Datatype]float64{tensor.FP16: 5e-4, tensor.BF16: 3.9e-3, tensor.FP32: 4.9e-6, tensor.FP64: 4.9e-14}
	taus := DefaultTaus()
	split := 0
	rapid.Check(t, func(rt *rapid.T) {
		datatype := rapid.SampledFrom(floatDatatypes).Draw(rt, "datatype")
		format := oracleFormat[datatype]
		one := uint64(1<<(format.exponent-1)-1) << format.mantissa
		truth := make([]float64, 3)
		scale := 0.0
		for i := range truth {
			bits := one + rapid.Uint64Range(0, 4<<format.mantissa).Draw(rt, "bits")
			pair := values(floats(datatype, bits, bits+1))
			truth[i] = pair[0]
			if rapid.Bool().Draw(rt, "halfway") {
				truth[i] += (pair[1] - pair[0]) / 2
			}
			scale = max(scale, truth[i])
		}
		c := Case{Leader: -1, Closed: true}
		for range rapid.IntRange(1, MaxContenders).Draw(rt, "members") {
			computed := make([]float64, len(truth))
			for i := range computed {
				computed[i] = truth[i] + scale*noise[datatype]*rapid.SampledFrom([]float64{-1, -1e-9, 0, 1e-9, 1}).Draw(rt, "noise")
			}
			contender := publishedAs(1, encode(rt, narrowed(datatype, computed...)))
			c.Eligible++
			at := 0
			for at < len(c.Contenders) && c.Contenders[at].Root != contender.Root {
				at++
			}
			if at == len(c.Contenders) {
				c.Contenders = append(c.Contenders, contender)
			} else {
				c.Contenders[at].Power++
			}
		}
		c.Threshold = c.Eligible // of a committee, the harder case
		got, err := Arbitrate(c, taus, 1<<10)
		if err != nil || got.State != ArbitrationAgreed || got.Power != c.Eligible {
			rt.Fatalf("%v about %v: expected all to agree, got %+v, %v", datatype, truth, got, err)
		}
		if len(c.Contenders) > 1 {
			split++
		}
	})
	if split == 0 {
		t.Error("expected some members to round to different sides")
	}
}

// Where a datatype runs out of places there is no tolerance left: the next number is beyond it. Honest members there agree
// exactly or not at all; a tolerance in steps would let anyone move such an output by all of its size.
func TestEdgesOfDatatypes(t *testing.T) {
	for _, datatype := range floatDatatypes {
		format := oracleFormat[datatype]
		infinity := (uint64(1)<<format.exponent - 1) << format.mantissa
		sign := uint64(1) << (format.exponent + format.mantissa)
		full := uint64(1) << format.mantissa // the smallest normal number
		for _, tc := range []struct {
			name             string
			candidate, other []uint64
			want             Relation
		}{
			{"the smallest number and zero", []uint64{1}, []uint64{0}, Beyond2},
			{"zero and the smallest number", []uint64{0}, []uint64{1}, Beyond2},
			{"the smallest numbers of both signs", []uint64{1}, []uint64{sign | 1}, Beyond2},
			{"zeros of both signs", []uint64{0}, []uint64{sign}, Within},
			{"the two smallest numbers", []uint64{2}, []uint64{1}, Beyond2},
			{"the smallest number beside one of full precision", []uint64{full << 1, 0}, []uint64{full << 1, 1}, Within},
			{"the largest subnormal and the smallest normal number", []uint64{full}, []uint64{full - 1}, Within},
			{"the two largest numbers", []uint64{infinity - 1}, []uint64{infinity - 2}, Within},
			{"the largest number and infinity", []uint64{infinity - 1}, []uint64{infinity}, Incomparable},
			{"infinity and the largest number", []uint64{infinity}, []uint64{infinity - 1}, Incomparable},
			{"NaN in another place", []uint64{infinity + 1, 0}, []uint64{0, infinity + 1}, Incomparable},
			{"NaN in the same place beside the next number", []uint64{infinity + 1, full}, []uint64{infinity + 2, full + 1}, Within},
		} {
			t.Run(datatype.String()+" "+tc.name, func(t *testing.T) {
				// Two steps at the full precision of the datatype.
				tau := Tau(math.Ldexp(2, -format.mantissa) * TauUnit)
				taus := Taus{tau, tau, tau, tau}
				candidate, other := floats(datatype, tc.candidate...).Canonical(), floats(datatype, tc.other...).Canonical()
				got, err := Compare(encode(t, candidate), encode(t, other), taus, 100)
				if err != nil || got.Relation != tc.want {
					t.Errorf("expected %v, got %+v, %v", tc.want, got, err)
				}
				if want := oracleRelation([]tensor.Tensor{candidate}, []tensor.Tensor{other}, taus); want != tc.want {
					t.Errorf("the oracle says %v", want)
				}
			})
		}
	}
}
