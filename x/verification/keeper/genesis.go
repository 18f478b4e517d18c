package keeper

import (
	"context"
	"fmt"

	"cosmossdk.io/collections"

	"github.com/opengradient/opengradient/x/verification/types"
)

// InitGenesis checks a genesis state and writes it. Heights are counted from the last block before the genesis.
func (k Keeper) InitGenesis(ctx context.Context, gs types.GenesisState) error {
	if err := gs.Validate(); err != nil {
		return err
	}
	for _, version := range gs.Params {
		if err := k.ParamsVersions.Set(ctx, version.Version, version.Params); err != nil {
			return err
		}
	}
	if err := k.ParamsCurrent.Set(ctx, uint64(len(gs.Params))); err != nil {
		return err
	}
	for _, snapshot := range gs.Snapshots {
		if err := k.storeSnapshot(ctx, snapshot, snapshot.References); err != nil {
			return err
		}
	}
	if err := k.SnapshotSequence.Set(ctx, gs.NextSnapshotId); err != nil {
		return err
	}
	base := max(blockHeight(ctx), 1) - 1
	for _, round := range gs.Rounds {
		round = round.Shift(base)
		if err := k.Rounds.Set(ctx, round.RequestId, round); err != nil {
			return err
		}
		if round.TimerHeight > 0 {
			if err := k.Timers.Set(ctx, collections.Join(round.TimerHeight, round.RequestId)); err != nil {
				return err
			}
		}
		if round.Phase != types.PHASE_SETTLING {
			continue
		}
		if err := k.SettleQueue.Set(ctx, collections.Join(round.SettleHeight, round.RequestId)); err != nil {
			return err
		}
	}
	for _, output := range gs.Outputs {
		if err := k.Outputs.Set(ctx, collections.Join(output.RequestId, output.Candidate), output.Output); err != nil {
			return err
		}
	}
	return k.initConsequences(ctx, gs, base)
}

// ExportGenesis gives the whole state with heights counted from the current block.
func (k Keeper) ExportGenesis(ctx context.Context) (*types.GenesisState, error) {
	gs := &types.GenesisState{}
	err := k.ParamsVersions.Walk(ctx, nil, func(version uint64, params types.Params) (bool, error) {
		gs.Params = append(gs.Params, types.ParamsVersion{Version: version, Params: params})
		return false, nil
	})
	if err != nil {
		return nil, fmt.Errorf("export of the parameters: %w", err)
	}
	err = k.Snapshots.Walk(ctx, nil, func(id uint64, snapshot types.Snapshot) (bool, error) {
		references, err := k.SnapshotReferences.Get(ctx, id)
		snapshot.References = references
		gs.Snapshots = append(gs.Snapshots, snapshot)
		return false, err
	})
	if err != nil {
		return nil, fmt.Errorf("export of the snapshots: %w", err)
	}
	if gs.NextSnapshotId, err = k.SnapshotSequence.Get(ctx); err != nil {
		return nil, fmt.Errorf("export of the next snapshot id: %w", err)
	}
	height := blockHeight(ctx)
	err = k.Rounds.Walk(ctx, nil, func(_ uint64, round types.Round) (bool, error) {
		gs.Rounds = append(gs.Rounds, round.Shift(-height))
		return false, nil
	})
	if err != nil {
		return nil, fmt.Errorf("export of the rounds: %w", err)
	}
	err = k.Outputs.Walk(ctx, nil, func(key outputKey, output []byte) (bool, error) {
		gs.Outputs = append(gs.Outputs, types.RoundOutput{RequestId: key.K1(), Candidate: key.K2(), Output: output})
		return false, nil
	})
	if err != nil {
		return nil, fmt.Errorf("export of the outputs: %w", err)
	}
	return gs, k.exportConsequences(ctx, gs, height)
}
