package golden

import (
	"errors"
	"fmt"

	"github.com/opengradient/opengradient/internal/tensor"
)

const (
	// MaxVectors is the largest number of vectors with which a model is tried.
	MaxVectors = 8
	// OutputBytes is what the golden output of derived vectors fits, if more than one is derived. It is a constant and no
	// parameter: the number of vectors of a model must never change.
	OutputBytes = 8 << 10
	// VectorBytes bounds the canonical encoding of the inputs of one vector, of its outputs, and of the inputs of all
	// derived vectors together.
	VectorBytes = 4 << 20

	// textBytes is the longest text that stands for a number in a BYTES tensor.
	textBytes = 20
	// lengthBytes precede each element of a BYTES tensor.
	lengthBytes = 4
)

// Errors of this package; use errors.Is.
var (
	ErrRecipe = errors.New("invalid golden recipe")
	ErrSize   = errors.New("golden vectors too large")
	ErrSplit  = errors.New("malformed golden output")
)

// Range bounds the values of one input. Low and High are decimal numbers, integers for an integer input, both included.
type Range struct{ Low, High string }

// Recipe says how the golden vectors of a model are derived.
type Recipe struct {
	// Model is the SHA-256 of the file.
	Model [32]byte
	// Inputs and Outputs are the signature.
	Inputs, Outputs []tensor.Spec
	// Ranges are by input. Without one, floating-point inputs are from -1 to 1 and all others from 0 to 1.
	Ranges map[string]Range
	// Symbols are the values of symbols in the shapes of the inputs, from 1. A symbol without one has 1.
	Symbols map[string]int64
}

// Bindings are the values of all symbols of the inputs. It fails with ErrRecipe on a symbol that the inputs lack and on a
// value below 1.
func (r Recipe) Bindings() (map[string]int64, error) {
	bindings := make(map[string]int64)
	for _, s := range r.Inputs {
		for _, d := range s.Dims {
			if d.Symbol != "" {
				bindings[d.Symbol] = max(r.Symbols[d.Symbol], 1)
			}
		}
	}
	known := 0
	for symbol, value := range r.Symbols {
		if value < 1 {
			return nil, fmt.Errorf("%w: expected values of symbols from 1, got one below", ErrRecipe)
		}
		if _, ok := bindings[symbol]; ok {
			known++
		}
	}
	if known != len(r.Symbols) {
		return nil, fmt.Errorf("%w: expected symbols of the inputs only, got %d others", ErrRecipe, len(r.Symbols)-known)
	}
	return bindings, nil
}

// Count is the number of vectors that are derived: as many as give a golden output of OutputBytes and have inputs of
// VectorBytes together, at least 1 and at most MaxVectors. It fails with ErrSize when the inputs or the outputs of one
// vector exceed VectorBytes, and with ErrRecipe when the recipe does not fit the signature.
func (r Recipe) Count() (int, error) {
	if err := r.checkRanges(); err != nil {
		return 0, err
	}
	bindings, err := r.Bindings()
	if err != nil {
		return 0, err
	}
	inputs, err := encodedBound(r.Inputs, bindings)
	if err != nil {
		return 0, fmt.Errorf("inputs of a vector: %w", err)
	}
	outputs, err := encodedBound(r.Outputs, bindings)
	if err != nil {
		return 0, fmt.Errorf("outputs of a vector: %w", err)
	}
	fit := min(OutputBytes/(outputs+prefixBytes), VectorBytes/inputs)
	return int(min(max(fit, 1), MaxVectors)), nil
}

// Vectors derives the inputs of every vector, in the order of the signature.
func (r Recipe) Vectors() ([][]tensor.Tensor, error) {
	count, err := r.Count()
	if err != nil {
		return nil, err
	}
	bindings, err := r.Bindings()
	if err != nil {
		return nil, err
	}
	vectors := make([][]tensor.Tensor, count)
	for i := range vectors {
		vectors[i] = make([]tensor.Tensor, len(r.Inputs))
		for j, spec := range r.Inputs {
			if vectors[i][j], err = r.draw(spec, bindings, uint32(i), uint32(j)); err != nil {
				return nil, err
			}
		}
	}
	return vectors, nil
}

func (r Recipe) draw(spec tensor.Spec, bindings map[string]int64, vector, input uint32) (tensor.Tensor, error) {
	t := tensor.Tensor{Name: spec.Name, Datatype: spec.Datatype}
	var err error
	if t.Shape, err = spec.Resolve(bindings); err != nil {
		return t, err
	}
	n, err := t.Elements()
	if err != nil {
		return t, err
	}
	values, err := r.values(spec)
	if err != nil {
		return t, err
	}
	s := newStream(r.Model, vector, input)
	t.Data = make([]byte, 0, n*int64(spec.Datatype.Size()))
	for range n {
		t.Data = values.append(t.Data, s.next())
	}
	return t.Canonical(), nil
}

func (r Recipe) checkRanges() error {
	known := 0
	for _, spec := range r.Inputs {
		if _, err := r.values(spec); err != nil {
			return err
		}
		if _, ok := r.Ranges[spec.Name]; ok {
			known++
		}
	}
	if known != len(r.Ranges) {
		return fmt.Errorf("%w: expected ranges of inputs only, got %d others", ErrRecipe, len(r.Ranges)-known)
	}
	return nil
}

// encodedBound is the size of the canonical encoding of tensors of these specs, at most: exact unless one is of BYTES. It
// fails with ErrSize above VectorBytes.
func encodedBound(specs []tensor.Spec, bindings map[string]int64) (int64, error) {
	total, err := tensor.EncodedSize()
	if err != nil {
		return 0, err
	}
	empty := total
	for _, s := range specs {
		shape, err := s.Resolve(bindings)
		if err != nil {
			return 0, fmt.Errorf("%w: %w", ErrSize, err)
		}
		n, err := tensor.Tensor{Shape: shape}.Elements()
		if err != nil {
			return 0, fmt.Errorf("%w: %w", ErrSize, err)
		}
		one, err := tensor.EncodedSize(tensor.Tensor{Name: s.Name, Datatype: tensor.Bool})
		if err != nil {
			return 0, err
		}
		total += one - empty - 1 + 8*int64(len(shape))
		size := int64(s.Datatype.Size())
		if s.Datatype == tensor.Bytes {
			size = lengthBytes + textBytes
		}
		if n > (VectorBytes-total)/size {
			return 0, fmt.Errorf("%w: expected at most %d bytes, got more with %d elements in %q", ErrSize, VectorBytes, n, s.Name)
		}
		total += n * size
	}
	return total, nil
}
