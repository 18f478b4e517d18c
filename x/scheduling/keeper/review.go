package keeper

import (
	"context"
	"errors"
	"fmt"

	"cosmossdk.io/collections"
	sdk "github.com/cosmos/cosmos-sdk/types"

	"github.com/opengradient/opengradient/x/scheduling/types"
)

// Review tends the nodes at the end of a block: those that are leaving and have nothing left to do leave, and statuses
// that have become stale are noticed. When a node turned unhealthy, in this block or an earlier one whose review is not
// over, it returns attempts under way that the caller is to look at: at most twice max_assignments_per_block, by deadline;
// the next ones come in the next block.
func (k Keeper) Review(ctx context.Context) (types.Review, error) {
	params, _, err := k.CurrentParams(ctx)
	if err != nil {
		return types.Review{}, err
	}
	if err := k.drain(ctx); err != nil {
		return types.Review{}, err
	}
	if err := k.noticeStale(ctx, params); err != nil {
		return types.Review{}, err
	}
	from, err := k.ReviewCursor.Get(ctx)
	if errors.Is(err, collections.ErrNotFound) {
		return types.Review{}, nil
	}
	if err != nil {
		return types.Review{}, fmt.Errorf("load the place of the review: %w", err)
	}
	ids, err := k.reviewFrom(ctx, from, 2*int(params.MaxAssignmentsPerBlock))
	if err != nil || len(ids) == 0 {
		return types.Review{}, err
	}
	bonded, total, err := k.bonded(ctx, params)
	if err != nil {
		return types.Review{}, err
	}
	height := sdk.UnwrapSDKContext(ctx).BlockHeight()
	review := types.Review{Healthy: make(map[string]bool, len(bonded))}
	for _, w := range bonded {
		// It is not asked whether the node takes new work.
		if w.power > 0 && w.node.IsHealthy(height, params.HeartbeatWindow) {
			review.Healthy[w.node.Operator] = true
		}
	}
	workers := eligibleOf(bonded)
	review.Workers = types.Workers{Nodes: draws(workers, params), TotalPower: total, Able: newAbility(k, workers).of}
	for _, w := range workers {
		review.Workers.Operators = append(review.Workers.Operators, w.node.Operator)
	}
	for _, id := range ids {
		attempt, err := k.reviewed(ctx, id, review.Workers)
		if err != nil {
			return types.Review{}, err
		}
		review.Attempts = append(review.Attempts, attempt)
	}
	return review, nil
}

// reviewed tells of one attempt under way whether another can follow: attempts and time remain, and those that take work
// hold the power that it needs to begin.
func (k Keeper) reviewed(ctx context.Context, id uint64, workers types.Workers) (types.ReviewedAttempt, error) {
	task, err := k.task(ctx, id)
	if err != nil {
		return types.ReviewedAttempt{}, err
	}
	params, err := k.ParamsAt(ctx, task.ParamsVersion)
	if err != nil {
		return types.ReviewedAttempt{}, err
	}
	able, err := workers.Able(ctx, task.Model)
	if err != nil {
		return types.ReviewedAttempt{}, err
	}
	return types.ReviewedAttempt{RequestID: id, Again: canRetry(ctx, task, params) && workers.CanBegin(task, able)}, nil
}

// reviewStart is the place in front of all attempts.
var reviewStart = collections.Join(int64(0), uint64(0))

// startReview has all attempts under way reviewed, from the first on. A review that is not over goes on, and another one
// follows: a node that turned unhealthy again and again would otherwise keep it from ever coming to the last attempts.
func (k Keeper) startReview(ctx context.Context) error {
	from, err := k.ReviewCursor.Get(ctx)
	switch {
	case errors.Is(err, collections.ErrNotFound):
		return k.ReviewCursor.Set(ctx, reviewStart)
	case err != nil:
		return fmt.Errorf("load the place of the review: %w", err)
	case from.K1() == reviewStart.K1() && from.K2() == reviewStart.K2():
		return nil // it has not begun
	}
	return k.ReviewAgain.Set(ctx, true)
}

// noticeStale starts a review when a status has become stale. Each is noticed once.
func (k Keeper) noticeStale(ctx context.Context, params types.Params) error {
	oldest := sdk.UnwrapSDKContext(ctx).BlockHeight() - int64(params.HeartbeatWindow)
	stale, err := dueNodes(ctx, k.StatusHeights, oldest)
	if err != nil || len(stale) == 0 {
		return err
	}
	for _, key := range stale {
		if err := k.StatusHeights.Remove(ctx, key); err != nil {
			return err
		}
	}
	return k.startReview(ctx)
}

// reviewFrom returns the requests of the attempts under way behind a place, at most so many, and moves the place.
func (k Keeper) reviewFrom(ctx context.Context, from deadlineKey, most int) ([]uint64, error) {
	var keys []deadlineKey
	err := k.AttemptDeadlines.Walk(ctx, new(collections.Range[deadlineKey]).StartExclusive(from), func(key deadlineKey) (bool, error) {
		keys = append(keys, key)
		return len(keys) == most, nil
	})
	if err != nil {
		return nil, fmt.Errorf("walk the attempts to review: %w", err)
	}
	if len(keys) == most {
		err = k.ReviewCursor.Set(ctx, keys[most-1])
	} else {
		err = k.endReview(ctx)
	}
	if err != nil {
		return nil, err
	}
	ids := make([]uint64, len(keys))
	for i, key := range keys {
		ids[i] = key.K2()
	}
	return ids, nil
}

// endReview ends a review behind the last attempt, or begins the one that is to follow.
func (k Keeper) endReview(ctx context.Context) error {
	again, err := k.ReviewAgain.Has(ctx)
	if err != nil {
		return fmt.Errorf("look for another review: %w", err)
	}
	if !again {
		return k.ReviewCursor.Remove(ctx)
	}
	if err := k.ReviewAgain.Remove(ctx); err != nil {
		return err
	}
	return k.ReviewCursor.Set(ctx, reviewStart)
}
