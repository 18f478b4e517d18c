package types

import (
	"bytes"
	"cmp"
	"crypto/sha256"

	errorsmod "cosmossdk.io/errors"
)

// validateProofs checks the proofs of models: in registered classes, in the order of the store and without repeats. A proof
// may be that of an operator whose node has left.
func (g GenesisState) validateProofs() error {
	var lastModel, lastOperator []byte
	var lastClass uint32
	for i, proof := range g.ModelProofs {
		if len(proof.Model) != sha256.Size {
			return errorsmod.Wrapf(ErrInvalidGenesis, "model proof %d: model: expected %d bytes, got %d", i, sha256.Size, len(proof.Model))
		}
		operator, err := canonicalOperator(proof.Operator)
		if err != nil {
			return errorsmod.Wrapf(ErrInvalidGenesis, "model proof %d: operator: %v", i, err)
		}
		class := proof.EnvironmentClass
		if class == 0 || int64(class) > int64(len(g.EnvironmentClasses)) {
			return errorsmod.Wrapf(ErrInvalidGenesis, "model proof %d: expected an environment_class from 1 to %d, got %d", i, len(g.EnvironmentClasses), class)
		}
		order := cmp.Or(bytes.Compare(proof.Model, lastModel), bytes.Compare(operator, lastOperator), cmp.Compare(class, lastClass))
		if i > 0 && order <= 0 {
			return errorsmod.Wrapf(ErrInvalidGenesis, "model proof %d: expected proofs ascending by model, operator address bytes and class without repeats", i)
		}
		lastModel, lastOperator, lastClass = proof.Model, operator, class
	}
	return nil
}
