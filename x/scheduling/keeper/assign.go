package keeper

import (
	"context"
	"errors"
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
// stays in its place and does not hold up those behind it. Twice max_assignments_per_block tasks are looked at from the
// head of the queue, and as many behind them when some of those lack power: block by block further back, to the end
// and over again.
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
		return []types.Placement{}, k.QueueCursor.Remove(ctx)
	}
	a := assignment{keeper: k, params: params, remaining: newBudget(params), placements: []types.Placement{}}
	if a.workers, a.total, err = k.workers(ctx); err != nil {
		return nil, err
	}
	if _, err := a.begin(ctx, head); err != nil {
		return nil, err
	}
	if !a.powerless || len(head) < limit {
		return a.placements, k.QueueCursor.Remove(ctx)
	}
	return a.placements, a.further(ctx, head[len(head)-1], limit)
}

// assignment is what begins in one block.
type assignment struct {
	keeper     Keeper
	params     types.Params
	workers    []*worker
	total      int64
	remaining  budget
	placements []types.Placement
	// powerless is true once a task could not begin for lack of power.
	powerless bool
}

// begin begins those of the waiting tasks that can begin in this block, and returns how many it looked at before the
// budgets were spent.
func (a *assignment) begin(ctx context.Context, waiting []queueKey) (looked int, err error) {
	for i, key := range waiting {
		if a.remaining.isSpent() {
			return i, nil
		}
		task, err := a.keeper.task(ctx, key.K3())
		if err != nil {
			return i, err
		}
		if !a.remaining.fits(task) {
			continue
		}
		members, power := eligible(a.workers, task)
		if power <= a.total-power {
			a.powerless = true
			continue
		}
		placement, err := a.keeper.begin(ctx, task, members, a.params.BlockComputeUnits, a.total)
		if err != nil {
			return i, fmt.Errorf("begin an attempt of request %d: %w", task.RequestId, err)
		}
		a.placements = append(a.placements, placement)
		a.remaining.take(task)
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
// the stake of others. The first attempt of a task for a committee is made by one; it is never drawn again, as all
// members make the attempts that follow.
func (k Keeper) begin(ctx context.Context, task types.Task, members []*worker, mostUnits uint64, total int64) (types.Placement, error) {
	params, err := k.ParamsAt(ctx, task.ParamsVersion)
	if err != nil {
		return types.Placement{}, err
	}
	header := sdk.UnwrapSDKContext(ctx).BlockHeader()
	seed := selection.Seed(header.AppHash, task.Digest, task.Attempts+1)
	candidates := make([]selection.Candidate, len(members))
	electorate := make([]types.PowerMember, len(members))
	powers := make([]int64, len(members))
	for i, member := range members {
		candidates[i] = selection.Candidate{
			Power:       member.power,
			Reliability: member.node.Reliability,
			Free:        selection.FreeCapacity(min(member.node.Capacity, mostUnits), member.node.Status.FreeCapacity, member.node.LeadingUnits),
			Passed:      slices.Contains(task.PassedOver, member.node.Operator),
		}
		electorate[i] = types.PowerMember{Operator: member.node.Operator, Power: member.power}
		powers[i] = member.power
	}
	drawn, err := selection.Leader(seed, candidates)
	if err != nil {
		return types.Placement{}, err
	}
	leader := members[drawn]
	var seats []int
	if task.Committee && task.Attempts == 0 {
		if seats, err = selection.Committee(seed, powers, drawn, total); err != nil {
			return types.Placement{}, err
		}
	}

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
	placement := types.Placement{Task: task, Members: electorate, Seats: seats, TotalPower: total}
	return placement, emitAssigned(ctx, task.RequestId, *task.Assignment, len(seats))
}
