package keeper

import (
	"context"
	"fmt"

	errorsmod "cosmossdk.io/errors"
	sdk "github.com/cosmos/cosmos-sdk/types"

	"github.com/opengradient/opengradient/x/inference/types"
)

// CreateSchedule takes a deposit for a request that is made again and again. The request is checked and priced as a
// submission would be, power included, and the deposit must pay for all runs at this price. Gas for the inputs is charged before they are
// looked at, and the byte fee for keeping them goes to the community pool for good.
func (k Keeper) CreateSchedule(ctx sdk.Context, msg *types.MsgCreateSchedule) (id uint64, err error) {
	s := types.Schedule{
		Model: msg.Model, Outputs: msg.Outputs, Tier: msg.Tier, Sealing: msg.Sealing, FeeClass: msg.FeeClass, MaxFee: orZero(msg.MaxFee), Every: msg.Every,
		Remaining: msg.Count, Deposit: orZero(msg.Deposit), Status: types.SCHEDULE_STATUS_ACTIVE,
		NextHeight: ctx.BlockHeight(), CreatedHeight: ctx.BlockHeight(),
	}
	owner, err := sdk.AccAddressFromBech32(msg.Owner)
	if err != nil {
		return 0, fmt.Errorf("owner: %w", err)
	}
	if err := types.ValidateTerms(msg.Every, msg.Count); err != nil {
		return 0, err
	}
	s.Owner = owner.String()
	o, err := k.newOrder(ctx, wishOf(s))
	if err != nil {
		return 0, err
	}
	if err := o.checkUsable(); err != nil {
		return 0, err
	}
	if err := k.checkRoom(ctx, o.params); err != nil {
		return 0, err
	}
	ctx.GasMeter().ConsumeGas(inputGas(o.params, types.InferenceInput{Inputs: msg.Inputs}), "inference inputs")
	r, err := o.read(msg.Inputs)
	if err != nil {
		return 0, err
	}
	work, memory, err := o.measure(r.bindings, uint64(len(r.encoded)))
	if err != nil {
		return 0, err
	}
	s.Model, s.Outputs, s.InputRoot, s.MemoryBytes = o.model.Sha256, o.names(), r.root, memory
	s.InputBytes, s.OutputBytes, s.ComputeUnits = work.InputBytes, work.OutputBytes, work.Units
	if err := k.checkCovered(ctx, o, s); err != nil {
		return 0, err
	}
	err = atomically(ctx, func(ctx sdk.Context) error {
		if err := k.takeIn(ctx, owner, s.Deposit); err != nil {
			return errorsmod.Wrap(err, "deposit")
		}
		if err := k.fundCommunity(ctx, owner, o.params.StorageFee(work.InputBytes)); err != nil {
			return errorsmod.Wrap(err, "byte fee")
		}
		if s.Id, err = takeID(ctx, k.NextScheduleID); err != nil {
			return fmt.Errorf("next schedule id: %w", err)
		}
		if err := k.insertSchedule(ctx, s, r.encoded); err != nil {
			return err
		}
		return k.emitScheduleCreated(ctx, s)
	})
	return s.Id, err
}

// checkRoom fails with ErrTooManySchedules when no further schedule may be active or paused.
func (k Keeper) checkRoom(ctx context.Context, params types.Params) error {
	live, err := k.LiveSchedules.Get(ctx)
	if err != nil {
		return fmt.Errorf("live schedules: %w", err)
	}
	if live >= uint64(params.MaxSchedules) {
		return types.ErrTooManySchedules.Wrapf("expected fewer than %d that have not ended, got %d", params.MaxSchedules, live)
	}
	return nil
}
