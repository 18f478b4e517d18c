package keeper_test

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"cosmossdk.io/collections"

	"github.com/opengradient/opengradient/internal/selection"
	"github.com/opengradient/opengradient/x/scheduling/types"
)

// newLedFixture has one attempt of 10 units under way, led by node 0; the other four have equal stakes.
func newLedFixture(t check) *fixture {
	t.Helper()
	f := newFixture(t, types.DefaultParams(), 10, 10, 10, 10, 10)
	for id := uint64(1); ; id++ {
		f.enqueue(t, task(id))
		if f.assign(t)[0].Task.Assignment.Leader == operator(0).String() {
			f.led = id
			break
		}
		require.NoError(t, f.Complete(f.ctx, id))
	}
	f.at(12)
	return f
}

// named are the operators at these positions.
func named(positions ...int) []string {
	var operators []string
	for _, i := range positions {
		operators = append(operators, operator(i).String())
	}
	return operators
}

func TestReplaceLeader(t *testing.T) {
	tests := map[string]struct {
		prepare    func(f *fixture)
		candidates []string
		want       []int // each leads at some height, and nobody else does
	}{
		"the only candidate":                {func(*fixture) {}, named(3), []int{3}},
		"one of several":                    {func(*fixture) {}, named(4, 2, 3), []int{2, 3, 4}},
		"named twice is named once":         {func(*fixture) {}, named(3, 3, 2), []int{2, 3}},
		"the leader is not replaced by it":  {func(*fixture) {}, named(0, 1), []int{1}},
		"nobody":                            {func(*fixture) {}, nil, nil},
		"only the leader":                   {func(*fixture) {}, named(0), nil},
		"only somebody without a node":      {func(*fixture) {}, named(9), nil},
		"not one that is paused":            {func(f *fixture) { require.NoError(t, f.PauseNode(f.ctx, operator(1).String())) }, named(1, 2), []int{2}},
		"not one that is not ready":         {func(f *fixture) { require.NoError(t, f.SetStatus(f.ctx, operator(1), types.NodeStatus{})) }, named(1, 2), []int{2}},
		"not one that is jailed":            {func(f *fixture) { f.staking.find(operator(1)).jailed = true }, named(1, 2), []int{2}},
		"nobody when none takes work":       {func(f *fixture) { f.staking.find(operator(1)).power = 0 }, named(1), nil},
		"not one that is unreliable":        {func(f *fixture) { require.NoError(t, f.SetReliability(f.ctx, operator(1).String(), 0)) }, named(1, 2), []int{2}},
		"one that is unreliable, if alone":  {func(f *fixture) { require.NoError(t, f.SetReliability(f.ctx, operator(1).String(), 0)) }, named(1), []int{1}},
		"one that is full, if alone":        {func(f *fixture) { f.observe(t, 1, 1, 0); f.leads(t, 1, 500) }, named(1), []int{1}},
		"not one that was silent before":    {func(f *fixture) { f.passOver(t, 1) }, named(1, 2), []int{2}},
		"one that was silent, if alone":     {func(f *fixture) { f.passOver(t, 1) }, named(1), []int{1}},
		"those that were silent, if alone":  {func(f *fixture) { f.passOver(t, 1, 2) }, named(1, 2), []int{1, 2}},
		"the leader that comes back is new": {func(f *fixture) { f.replace(t, 4) }, named(0), []int{0}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			got := map[int]bool{}
			for height := int64(12); height < 20; height++ {
				f := newLedFixture(t)
				tt.prepare(f)
				f.at(height) // another seed
				before := f.dump()
				task, err := f.Tasks.Get(f.ctx, f.led)
				require.NoError(t, err)
				replaced := task.Assignment.Leader
				units := f.leadingUnits(t)
				leader, err := f.ReplaceLeader(f.ctx, f.workers(t), f.led, tt.candidates, false)
				require.NoError(t, err)
				if leader == "" {
					require.Equal(t, before, f.dump(), "nothing changes")
					require.Empty(t, f.ctx.EventManager().Events())
					continue
				}
				want := *task.Assignment
				want.Leader, want.AssignedHeight = leader, height
				stored, err := f.Tasks.Get(f.ctx, f.led)
				require.NoError(t, err)
				require.Equal(t, &want, stored.Assignment, "the attempt and its deadline stay, under a leader that is new")
				require.Equal(t, &types.EventLeaderReplaced{RequestId: f.led, Attempt: want.Attempt, Leader: leader, Replaced: replaced}, f.event(t))
				for i := range units {
					switch operator(i).String() {
					case leader:
						units[i] += 10
						got[i] = true
					case replaced:
						units[i] -= 10
					}
				}
				require.Equal(t, units, f.leadingUnits(t), "the units go with the lead")
			}
			require.Len(t, got, len(tt.want))
			for _, i := range tt.want {
				require.True(t, got[i], "expected %v to lead, got %v", tt.want, got)
			}
		})
	}
}

// leads has a node lead so many units more.
func (f *fixture) leads(t check, i int, units uint64) {
	node := f.node(t, i)
	node.LeadingUnits += units
	require.NoError(t, f.Nodes.Set(f.ctx, operator(i), node))
}

// passOver has the task that node 0 leads pass over others.
func (f *fixture) passOver(t check, positions ...int) {
	stored, err := f.Tasks.Get(f.ctx, f.led)
	require.NoError(t, err)
	stored.PassedOver = named(positions...)
	require.NoError(t, f.Tasks.Set(f.ctx, f.led, stored))
}

// replace has node i lead the task that node 0 leads.
func (f *fixture) replace(t check, i int) {
	leader, err := f.ReplaceLeader(f.ctx, f.workers(t), f.led, named(i), true)
	require.NoError(t, err)
	require.Equal(t, operator(i).String(), leader)
}

// workers are those of whom a review in this block would draw leaders.
func (f *fixture) workers(t check) types.Workers {
	before := f.ctx
	f.ctx, _ = f.ctx.CacheContext()
	defer func() { f.ctx = before }()
	// A task under way keeps the review from being empty.
	require.NoError(t, f.ReviewCursor.Set(f.ctx, collections.Join(int64(0), uint64(0))))
	return f.review(t).Workers
}

func (f *fixture) leadingUnits(t check) []uint64 {
	var units []uint64
	for i := range f.staking.validators {
		units = append(units, f.node(t, i).LeadingUnits)
	}
	return units
}

// TestReplacedAsDrawn: the new leader is the one that the pure rule draws from the candidates that take work, by address.
func TestReplacedAsDrawn(t *testing.T) {
	seen := map[int]bool{}
	for height := int64(12); height < 20; height++ {
		f := newLedFixture(t)
		f.at(height)
		f.leads(t, 2, 900)
		f.observe(t, 3, 100, 0)
		f.staking.find(operator(4)).power = 15
		stored, err := f.Tasks.Get(f.ctx, f.led)
		require.NoError(t, err)
		seed := selection.Seed(f.ctx.BlockHeader().AppHash, stored.Digest, 1)
		drawn, err := selection.Leader(seed, []selection.Candidate{
			{Power: 10, Reliability: 10_000, Free: 1000},
			{Power: 10, Reliability: 10_000, Free: 100},
			{Power: 10, Reliability: 10_000, Free: 100},
			{Power: 15, Reliability: 10_000, Free: 1000},
		})
		require.NoError(t, err)
		candidates := named(1, 2, 3, 4)
		if height%2 == 0 {
			slices.Reverse(candidates)
		}
		leader, err := f.ReplaceLeader(f.ctx, f.workers(t), f.led, candidates, false)
		require.NoError(t, err)
		require.Equal(t, operator(drawn+1).String(), leader)
		seen[drawn] = true
	}
	require.Greater(t, len(seen), 1)
}

func TestReplaceLeaderRefuses(t *testing.T) {
	f := newFixture(t, types.DefaultParams(), 10, 10)
	_, err := f.ReplaceLeader(f.ctx, types.Workers{}, 1, named(0, 1), true)
	require.ErrorIs(t, err, types.ErrTaskNotFound)
	f.enqueue(t, task(1))
	before := f.dump()
	_, err = f.ReplaceLeader(f.ctx, types.Workers{}, 1, named(0, 1), true)
	require.ErrorIs(t, err, types.ErrNoAttempt)
	require.Equal(t, before, f.dump())
	f.assign(t)
	_, err = f.Retry(f.ctx, 1, nil)
	require.NoError(t, err)
	_, err = f.ReplaceLeader(f.ctx, types.Workers{}, 1, named(0, 1), true)
	require.ErrorIs(t, err, types.ErrNoAttempt)
	require.ErrorContains(t, err, "got 1 ended attempts")
}

// TestAReplacedLeaderLosesAQuarter when it had half of the attempt's time and said nothing; and so does one that took the
// lead over.
func TestAReplacedLeaderLosesAQuarter(t *testing.T) {
	for name, tt := range map[string]struct {
		replaced, ends int64 // heights; the attempt began at begun
		silent         bool
		want           []uint64 // observed of the first leader, and of the second
	}{
		"both had the time":      {5, 10, true, []uint64{750, 750}},
		"the first alone":        {6, 10, true, []uint64{750, 0}},
		"the second alone":       {4, 10, true, []uint64{0, 750}},
		"the first had spoken":   {5, 10, false, []uint64{0, 750}},
		"neither, it ends early": {4, 8, true, []uint64{0, 0}},
	} {
		t.Run(name, func(t *testing.T) {
			f := newLedFixture(t)
			stored, err := f.Tasks.Get(f.ctx, f.led)
			require.NoError(t, err)
			begun := stored.Assignment.AssignedHeight
			f.at(begun + tt.replaced)
			f.heartbeat(t)
			leader, err := f.ReplaceLeader(f.ctx, f.workers(t), f.led, named(3), tt.silent)
			require.NoError(t, err)
			require.Equal(t, operator(3).String(), leader)
			requireRoundTrip(t, f)
			f.at(begun + tt.ends)
			_, err = f.Retry(f.ctx, f.led, named(0, 3))
			require.NoError(t, err)
			require.Equal(t, tt.want, []uint64{f.node(t, 0).ObservedCapacity, f.node(t, 3).ObservedCapacity})
		})
	}
}

// TestAReplacementThatFindsNobodyCostsNothing: the leader stays, and so does its time.
func TestAReplacementThatFindsNobodyCostsNothing(t *testing.T) {
	f := newLedFixture(t)
	f.at(18)
	before := f.dump()
	leader, err := f.ReplaceLeader(f.ctx, f.workers(t), f.led, named(0), true)
	require.NoError(t, err)
	require.Empty(t, leader)
	require.Equal(t, before, f.dump())
}

// TestAReplacedLeaderIsFree: when the attempt ends, the units are taken off the one that leads it then.
func TestAReplacedLeaderIsFree(t *testing.T) {
	f := newLedFixture(t)
	f.replace(t, 3)
	require.Equal(t, []uint64{0, 0, 0, 10, 0}, f.leadingUnits(t))
	requireRoundTrip(t, f)
	f.at(f.ctx.BlockHeight() + 5)
	again, err := f.Retry(f.ctx, f.led, named(3))
	require.NoError(t, err)
	require.True(t, again)
	require.Equal(t, []uint64{0, 0, 0, 0, 0}, f.leadingUnits(t))
	require.EqualValues(t, 750, f.node(t, 3).ObservedCapacity, "it is the one that left the attempt alone")
	require.Zero(t, f.node(t, 0).ObservedCapacity)
	_, err = f.LeaveNode(f.ctx, operator(0).String())
	require.NoError(t, err)
	f.review(t)
	f.requireState(t, 0, types.NODE_STATE_LEFT, 0)
}
