package keeper

import (
	errorsmod "cosmossdk.io/errors"
	"cosmossdk.io/math"
	sdk "github.com/cosmos/cosmos-sdk/types"

	"github.com/opengradient/opengradient/x/inference/types"
)

// TopUpSchedule adds to the deposit of a schedule, to its runs, or to both. When runs are added the deposit must pay for
// all that remain, at the price of this block, as at the creation: runs without money would be missed for nothing, with a record
// that stays.
func (k Keeper) TopUpSchedule(ctx sdk.Context, msg *types.MsgTopUpSchedule) error {
	return atomically(ctx, func(ctx sdk.Context) error {
		s, owner, err := k.ownSchedule(ctx, msg.Owner, msg.Id)
		if err != nil {
			return err
		}
		deposit := orZero(msg.Deposit)
		// The coins come first: what the owner has bounds the sum.
		if err := k.takeIn(ctx, owner, deposit); err != nil {
			return errorsmod.Wrap(err, "deposit")
		}
		if s, err = s.ToppedUp(deposit, msg.Count); err != nil {
			return err
		}
		if msg.Count > 0 {
			o, err := k.newOrder(ctx, wishOf(s))
			if err != nil {
				return err
			}
			if err := k.checkCovered(ctx, o, s); err != nil {
				return err
			}
		}
		return k.changeSchedule(ctx, s)
	})
}

// checkCovered fails unless a run could be placed in this block as far as its owner decides: within the limits and the
// maximum fee, with nodes that hold the power, and out of a deposit that pays for all runs that remain at this price.
func (k Keeper) checkCovered(ctx sdk.Context, o order, s types.Schedule) error {
	if err := o.params.CheckWork(s.Work()); err != nil {
		return err
	}
	fee, err := o.quote(s.Work())
	if err != nil {
		return err
	}
	if err := types.CheckMaxFee(fee.Total, s.MaxFee); err != nil {
		return err
	}
	if err := types.CheckDeposit(s.Deposit, fee.Total, s.Remaining); err != nil {
		return err
	}
	return k.checkPower(ctx, &shares{}, o, s.MemoryBytes)
}

// PauseSchedule holds back the runs of an active schedule.
func (k Keeper) PauseSchedule(ctx sdk.Context, msg *types.MsgPauseSchedule) error {
	return atomically(ctx, func(ctx sdk.Context) error {
		s, _, err := k.ownSchedule(ctx, msg.Owner, msg.Id)
		if err != nil {
			return err
		}
		if s, err = s.Paused(); err != nil {
			return err
		}
		return k.changeSchedule(ctx, s)
	})
}

// ResumeSchedule lets a paused schedule go on at the end of this block.
func (k Keeper) ResumeSchedule(ctx sdk.Context, msg *types.MsgResumeSchedule) error {
	return atomically(ctx, func(ctx sdk.Context) error {
		s, _, err := k.ownSchedule(ctx, msg.Owner, msg.Id)
		if err != nil {
			return err
		}
		if s, err = s.Resumed(ctx.BlockHeight()); err != nil {
			return err
		}
		return k.changeSchedule(ctx, s)
	})
}

func (k Keeper) changeSchedule(ctx sdk.Context, s types.Schedule) error {
	if err := k.updateSchedule(ctx, s); err != nil {
		return err
	}
	return k.emitScheduleChanged(ctx, s)
}

// CancelSchedule ends a schedule and returns what is left of its deposit. Runs that became requests go on. It returns
// what the owner got, in uopg.
func (k Keeper) CancelSchedule(ctx sdk.Context, msg *types.MsgCancelSchedule) (refunded math.Int, err error) {
	err = atomically(ctx, func(ctx sdk.Context) error {
		s, _, err := k.ownSchedule(ctx, msg.Owner, msg.Id)
		if err != nil {
			return err
		}
		if !s.Status.Live() {
			return types.ErrScheduleStatus.Wrapf("cancel: expected %s or %s, got %s", types.SCHEDULE_STATUS_ACTIVE, types.SCHEDULE_STATUS_PAUSED, s.Status)
		}
		refunded, err = k.endSchedule(ctx, s, types.SCHEDULE_STATUS_CANCELLED)
		return err
	})
	return refunded, err
}

// endSchedule returns the rest of the deposit, and drops the inputs. It returns what the owner got.
func (k Keeper) endSchedule(ctx sdk.Context, s types.Schedule, status types.ScheduleStatus) (math.Int, error) {
	owner, err := s.OwnerAddress()
	if err != nil {
		return math.Int{}, err
	}
	refunded, err := k.giveBack(ctx, owner, s.Deposit)
	if err != nil {
		return math.Int{}, err
	}
	s = s.Ended(status, ctx.BlockHeight())
	if err := k.updateSchedule(ctx, s); err != nil {
		return math.Int{}, err
	}
	return refunded, k.emitScheduleEnded(ctx, s, refunded)
}
