package agreement

import (
	"encoding/binary"
	"math/big"
	"slices"

	"github.com/opengradient/opengradient/internal/tensor"
)

// seats says who decides a round. It has the threshold of the package and, beside it, what the tiers' descriptions say
// in fractions.
type seats struct {
	committee       bool
	eligible, total int64 // for a committee eligible is the power of its seats
}

func (s seats) threshold() int64 {
	if s.committee {
		return s.eligible
	}
	return Threshold(s.eligible, s.total)
}

// wins: all of a committee; otherwise strictly more than 2/3 of the eligible power and 1/2 of all power.
func (s seats) wins(power *big.Rat) bool {
	eligible, total := new(big.Rat).SetInt64(s.eligible), new(big.Rat).SetInt64(s.total)
	if s.committee {
		return power.Cmp(eligible) == 0
	}
	return power.Cmp(new(big.Rat).Mul(big.NewRat(2, 3), eligible)) > 0 && power.Cmp(new(big.Rat).Mul(big.NewRat(1, 2), total)) > 0
}

// number is a float element as the oracle reads it: a rational, or the name of a special value.
type number struct {
	special string
	value   *big.Rat
}

// oracleFormat is the width in bits of exponent and mantissa.
var oracleFormat = map[tensor.Datatype]struct{ exponent, mantissa int }{
	tensor.FP16: {5, 10}, tensor.BF16: {8, 7}, tensor.FP32: {8, 23}, tensor.FP64: {11, 52},
}

// oracleNumbers follows the definition of the IEEE 754 interchange formats, for any widths.
func oracleNumbers(t tensor.Tensor) []number {
	format := oracleFormat[t.Datatype]
	size := t.Datatype.Size()
	var out []number
	for data := t.Data; len(data) > 0; data = data[size:] {
		var padded [8]byte
		copy(padded[:], data[:size])
		bits := new(big.Int).SetUint64(binary.LittleEndian.Uint64(padded[:]))
		field := func(from, width int) int64 {
			mask := new(big.Int).Sub(new(big.Int).Lsh(big.NewInt(1), uint(width)), big.NewInt(1))
			return mask.And(mask, new(big.Int).Rsh(bits, uint(from))).Int64()
		}
		mantissa := field(0, format.mantissa)
		exponent := field(format.mantissa, format.exponent)
		negative := field(format.mantissa+format.exponent, 1) == 1
		bias := int64(1)<<(format.exponent-1) - 1
		switch {
		case exponent == 2*bias+1 && mantissa != 0:
			out = append(out, number{special: "NaN"})
		case exponent == 2*bias+1 && negative:
			out = append(out, number{special: "-Inf"})
		case exponent == 2*bias+1:
			out = append(out, number{special: "+Inf"})
		default:
			if exponent == 0 {
				exponent = 1
			} else {
				mantissa += 1 << format.mantissa
			}
			value := new(big.Rat).SetInt64(mantissa)
			value.Mul(value, powerOfTwo(exponent-bias-int64(format.mantissa)))
			if negative {
				value.Neg(value)
			}
			out = append(out, number{value: value})
		}
	}
	return out
}

func powerOfTwo(n int64) *big.Rat {
	if n < 0 {
		return new(big.Rat).Inv(powerOfTwo(-n))
	}
	return new(big.Rat).SetInt(new(big.Int).Lsh(big.NewInt(1), uint(n)))
}

// ratTau is a tolerance as a fraction.
func ratTau(tau Tau) *big.Rat {
	return new(big.Rat).SetFrac(new(big.Int).SetUint64(uint64(tau)), big.NewInt(TauUnit))
}

// oracleScale is the largest absolute value of the finite numbers.
func oracleScale(numbers []number) *big.Rat {
	scale := new(big.Rat)
	for _, n := range numbers {
		if n.special == "" {
			if size := new(big.Rat).Abs(n.value); size.Cmp(scale) > 0 {
				scale = size
			}
		}
	}
	return scale
}

// oracleRelation states the rule element by element, in fractions.
func oracleRelation(candidate, other []tensor.Tensor, taus Taus) Relation {
	if len(candidate) != len(other) {
		return Incomparable
	}
	for i, a := range candidate {
		if b := other[i]; a.Name != b.Name || a.Datatype != b.Datatype || !slices.Equal(a.Shape, b.Shape) {
			return Incomparable
		}
	}
	relation := Within
	for i, a := range candidate {
		b := other[i]
		if !a.Datatype.IsFloat() {
			if string(a.Data) != string(b.Data) {
				relation = max(relation, Beyond2)
			}
			continue
		}
		as, bs := oracleNumbers(a), oracleNumbers(b)
		once := ratTau(taus.Of(a.Datatype))
		once.Mul(once, oracleScale(as))
		twice := new(big.Rat).Add(once, once)
		for j := range as {
			if as[j].special != bs[j].special {
				return Incomparable
			}
			if as[j].special != "" {
				continue
			}
			difference := new(big.Rat).Sub(as[j].value, bs[j].value)
			difference.Abs(difference)
			if difference.Cmp(once) > 0 {
				relation = max(relation, Beyond)
			}
			if difference.Cmp(twice) > 0 {
				relation = max(relation, Beyond2)
			}
		}
	}
	return relation
}
