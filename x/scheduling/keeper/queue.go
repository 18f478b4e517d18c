package keeper

import (
	"context"
	"errors"
	"fmt"

	"cosmossdk.io/collections"
	errorsmod "cosmossdk.io/errors"
	sdk "github.com/cosmos/cosmos-sdk/types"

	"github.com/opengradient/opengradient/internal/queue"
	"github.com/opengradient/opengradient/x/scheduling/types"
)

// task returns the task of a request, or types.ErrTaskNotFound.
func (k Keeper) task(ctx context.Context, requestID uint64) (types.Task, error) {
	task, err := k.Tasks.Get(ctx, requestID)
	if errors.Is(err, collections.ErrNotFound) {
		return types.Task{}, errorsmod.Wrapf(types.ErrTaskNotFound, "expected an open task, got request %d", requestID)
	}
	return task, err
}

// Enqueue accepts a task at the end of the queue and reserves a slot at its final deadline. The caller sets the id, the
// digest and the needs; the result has the rest. It refuses with types.ErrInvalidTask, types.ErrTaskExists,
// types.ErrTaskTooLarge, types.ErrQueueFull or types.ErrNoDeadlineSlot, and then nothing is written.
func (k Keeper) Enqueue(ctx context.Context, task types.Task) (types.Task, error) {
	if err := task.ValidateNeeds(); err != nil {
		return types.Task{}, err
	}
	params, version, err := k.CurrentParams(ctx)
	if err != nil {
		return types.Task{}, err
	}
	if task.ComputeUnits > params.BlockComputeUnits {
		return types.Task{}, errorsmod.Wrapf(types.ErrTaskTooLarge, "expected at most %d compute units, got %d", params.BlockComputeUnits, task.ComputeUnits)
	}
	if task.OutputBytes > params.BlockOutputBytes {
		return types.Task{}, errorsmod.Wrapf(types.ErrTaskTooLarge, "expected at most %d output bytes, got %d", params.BlockOutputBytes, task.OutputBytes)
	}
	exists, err := k.Tasks.Has(ctx, task.RequestId)
	if err != nil {
		return types.Task{}, err
	}
	if exists {
		return types.Task{}, errorsmod.Wrapf(types.ErrTaskExists, "expected a new request, got %d", task.RequestId)
	}

	height := sdk.UnwrapSDKContext(ctx).BlockHeight()
	task.ParamsVersion = version
	task.QueuedHeight = height
	task.QueuePosition = queue.Position(height, params.HeadStarts(), task.FeeClass.Class())
	task.FinalDeadline = height + params.Lifetime()
	task.Attempts = 0
	task.PassedOver = nil
	task.Assignment = nil

	load, err := k.Load(ctx)
	if err != nil {
		return types.Task{}, err
	}
	if err := params.QueueRule().Admit(load, task.Need(), task.FeeClass.Class()); err != nil {
		return types.Task{}, errorsmod.Wrap(types.ErrQueueFull, err.Error())
	}
	count, err := k.deadlineCount(ctx, task.FinalDeadline)
	if err != nil {
		return types.Task{}, err
	}
	if count >= params.DeadlineQuota {
		return types.Task{}, errorsmod.Wrapf(types.ErrNoDeadlineSlot,
			"expected fewer than %d tasks with final deadline %d, got %d: submit in a later block", params.DeadlineQuota, task.FinalDeadline, count)
	}

	if err := k.DeadlineCounts.Set(ctx, task.FinalDeadline, count+1); err != nil {
		return types.Task{}, err
	}
	if err := k.FinalDeadlines.Set(ctx, collections.Join(task.FinalDeadline, task.RequestId)); err != nil {
		return types.Task{}, err
	}
	if err := k.Tasks.Set(ctx, task.RequestId, task); err != nil {
		return types.Task{}, err
	}
	return task, k.pushQueue(ctx, task)
}

// Cancel takes back a task that has begun no attempt. It returns types.ErrNotQueued once an attempt has begun, also
// while the task waits for another, and types.ErrTaskNotFound for a request without a task.
func (k Keeper) Cancel(ctx context.Context, requestID uint64) error {
	task, err := k.task(ctx, requestID)
	if err != nil {
		return err
	}
	if task.Attempts > 0 {
		return errorsmod.Wrapf(types.ErrNotQueued, "expected request %d to have no attempt, got %d", requestID, task.Attempts)
	}
	return k.remove(ctx, task)
}

// Load is what waits in the queue.
func (k Keeper) Load(ctx context.Context) (queue.Load, error) {
	load, err := k.QueueLoad.Get(ctx)
	if err != nil {
		return queue.Load{}, fmt.Errorf("load what waits in the queue: %w", err)
	}
	return load.Load(), nil
}

// queueKeyOf is the place of a waiting task in the queue.
func queueKeyOf(task types.Task) queueKey {
	key := task.QueueKey()
	return collections.Join3(key.Line, key.Position, key.ID)
}

func (k Keeper) pushQueue(ctx context.Context, task types.Task) error {
	if err := k.Queue.Set(ctx, queueKeyOf(task)); err != nil {
		return err
	}
	load, err := k.Load(ctx)
	if err != nil {
		return err
	}
	return k.QueueLoad.Set(ctx, types.NewQueueLoad(load.With(task.Need())))
}

func (k Keeper) dropQueue(ctx context.Context, task types.Task) error {
	if err := k.Queue.Remove(ctx, queueKeyOf(task)); err != nil {
		return err
	}
	load, err := k.Load(ctx)
	if err != nil {
		return err
	}
	return k.QueueLoad.Set(ctx, types.NewQueueLoad(load.Without(task.Need())))
}
