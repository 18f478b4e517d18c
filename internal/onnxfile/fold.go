package onnxfile

import (
	"math/bits"

	"github.com/opengradient/opengradient/internal/tensor"
)

// Folding follows the small computations with which exporters write shapes.
// It gives nil, "not known", wherever a result could differ from what the
// operator computes or is no constant times one symbol.

// foldPairs applies f to the elements of two vectors of equal length, or of a
// vector and a single value.
func foldPairs(a, b *value, f func(x, y dim) (dim, bool)) []dim {
	n := max(len(a.known), len(b.known))
	if a.known == nil || b.known == nil || len(a.shape) > 1 || len(b.shape) > 1 {
		return nil
	}
	if len(a.known) != n && len(a.known) != 1 || len(b.known) != n && len(b.known) != 1 {
		return nil
	}
	out := make([]dim, n)
	for i := range out {
		var ok bool
		if out[i], ok = f(a.known[i%len(a.known)], b.known[i%len(b.known)]); !ok {
			return nil
		}
	}
	return out
}

func foldArithmetic(op string, a, b *value) []dim {
	if a.datatype != tensor.Int64 {
		return nil
	}
	switch op {
	case "Add":
		return foldPairs(a, b, addDims)
	case "Sub":
		return foldPairs(a, b, subDims)
	case "Mul":
		return foldPairs(a, b, mulDims)
	case "Div":
		return foldPairs(a, b, divDims)
	default:
		return nil
	}
}

func subDims(a, b dim) (dim, bool) {
	if b == (dim{}) {
		return a, true
	}
	// Sizes of symbols and constants that matter are far from the extremes.
	if a.Symbol != b.Symbol || outOfRange(a.Size) || outOfRange(b.Size) {
		return dim{}, false
	}
	d := dim{Size: a.Size - b.Size, Symbol: a.Symbol}
	if d.Symbol != "" && d.Size <= 0 {
		return constant(0), d.Size == 0
	}
	return d, true
}

func outOfRange(n int64) bool { return n > 1<<62 || n < -(1<<62) }

func mulDims(a, b dim) (dim, bool) {
	switch {
	case isOne(a):
		return b, true
	case isOne(b):
		return a, true
	case a.Symbol != "" && b.Symbol != "", a.Size < 0, b.Size < 0:
		return dim{}, false
	}
	hi, lo := bits.Mul64(uint64(a.Size), uint64(b.Size))
	if hi != 0 || lo > maxDim {
		return dim{}, false
	}
	if lo == 0 {
		return constant(0), true
	}
	return dim{Size: int64(lo), Symbol: a.Symbol + b.Symbol}, true
}

// divDims divides numbers that are not negative, where truncation and floor
// agree, and multiples of symbols without remainder.
func divDims(a, b dim) (dim, bool) {
	switch {
	case a == b && a.Size > 0:
		return constant(1), true
	case a.Size < 0 || b.Size <= 0 || b.Symbol != "":
		return dim{}, false
	case a.Symbol == "":
		return constant(a.Size / b.Size), true
	default:
		return dim{Size: a.Size / b.Size, Symbol: a.Symbol}, a.Size%b.Size == 0
	}
}

func boolean(v bool) dim {
	if v {
		return constant(1)
	}
	return constant(0)
}

func foldEqual(a, b *value) []dim {
	if a.datatype != tensor.Int64 && a.datatype != tensor.Int32 {
		return nil
	}
	return foldPairs(a, b, func(x, y dim) (dim, bool) {
		switch {
		case x == y:
			return boolean(true), true
		case isConst(x) && isConst(y):
			return boolean(false), true
		case isConst(x) && x.Size < y.Size, isConst(y) && y.Size < x.Size:
			return boolean(false), true // a multiple of a symbol is at least its size
		default:
			return dim{}, false
		}
	})
}

func foldWhere(cond, a, b *value) []dim {
	if cond.known == nil || len(cond.shape) > 1 || a.datatype != tensor.Int64 {
		return nil
	}
	// Number the pairs to look up the condition of each.
	n := max(len(cond.known), len(a.known), len(b.known))
	if len(cond.known) != n && len(cond.known) != 1 {
		return nil
	}
	i := -1
	out := foldPairs(a, b, func(x, y dim) (dim, bool) {
		i++
		if cond.known[i%len(cond.known)].Size != 0 {
			return x, true
		}
		return y, true
	})
	if len(out) != n {
		return nil
	}
	return out
}
