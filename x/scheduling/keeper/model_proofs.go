package keeper

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"fmt"
	"slices"

	"cosmossdk.io/collections"
	errorsmod "cosmossdk.io/errors"
	sdk "github.com/cosmos/cosmos-sdk/types"

	"github.com/opengradient/opengradient/x/scheduling/types"
)

// Prove stores that the node of an operator can run a model in an environment class. A proof that is there already is no
// error. It returns types.ErrInvalidProof for a model that is not 32 bytes, an operator of no address, or a class that is
// not registered.
func (k Keeper) Prove(ctx context.Context, model []byte, operator string, class uint32) error {
	if len(model) != sha256.Size {
		return errorsmod.Wrapf(types.ErrInvalidProof, "model: expected the %d bytes of a SHA-256, got %d", sha256.Size, len(model))
	}
	address, err := k.operatorBytes(operator)
	if err != nil {
		return errorsmod.Wrap(types.ErrInvalidProof, err.Error())
	}
	registered, err := k.HasEnvironment(ctx, class)
	if err != nil {
		return err
	}
	if !registered {
		return errorsmod.Wrapf(types.ErrInvalidProof, "expected a registered environment class, got %d", class)
	}
	return k.ModelProofs.Set(ctx, collections.Join3(model, []byte(address), class))
}

// HasEnvironment tells whether an environment class with this index is registered.
func (k Keeper) HasEnvironment(ctx context.Context, index uint32) (bool, error) {
	has, err := k.Environments.Has(ctx, index)
	if err != nil {
		return false, fmt.Errorf("look for environment class %d: %w", index, err)
	}
	return has, nil
}

// ReadyNodes is the number of nodes that take work now, have proved a model in the class they run in, and have it loaded.
// The work is bounded by the size of the validator set.
func (k Keeper) ReadyNodes(ctx context.Context, model []byte) (uint32, error) {
	params, _, err := k.CurrentParams(ctx)
	if err != nil {
		return 0, err
	}
	bonded, _, err := k.bonded(ctx, params)
	if err != nil {
		return 0, err
	}
	var ready uint32
	for _, w := range eligibleOf(bonded) {
		able, err := k.canRun(ctx, model, w)
		if err != nil {
			return 0, err
		}
		if able {
			ready++
		}
	}
	return ready, nil
}

// hasProved tells whether a node has proved a model in a class.
func (k Keeper) hasProved(ctx context.Context, model []byte, operator sdk.ValAddress, class uint32) (bool, error) {
	proved, err := k.ModelProofs.Has(ctx, collections.Join3(model, []byte(operator), class))
	if err != nil {
		return false, fmt.Errorf("look for the proof of %s: %w", operator, err)
	}
	return proved, nil
}

// canRun tells whether a worker has proved a model in the class it runs in, and has it loaded.
func (k Keeper) canRun(ctx context.Context, model []byte, w *worker) (bool, error) {
	proved, err := k.hasProved(ctx, model, w.operator, w.node.EnvironmentClass)
	if err != nil || !proved {
		return false, err
	}
	loaded, err := k.NodeModels.Has(ctx, collections.Join([]byte(w.operator), model))
	if err != nil {
		return false, fmt.Errorf("look for a model of %s: %w", w.node.Operator, err)
	}
	return loaded, nil
}

// ability tells which of some workers can run a model. It looks once for each model that it is asked for: the work of a
// block is bounded by its workers times the distinct models of the tasks that it looks at.
type ability struct {
	keeper  Keeper
	workers []*worker
	known   map[string][]bool
}

func newAbility(k Keeper, workers []*worker) ability {
	return ability{keeper: k, workers: workers, known: make(map[string][]bool)}
}

// of tells it of each worker, in their order. The caller must not change the answer.
func (a ability) of(ctx context.Context, model []byte) ([]bool, error) {
	if able, known := a.known[string(model)]; known {
		return able, nil
	}
	able := make([]bool, len(a.workers))
	for i, w := range a.workers {
		var err error
		if able[i], err = a.keeper.canRun(ctx, model, w); err != nil {
			return nil, err
		}
	}
	a.known[string(model)] = able
	return able, nil
}

// exportProofs returns all proofs, ascending by model, operator address bytes and class.
func (k Keeper) exportProofs(ctx context.Context) ([]types.ModelProof, error) {
	var keys []proofKey
	err := k.ModelProofs.Walk(ctx, nil, func(key proofKey) (bool, error) {
		keys = append(keys, key)
		return false, nil
	})
	if err != nil {
		return nil, fmt.Errorf("export the proofs of models: %w", err)
	}
	// The store orders addresses by their length before their bytes.
	slices.SortFunc(keys, func(a, b proofKey) int {
		return cmp.Or(bytes.Compare(a.K1(), b.K1()), bytes.Compare(a.K2(), b.K2()), cmp.Compare(a.K3(), b.K3()))
	})
	var proofs []types.ModelProof
	for _, key := range keys {
		operator, err := k.stakingKeeper.ValidatorAddressCodec().BytesToString(key.K2())
		if err != nil {
			return nil, fmt.Errorf("spell operator %X: %w", key.K2(), err)
		}
		proofs = append(proofs, types.ModelProof{Model: key.K1(), Operator: operator, EnvironmentClass: key.K3()})
	}
	return proofs, nil
}
