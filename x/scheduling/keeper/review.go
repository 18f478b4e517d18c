package keeper

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"cosmossdk.io/collections"
	errorsmod "cosmossdk.io/errors"
	sdk "github.com/cosmos/cosmos-sdk/types"

	"github.com/opengradient/opengradient/internal/selection"
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
	review := types.Review{}
	if review.Attempts, err = k.reviewFrom(ctx, from, 2*int(params.MaxAssignmentsPerBlock)); err != nil || len(review.Attempts) == 0 {
		return types.Review{}, err
	}
	review.Healthy, review.Majority, err = k.healthy(ctx, params.HeartbeatWindow)
	return review, err
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

// reviewFrom returns the attempts under way behind a place, at most so many, and moves the place.
func (k Keeper) reviewFrom(ctx context.Context, from deadlineKey, most int) ([]types.ReviewedAttempt, error) {
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
	height := sdk.UnwrapSDKContext(ctx).BlockHeight()
	attempts := make([]types.ReviewedAttempt, len(keys))
	for i, key := range keys {
		task, err := k.task(ctx, key.K2())
		if err != nil {
			return nil, err
		}
		params, err := k.ParamsAt(ctx, task.ParamsVersion)
		if err != nil {
			return nil, err
		}
		attempts[i] = types.ReviewedAttempt{
			RequestID: task.RequestId, Again: task.Attempts < params.MaxAttempts && height < task.FinalDeadline,
		}
	}
	return attempts, nil
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

// healthy lists the operators of bonded validators whose nodes can be expected to end what they have begun, and tells
// whether they hold more than half of all power.
func (k Keeper) healthy(ctx context.Context, window uint32) (operators map[string]bool, majority bool, err error) {
	bonded, err := k.bondedPowers(ctx)
	if err != nil {
		return nil, false, err
	}
	height := sdk.UnwrapSDKContext(ctx).BlockHeight()
	operators = make(map[string]bool, len(bonded))
	var healthy, others int64
	for _, w := range bonded {
		node, err := k.node(ctx, w.operator)
		if err != nil && !errors.Is(err, types.ErrNodeNotFound) {
			return nil, false, err
		}
		if err == nil && w.power > 0 && node.IsHealthy(height, window) {
			operators[node.Operator] = true
			healthy += w.power
		} else {
			others += w.power
		}
	}
	return operators, healthy > others, nil
}

// ReplaceLeader lets the attempt of a request go on under another leader, drawn from the candidates as leaders are. Those
// are members of the attempt, in any order, and those without a node that takes work are left out. It returns no leader,
// and changes nothing, when nobody remains. It returns types.ErrTaskNotFound or types.ErrNoAttempt when there is nothing
// under way.
func (k Keeper) ReplaceLeader(ctx context.Context, requestID uint64, candidates []string) (leader string, err error) {
	task, err := k.task(ctx, requestID)
	if err != nil {
		return "", err
	}
	if task.Assignment == nil {
		return "", errorsmod.Wrapf(types.ErrNoAttempt, "expected request %d to be assigned, got %d ended attempts", requestID, task.Attempts)
	}
	drawn, ok, err := k.drawLeader(ctx, task, candidates)
	if err != nil || !ok {
		return "", err
	}
	if err := k.release(ctx, task); err != nil {
		return "", err
	}
	assignment := *task.Assignment
	assignment.Leader = drawn.node.Operator
	replaced := task.Assignment.Leader
	task.Assignment = &assignment
	if err := k.Tasks.Set(ctx, requestID, task); err != nil {
		return "", err
	}
	if err := k.lead(ctx, drawn.operator, &drawn.node, task.ComputeUnits); err != nil {
		return "", err
	}
	return drawn.node.Operator, emitLeaderReplaced(ctx, requestID, assignment, replaced)
}

// drawLeader draws one of the candidates that take work now, other than the leader; ok is false when there is none.
func (k Keeper) drawLeader(ctx context.Context, task types.Task, candidates []string) (drawn *worker, ok bool, err error) {
	params, _, err := k.CurrentParams(ctx)
	if err != nil {
		return nil, false, err
	}
	workers, _, err := k.workers(ctx)
	if err != nil {
		return nil, false, err
	}
	named := make(map[string]bool, len(candidates))
	for _, candidate := range candidates {
		named[candidate] = true
	}
	var able []*worker
	var weights []selection.Candidate
	for _, w := range workers {
		node := w.node.Draw(w.power, params)
		if named[w.node.Operator] && w.node.Operator != task.Assignment.Leader {
			able = append(able, w)
			weights = append(weights, selection.Candidate{
				Power: w.power, Reliability: node.Reliability, Free: node.FreeCapacity(), Passed: slices.Contains(task.PassedOver, w.node.Operator),
			})
		}
	}
	if len(able) == 0 {
		return nil, false, nil
	}
	seed := selection.Seed(sdk.UnwrapSDKContext(ctx).BlockHeader().AppHash, task.Digest, task.Attempts)
	position, err := selection.Leader(seed, weights)
	if err != nil {
		return nil, false, err
	}
	return able[position], true, nil
}
