package types

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"math"
	"slices"

	sdkmath "cosmossdk.io/math"
	sdk "github.com/cosmos/cosmos-sdk/types"

	"github.com/opengradient/opengradient/internal/onnxfile"
	"github.com/opengradient/opengradient/internal/tensor"
	schedulingtypes "github.com/opengradient/opengradient/x/scheduling/types"
)

// MaxNameLength is the longest name of a model, in characters.
const MaxNameLength = 64

// ValidateName checks a model name: 1 to MaxNameLength characters of a-z, 0-9, '.', '_' and '-', beginning with a
// letter, and not 64 hexadecimal digits, which would read as a SHA-256. It fails with ErrInvalidName.
func ValidateName(name string) error {
	if name == "" || len(name) > MaxNameLength {
		return ErrInvalidName.Wrapf("expected 1 to %d characters, got %d", MaxNameLength, len(name))
	}
	for i, c := range []byte(name) {
		letter := c >= 'a' && c <= 'z'
		if !letter && (i == 0 || (c < '0' || c > '9') && c != '.' && c != '_' && c != '-') {
			return ErrInvalidName.Wrapf("expected a-z, then a-z, 0-9, '.', '_' or '-', got %q at %d of %q", c, i, name)
		}
	}
	if _, ok := ParseModelID(name); ok {
		return ErrInvalidName.Wrap("expected a name that does not read as a SHA-256, got 64 hexadecimal digits")
	}
	return nil
}

// ParseModelID reads the lower-case hexadecimal SHA-256 that identifies a model; ok is false for anything else.
func ParseModelID(s string) (id []byte, ok bool) {
	if len(s) != 2*sha256.Size {
		return nil, false
	}
	id, err := hex.DecodeString(s)
	return id, err == nil && hex.EncodeToString(id) == s
}

// ValidateTaskClass fails with ErrTaskClass unless the class is one of those defined.
func ValidateTaskClass(c schedulingtypes.TaskClass) error {
	if _, ok := schedulingtypes.TaskClass_name[int32(c)]; !ok || c == schedulingtypes.TASK_CLASS_UNSPECIFIED {
		return ErrTaskClass.Wrapf("expected a defined class, got %s", c)
	}
	return nil
}

// ValidateRoyalty fails with ErrRoyalty unless the royalty is 0 to MaxAmount uopg.
func ValidateRoyalty(v sdkmath.Int) error {
	if err := checkAmount(v); err != nil {
		return ErrRoyalty.Wrap(err.Error())
	}
	return nil
}

// ID is the 32 bytes of the model's SHA-256.
func (m Model) ID() ([]byte, error) {
	id, ok := ParseModelID(m.Sha256)
	if !ok {
		return nil, fmt.Errorf("model sha256: expected 64 lower-case hexadecimal digits, got %q", m.Sha256)
	}
	return id, nil
}

// InputSpecs is the signature of the inputs.
func (m Model) InputSpecs() ([]tensor.Spec, error) { return specsFromProto(m.Inputs) }

// OutputSpecs is the signature of the wanted outputs, in the order given; all outputs in the order of the model when
// names is empty. It fails with ErrOutputUnknown on a name that is not an output or occurs twice.
func (m Model) OutputSpecs(names []string) ([]tensor.Spec, error) {
	all, err := specsFromProto(m.Outputs)
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
	terms := make([]onnxfile.CostTerm, len(m.Cost))
	for i, c := range m.Cost {
		terms[i] = onnxfile.CostTerm{Symbols: c.Symbols, MACs: c.Macs, Elements: c.Elements}
	}
	return onnxfile.ComputeUnits(terms, bindings)
}

// MemoryBytes is the memory that a run with these values of the signature's symbols is charged with: the loaded session
// and the values alive at one time.
func (m Model) MemoryBytes(bindings map[string]int64) (uint64, error) {
	r := onnxfile.Report{PeakActivation: make([]onnxfile.ByteTerm, len(m.Activation))}
	for i, a := range m.Activation {
		r.PeakActivation[i] = onnxfile.ByteTerm{Symbols: a.Symbols, Bytes: a.Bytes}
	}
	peak, err := r.PeakActivationBytes(bindings)
	if err != nil {
		return 0, err
	}
	if peak > math.MaxUint64-m.SessionBytes {
		return 0, fmt.Errorf("memory: %w", onnxfile.ErrOverflow)
	}
	return m.SessionBytes + peak, nil
}

// SetReport copies what the inspection of the file found.
func (m *Model) SetReport(r *onnxfile.Report) {
	m.Opset = r.Opset
	m.Inputs, m.Outputs = specsToProto(r.Inputs), specsToProto(r.Outputs)
	m.Parameters, m.SessionBytes = r.Parameters, r.SessionBytes
	m.Cost = make([]CostTerm, len(r.Cost))
	for i, c := range r.Cost {
		m.Cost[i] = CostTerm{Symbols: slices.Clone(c.Symbols), Macs: c.MACs, Elements: c.Elements}
	}
	m.Activation = make([]MemoryTerm, len(r.PeakActivation))
	for i, a := range r.PeakActivation {
		m.Activation[i] = MemoryTerm{Symbols: slices.Clone(a.Symbols), Bytes: a.Bytes}
	}
}

// Validate checks everything that can be told without the file.
func (m Model) Validate() error {
	if _, err := m.ID(); err != nil {
		return err
	}
	if err := ValidateName(m.Name); err != nil {
		return err
	}
	if _, err := sdk.AccAddressFromBech32(m.Owner); err != nil {
		return fmt.Errorf("model %s: owner: %w", m.Name, err)
	}
	if err := ValidateTaskClass(m.TaskClass); err != nil {
		return err
	}
	if err := ValidateRoyalty(m.Royalty); err != nil {
		return err
	}
	return m.CheckSignature()
}

// CheckSignature checks that the signature is one that a request can be checked against and paid for: at least one
// input and output, unique names, outputs of fixed element size, and no symbol in outputs or cost that the inputs do
// not bind.
func (m Model) CheckSignature() error {
	inputs, err := specsFromProto(m.Inputs)
	if err != nil {
		return err
	}
	outputs, err := specsFromProto(m.Outputs)
	if err != nil {
		return err
	}
	if len(inputs) == 0 || len(outputs) == 0 {
		return fmt.Errorf("model %s: expected inputs and outputs, got %d and %d", m.Name, len(inputs), len(outputs))
	}
	names := make(map[string]struct{}, len(inputs))
	ones := make(map[string]int64)
	for _, s := range inputs {
		if _, dup := names[s.Name]; dup {
			return fmt.Errorf("model %s: expected unique input names, got %q twice", m.Name, s.Name)
		}
		names[s.Name] = struct{}{}
		for _, d := range s.Dims {
			if d.Symbol != "" {
				ones[d.Symbol] = 1
			}
		}
	}
	if _, err := tensor.ResolvedSize(outputs, ones); err != nil {
		return fmt.Errorf("model %s: outputs: %w", m.Name, err)
	}
	if _, err := m.ComputeUnits(ones); err != nil {
		return fmt.Errorf("model %s: cost: %w", m.Name, err)
	}
	if _, err := m.MemoryBytes(ones); err != nil {
		return fmt.Errorf("model %s: %w", m.Name, err)
	}
	return nil
}
