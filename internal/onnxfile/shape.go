package onnxfile

import (
	"math"
	"math/bits"
	"slices"
	"strings"

	"github.com/opengradient/opengradient/internal/tensor"
)

// Dim is short for the dimensions that this package reasons about.
type dim = tensor.Dim

func constant(n int64) dim { return dim{Size: n} }

func isConst(d dim) bool { return d.Symbol == "" }

func isOne(d dim) bool { return d == dim{Size: 1} }

// monomial is a number times a product of symbols.
type monomial struct {
	coef uint64
	syms string // sorted indexes of symbols, one byte each, repeated for powers
}

// symbols numbers the symbols of a model, in the order of the input shapes.
type symbols struct {
	names []string
	index map[string]byte
}

// product multiplies dimensions; false on overflow of the coefficient or on a
// negative constant. Symbols are known: they come from the inputs only.
func (s *symbols) product(dims ...dim) (monomial, bool) {
	m := monomial{coef: 1}
	var syms []byte
	for _, d := range dims {
		if d.Size < 0 {
			return m, false
		}
		hi, lo := bits.Mul64(m.coef, uint64(d.Size))
		if hi != 0 || lo > math.MaxInt64 {
			return m, false
		}
		m.coef = lo
		if d.Symbol != "" {
			syms = append(syms, s.index[d.Symbol])
		}
	}
	slices.Sort(syms)
	m.syms = string(syms)
	return m, true
}

func (m monomial) times(n uint64) (monomial, bool) {
	hi, lo := bits.Mul64(m.coef, n)
	m.coef = lo
	return m, hi == 0 && lo <= math.MaxInt64
}

// dim gives the dimension that a monomial of at most one symbol is.
func (s *symbols) dim(m monomial) (dim, bool) {
	switch len(m.syms) {
	case 0:
		return constant(int64(m.coef)), true
	case 1:
		return dim{Size: int64(m.coef), Symbol: s.names[m.syms[0]]}, true
	default:
		return dim{}, false
	}
}

// over divides m by d when the result is a monomial.
func (m monomial) over(d monomial) (monomial, bool) {
	if d.coef == 0 || m.coef%d.coef != 0 {
		return monomial{}, false
	}
	var rest []byte
	j := 0
	for i := range len(m.syms) {
		if j < len(d.syms) && m.syms[i] == d.syms[j] {
			j++
			continue
		}
		rest = append(rest, m.syms[i])
	}
	return monomial{m.coef / d.coef, string(rest)}, j == len(d.syms)
}

// broadcastDim joins two dimensions by the rule of numpy. Two that differ and
// are not 1 may still agree for one value of a symbol; that is not accepted.
func broadcastDim(a, b dim) (dim, bool) {
	switch {
	case a == b || isOne(b):
		return a, true
	case isOne(a):
		return b, true
	default:
		return dim{}, false
	}
}

// broadcast joins shapes of any rank, aligned at the last dimension.
func broadcast(a, b []dim) ([]dim, bool) {
	if len(a) < len(b) {
		a, b = b, a
	}
	out := slices.Clone(a)
	skip := len(a) - len(b)
	for i, d := range b {
		var ok bool
		if out[skip+i], ok = broadcastDim(out[skip+i], d); !ok {
			return nil, false
		}
	}
	return out, true
}

// addDims adds dimensions of the same symbol, or constants.
func addDims(a, b dim) (dim, bool) {
	switch {
	case a.Symbol == b.Symbol:
	case a == dim{}:
		return b, true
	case b == dim{}:
		return a, true
	default:
		return dim{}, false
	}
	if a.Size > 0 && b.Size > math.MaxInt64-a.Size || a.Size < 0 && b.Size < math.MinInt64-a.Size {
		return dim{}, false
	}
	sum := dim{Size: a.Size + b.Size, Symbol: a.Symbol}
	if sum.Symbol != "" && sum.Size <= 0 {
		// A negative multiple is no dimension, and zero is the constant.
		return constant(0), sum.Size == 0
	}
	return sum, true
}

func constants(vs []int64) []dim {
	out := make([]dim, len(vs))
	for i, v := range vs {
		out[i] = constant(v)
	}
	return out
}

func sameShape(a, b []dim) bool { return slices.Equal(a, b) }

// shapeText writes a shape as, for example, [N,3,224,224].
func shapeText(ds []dim) string {
	parts := make([]string, 0, len(ds))
	for i, d := range ds {
		if i == tensor.MaxRank { // a list of known values, not a shape
			parts = append(parts, "...")
			break
		}
		parts = append(parts, cut(d.String()))
	}
	return "[" + strings.Join(parts, ",") + "]"
}
