package keeper

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"

	"cosmossdk.io/collections"
	sdk "github.com/cosmos/cosmos-sdk/types"

	"github.com/opengradient/opengradient/x/scheduling/types"
)

// Expired returns the deadlines that have come, ordered by height and id. Final deadlines are all there: the quota they
// were accepted under bounds them. Of the attempts it returns at most twice max_assignments_per_block; more of them
// come in the next blocks. A task whose final deadline has come is returned once, as final.
//
// The caller ends each: Complete for a final one, Retry for an attempt.
func (k Keeper) Expired(ctx context.Context) ([]types.Expiry, error) {
	params, _, err := k.CurrentParams(ctx)
	if err != nil {
		return nil, err
	}
	height := sdk.UnwrapSDKContext(ctx).BlockHeight()
	due := collections.NewPrefixUntilPairRange[int64, uint64](height)

	var keys []deadlineKey
	final := make(map[uint64]bool)
	err = k.FinalDeadlines.Walk(ctx, due, func(key deadlineKey) (bool, error) {
		keys = append(keys, key)
		final[key.K2()] = true
		return false, nil
	})
	if err != nil {
		return nil, fmt.Errorf("walk the final deadlines: %w", err)
	}

	attempts, most := 0, 2*int(params.MaxAssignmentsPerBlock)
	err = k.AttemptDeadlines.Walk(ctx, due, func(key deadlineKey) (bool, error) {
		if final[key.K2()] {
			return false, nil
		}
		if attempts == most {
			return true, nil
		}
		attempts++
		keys = append(keys, key)
		return false, nil
	})
	if err != nil {
		return nil, fmt.Errorf("walk the attempt deadlines: %w", err)
	}

	slices.SortFunc(keys, func(a, b deadlineKey) int {
		return cmp.Or(cmp.Compare(a.K1(), b.K1()), cmp.Compare(a.K2(), b.K2()))
	})
	expiries := make([]types.Expiry, 0, len(keys))
	for _, key := range keys {
		task, err := k.task(ctx, key.K2())
		if err != nil {
			return nil, err
		}
		expiries = append(expiries, types.Expiry{RequestID: key.K2(), Final: final[key.K2()], Attempts: task.Attempts})
	}
	return expiries, nil
}

// deadlineCount returns the number of tasks whose final deadline is the height.
func (k Keeper) deadlineCount(ctx context.Context, height int64) (uint32, error) {
	count, err := k.DeadlineCounts.Get(ctx, height)
	if err != nil && !errors.Is(err, collections.ErrNotFound) {
		return 0, fmt.Errorf("load the tasks of deadline %d: %w", height, err)
	}
	return count, nil
}

// freeDeadline gives back the slot that the task holds at its final deadline.
func (k Keeper) freeDeadline(ctx context.Context, task types.Task) error {
	if err := k.FinalDeadlines.Remove(ctx, collections.Join(task.FinalDeadline, task.RequestId)); err != nil {
		return err
	}
	count, err := k.deadlineCount(ctx, task.FinalDeadline)
	if err != nil {
		return err
	}
	if count <= 1 {
		return k.DeadlineCounts.Remove(ctx, task.FinalDeadline)
	}
	return k.DeadlineCounts.Set(ctx, task.FinalDeadline, count-1)
}
