package tensor

import (
	"fmt"
	"math"
	"strconv"
	"strings"
)

// Dim is one dimension of a signature: Size times the value of Symbol, or just
// Size when Symbol is empty.
type Dim struct {
	Size   int64
	Symbol string
}

// String writes "4", "N" or "2*N".
func (d Dim) String() string {
	switch {
	case d.Symbol == "":
		return strconv.FormatInt(d.Size, 10)
	case d.Size == 1:
		return d.Symbol
	default:
		return strconv.FormatInt(d.Size, 10) + "*" + d.Symbol
	}
}

// Spec is the declared form of one input or output of a model.
type Spec struct {
	Name     string
	Datatype Datatype
	Dims     []Dim
}

// String writes, for example, "input FP32[N,3,224,224]".
func (s Spec) String() string { return s.Name + " " + s.Datatype.String() + dimsString(s.Dims) }

func dimsString(dims []Dim) string {
	parts := make([]string, len(dims))
	for i, d := range dims {
		parts[i] = d.String()
	}
	return "[" + strings.Join(parts, ",") + "]"
}

// Validate checks name, datatype, rank and dimensions: sizes are at least 0,
// at least 1 beside a symbol, and a symbol has at most MaxNameBytes bytes.
func (s Spec) Validate() error {
	if err := (Tensor{Name: s.Name, Datatype: s.Datatype}).validateHeader(); err != nil {
		return err
	}
	if len(s.Dims) > MaxRank {
		return fmt.Errorf("tensor %q: %w: expected rank of at most %d, got %d", s.Name, ErrShape, MaxRank, len(s.Dims))
	}
	for i, d := range s.Dims {
		if d.Size < 0 || (d.Symbol != "" && d.Size < 1) {
			return fmt.Errorf("tensor %q: %w: dimension %d has size %d", s.Name, ErrShape, i, d.Size)
		}
		if d.Symbol != "" {
			if err := checkName(d.Symbol); err != nil {
				return fmt.Errorf("tensor %q: %w: symbol of dimension %d: %w", s.Name, ErrShape, i, err)
			}
		}
	}
	return nil
}

// Resolve gives the actual shape under bindings. It fails with ErrShape when a
// symbol is not bound, is bound to less than 1, or a dimension or the number of
// elements overflows.
func (s Spec) Resolve(bindings map[string]int64) ([]int64, error) {
	shape := make([]int64, len(s.Dims))
	for i, d := range s.Dims {
		shape[i] = d.Size
		if d.Symbol == "" {
			continue
		}
		v, ok := bindings[d.Symbol]
		switch {
		case !ok:
			return nil, fmt.Errorf("tensor %q: %w: symbol %q of dimension %d is not bound", s.Name, ErrShape, d.Symbol, i)
		case v < 1:
			return nil, fmt.Errorf("tensor %q: %w: expected symbol %q to be at least 1, got %d", s.Name, ErrShape, d.Symbol, v)
		case d.Size > math.MaxInt64/v:
			return nil, fmt.Errorf("tensor %q: %w: dimension %d, %s with %d, overflows", s.Name, ErrShape, i, d, v)
		}
		shape[i] = d.Size * v
	}
	if _, err := elements(shape); err != nil {
		return nil, fmt.Errorf("tensor %q: %w", s.Name, err)
	}
	return shape, nil
}

// ResolvedSize is the [EncodedSize] of tensors of these specs under bindings.
func ResolvedSize(specs []Spec, bindings map[string]int64) (int64, error) {
	ts := make([]Tensor, len(specs))
	for i, s := range specs {
		shape, err := s.Resolve(bindings)
		if err != nil {
			return 0, err
		}
		ts[i] = Tensor{Name: s.Name, Datatype: s.Datatype, Shape: shape}
	}
	return EncodedSize(ts...)
}
