package iris

import "math"

// exp is e to the power of x, with a relative error below 1e-15, equal to the bit on every architecture: it consists
// of additions, products and quotients that are each rounded to 64 bits. (math.Exp has assembly versions that differ
// in the last bit.) Results below the smallest normal number are 0.
func exp(x float64) float64 {
	// ln 2 in two parts: the product of ln2Hi and a whole number below 2^20 is exact.
	const (
		ln2Hi  = 0x1.62e42fefp-1
		ln2Lo  = math.Ln2 - ln2Hi
		terms  = 14
		lowest = -708
		most   = 709
	)
	switch {
	case x != x:
		return x
	case x < lowest:
		return 0
	case x > most:
		return math.Inf(1)
	}
	// x = k·ln 2 + r with |r| ≤ ln 2 / 2; the Taylor series of e^r is summed from its last term.
	k := math.Floor(float64(x*math.Log2E) + 0.5)
	r := x - float64(k*ln2Hi)
	r -= float64(k * ln2Lo)
	sum := 1.0
	for i := terms; i > 0; i-- {
		sum = 1 + float64(float64(r*sum)/float64(i))
	}
	return math.Ldexp(sum, int(k))
}
