package executor

import (
	"context"
	"errors"
	"fmt"

	"cosmossdk.io/collections"
	sdk "github.com/cosmos/cosmos-sdk/types"

	modelstypes "github.com/opengradient/opengradient/x/models/types"
	schedulingtypes "github.com/opengradient/opengradient/x/scheduling/types"
)

// ModelStores are the collections of x/models. A model is named by the 32 bytes of its SHA-256.
type ModelStores struct {
	// WithStatus visits the models with a status, ascending, by their keys alone.
	WithStatus func(ctx context.Context, status modelstypes.ModelStatus, visit func(model []byte) (stop bool, err error)) error
	Models     Getter[[]byte, modelstypes.Model]
	// File is the whole file of a model that the chain holds.
	File    func(ctx context.Context, model modelstypes.Model) ([]byte, error)
	Goldens Getter[[]byte, modelstypes.Golden]
	Proofs  Getter[collections.Triple[[]byte, []byte, uint32], modelstypes.NodeProof] // by model, operator bytes and class
	// HasOutputs tells whether the golden outputs of a root are there.
	HasOutputs func(ctx context.Context, model, root []byte) (bool, error)
	Params     func(ctx context.Context) (modelstypes.Params, error)
}

func (v *stateView) QueuedModels(limit int) ([]ModelID, error) {
	var models []ModelID
	seen := make(map[ModelID]struct{})
	err := v.stores.Queued(v.ctx, func(requestID uint64) (bool, error) {
		if limit--; limit < 0 {
			return true, nil
		}
		task, err := v.stores.Tasks.Get(v.ctx, requestID)
		if err != nil {
			return true, fmt.Errorf("task of request %d: %w", requestID, err)
		}
		id, err := toModelID(task.Model)
		if err != nil {
			return true, fmt.Errorf("model of request %d: %w", requestID, err)
		}
		if _, again := seen[id]; !again {
			seen[id] = struct{}{}
			models = append(models, id)
		}
		return false, nil
	})
	return models, err
}

func (v *stateView) Environment(class schedulingtypes.EnvironmentClass) (uint32, bool, error) {
	index, err := v.stores.Environments.Get(v.ctx, class.Identity())
	if errors.Is(err, collections.ErrNotFound) {
		return 0, false, nil
	}
	return index, err == nil, err
}

func (v *stateView) ModelsWith(status modelstypes.ModelStatus) ([]ModelID, error) {
	var models []ModelID
	err := v.stores.Models.WithStatus(v.ctx, status, func(model []byte) (bool, error) {
		id, err := toModelID(model)
		models = append(models, id)
		return false, err
	})
	return models, err
}

func (v *stateView) Model(id ModelID) (modelstypes.Model, bool, error) {
	model, err := v.stores.Models.Models.Get(v.ctx, id[:])
	if errors.Is(err, collections.ErrNotFound) {
		return modelstypes.Model{}, false, nil
	}
	return model, err == nil, err
}

func (v *stateView) ModelFile(model modelstypes.Model) ([]byte, error) {
	return v.stores.Models.File(v.ctx, model)
}

func (v *stateView) Golden(id ModelID) (modelstypes.Golden, error) {
	return v.stores.Models.Goldens.Get(v.ctx, id[:])
}

func (v *stateView) Proof(id ModelID, operator string, class uint32) (modelstypes.NodeProof, bool, error) {
	address, err := sdk.ValAddressFromBech32(operator)
	if err != nil {
		return modelstypes.NodeProof{}, false, fmt.Errorf("expected an operator address, got %q: %w", operator, err)
	}
	proof, err := v.stores.Models.Proofs.Get(v.ctx, collections.Join3(id[:], []byte(address), class))
	if errors.Is(err, collections.ErrNotFound) {
		return modelstypes.NodeProof{}, false, nil
	}
	return proof, err == nil, err
}

func (v *stateView) Shown(id ModelID, root []byte) (bool, error) {
	return v.stores.Models.HasOutputs(v.ctx, id[:], root)
}

func (v *stateView) MaxGoldenOutput() (uint64, error) {
	params, err := v.stores.Models.Params(v.ctx)
	return params.MaxGoldenOutputBytes, err
}
