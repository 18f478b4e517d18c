package keeper

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"cosmossdk.io/collections"
	sdk "github.com/cosmos/cosmos-sdk/types"

	"github.com/opengradient/opengradient/internal/queue"
	"github.com/opengradient/opengradient/internal/selection"
	"github.com/opengradient/opengradient/x/scheduling/types"
)

// Assign begins attempts at the end of a block, in the order of the queue, while the budgets of the block last, and lets
// the base price follow what the block used. A task that does not fit, or whose eligible members hold no more than half
// of all power (no verdict would be possible: too few can run its model, or have it loaded yet), stays in its place and does not hold up those behind it. The first that
// does not fit has the first claim on the next block. Twice max_assignments_per_block tasks are looked at from the head of
// the queue, and as many behind them when some of those lack power: block by block further back, to the end and over again.
func (k Keeper) Assign(ctx context.Context) ([]types.Placement, error) {
	params, _, err := k.CurrentParams(ctx)
	if err != nil {
		return nil, err
	}
	limit := 2 * int(params.MaxAssignmentsPerBlock)
	head, err := k.waiting(ctx, nil, limit)
	if err != nil {
		return nil, err
	}
	if len(head) == 0 {
		if err := k.QueueCursor.Remove(ctx); err != nil {
			return nil, err
		}
		if err := k.storeClaim(ctx, nil); err != nil {
			return nil, err
		}
		return []types.Placement{}, k.followUtilisation(ctx, params, 0)
	}
	if head, err = k.claimFirst(ctx, head); err != nil {
		return nil, err
	}
	a, err := k.newAssignment(ctx, params)
	if err != nil {
		return nil, err
	}
	if _, err := a.begin(ctx, head); err != nil {
		return nil, err
	}
	if err := k.storeClaim(ctx, a.unfit); err != nil {
		return nil, err
	}
	if !a.powerless || len(head) < limit {
		err = k.QueueCursor.Remove(ctx)
	} else {
		err = a.further(ctx, head[len(head)-1], limit)
	}
	if err != nil {
		return nil, err
	}
	return a.placements, k.followUtilisation(ctx, params, a.remaining.Utilisation())
}

// assignment is what begins in one block.
type assignment struct {
	keeper    Keeper
	workers   []*worker
	total     int64
	remaining queue.Budget
	// able are those that can run a model.
	able ability
	// nodes are the workers as the draws see them, in the same order.
	nodes      []selection.Node
	placements []types.Placement
	// unfit is the place of the first task that did not fit; nil when all did.
	unfit *queueKey
	// powerless is true once a task could not begin for lack of power.
	powerless bool
}

func (k Keeper) newAssignment(ctx context.Context, params types.Params) (*assignment, error) {
	bonded, total, err := k.bonded(ctx, params)
	if err != nil {
		return nil, err
	}
	workers := eligibleOf(bonded)
	return &assignment{
		keeper: k, workers: workers, total: total, remaining: queue.NewBudget(params.Limits()),
		able: newAbility(k, workers), nodes: draws(workers, params), placements: []types.Placement{},
	}, nil
}

// begin begins those of the waiting tasks that can begin in this block, and returns how many it looked at before the
// budgets were spent.
func (a *assignment) begin(ctx context.Context, waiting []queueKey) (looked int, err error) {
	for i, key := range waiting {
		if a.remaining.IsSpent() {
			return i, nil
		}
		task, err := a.keeper.task(ctx, key.K3())
		if err != nil {
			return i, err
		}
		if !a.remaining.Fits(task.Need()) {
			if a.unfit == nil {
				a.unfit = &key
			}
			continue
		}
		placement, err := a.attempt(ctx, task)
		if errors.Is(err, selection.ErrNoMajority) {
			a.powerless = true
			continue
		}
		if err != nil {
			return i, fmt.Errorf("begin an attempt of request %d: %w", task.RequestId, err)
		}
		a.placements = append(a.placements, placement)
		a.remaining.Take(task.Need())
	}
	return len(waiting), nil
}

// further begins tasks behind the cursor, or behind the head when there is none, and moves the cursor over those looked
// at. At the end of the queue it is taken away, so that the next search begins behind the head.
func (a *assignment) further(ctx context.Context, head queueKey, limit int) error {
	cursor := a.keeper.QueueCursor
	from, err := cursor.Get(ctx)
	if errors.Is(err, collections.ErrNotFound) {
		from, err = head, nil
	}
	if err != nil {
		return fmt.Errorf("load the cursor of the queue: %w", err)
	}
	places, err := a.keeper.waiting(ctx, new(collections.Range[queueKey]).StartExclusive(from), limit)
	if err != nil {
		return err
	}
	looked, err := a.begin(ctx, places)
	switch {
	case err != nil:
		return err
	case looked == len(places) && looked < limit:
		return cursor.Remove(ctx)
	case looked == 0:
		return nil
	default:
		return cursor.Set(ctx, places[looked-1])
	}
}

// waiting returns the first places of the queue within a range, at most limit; nil is the whole queue.
func (k Keeper) waiting(ctx context.Context, within collections.Ranger[queueKey], limit int) ([]queueKey, error) {
	var places []queueKey
	err := k.Queue.Walk(ctx, within, func(key queueKey) (bool, error) {
		places = append(places, key)
		return len(places) == limit, nil
	})
	if err != nil {
		return nil, fmt.Errorf("walk the queue: %w", err)
	}
	return places, nil
}

// attempt moves a task from the queue to its next attempt, made by those that selection.Assign names. The first attempt
// of a task for a committee is made by one; it is never drawn again, as all members make the attempts that follow. It
// fails with selection.ErrNoMajority, and changes nothing, when no verdict would be possible.
func (a *assignment) attempt(ctx context.Context, task types.Task) (types.Placement, error) {
	able, err := a.able.of(ctx, task.Model)
	if err != nil {
		return types.Placement{}, err
	}
	header := sdk.UnwrapSDKContext(ctx).BlockHeader()
	drawn, err := selection.Assign(selection.Seed(header.AppHash, task.Digest, task.Attempts+1), a.nodes, selection.Task{
		Class: uint8(task.TaskClass), Memory: task.MemoryBytes, Committee: task.Committee && task.Attempts == 0,
		Able:   func(node int) bool { return able[node] },
		Passed: func(node int) bool { return slices.Contains(task.PassedOver, a.workers[node].node.Operator) },
	}, a.total)
	if err != nil {
		return types.Placement{}, err
	}
	params, err := a.keeper.ParamsAt(ctx, task.ParamsVersion)
	if err != nil {
		return types.Placement{}, err
	}
	position := drawn.Members[drawn.Leader]
	leader := a.workers[position]

	if err := a.keeper.dropQueue(ctx, task); err != nil {
		return types.Placement{}, err
	}
	task.Attempts++
	task.Assignment = &types.Assignment{
		Attempt:        task.Attempts,
		Leader:         leader.node.Operator,
		AssignedHeight: header.Height,
		Deadline:       min(header.Height+int64(params.AttemptBlocks), task.FinalDeadline),
	}
	if err := a.keeper.Tasks.Set(ctx, task.RequestId, task); err != nil {
		return types.Placement{}, err
	}
	if err := a.keeper.AttemptDeadlines.Set(ctx, collections.Join(task.Assignment.Deadline, task.RequestId)); err != nil {
		return types.Placement{}, err
	}
	if err := a.keeper.lead(ctx, leader.operator, &leader.node, task.ComputeUnits); err != nil {
		return types.Placement{}, err
	}
	a.nodes[position].Leading = leader.node.LeadingUnits

	electorate := make([]types.PowerMember, len(drawn.Members))
	for i, at := range drawn.Members {
		electorate[i] = types.PowerMember{Operator: a.workers[at].node.Operator, Power: a.workers[at].power}
	}
	placement := types.Placement{Task: task, Members: electorate, Seats: drawn.Seats, TotalPower: a.total}
	return placement, emitAssigned(ctx, task.RequestId, *task.Assignment, len(drawn.Seats))
}
