package keeper

import (
	"context"
	"errors"
	"fmt"

	"cosmossdk.io/collections"
	sdk "github.com/cosmos/cosmos-sdk/types"

	"github.com/opengradient/opengradient/x/inference/types"
)

// Schedule is the schedule of an id. It fails with ErrScheduleNotFound.
func (k Keeper) Schedule(ctx context.Context, id uint64) (types.Schedule, error) {
	s, err := k.Schedules.Get(ctx, id)
	if errors.Is(err, collections.ErrNotFound) {
		return types.Schedule{}, types.ErrScheduleNotFound.Wrapf("id %d", id)
	}
	return s, err
}

// ownSchedule is a schedule that its owner wants to change. It fails with ErrNotScheduleOwner for anybody else.
func (k Keeper) ownSchedule(ctx context.Context, owner string, id uint64) (types.Schedule, sdk.AccAddress, error) {
	address, err := sdk.AccAddressFromBech32(owner)
	if err != nil {
		return types.Schedule{}, nil, fmt.Errorf("owner: %w", err)
	}
	s, err := k.Schedule(ctx, id)
	if err != nil {
		return types.Schedule{}, nil, err
	}
	if s.Owner != address.String() {
		return types.Schedule{}, nil, types.ErrNotScheduleOwner.Wrapf("schedule %d: expected %s, got %s", id, s.Owner, address)
	}
	return s, address, nil
}

// insertSchedule writes a new schedule with its inputs and all its index entries. One that has ended has no inputs.
func (k Keeper) insertSchedule(ctx context.Context, s types.Schedule, inputs []byte) error {
	owner, err := s.OwnerAddress()
	if err != nil {
		return err
	}
	if err := k.Schedules.Set(ctx, s.Id, s); err != nil {
		return err
	}
	if err := k.SchedulesByOwner.Set(ctx, collections.Join([]byte(owner), s.Id)); err != nil {
		return err
	}
	if !s.Status.Live() {
		return nil
	}
	if err := k.ScheduleInputs.Set(ctx, s.Id, inputs); err != nil {
		return err
	}
	live, err := k.LiveSchedules.Get(ctx)
	if err != nil {
		return fmt.Errorf("live schedules: %w", err)
	}
	if err := k.LiveSchedules.Set(ctx, live+1); err != nil {
		return err
	}
	return k.indexDue(ctx, s)
}

// updateSchedule writes a schedule back, moves it in the index of those that are due, and drops its inputs when it has
// ended.
func (k Keeper) updateSchedule(ctx context.Context, s types.Schedule) error {
	old, err := k.Schedule(ctx, s.Id)
	if err != nil {
		return err
	}
	if err := k.DueSchedules.Remove(ctx, dueKey(old)); err != nil {
		return err
	}
	if err := k.indexDue(ctx, s); err != nil {
		return err
	}
	if err := k.Schedules.Set(ctx, s.Id, s); err != nil {
		return err
	}
	if s.Status.Live() || !old.Status.Live() {
		return nil
	}
	live, err := k.LiveSchedules.Get(ctx)
	if err != nil {
		return fmt.Errorf("live schedules: %w", err)
	}
	if err := k.LiveSchedules.Set(ctx, live-1); err != nil {
		return err
	}
	return k.ScheduleInputs.Remove(ctx, s.Id)
}

// indexDue says when the next run of an active schedule comes.
func (k Keeper) indexDue(ctx context.Context, s types.Schedule) error {
	if s.Status != types.SCHEDULE_STATUS_ACTIVE {
		return nil
	}
	return k.DueSchedules.Set(ctx, dueKey(s))
}

func dueKey(s types.Schedule) collections.Pair[int64, uint64] {
	return collections.Join(s.NextHeight, s.Id)
}
