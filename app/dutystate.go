package app

import (
	"context"

	"cosmossdk.io/collections"
	sdk "github.com/cosmos/cosmos-sdk/types"

	"github.com/opengradient/opengradient/app/executor"
	modelstypes "github.com/opengradient/opengradient/x/models/types"
)

// committed reads the duties of this node from committed state.
func (d *duty) committed() executor.Committed {
	app := d.app
	return executor.NewStateReader(func() (sdk.Context, error) {
		if app.LastBlockHeight() == 0 {
			return sdk.Context{}, executor.ErrNoBlock
		}
		return app.CreateQueryContext(0, false)
	}, app.DutyStores())
}

// DutyStores are the collections that hold the duties of nodes.
func (app *App) DutyStores() executor.Stores {
	return executor.Stores{
		Rounds:             app.VerificationKeeper.Rounds,
		Snapshots:          app.VerificationKeeper.Snapshots,
		VerificationParams: app.VerificationKeeper.ParamsVersions,
		Nodes:              app.SchedulingKeeper.Nodes,
		NodeModels:         app.SchedulingKeeper.ModelsOf,
		Environments:       app.SchedulingKeeper.EnvironmentIndex,
		Queued:             app.queued,
		Tasks:              app.SchedulingKeeper.Tasks,
		Requests:           app.InferenceKeeper.Requests,
		Inputs:             app.InferenceKeeper.Inputs,
		Models:             app.modelStores(),
		Staking:            app.StakingKeeper,
	}
}

// queued visits the ids of the tasks in the queue, in its order.
func (app *App) queued(ctx context.Context, visit func(requestID uint64) (bool, error)) error {
	return app.SchedulingKeeper.Queue.Walk(ctx, nil, func(key collections.Triple[uint32, int64, uint64]) (bool, error) {
		return visit(key.K3())
	})
}

func (app *App) modelStores() executor.ModelStores {
	k := app.ModelsKeeper
	return executor.ModelStores{
		WithStatus: func(ctx context.Context, status modelstypes.ModelStatus, visit func([]byte) (bool, error)) error {
			return k.ModelsByStatus.Walk(ctx, collections.NewPrefixedPairRange[uint64, []byte](uint64(status)),
				func(key collections.Pair[uint64, []byte]) (bool, error) { return visit(key.K2()) })
		},
		Models:  k.Models,
		File:    k.File,
		Goldens: k.Goldens,
		Proofs:  k.Proofs,
		HasOutputs: func(ctx context.Context, model, root []byte) (bool, error) {
			return k.Outputs.Has(ctx, collections.Join(model, root))
		},
		Params: k.Params.Get,
	}
}
