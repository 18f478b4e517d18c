package types

import (
	"fmt"
	"math"
	"slices"

	"github.com/opengradient/opengradient/internal/onnxfile"
	"github.com/opengradient/opengradient/internal/tensor"
)

// Bounds of an inspection that an owner states. What the inspection of a file finds is within them.
const (
	maxSignature = 64
	// maxInspectionBytes bounds the encoding of an inspection: it is read with every look at the model.
	maxInspectionBytes = 64 << 10
	maxTerms           = 32
	maxTermSymbols     = 64
	maxSymbols         = 8
)

// InputSpecs is the signature of the inputs.
func (m Model) InputSpecs() ([]tensor.Spec, error) { return specsFromProto(m.Inspection.Inputs) }

// OutputSpecs is the signature of the wanted outputs, in the order given; all outputs in the order of the model when
// names is empty. It fails with ErrOutputUnknown on a name that is not an output or occurs twice.
func (m Model) OutputSpecs(names []string) ([]tensor.Spec, error) {
	all, err := specsFromProto(m.Inspection.Outputs)
	if err != nil || len(names) == 0 {
		return all, err
	}
	if len(names) > len(all) {
		return nil, ErrOutputUnknown.Wrapf("expected at most %d names, got %d", len(all), len(names))
	}
	wanted := make([]tensor.Spec, 0, len(names))
	for i, name := range names {
		at := slices.IndexFunc(all, func(s tensor.Spec) bool { return s.Name == name })
		if at < 0 {
			return nil, ErrOutputUnknown.Wrapf("expected an output of the model, got %.64q", name)
		}
		if slices.Contains(names[:i], name) {
			return nil, ErrOutputUnknown.Wrapf("expected each output once, got %q twice", name)
		}
		wanted = append(wanted, all[at])
	}
	return wanted, nil
}

// ComputeUnits is the static cost of one run with these values of the signature's symbols.
func (m Model) ComputeUnits(bindings map[string]int64) (uint64, error) {
	terms := make([]onnxfile.CostTerm, len(m.Inspection.Cost))
	for i, c := range m.Inspection.Cost {
		terms[i] = onnxfile.CostTerm{Symbols: c.Symbols, MACs: c.Macs, Elements: c.Elements}
	}
	return onnxfile.ComputeUnits(terms, bindings)
}

// MemoryBytes is the memory that a run with these values of the signature's symbols is charged with: the loaded session
// and the values alive at one time.
func (m Model) MemoryBytes(bindings map[string]int64) (uint64, error) {
	r := onnxfile.Report{PeakActivation: make([]onnxfile.ByteTerm, len(m.Inspection.Activation))}
	for i, a := range m.Inspection.Activation {
		r.PeakActivation[i] = onnxfile.ByteTerm{Symbols: a.Symbols, Bytes: a.Bytes}
	}
	peak, err := r.PeakActivationBytes(bindings)
	if err != nil {
		return 0, err
	}
	if peak > math.MaxUint64-m.Inspection.SessionBytes {
		return 0, fmt.Errorf("memory: %w", onnxfile.ErrOverflow)
	}
	return m.Inspection.SessionBytes + peak, nil
}

// NewInspection is what the inspection of a file found.
func NewInspection(r *onnxfile.Report) Inspection {
	in := Inspection{
		Opset: r.Opset, Inputs: specsToProto(r.Inputs), Outputs: specsToProto(r.Outputs),
		Parameters: r.Parameters, SessionBytes: r.SessionBytes,
	}
	for _, c := range r.Cost {
		in.Cost = append(in.Cost, CostTerm{Symbols: slices.Clone(c.Symbols), Macs: c.MACs, Elements: c.Elements})
	}
	for _, a := range r.PeakActivation {
		in.Activation = append(in.Activation, MemoryTerm{Symbols: slices.Clone(a.Symbols), Bytes: a.Bytes})
	}
	return in
}

// CheckSignature checks that the signature is one that a request can be checked against and paid for: at least one
// input and output, unique names, outputs of fixed element size, and no symbol in outputs, cost or memory that the inputs
// do not bind. It fails with ErrInspection.
func (m Model) CheckSignature() error {
	if err := m.checkSignature(); err != nil {
		return ErrInspection.Wrap(err.Error())
	}
	return nil
}

func (m Model) checkSignature() error {
	inputs, err := m.InputSpecs()
	if err != nil {
		return err
	}
	outputs, err := m.OutputSpecs(nil)
	if err != nil {
		return err
	}
	if len(inputs) == 0 || len(outputs) == 0 {
		return fmt.Errorf("expected inputs and outputs, got %d and %d", len(inputs), len(outputs))
	}
	names := make(map[string]struct{}, len(inputs))
	ones := make(map[string]int64)
	for _, s := range inputs {
		if _, dup := names[s.Name]; dup {
			return fmt.Errorf("expected unique input names, got %q twice", s.Name)
		}
		names[s.Name] = struct{}{}
		for _, d := range s.Dims {
			if d.Symbol != "" {
				ones[d.Symbol] = 1
			}
		}
	}
	if len(ones) > maxSymbols {
		return fmt.Errorf("expected at most %d symbols, got %d", maxSymbols, len(ones))
	}
	if _, err := tensor.ResolvedSize(outputs, ones); err != nil {
		return fmt.Errorf("outputs: %w", err)
	}
	if _, err := m.ComputeUnits(ones); err != nil {
		return fmt.Errorf("cost: %w", err)
	}
	_, err = m.MemoryBytes(ones)
	return err
}

// CheckInspection checks what an owner states of a file that the chain does not hold: bounded lists and a sound signature.
// Whether it is true the nodes find out. It fails with ErrInspection.
func (m Model) CheckInspection() error {
	in := m.Inspection
	for _, b := range []struct {
		name            string
		value, low, top int
	}{
		{"inputs", len(in.Inputs), 1, maxSignature},
		{"outputs", len(in.Outputs), 1, maxSignature},
		{"cost terms", len(in.Cost), 0, maxTerms},
		{"activation terms", len(in.Activation), 0, maxTerms},
	} {
		if b.value < b.low || b.value > b.top {
			return ErrInspection.Wrapf("%s: expected %d to %d, got %d", b.name, b.low, b.top, b.value)
		}
	}
	if size := in.Size(); size > maxInspectionBytes {
		return ErrInspection.Wrapf("expected at most %d bytes of inputs, outputs and terms, got %d", maxInspectionBytes, size)
	}
	if in.Opset < 1 {
		return ErrInspection.Wrapf("expected an opset from 1, got %d", in.Opset)
	}
	if in.SessionBytes < m.Size_ {
		return ErrInspection.Wrapf("expected session_bytes of at least the %d bytes of the file, got %d", m.Size_, in.SessionBytes)
	}
	for _, c := range in.Cost {
		if err := checkTerm(c.Symbols); err != nil {
			return err
		}
	}
	for _, a := range in.Activation {
		if err := checkTerm(a.Symbols); err != nil {
			return err
		}
	}
	return m.CheckSignature()
}

func checkTerm(symbols []string) error {
	if len(symbols) > maxTermSymbols || !slices.IsSorted(symbols) {
		return ErrInspection.Wrapf("expected terms of at most %d ascending symbols, got %d", maxTermSymbols, len(symbols))
	}
	return nil
}

func specsFromProto(in []TensorSpec) ([]tensor.Spec, error) {
	out := make([]tensor.Spec, len(in))
	for i, s := range in {
		d, err := tensor.ParseDatatype(s.Datatype)
		if err != nil {
			return nil, err
		}
		out[i] = tensor.Spec{Name: s.Name, Datatype: d, Dims: make([]tensor.Dim, len(s.Dims))}
		for j, dim := range s.Dims {
			out[i].Dims[j] = tensor.Dim{Size: dim.Size_, Symbol: dim.Symbol}
		}
		if err := out[i].Validate(); err != nil {
			return nil, err
		}
	}
	return out, nil
}

func specsToProto(in []tensor.Spec) []TensorSpec {
	out := make([]TensorSpec, len(in))
	for i, s := range in {
		out[i] = TensorSpec{Name: s.Name, Datatype: s.Datatype.String(), Dims: make([]Dim, len(s.Dims))}
		for j, d := range s.Dims {
			out[i].Dims[j] = Dim{Size_: d.Size, Symbol: d.Symbol}
		}
	}
	return out
}
