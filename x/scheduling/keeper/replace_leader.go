package keeper

import (
	"context"
	"slices"

	errorsmod "cosmossdk.io/errors"
	sdk "github.com/cosmos/cosmos-sdk/types"

	"github.com/opengradient/opengradient/internal/selection"
	"github.com/opengradient/opengradient/x/scheduling/types"
)

// ReplaceLeader lets the attempt of a request go on under another leader, drawn from the candidates as leaders are. Those
// are members of the attempt, in any order; who is not among the workers of the review of this block, or cannot run the model, is
// left out. What the
// new leader leads is counted in workers too. Silent tells whether the leader that goes has said nothing, or was at fault: if it
// had half of the attempt's time, it is observed to deliver less. ReplaceLeader returns no leader, and changes nothing,
// when nobody remains. It returns types.ErrTaskNotFound or types.ErrNoAttempt when there is nothing under way.
func (k Keeper) ReplaceLeader(ctx context.Context, workers types.Workers, requestID uint64, candidates []string, silent bool) (leader string, err error) {
	task, err := k.task(ctx, requestID)
	if err != nil {
		return "", err
	}
	if task.Assignment == nil {
		return "", errorsmod.Wrapf(types.ErrNoAttempt, "expected request %d to be assigned, got %d ended attempts", requestID, task.Attempts)
	}
	position, ok, err := drawLeader(ctx, task, workers, candidates)
	if err != nil || !ok {
		return "", err
	}
	if err := k.release(ctx, task); err != nil {
		return "", err
	}
	replaced := task.Assignment.Leader
	if silent {
		if err := k.abandoned(ctx, task); err != nil {
			return "", err
		}
	}
	assignment := *task.Assignment
	assignment.Leader, assignment.AssignedHeight = workers.Operators[position], sdk.UnwrapSDKContext(ctx).BlockHeight()
	task.Assignment = &assignment
	if err := k.Tasks.Set(ctx, requestID, task); err != nil {
		return "", err
	}
	operator, err := k.operatorBytes(assignment.Leader)
	if err != nil {
		return "", err
	}
	node, err := k.node(ctx, operator)
	if err != nil {
		return "", err
	}
	if err := k.lead(ctx, operator, &node, task.ComputeUnits); err != nil {
		return "", err
	}
	workers.Nodes[position].Leading = node.LeadingUnits
	return assignment.Leader, emitLeaderReplaced(ctx, requestID, assignment, replaced)
}

// drawLeader draws the position of one of the candidates that take work, other than the leader; ok is false when there is
// none.
func drawLeader(ctx context.Context, task types.Task, workers types.Workers, candidates []string) (position int, ok bool, err error) {
	named := make(map[string]bool, len(candidates))
	for _, candidate := range candidates {
		named[candidate] = true
	}
	var drawable []int
	var weights []selection.Candidate
	able, err := workers.Able(ctx, task.Model)
	if err != nil {
		return 0, false, err
	}
	for i, operator := range workers.Operators {
		if able[i] && named[operator] && operator != task.Assignment.Leader {
			drawable = append(drawable, i)
			weights = append(weights, workers.Nodes[i].Candidate(slices.Contains(task.PassedOver, operator)))
		}
	}
	if len(drawable) == 0 {
		return 0, false, nil
	}
	seed := selection.Seed(sdk.UnwrapSDKContext(ctx).BlockHeader().AppHash, task.Digest, task.Attempts)
	drawn, err := selection.Leader(seed, weights)
	if err != nil {
		return 0, false, err
	}
	return drawable[drawn], true, nil
}
