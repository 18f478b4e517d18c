package types

import (
	"errors"
	"fmt"

	"github.com/opengradient/opengradient/internal/golden"
	"github.com/opengradient/opengradient/internal/tensor"
)

// Bounds of what an owner states of the golden vectors.
const (
	maxRanges      = 64
	maxNumberBytes = 32
)

// Validate checks what can be told without the signature: sizes and lists. It fails with ErrGolden.
func (g Golden) Validate(maxBytes uint64) error {
	if len(g.Vectors) > golden.MaxVectors {
		return ErrGolden.Wrapf("expected at most %d vectors, got %d", golden.MaxVectors, len(g.Vectors))
	}
	if len(g.Vectors) > 0 && len(g.Ranges)+len(g.Symbols) > 0 {
		return ErrGolden.Wrap("expected no ranges and symbols beside vectors of the owner")
	}
	size := uint64(0)
	for _, v := range g.Vectors {
		size += uint64(len(v))
	}
	if size > maxBytes {
		return ErrGolden.Wrapf("expected at most %d bytes of vectors, got %d", maxBytes, size)
	}
	if len(g.Ranges) > maxRanges || len(g.Symbols) > maxSymbols {
		return ErrGolden.Wrapf("expected at most %d ranges and %d symbols, got %d and %d", maxRanges, maxSymbols, len(g.Ranges), len(g.Symbols))
	}
	ranges, symbols := make(map[string]struct{}), make(map[string]struct{})
	for _, r := range g.Ranges {
		if _, twice := ranges[r.Input]; twice || r.Input == "" || len(r.Input) > tensor.MaxNameBytes {
			return ErrGolden.Wrapf("ranges: expected each input once, got %.64q", r.Input)
		}
		if len(r.Low) > maxNumberBytes || len(r.High) > maxNumberBytes {
			return ErrGolden.Wrapf("ranges: expected numbers of at most %d characters, got %d and %d", maxNumberBytes, len(r.Low), len(r.High))
		}
		ranges[r.Input] = struct{}{}
	}
	for _, s := range g.Symbols {
		if _, twice := symbols[s.Symbol]; twice || s.Symbol == "" || len(s.Symbol) > tensor.MaxNameBytes {
			return ErrGolden.Wrapf("symbols: expected each once, got %.64q", s.Symbol)
		}
		symbols[s.Symbol] = struct{}{}
	}
	return nil
}

// recipe is how derived vectors of the model come about.
func (m Model) recipe(g Golden) (golden.Recipe, error) {
	r := golden.Recipe{Ranges: make(map[string]golden.Range), Symbols: make(map[string]int64)}
	id, err := m.ID()
	if err != nil {
		return r, err
	}
	copy(r.Model[:], id)
	if r.Inputs, err = m.InputSpecs(); err != nil {
		return r, err
	}
	if r.Outputs, err = m.OutputSpecs(nil); err != nil {
		return r, err
	}
	for _, b := range g.Ranges {
		r.Ranges[b.Input] = golden.Range{Low: b.Low, High: b.High}
	}
	for _, s := range g.Symbols {
		r.Symbols[s.Symbol] = s.Value
	}
	return r, nil
}

// GoldenVectors are the inputs of every golden vector of the model. It fails with ErrGolden when the owner's do not match
// the signature or derived ones cannot be had.
func (m Model) GoldenVectors(g Golden) ([][]tensor.Tensor, error) {
	if len(g.Vectors) > 0 {
		vectors, _, err := m.ownVectors(g)
		return vectors, err
	}
	r, err := m.recipe(g)
	if err != nil {
		return nil, err
	}
	vectors, err := r.Vectors()
	return vectors, wrapGolden(err)
}

// GoldenCount is the number of golden vectors of the model.
func (m Model) GoldenCount(g Golden) (int, error) {
	if len(g.Vectors) > 0 {
		return len(g.Vectors), nil
	}
	r, err := m.recipe(g)
	if err != nil {
		return 0, err
	}
	count, err := r.Count()
	return count, wrapGolden(err)
}

// CheckGolden checks the golden vectors against the signature, and that the outputs of each are not too large to be
// compared. It fails with ErrGolden.
func (m Model) CheckGolden(g Golden) error {
	_, err := m.GoldenMemory(g)
	return err
}

// GoldenMemory is the memory that the largest run of a golden vector is charged with, in bytes. It fails with ErrGolden
// where CheckGolden does.
func (m Model) GoldenMemory(g Golden) (uint64, error) {
	bindings, err := m.goldenBindings(g)
	if err != nil {
		return 0, err
	}
	outputs, err := m.OutputSpecs(nil)
	if err != nil {
		return 0, err
	}
	most := uint64(0)
	for i, b := range bindings {
		size, err := tensor.ResolvedSize(outputs, b)
		if err != nil || size > golden.VectorBytes {
			return 0, ErrGolden.Wrapf("vector %d: expected outputs of at most %d bytes", i+1, golden.VectorBytes)
		}
		memory, err := m.MemoryBytes(b)
		if err != nil {
			return 0, ErrGolden.Wrapf("vector %d: %s", i+1, err)
		}
		most = max(most, memory)
	}
	return most, nil
}

// goldenBindings are the values of the symbols in each vector; derived vectors share theirs, so there is one entry.
func (m Model) goldenBindings(g Golden) ([]map[string]int64, error) {
	if len(g.Vectors) > 0 {
		_, bindings, err := m.ownVectors(g)
		return bindings, err
	}
	r, err := m.recipe(g)
	if err != nil {
		return nil, err
	}
	if _, err := r.Count(); err != nil {
		return nil, wrapGolden(err)
	}
	bindings, err := r.Bindings()
	return []map[string]int64{bindings}, wrapGolden(err)
}

// ownVectors decodes the vectors of the owner and matches them with the signature.
func (m Model) ownVectors(g Golden) ([][]tensor.Tensor, []map[string]int64, error) {
	inputs, err := m.InputSpecs()
	if err != nil {
		return nil, nil, err
	}
	vectors, bindings := make([][]tensor.Tensor, len(g.Vectors)), make([]map[string]int64, len(g.Vectors))
	for i, encoded := range g.Vectors {
		if vectors[i], err = tensor.Decode(encoded, tensor.DefaultLimits); err != nil {
			return nil, nil, ErrGolden.Wrapf("vector %d: %s", i+1, err)
		}
		if bindings[i], err = tensor.Bind(inputs, vectors[i]); err != nil {
			return nil, nil, ErrGolden.Wrapf("vector %d: %s", i+1, err)
		}
	}
	return vectors, bindings, nil
}

func wrapGolden(err error) error {
	if errors.Is(err, golden.ErrRecipe) || errors.Is(err, golden.ErrSize) {
		return ErrGolden.Wrap(err.Error())
	}
	if err != nil {
		return fmt.Errorf("golden vectors: %w", err)
	}
	return nil
}

// CheckGoldenOutputs checks that bytes are golden outputs of the model: as many outputs as it has vectors, each in
// canonical form and of its signature. It returns the output of each vector, and fails with ErrGolden.
func (m Model) CheckGoldenOutputs(g Golden, outputs []byte) ([][]byte, error) {
	count, err := m.GoldenCount(g)
	if err != nil {
		return nil, err
	}
	specs, err := m.OutputSpecs(nil)
	if err != nil {
		return nil, err
	}
	parts, err := golden.Check(outputs, count, specs)
	if err != nil {
		return nil, ErrGolden.Wrap(err.Error())
	}
	return parts, nil
}
