package inputs

import (
	"fmt"
	"math"
	"slices"

	"github.com/opengradient/opengradient/internal/tensor"
)

// shape gives a shape to values that have only elements. What the tensors with a shape say of symbols comes first; then one symbol
// after the other follows from a number of elements.
func (f *fitting) shape() error {
	for i, v := range f.values {
		if !v.flat {
			f.learn(f.specs[i], v.tensor.Shape)
		}
	}
	for {
		left, progress := -1, false
		for i, v := range f.values {
			if !v.flat {
				continue
			}
			solved, err := f.solve(f.specs[i], v)
			if err != nil {
				return err
			}
			if solved {
				progress = true
			} else {
				left = i
			}
		}
		if left < 0 {
			return nil
		}
		if !progress {
			s := f.specs[left]
			return refuse(input(s.Name)+".shape",
				fmt.Sprintf("an array nested as %s, or values for all but one of its symbols (--symbol %s=…)", form(s), f.unknown(s)[0]),
				fmt.Sprintf("%d elements without a shape", f.values[left].count))
		}
	}
}

// learn takes the values of symbols from a shape, as far as it is one of the signature.
func (f *fitting) learn(spec tensor.Spec, shape []int64) {
	if len(shape) != len(spec.Dims) {
		return
	}
	for i, d := range spec.Dims {
		if _, known := f.symbols[d.Symbol]; d.Symbol != "" && !known && d.Size > 0 && shape[i] >= d.Size && shape[i]%d.Size == 0 {
			f.symbols[d.Symbol] = shape[i] / d.Size
		}
	}
}

// unknown are the symbols of a spec whose values are not known.
func (f *fitting) unknown(spec tensor.Spec) []string {
	var list []string
	for _, d := range spec.Dims {
		if _, known := f.symbols[d.Symbol]; d.Symbol != "" && !known && !slices.Contains(list, d.Symbol) {
			list = append(list, d.Symbol)
		}
	}
	return list
}

// solve gives a value its shape when at most one symbol of it is unknown. It gives false when there are more.
func (f *fitting) solve(spec tensor.Spec, v *value) (bool, error) {
	switch unknown := f.unknown(spec); len(unknown) {
	case 0:
	case 1:
		f.symbols[unknown[0]] = 1
		unit, degree := f.product(spec), 0
		for _, d := range spec.Dims {
			if d.Symbol == unknown[0] {
				degree++
			}
		}
		root := int64(0)
		if unit > 0 && v.count%unit == 0 {
			root = rootOf(v.count/unit, degree)
		}
		if root < 1 {
			what := fmt.Sprintf("a multiple of %d elements", unit)
			if degree > 1 {
				what = fmt.Sprintf("%d elements times a number to the power of %d", unit, degree)
			}
			return false, refuse(input(spec.Name)+".data", fmt.Sprintf("%s for %s", what, form(spec)), fmt.Sprintf("%d elements", v.count))
		}
		f.symbols[unknown[0]] = root
	default:
		return false, nil
	}
	if want := f.product(spec); want != v.count {
		return false, refuse(input(spec.Name)+".data", fmt.Sprintf("%d elements for %s", want, form(f.known(spec))), fmt.Sprintf("%d elements", v.count))
	}
	shape, err := spec.Resolve(f.symbols)
	if err != nil {
		return false, because(input(spec.Name)+".shape", err)
	}
	v.tensor.Shape, v.flat = shape, false
	return true, nil
}

// known is a spec with the values of symbols in it.
func (f *fitting) known(spec tensor.Spec) tensor.Spec {
	spec.Dims = slices.Clone(spec.Dims)
	for i, d := range spec.Dims {
		if d.Symbol != "" {
			spec.Dims[i] = tensor.Dim{Size: multiply(d.Size, f.symbols[d.Symbol])}
		}
	}
	return spec
}

// product is the number of elements of a spec whose symbols are known; the largest number when it is larger.
func (f *fitting) product(spec tensor.Spec) int64 {
	n := int64(1)
	for _, d := range f.known(spec).Dims {
		n = multiply(n, d.Size)
	}
	return n
}

func multiply(a, b int64) int64 {
	if b != 0 && a > math.MaxInt64/b {
		return math.MaxInt64
	}
	return a * b
}

// rootOf is the number whose power of a degree is n; 0 when there is none.
func rootOf(n int64, degree int) int64 {
	power := func(base int64) int64 {
		p := int64(1)
		for range degree {
			p = multiply(p, base)
		}
		return p
	}
	low, high := int64(1), n
	for low < high {
		middle := low + (high-low)/2
		if power(middle) < n {
			low = middle + 1
		} else {
			high = middle
		}
	}
	if n < 1 || power(low) != n {
		return 0
	}
	return low
}
