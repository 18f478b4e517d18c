package keeper

import (
	"context"
	"errors"
	"fmt"
	"math"

	"cosmossdk.io/collections"
	sdk "github.com/cosmos/cosmos-sdk/types"

	"github.com/opengradient/opengradient/x/inference/types"
	modelstypes "github.com/opengradient/opengradient/x/models/types"
)

// InitGenesis imports a state. What is still to come counts from the last block before the genesis: the deadlines of open
// requests, the next runs of schedules, and how long inputs, keys and reusable receipts are kept. Every other height is a
// record of the past and stays as it was. It fails when the state is not valid or the balance of the module account is
// not the sum of the escrows and deposits, so x/bank and x/models must be imported before.
func (k Keeper) InitGenesis(ctx sdk.Context, state types.GenesisState) error {
	if err := state.Validate(); err != nil {
		return err
	}
	if err := k.checkModels(ctx, state); err != nil {
		return err
	}
	k.accounts.GetModuleAccount(ctx, types.ModuleName) // created when it is not there yet
	if err := k.checkBalance(ctx, state.Held()); err != nil {
		return err
	}
	for _, p := range state.Params {
		if err := k.Params.Set(ctx, p.Version, p.Params); err != nil {
			return err
		}
		if err := k.ParamsVersion.Set(ctx, p.Version); err != nil {
			return err
		}
	}
	if err := k.NextRequestID.Set(ctx, state.NextRequestId); err != nil {
		return err
	}
	for _, load := range []func(sdk.Context, types.GenesisState, int64) error{
		k.importRequests, k.importSchedules, k.importMemory,
	} {
		if err := load(ctx, state, max(ctx.BlockHeight(), 1)-1); err != nil {
			return err
		}
	}
	return nil
}

// checkModels checks that every request and schedule names a model that is registered, and that schedules want outputs of
// it.
func (k Keeper) checkModels(ctx context.Context, state types.GenesisState) error {
	known := make(map[string]modelstypes.Model)
	find := func(sum string) (modelstypes.Model, error) {
		if m, ok := known[sum]; ok {
			return m, nil
		}
		id, ok := modelstypes.ParseModelID(sum)
		if !ok {
			return modelstypes.Model{}, fmt.Errorf("expected a SHA-256, got %.80q", sum)
		}
		m, err := k.models.Get(ctx, id)
		if err == nil {
			known[sum] = m
		}
		return m, err
	}
	for _, entry := range state.Requests {
		if _, err := find(entry.Request.Model); err != nil {
			return types.ErrInvalidGenesis.Wrapf("request %d: model: %s", entry.Request.Id, err)
		}
	}
	for _, entry := range state.Schedules {
		m, err := find(entry.Schedule.Model)
		if err == nil {
			_, err = m.OutputSpecs(entry.Schedule.Outputs)
		}
		if err != nil {
			return types.ErrInvalidGenesis.Wrapf("schedule %d: model: %s", entry.Schedule.Id, err)
		}
	}
	return nil
}

func (k Keeper) importRequests(ctx sdk.Context, state types.GenesisState, base int64) error {
	for _, entry := range state.Requests {
		r := entry.Request
		if r.Status.Open() {
			if r.FinalDeadline > math.MaxInt64-base {
				return types.ErrInvalidGenesis.Wrapf("request %d: deadline in %d blocks overflows", r.Id, r.FinalDeadline)
			}
			r.FinalDeadline += base
		}
		if err := k.insertRequest(ctx, r); err != nil {
			return err
		}
		if err := k.importInputs(ctx, entry, base); err != nil {
			return err
		}
	}
	for _, r := range state.Results {
		if err := k.Results.Set(ctx, r.RequestId, r); err != nil {
			return err
		}
	}
	for _, r := range state.Receipts {
		if err := k.Receipts.Set(ctx, r.RequestId, r); err != nil {
			return err
		}
	}
	return nil
}

// importInputs stores the inputs of a request, unless they are gone, and when they may be dropped.
func (k Keeper) importInputs(ctx context.Context, entry types.GenesisRequest, base int64) error {
	id := entry.Request.Id
	if len(entry.Inputs) == 0 {
		return nil
	}
	if err := k.Inputs.Set(ctx, id, entry.Inputs); err != nil {
		return err
	}
	if entry.InputBlocks == 0 {
		return nil
	}
	if entry.InputBlocks > math.MaxInt64-base {
		return types.ErrInvalidGenesis.Wrapf("request %d: inputs kept for %d blocks overflow", id, entry.InputBlocks)
	}
	return k.InputExpiries.Set(ctx, collections.Join(base+entry.InputBlocks, id))
}

// ExportGenesis exports the whole state, in the order of the keys.
func (k Keeper) ExportGenesis(ctx sdk.Context) (*types.GenesisState, error) {
	state := &types.GenesisState{}
	var err error
	if state.NextRequestId, err = k.NextRequestID.Get(ctx); err != nil {
		return nil, fmt.Errorf("next request id: %w", err)
	}
	if state.NextScheduleId, err = k.NextScheduleID.Get(ctx); err != nil {
		return nil, fmt.Errorf("next schedule id: %w", err)
	}
	for _, export := range []func(context.Context, *types.GenesisState) error{
		k.exportParams, k.exportRequests, k.exportRecords, k.exportSchedules, k.exportMemory,
	} {
		if err := export(ctx, state); err != nil {
			return nil, err
		}
	}
	return state, nil
}

func (k Keeper) exportParams(ctx context.Context, state *types.GenesisState) error {
	return k.Params.Walk(ctx, nil, func(version uint64, p types.Params) (bool, error) {
		state.Params = append(state.Params, types.ParamsVersion{Version: version, Params: p})
		return false, nil
	})
}

func (k Keeper) exportRequests(ctx context.Context, state *types.GenesisState) error {
	height := sdk.UnwrapSDKContext(ctx).BlockHeight()
	kept := make(map[uint64]int64)
	err := k.InputExpiries.Walk(ctx, nil, func(key collections.Pair[int64, uint64]) (bool, error) {
		kept[key.K2()] = max(key.K1()-height, 1) // what waits to be dropped has a block more
		return false, nil
	})
	if err != nil {
		return err
	}
	return k.Requests.Walk(ctx, nil, func(id uint64, r types.Request) (bool, error) {
		if r.Status.Open() {
			r.FinalDeadline -= height
		}
		inputs, err := k.Inputs.Get(ctx, id)
		if errors.Is(err, collections.ErrNotFound) {
			err = nil // dropped; the import refuses this of a request that needs them
		}
		state.Requests = append(state.Requests, types.GenesisRequest{Request: r, Inputs: inputs, InputBlocks: kept[id]})
		return false, err
	})
}

func (k Keeper) exportRecords(ctx context.Context, state *types.GenesisState) error {
	err := k.Results.Walk(ctx, nil, func(_ uint64, r types.Result) (bool, error) {
		state.Results = append(state.Results, r)
		return false, nil
	})
	if err != nil {
		return err
	}
	return k.Receipts.Walk(ctx, nil, func(_ uint64, r types.Receipt) (bool, error) {
		state.Receipts = append(state.Receipts, r)
		return false, nil
	})
}
