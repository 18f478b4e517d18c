package keeper

import (
	"errors"
	"fmt"

	"cosmossdk.io/collections"
	sdk "github.com/cosmos/cosmos-sdk/types"

	"github.com/opengradient/opengradient/x/inference/types"
)

const (
	// maxRunInputBytes bounds the inputs that the runs of one block read and copy, but for the first of them.
	maxRunInputBytes = 1 << 20
	// missedRunsFactor is how many runs a block looks at for each that it may place. Missed ones cost their owner nothing, and
	// must not take the places of others.
	missedRunsFactor = 16
)

// runSchedules places the runs that are due, the one that was planned first before the others. What is over the bounds of
// a block comes in the next one.
func (k Keeper) runSchedules(ctx sdk.Context) error {
	params, _, err := k.CurrentParams(ctx)
	if err != nil {
		return err
	}
	due, err := dueBefore(ctx, k.DueSchedules, collections.Join(ctx.BlockHeight()+1, uint64(0)), missedRunsFactor*int(params.MaxRunsPerBlock))
	if err != nil {
		return fmt.Errorf("runs that are due: %w", err)
	}
	known := &shares{} // no run changes the power of another
	copied, placed := uint64(0), uint32(0)
	for _, key := range due {
		if placed == params.MaxRunsPerBlock {
			return nil
		}
		s, err := k.Schedule(ctx, key.K2())
		if err != nil {
			return fmt.Errorf("due at height %d: %w", key.K1(), err)
		}
		if copied > 0 && copied+s.InputBytes > maxRunInputBytes {
			return nil
		}
		isPlaced, err := k.run(ctx, known, s)
		if err != nil {
			return fmt.Errorf("run %d of schedule %d: %w", s.Runs()+1, s.Id, err)
		}
		if isPlaced {
			placed++
			copied += s.InputBytes
		}
	}
	return nil
}

// run places the next run of a schedule, or notes why it was missed. When not even that can be done, the schedule is
// paused with all that it holds, so that no schedule can stop the chain.
func (k Keeper) run(ctx sdk.Context, known *shares, s types.Schedule) (placed bool, err error) {
	cause := atomically(ctx, func(ctx sdk.Context) error { return k.placeRun(ctx, known, s) })
	if cause == nil {
		return true, nil
	}
	reason := types.MissedReason(cause)
	if reason == types.MissedInternal {
		k.logger(ctx).Error("run failed", "schedule", s.Id, "run", s.Runs()+1, "cause", cause)
	}
	cause = atomically(ctx, func(ctx sdk.Context) error { return k.endRun(ctx, s, 0, reason) })
	if cause == nil {
		return false, nil
	}
	k.logger(ctx).Error("schedule paused", "schedule", s.Id, "cause", cause)
	return false, atomically(ctx, func(ctx sdk.Context) error {
		paused, err := s.Paused()
		if err != nil {
			return err
		}
		return k.changeSchedule(ctx, paused)
	})
}

// wishOf is what each run of a schedule asks for.
func wishOf(s types.Schedule) wish {
	return wish{model: s.Model, outputs: s.Outputs, service: s.Service(), sealing: s.Sealing}
}

// placeRun makes a request of a run, and pays for it out of the deposit: the escrow stays in the module account, the byte
// fee goes to the community pool.
func (k Keeper) placeRun(ctx sdk.Context, known *shares, s types.Schedule) error {
	o, err := k.newOrder(ctx, wishOf(s))
	if err != nil {
		return err
	}
	if err := o.checkUsable(); err != nil {
		return err
	}
	if err := o.params.CheckWork(s.Work()); err != nil {
		return err
	}
	fee, err := o.quote(s.Work())
	if err != nil {
		return err
	}
	if s, err = s.Charged(fee); err != nil {
		return err
	}
	if err := k.checkPower(ctx, known, o, s.MemoryBytes); err != nil {
		return err
	}
	if err := k.payCommunity(ctx, fee.Bytes); err != nil {
		return fmt.Errorf("byte fee: %w", err)
	}
	p := prepared{request: o.request(s.Owner, s.InputRoot, s.Work(), fee), memory: s.MemoryBytes}
	p.request.ScheduleId = s.Id
	id, err := k.accept(ctx, o, p, func() ([]byte, error) { return k.ScheduleInputs.Get(ctx, s.Id) })
	if err != nil {
		return err
	}
	return k.endRun(ctx, s, id, "")
}

// endRun writes down what became of a run, and plans the next one, or ends the schedule after the last.
func (k Keeper) endRun(ctx sdk.Context, s types.Schedule, request uint64, missed string) error {
	if s.Remaining == 0 {
		return errors.New("expected runs to remain, got none")
	}
	run := types.ScheduleRun{ScheduleId: s.Id, Run: s.Runs() + 1, Height: ctx.BlockHeight(), RequestId: request, Missed: missed}
	if err := k.ScheduleRuns.Set(ctx, collections.Join(run.ScheduleId, run.Run), run); err != nil {
		return err
	}
	if err := k.emitScheduleRun(ctx, run); err != nil {
		return err
	}
	if s = s.Ran(missed == "", run.Height); s.Remaining > 0 {
		return k.updateSchedule(ctx, s)
	}
	_, err := k.endSchedule(ctx, s, types.SCHEDULE_STATUS_COMPLETED)
	return err
}
