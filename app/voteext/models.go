package voteext

import (
	"bytes"
	"cmp"
	"fmt"
	"slices"

	modelstypes "github.com/opengradient/opengradient/x/models/types"
)

const (
	// MaxModels bounds the attestations of models in one extension.
	MaxModels = 64
	// MaxGoldenOutput bounds the golden outputs in one attestation of a model, in
	// bytes.
	MaxGoldenOutput = 16 << 10
)

// modelKey names a model in an environment class.
type modelKey struct {
	model string
	class uint32
}

func modelKeyOf(a modelstypes.ModelAttestation) modelKey {
	return modelKey{model: string(a.Model), class: a.EnvironmentClass}
}

func (k modelKey) compare(other modelKey) int {
	return cmp.Or(cmp.Compare(k.model, other.model), cmp.Compare(k.class, other.class))
}

// validateModels checks the attestations of models: each of them, and that they are
// strictly ascending.
func validateModels(models []modelstypes.ModelAttestation) error {
	for i, a := range models {
		if err := validateModel(a); err != nil {
			return fmt.Errorf("model %d: %w", i, err)
		}
		if i > 0 && modelKeyOf(models[i-1]).compare(modelKeyOf(a)) >= 0 {
			return fmt.Errorf("model %d: %w: expected models ascending by sum and environment class", i, ErrMalformed)
		}
	}
	return nil
}

// validateModel checks an attestation, and that its outputs are within their bound.
func validateModel(a modelstypes.ModelAttestation) error {
	if err := a.Validate(); err != nil {
		return fmt.Errorf("%w: %w", ErrMalformed, err)
	}
	if len(a.Outputs) > MaxGoldenOutput {
		return fmt.Errorf("%w: expected at most %d bytes of outputs, got %d", ErrTooLarge, MaxGoldenOutput, len(a.Outputs))
	}
	return nil
}

// orderModels returns the sound attestations that the block does not carry, one per
// model and class, in the order in which they are packed: the first place moves on
// by one with every height.
func orderModels(models []modelstypes.ModelAttestation, carried carried, height int64) []modelstypes.ModelAttestation {
	usable := make([]modelstypes.ModelAttestation, 0, len(models))
	for _, a := range models {
		if validateModel(a) == nil && !carried.model(a) {
			usable = append(usable, a)
		}
	}
	if len(usable) == 0 {
		return nil
	}
	// Stable: of two with one key the first given wins below.
	slices.SortStableFunc(usable, func(a, b modelstypes.ModelAttestation) int { return modelKeyOf(a).compare(modelKeyOf(b)) })
	usable = slices.CompactFunc(usable, func(a, b modelstypes.ModelAttestation) bool { return modelKeyOf(a) == modelKeyOf(b) })
	rotate(usable, height)
	return usable
}

// attestModels adds what fits of some attestations of models: each word alone first,
// then the outputs to those words.
func (p *packing) attestModels(models []modelstypes.ModelAttestation) {
	var added []modelstypes.ModelAttestation
	for _, a := range models {
		outputs := a.Outputs
		a.Outputs = nil
		if len(p.ext.Models) == MaxModels || !p.fits(a.Size()) {
			continue
		}
		p.ext.Models = append(p.ext.Models, a)
		a.Outputs = outputs
		added = append(added, a)
	}
	for i, a := range added {
		if more := fieldSize(a.Size()) - fieldSize(p.ext.Models[i].Size()); more <= p.room {
			p.room -= more
			p.ext.Models[i] = a
		}
	}
}

// model tells whether the block carries a word on a model that leaves nothing to say:
// the same failure, or a root, which never changes, with the outputs if there are any.
func (c carried) model(a modelstypes.ModelAttestation) bool {
	said, known := c.models[modelKeyOf(a)]
	switch {
	case !known:
		return false
	case len(said.OutputRoot) == 0:
		return said.Failure == a.Failure
	case !bytes.Equal(said.OutputRoot, a.OutputRoot):
		return true
	default:
		return len(a.Outputs) == 0 || len(said.Outputs) > 0
	}
}
