package keeper

import (
	"context"
	"slices"

	"cosmossdk.io/collections"
	errorsmod "cosmossdk.io/errors"
	sdk "github.com/cosmos/cosmos-sdk/types"

	"github.com/opengradient/opengradient/x/scheduling/types"
)

// Retry ends the attempt under way and puts the task in front of all new ones. PassOver are the operators that were
// silent or at fault in it, in any order: they lead no further attempt, unless nobody else remains, and a leader among
// them that had half of the attempt's time is observed to deliver less. It returns false, and changes nothing, when no
// attempt remains or the final deadline leaves no room for one more block: the caller then ends the request and calls
// Complete. It returns types.ErrTaskNotFound or types.ErrNoAttempt when there is nothing to end.
func (k Keeper) Retry(ctx context.Context, requestID uint64, passOver []string) (again bool, err error) {
	task, err := k.task(ctx, requestID)
	if err != nil {
		return false, err
	}
	if task.Assignment == nil {
		return false, errorsmod.Wrapf(types.ErrNoAttempt, "expected request %d to be assigned, got %d ended attempts", requestID, task.Attempts)
	}
	params, err := k.ParamsAt(ctx, task.ParamsVersion)
	if err != nil {
		return false, err
	}
	if !canRetry(ctx, task, params) {
		return false, nil
	}

	absent, err := k.passedOver(ctx, nil, passOver)
	if err != nil {
		return false, err
	}
	if slices.Contains(absent, task.Assignment.Leader) {
		if err := k.abandoned(ctx, task); err != nil {
			return false, err
		}
	}
	if err := k.endAttempt(ctx, task); err != nil {
		return false, err
	}
	if task.PassedOver, err = k.passedOver(ctx, task.PassedOver, absent); err != nil {
		return false, err
	}
	task.Assignment = nil
	if err := k.Tasks.Set(ctx, requestID, task); err != nil {
		return false, err
	}
	return true, k.pushQueue(ctx, task)
}

// canRetry tells whether attempts and blocks remain for another attempt of a task with these parameters.
func canRetry(ctx context.Context, task types.Task, params types.Params) bool {
	return task.Attempts < params.MaxAttempts && sdk.UnwrapSDKContext(ctx).BlockHeight() < task.FinalDeadline
}

// Complete removes a task that has a verdict or has ended otherwise, with all its index entries; its leader and its
// deadline slot are free again. It returns types.ErrTaskNotFound for a request without a task.
func (k Keeper) Complete(ctx context.Context, requestID uint64) error {
	task, err := k.task(ctx, requestID)
	if err != nil {
		return err
	}
	return k.remove(ctx, task)
}

// remove deletes a task wherever it is.
func (k Keeper) remove(ctx context.Context, task types.Task) error {
	if task.Assignment == nil {
		if err := k.dropQueue(ctx, task); err != nil {
			return err
		}
	} else if err := k.endAttempt(ctx, task); err != nil {
		return err
	}
	if err := k.freeDeadline(ctx, task); err != nil {
		return err
	}
	return k.Tasks.Remove(ctx, task.RequestId)
}

// endAttempt frees the leader and the deadline of the attempt under way. The caller stores or removes the task.
func (k Keeper) endAttempt(ctx context.Context, task types.Task) error {
	if err := k.AttemptDeadlines.Remove(ctx, collections.Join(task.Assignment.Deadline, task.RequestId)); err != nil {
		return err
	}
	return k.release(ctx, task)
}
