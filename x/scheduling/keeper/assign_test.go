package keeper_test

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/opengradient/opengradient/internal/selection"
	"github.com/opengradient/opengradient/x/scheduling/types"
)

func TestAssignPlacement(t *testing.T) {
	f := newFixture(t, types.DefaultParams(), 10, 20, 30)
	// Staking orders its entries by the length of the address first; members are ordered by bytes alone.
	slices.Reverse(f.staking.validators)
	f.enqueue(t, task(1))
	f.at(10) // without the events so far
	placements := f.assign(t)
	require.Len(t, placements, 1)
	placement := placements[0]
	require.Equal(t, []types.PowerMember{
		{Operator: operator(0).String(), Power: 10},
		{Operator: operator(1).String(), Power: 20},
		{Operator: operator(2).String(), Power: 30},
	}, placement.Members)
	require.EqualValues(t, 60, placement.TotalPower)
	stored, err := f.Tasks.Get(f.ctx, 1)
	require.NoError(t, err)
	require.Equal(t, stored, placement.Task)

	// The leader is the one that the pure rule draws from the seed of the previous block.
	require.Nil(t, placement.Seats, "every member has a seat")
	seed := selection.Seed(f.ctx.BlockHeader().AppHash, stored.Digest, 1)
	drawn, err := selection.Leader(seed, []selection.Candidate{
		{Power: 10, Reliability: 10_000, Free: 1000}, {Power: 20, Reliability: 10_000, Free: 1000}, {Power: 30, Reliability: 10_000, Free: 1000},
	})
	require.NoError(t, err)
	require.Equal(t, &types.Assignment{Attempt: 1, Leader: operator(drawn).String(), AssignedHeight: 10, Deadline: 20}, stored.Assignment)
	require.EqualValues(t, 1, stored.Attempts)
	for i := range 3 {
		want := uint64(0)
		if i == drawn {
			want = 10
		}
		require.Equal(t, want, f.node(t, i).LeadingUnits)
	}
	events := f.ctx.EventManager().Events()
	require.Len(t, events, 1)
	require.Equal(t, "opengradient.scheduling.v1.EventAssigned", events[0].Type)
}

func TestAssignWithinBudgets(t *testing.T) {
	params := types.DefaultParams()
	params.BlockComputeUnits, params.BlockOutputBytes, params.MaxAssignmentsPerBlock = 100, 1000, 3
	tests := map[string]struct {
		tasks []types.Task
		want  [][]uint64 // per block
	}{
		"all fit":                              {[]types.Task{sized(1, 50, 500), sized(2, 50, 500)}, [][]uint64{{1, 2}, {}}},
		"the number of attempts is bounded":    {[]types.Task{task(1), task(2), task(3), task(4)}, [][]uint64{{1, 2, 3}, {4}}},
		"compute units run out":                {[]types.Task{sized(1, 60, 0), sized(2, 60, 0)}, [][]uint64{{1}, {2}}},
		"output bytes run out":                 {[]types.Task{sized(1, 1, 600), sized(2, 1, 600)}, [][]uint64{{1}, {2}}},
		"a large task does not hold up others": {[]types.Task{sized(1, 60, 0), sized(2, 100, 0), sized(3, 40, 0)}, [][]uint64{{1, 3}, {2}}},
		"a large task is not passed for ever":  {[]types.Task{sized(1, 60, 0), sized(2, 100, 0), sized(3, 60, 0), sized(4, 60, 0)}, [][]uint64{{1}, {2}, {3}, {4}}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			f := newFixture(t, params, 10)
			for _, given := range tt.tasks {
				f.enqueue(t, given)
			}
			for i, want := range tt.want {
				f.at(10 + int64(i))
				require.Equal(t, want, f.assigned(t), "block %d", i)
			}
		})
	}
}

func TestAssignRunsAloneWhatNoLongerFits(t *testing.T) {
	f := newFixture(t, types.DefaultParams(), 10)
	f.enqueue(t, sized(1, 5000, 5000))
	f.enqueue(t, task(2))
	lowered := types.DefaultParams()
	lowered.BlockComputeUnits = 1000
	require.NoError(t, f.AddParams(f.ctx, lowered))
	require.Equal(t, []uint64{1}, f.assigned(t))
	f.at(11)
	require.Equal(t, []uint64{2}, f.assigned(t))
}

func TestAssignNeedsMoreThanHalfOfThePower(t *testing.T) {
	tests := map[string]struct {
		powers []int64 // the first node is not ready
		want   []uint64
	}{
		"just above half":                   {[]int64{10, 11}, []uint64{1}},
		"exactly half":                      {[]int64{10, 10}, []uint64{}},
		"below half":                        {[]int64{11, 10}, []uint64{}},
		"powers as large as a chain allows": {[]int64{1<<59 - 1, 1 << 59}, []uint64{1}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			f := newFixture(t, types.DefaultParams(), tt.powers...)
			require.NoError(t, f.SetStatus(f.ctx, operator(0), types.NodeStatus{}))
			f.enqueue(t, task(1))
			require.Equal(t, tt.want, f.assigned(t))
		})
	}
}

func TestAssignPassesByWhatNobodyServes(t *testing.T) {
	const unserved = 19
	params := types.DefaultParams()
	params.MaxAssignmentsPerBlock = 2
	f := newFixture(t, params, 10)
	for id := range uint64(unserved) {
		given := task(id + 1)
		given.TaskClass = types.TASK_CLASS_RANKING
		f.enqueue(t, given)
	}
	for id := range uint64(5) {
		f.enqueue(t, task(unserved+1+id))
	}
	// Four are looked at from the head, and four more further back in each block: 5 to 8, 9 to 12, ...
	for i, want := range [][]uint64{{}, {}, {}, {20}, {21, 22}, {23, 24}, {}, {}} {
		f.at(10 + int64(i))
		require.Equal(t, want, f.assigned(t), "block %d", i)
	}
	require.EqualValues(t, unserved, f.load(t).Tasks)
	for id := range uint64(unserved) {
		require.NoError(t, f.Complete(f.ctx, id+1))
	}
	require.Empty(t, f.assign(t))
	searching, err := f.QueueCursor.Has(f.ctx)
	require.NoError(t, err)
	require.False(t, searching, "nothing is left of a search in an empty queue")
}

func TestAssignWithoutValidators(t *testing.T) {
	f := newFixture(t, types.DefaultParams())
	f.enqueue(t, task(1))
	require.Empty(t, f.assign(t))
}

// TestAssignLoadsLeadersEvenly: the units a node leads lower its weight within the same block.
func TestAssignLoadsLeadersEvenly(t *testing.T) {
	f := newFixture(t, types.DefaultParams(), 10, 10, 10, 10)
	for id := range uint64(40) {
		f.enqueue(t, sized(id+1, 100, 0))
	}
	require.Len(t, f.assign(t), 40)
	var sum uint64
	for i := range 4 {
		node := f.node(t, i)
		sum += node.LeadingUnits
		require.LessOrEqual(t, node.LeadingUnits, uint64(1000+300), "no node is given much more than its capacity")
	}
	require.EqualValues(t, 4000, sum)
}

// TestABoastedCapacityDoesNotWinTheLead: capacity is what a node says of itself, and whoever leads earns the publisher's
// part and decides when the bytes appear.
func TestABoastedCapacityDoesNotWinTheLead(t *testing.T) {
	leaders := func(claim uint64) (leaders []string) {
		params := types.DefaultParams()
		params.BlockComputeUnits = 1000
		f := newFixture(t, params, 10, 10, 10, 10)
		require.NoError(t, f.RegisterNode(f.ctx, &types.MsgRegisterNode{
			Operator: operator(0).String(), Capacity: claim, MemoryBytes: gibibyte, TaskClasses: types.AllTaskClasses(),
		}))
		status := ready()
		status.FreeCapacity = claim
		require.NoError(t, f.SetStatus(f.ctx, operator(0), status))
		for id := range uint64(40) {
			f.enqueue(t, task(id+1))
		}
		for _, placement := range f.assign(t) {
			leaders = append(leaders, placement.Task.Assignment.Leader)
		}
		return leaders
	}
	honest := leaders(types.DefaultParams().UnprovenCapacity)
	require.Len(t, honest, 40)
	require.Contains(t, honest, operator(0).String())
	require.Equal(t, honest, leaders(types.MaxCapacity), "the same nodes lead as without the boast")
}

func TestRetryPassesOver(t *testing.T) {
	params := types.DefaultParams()
	params.MaxAttempts = 4
	f := newFixture(t, params, 10, 10, 10)
	f.enqueue(t, task(1))
	var leaders []string
	for attempt := range 4 {
		f.at(10 + int64(attempt))
		placements := f.assign(t)
		require.Len(t, placements, 1)
		leader := placements[0].Task.Assignment.Leader
		leaders = append(leaders, leader)
		require.Len(t, placements[0].Members, 3, "those passed over stay members")
		again, err := f.Retry(f.ctx, 1, []string{leader})
		require.NoError(t, err)
		require.Equal(t, attempt < 3, again)
	}
	first := slices.Clone(leaders[:3])
	slices.Sort(first)
	require.Len(t, slices.Compact(first), 3, "three attempts have three leaders; the fourth has one of them again")
}

// TestOnlyThoseAtFaultArePassedOver: a leader that did its part may lead again, and a member that did not never leads.
func TestOnlyThoseAtFaultArePassedOver(t *testing.T) {
	f := newFixture(t, types.DefaultParams(), 10, 10, 10)
	twice, led := 0, map[string]int{}
	for id := range uint64(30) {
		f.at(10 + int64(id))
		f.heartbeat(t)
		f.enqueue(t, task(id+1))
		first := f.assign(t)[0].Task.Assignment.Leader
		_, err := f.Retry(f.ctx, id+1, []string{operator(2).String()})
		require.NoError(t, err)
		second := f.assign(t)[0].Task.Assignment.Leader
		led[second]++
		if first == second {
			twice++
		}
		require.NoError(t, f.Complete(f.ctx, id+1))
	}
	require.Positive(t, twice)
	require.Zero(t, led[operator(2).String()])
	require.Len(t, led, 2)
}

// TestTheFirstThatDoesNotFitIsNext: small tasks that begin again, or come with a head start, do not keep a large one waiting
// for ever.
func TestTheFirstThatDoesNotFitIsNext(t *testing.T) {
	params := shortQueue(100)
	params.BlockComputeUnits, params.PriorityHeadStart = 100, 20
	f := newFixture(t, params, 10)
	claim := func() uint64 {
		has, err := f.QueueClaim.Has(f.ctx)
		require.NoError(t, err)
		if !has {
			return 0
		}
		key, err := f.QueueClaim.Get(f.ctx)
		require.NoError(t, err)
		return key.K3()
	}
	f.enqueue(t, sized(1, 10, 0))
	require.Equal(t, []uint64{1}, f.assigned(t))
	require.Zero(t, claim())
	f.enqueue(t, sized(2, 95, 0))
	f.enqueue(t, sized(3, 91, 0))
	f.enqueue(t, sized(4, 9, 0))
	again, err := f.Retry(f.ctx, 1, nil)
	require.NoError(t, err)
	require.True(t, again)
	require.Equal(t, []uint64{1, 4}, f.assigned(t), "what is small goes beside the retry")
	require.EqualValues(t, 2, claim())

	f.at(11)
	again, err = f.Retry(f.ctx, 1, nil)
	require.NoError(t, err)
	require.True(t, again)
	given := sized(5, 5, 0)
	given.FeeClass = types.FEE_CLASS_PRIORITY
	f.enqueue(t, given)
	require.Equal(t, []uint64{2, 5}, f.assigned(t), "before the retry")
	require.EqualValues(t, 1, claim(), "which is then the first that did not fit")

	f.at(12)
	require.NoError(t, f.Complete(f.ctx, 1))
	require.Equal(t, []uint64{3}, f.assigned(t), "a claim of what has ended is none")
	require.Zero(t, claim())
	f.at(13)
	require.Empty(t, f.assign(t))
	requireRoundTrip(t, f)
}

// TestAClaimDoesNotHoldUpTheBlock when the one that has it lacks power, and is taken back once nothing waits.
func TestAClaimDoesNotHoldUpTheBlock(t *testing.T) {
	params := shortQueue(100)
	params.BlockComputeUnits = 100
	f := newFixture(t, params, 10, 10)
	require.NoError(t, f.RegisterNode(f.ctx, &types.MsgRegisterNode{
		Operator: operator(0).String(), Capacity: 1000, MemoryBytes: 2 * gibibyte, TaskClasses: types.AllTaskClasses(),
	}))
	require.NoError(t, f.RegisterNode(f.ctx, &types.MsgRegisterNode{
		Operator: operator(1).String(), Capacity: 1000, MemoryBytes: 2 * gibibyte, TaskClasses: types.AllTaskClasses(),
	}))
	large := sized(2, 95, 0)
	large.MemoryBytes = 2 * gibibyte
	f.enqueue(t, sized(1, 10, 0))
	f.enqueue(t, large)
	f.enqueue(t, sized(3, 91, 0))
	require.Equal(t, []uint64{1}, f.assigned(t))
	f.at(11)
	f.register(t, 1) // with less memory
	f.enqueue(t, sized(4, 10, 0))
	require.Equal(t, []uint64{3}, f.assigned(t))
	f.at(12)
	require.Equal(t, []uint64{4}, f.assigned(t), "the claim of the first that did not fit beside it")
	require.NoError(t, f.Cancel(f.ctx, 2))
	f.at(13)
	require.Empty(t, f.assign(t))
	has, err := f.QueueClaim.Has(f.ctx)
	require.NoError(t, err)
	require.False(t, has)
}
