package keeper

import (
	"context"
	"errors"
	"math"

	"cosmossdk.io/collections"
	sdk "github.com/cosmos/cosmos-sdk/types"

	"github.com/opengradient/opengradient/x/inference/types"
)

func (k Keeper) importSchedules(ctx sdk.Context, state types.GenesisState, base int64) error {
	if err := k.NextScheduleID.Set(ctx, state.NextScheduleId); err != nil {
		return err
	}
	if err := k.LiveSchedules.Set(ctx, 0); err != nil { // the schedules count themselves
		return err
	}
	for _, entry := range state.Schedules {
		s := entry.Schedule
		if s.Status == types.SCHEDULE_STATUS_ACTIVE {
			if s.NextHeight > math.MaxInt64-base {
				return types.ErrInvalidGenesis.Wrapf("schedule %d: next run in %d blocks overflows", s.Id, s.NextHeight)
			}
			s.NextHeight += base
		}
		if err := k.insertSchedule(ctx, s, entry.Inputs); err != nil {
			return err
		}
	}
	for _, r := range state.ScheduleRuns {
		if err := k.ScheduleRuns.Set(ctx, collections.Join(r.ScheduleId, r.Run), r); err != nil {
			return err
		}
	}
	return nil
}

// exportSchedules exports the schedules and their runs. One that is overdue is due at once.
func (k Keeper) exportSchedules(ctx context.Context, state *types.GenesisState) error {
	height := sdk.UnwrapSDKContext(ctx).BlockHeight()
	err := k.Schedules.Walk(ctx, nil, func(id uint64, s types.Schedule) (bool, error) {
		if s.Status == types.SCHEDULE_STATUS_ACTIVE {
			s.NextHeight = max(s.NextHeight-height, 0)
		}
		inputs, err := k.ScheduleInputs.Get(ctx, id)
		if errors.Is(err, collections.ErrNotFound) {
			err = nil // dropped at its end; the import refuses this of a schedule that needs them
		}
		state.Schedules = append(state.Schedules, types.GenesisSchedule{Schedule: s, Inputs: inputs})
		return false, err
	})
	if err != nil {
		return err
	}
	return k.ScheduleRuns.Walk(ctx, nil, func(_ collections.Pair[uint64, uint32], r types.ScheduleRun) (bool, error) {
		state.ScheduleRuns = append(state.ScheduleRuns, r)
		return false, nil
	})
}
