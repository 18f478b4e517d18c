package keeper

import (
	"context"
	"fmt"
	"slices"

	"cosmossdk.io/collections"
	sdk "github.com/cosmos/cosmos-sdk/types"

	"github.com/opengradient/opengradient/internal/selection"
	"github.com/opengradient/opengradient/x/scheduling/types"
)

// budget is what a block may still begin.
type budget struct {
	attempts     uint32
	units, bytes uint64
	nothingTaken bool
}

func newBudget(params types.Params) budget {
	return budget{
		attempts:     params.MaxAssignmentsPerBlock,
		units:        params.BlockComputeUnits,
		bytes:        params.BlockOutputBytes,
		nothingTaken: true,
	}
}

// fits reports whether the task can begin in this block. The first one always fits: a task accepted before governance
// lowered the budgets below its needs is run alone and not left to die in the queue.
func (b budget) fits(task types.Task) bool {
	return b.nothingTaken || (task.ComputeUnits <= b.units && task.OutputBytes <= b.bytes)
}

// isSpent reports whether no task at all can begin any more: each needs an attempt and a compute unit.
func (b budget) isSpent() bool {
	return b.attempts == 0 || (b.units == 0 && !b.nothingTaken)
}

// take charges a task that begins.
func (b *budget) take(task types.Task) {
	b.nothingTaken = false
	b.attempts--
	b.units -= min(b.units, task.ComputeUnits)
	b.bytes -= min(b.bytes, task.OutputBytes)
}

// Assign begins attempts at the end of a block, in the order of the queue, while the budgets of the block last. A task
// that does not fit, or whose eligible members hold no more than half of all power (no verdict would be possible),
// stays in its place and does not hold up those behind it. At most twice max_assignments_per_block tasks are looked at.
func (k Keeper) Assign(ctx context.Context) ([]types.Placement, error) {
	params, _, err := k.CurrentParams(ctx)
	if err != nil {
		return nil, err
	}
	waiting, err := k.head(ctx, 2*int(params.MaxAssignmentsPerBlock))
	if err != nil {
		return nil, err
	}
	if len(waiting) == 0 {
		return []types.Placement{}, nil
	}
	workers, total, err := k.workers(ctx)
	if err != nil {
		return nil, err
	}

	remaining := newBudget(params)
	placements := []types.Placement{}
	for _, id := range waiting {
		if remaining.isSpent() {
			break
		}
		task, err := k.task(ctx, id)
		if err != nil {
			return nil, err
		}
		if !remaining.fits(task) {
			continue
		}
		members, power := eligible(workers, task)
		if power <= total-power {
			continue
		}
		placement, err := k.begin(ctx, task, members, params.BlockComputeUnits)
		if err != nil {
			return nil, fmt.Errorf("begin an attempt of request %d: %w", id, err)
		}
		placement.TotalPower = total
		placements = append(placements, placement)
		remaining.take(task)
	}
	return placements, nil
}

// head returns the ids of the first tasks in the queue, at most limit.
func (k Keeper) head(ctx context.Context, limit int) ([]uint64, error) {
	var ids []uint64
	err := k.Queue.Walk(ctx, nil, func(key queueKey) (bool, error) {
		ids = append(ids, key.K3())
		return len(ids) == limit, nil
	})
	if err != nil {
		return nil, fmt.Errorf("walk the queue: %w", err)
	}
	return ids, nil
}

// eligible returns the workers that can run the task, in their order, and the power they hold together.
func eligible(workers []*worker, task types.Task) (members []*worker, power int64) {
	for _, w := range workers {
		if w.can(task.TaskClass, task.MemoryBytes) {
			members = append(members, w)
			power += w.power
		}
	}
	return members, power
}

// begin moves a task from the queue to its next attempt, led by the member that is drawn. What a member says of its
// capacity counts up to mostUnits, the units of a whole block: nobody can be given more, and a boast must not outweigh
// the stake of others.
func (k Keeper) begin(ctx context.Context, task types.Task, members []*worker, mostUnits uint64) (types.Placement, error) {
	params, err := k.ParamsAt(ctx, task.ParamsVersion)
	if err != nil {
		return types.Placement{}, err
	}
	header := sdk.UnwrapSDKContext(ctx).BlockHeader()
	seed := selection.Seed(header.AppHash, task.Digest, task.Attempts+1)
	candidates := make([]selection.Candidate, len(members))
	electorate := make([]types.PowerMember, len(members))
	for i, member := range members {
		candidates[i] = selection.Candidate{
			Power:       member.power,
			Reliability: member.node.Reliability,
			Free:        selection.FreeCapacity(min(member.node.Capacity, mostUnits), member.node.Status.FreeCapacity, member.node.LeadingUnits),
			Passed:      slices.Contains(task.EarlierLeaders, member.node.Operator),
		}
		electorate[i] = types.PowerMember{Operator: member.node.Operator, Power: member.power}
	}
	drawn, err := selection.Leader(seed, candidates)
	if err != nil {
		return types.Placement{}, err
	}
	leader := members[drawn]

	if err := k.dropQueue(ctx, task); err != nil {
		return types.Placement{}, err
	}
	task.Attempts++
	task.Assignment = &types.Assignment{
		Attempt:        task.Attempts,
		Leader:         leader.node.Operator,
		AssignedHeight: header.Height,
		Deadline:       min(header.Height+int64(params.AttemptBlocks), task.FinalDeadline),
	}
	if err := k.Tasks.Set(ctx, task.RequestId, task); err != nil {
		return types.Placement{}, err
	}
	if err := k.AttemptDeadlines.Set(ctx, collections.Join(task.Assignment.Deadline, task.RequestId)); err != nil {
		return types.Placement{}, err
	}
	if err := k.lead(ctx, leader.operator, &leader.node, task.ComputeUnits); err != nil {
		return types.Placement{}, err
	}
	return types.Placement{Task: task, Members: electorate}, emitAssigned(ctx, task.RequestId, *task.Assignment)
}
