package agreement

import (
	"math"
	"math/big"
)

// gap is the absolute difference of two finite numbers, without any rounding: high + low, or twice that when doubled.
// High is the difference rounded to the nearest number and low what the rounding left out, so gaps are ordered by
// doubled, high and low in this order. The zero value is no difference.
type gap struct {
	doubled   bool
	high, low float64
}

// gapOf measures |a-b|. It uses additions and exact halving only, which give the same bits on every processor; no
// product is added to anything, so no compiler can fuse the two.
func gapOf(a, b float64) gap {
	var g gap
	if math.IsInf(float64(a-b), 0) {
		// Only numbers of opposite signs get here, both far above the subnormal ones: their halves are exact. What
		// overflows is larger than all that does not, so doubled comes first in the order.
		g.doubled = true
		a, b = float64(a*0.5), float64(b*0.5)
	}
	// Dekker's sum of the larger and the smaller: the rounding error of an addition is itself a number.
	larger, smaller := a, -b
	if math.Abs(a) < math.Abs(b) {
		larger, smaller = -b, a
	}
	g.high = float64(larger + smaller)
	g.low = float64(smaller - float64(g.high-larger))
	if g.high < 0 {
		g.high, g.low = -g.high, -g.low
	}
	return g
}

// exceeds orders gaps.
func (g gap) exceeds(other gap) bool {
	switch {
	case g.doubled != other.doubled:
		return g.doubled
	case g.high != other.high:
		return g.high > other.high
	default:
		return g.low > other.low
	}
}

// relativeTo divides the gap by a finite scale of at least zero, in parts of 10^-18, rounded up. No gap is 0 whatever
// the scale; any gap at the scale of zero, and a quotient beyond 64 bits, is ErrorUnbounded. As the result is rounded
// up, comparing it with a whole number of parts is exact.
func (g gap) relativeTo(scale float64) uint64 {
	if g.high == 0 {
		return 0
	}
	if scale == 0 {
		return ErrorUnbounded
	}
	dividend := fixedPoint(g.high)
	dividend.Add(dividend, fixedPoint(g.low))
	if g.doubled {
		dividend.Lsh(dividend, 1)
	}
	dividend.Mul(dividend, big.NewInt(TauUnit))
	quotient, rest := dividend.QuoRem(dividend, fixedPoint(scale), new(big.Int))
	if rest.Sign() > 0 {
		quotient.Add(quotient, big.NewInt(1))
	}
	if !quotient.IsUint64() {
		return ErrorUnbounded
	}
	return quotient.Uint64()
}

// fixedPoint is a finite number as a count of 2^-1074, the smallest positive number: an integer of 2,098 bits at most.
func fixedPoint(x float64) *big.Int {
	const mantissaBits = 52
	bits := math.Float64bits(x)
	mantissa, exponent := bits&(1<<mantissaBits-1), uint(bits>>mantissaBits)&0x7ff
	if exponent > 0 {
		mantissa |= 1 << mantissaBits
		exponent--
	}
	n := new(big.Int).SetUint64(mantissa)
	n.Lsh(n, exponent)
	if math.Signbit(x) {
		n.Neg(n)
	}
	return n
}
