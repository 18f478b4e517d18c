package keeper_test

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"cosmossdk.io/collections"

	"github.com/opengradient/opengradient/x/scheduling/types"
)

func (f *fixture) review(t check) types.Review {
	t.Helper()
	review, err := f.Review(f.ctx)
	require.NoError(t, err)
	require.Zero(t, f.staking.open+f.open, "every iterator is closed")
	return review
}

// requireState also looks whether the index of leaving nodes says the same.
func (f *fixture) requireState(t check, i int, state types.NodeState, drained int64) {
	t.Helper()
	node := f.node(t, i)
	require.Equal(t, state, node.State)
	require.Equal(t, drained, node.DrainedHeight)
	for height := range int64(100) {
		leaving := state == types.NODE_STATE_LEAVING && height == drained
		require.Equal(t, leaving, slices.Contains(f.places(t, f.Drains), place(height, i)), "height %d", height)
	}
}

func TestPauseAndResume(t *testing.T) {
	f := newFixture(t, types.DefaultParams(), 10, 20)
	f.enqueue(t, task(1))
	f.assign(t)
	f.at(11)
	want := f.node(t, 0)
	require.NoError(t, f.PauseNode(f.ctx, operator(0).String()))
	want.State = types.NODE_STATE_PAUSED
	require.Equal(t, want, f.node(t, 0), "nothing else changes")
	require.Equal(t, &types.EventNodeState{Operator: operator(0).String(), State: types.NODE_STATE_PAUSED}, f.event(t))
	requireRoundTrip(t, f)

	f.enqueue(t, task(2))
	placement := f.assign(t)[0]
	require.Equal(t, []types.PowerMember{{Operator: operator(1).String(), Power: 20}}, placement.Members, "no part in new work")
	require.EqualValues(t, 30, placement.TotalPower)
	require.NoError(t, f.SetStatus(f.ctx, operator(0), ready()), "its status is still taken")
	f.register(t, 0)
	f.requireState(t, 0, types.NODE_STATE_PAUSED, 0)

	f.at(12)
	require.NoError(t, f.ResumeNode(f.ctx, operator(0).String()))
	require.Equal(t, &types.EventNodeState{Operator: operator(0).String()}, f.event(t))
	f.enqueue(t, task(3))
	require.Len(t, f.assign(t)[0].Members, 2)
}

func TestPausedNodesCountAgainstTheMajority(t *testing.T) {
	f := newFixture(t, types.DefaultParams(), 10, 10)
	require.NoError(t, f.PauseNode(f.ctx, operator(0).String()))
	f.enqueue(t, task(1))
	require.Empty(t, f.assign(t))
	require.NoError(t, f.ResumeNode(f.ctx, operator(0).String()))
	require.Equal(t, []uint64{1}, f.assigned(t))
}

// TestNodeStatesRefuse: what does not go with the state of a node, or is no node, changes nothing.
func TestNodeStatesRefuse(t *testing.T) {
	pause := func(f *fixture, operator string) error { return f.PauseNode(f.ctx, operator) }
	resume := func(f *fixture, operator string) error { return f.ResumeNode(f.ctx, operator) }
	leave := func(f *fixture, operator string) error { _, err := f.LeaveNode(f.ctx, operator); return err }
	left := func(f *fixture) {
		require.NoError(t, leave(f, operator(0).String()))
		f.review(t)
	}
	tests := map[string]struct {
		prepare  func(f *fixture)
		change   func(f *fixture, operator string) error
		operator string
		want     error
	}{
		"paused twice":                    {func(f *fixture) { require.NoError(t, pause(f, operator(0).String())) }, pause, operator(0).String(), types.ErrNodeState},
		"resumed without a pause":         {func(*fixture) {}, resume, operator(0).String(), types.ErrNodeState},
		"left twice":                      {func(f *fixture) { require.NoError(t, leave(f, operator(0).String())) }, leave, operator(0).String(), types.ErrNodeState},
		"paused on its way out":           {func(f *fixture) { require.NoError(t, leave(f, operator(0).String())) }, pause, operator(0).String(), types.ErrNodeState},
		"paused after it has left":        {left, pause, operator(0).String(), types.ErrNodeState},
		"resumed after it has left":       {left, resume, operator(0).String(), types.ErrNodeState},
		"left after it has left":          {left, leave, operator(0).String(), types.ErrNodeState},
		"paused without a node":           {func(*fixture) {}, pause, operator(7).String(), types.ErrNodeNotFound},
		"resumed without a node":          {func(*fixture) {}, resume, operator(7).String(), types.ErrNodeNotFound},
		"left without a node":             {func(*fixture) {}, leave, operator(7).String(), types.ErrNodeNotFound},
		"paused by text that is no name":  {func(*fixture) {}, pause, "operator", types.ErrInvalidNode},
		"resumed by text that is no name": {func(*fixture) {}, resume, "operator", types.ErrInvalidNode},
		"left by text that is no name":    {func(*fixture) {}, leave, "operator", types.ErrInvalidNode},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			f := newFixture(t, types.DefaultParams(), 10, 20)
			tt.prepare(f)
			f.at(10) // without the events so far
			before := f.dump()
			require.ErrorIs(t, tt.change(f, tt.operator), tt.want)
			require.Equal(t, before, f.dump())
			require.Empty(t, f.ctx.EventManager().Events())
		})
	}
}

func TestStatesByAnotherSpelling(t *testing.T) {
	f := newFixture(t, types.DefaultParams(), 10)
	require.NoError(t, f.PauseNode(f.ctx, shouted(0)))
	require.NoError(t, f.ResumeNode(f.ctx, shouted(0)))
	_, err := f.LeaveNode(f.ctx, shouted(0))
	require.NoError(t, err)
	f.requireState(t, 0, types.NODE_STATE_LEAVING, 10)
}

// TestLeavesAtOnce a node that has nothing to do.
func TestLeavesAtOnce(t *testing.T) {
	f := newFixture(t, types.DefaultParams(), 10, 20)
	f.at(11)
	before := f.node(t, 0)
	drained, err := f.LeaveNode(f.ctx, operator(0).String())
	require.NoError(t, err)
	require.EqualValues(t, 11, drained)
	require.Equal(t, &types.EventNodeState{Operator: operator(0).String(), State: types.NODE_STATE_LEAVING, DrainedHeight: 11}, f.event(t))
	f.requireState(t, 0, types.NODE_STATE_LEAVING, 11)

	require.Equal(t, types.Review{}, f.review(t))
	require.Equal(t, before.Left(), f.node(t, 0))
	require.Equal(t, &types.EventNodeState{Operator: operator(0).String(), State: types.NODE_STATE_LEFT}, f.event(t))
	f.requireState(t, 0, types.NODE_STATE_LEFT, 0)
	requireRoundTrip(t, f)
	f.at(500)
	require.Equal(t, types.Review{Attempts: nil}, f.review(t), "its status is never found stale")
	require.Equal(t, before.Left(), f.node(t, 0))
}

// TestLeavesWhenAttemptsHaveEnded: it has its part in those that it was drawn into, and in none after that.
func TestLeavesWhenAttemptsHaveEnded(t *testing.T) {
	f := newFixture(t, types.DefaultParams(), 10, 20)
	f.enqueue(t, task(1))
	require.Len(t, f.assign(t)[0].Members, 2) // until 20
	f.at(13)
	f.enqueue(t, task(2))
	f.assign(t) // until 23
	f.at(15)
	drained, err := f.LeaveNode(f.ctx, operator(0).String())
	require.NoError(t, err)
	require.EqualValues(t, 23, drained, "the last attempt under way ends by then")
	f.enqueue(t, task(3))
	require.Len(t, f.assign(t)[0].Members, 1, "until 25, without it")
	for height := int64(15); height < 23; height++ {
		f.at(height)
		require.NoError(t, f.SetStatus(f.ctx, operator(0), ready()), "its status is still taken")
		f.review(t)
		f.requireState(t, 0, types.NODE_STATE_LEAVING, 23)
		requireRoundTrip(t, f)
	}
	f.at(23)
	for _, expiry := range f.expired(t) {
		require.NoError(t, f.Complete(f.ctx, expiry.RequestID))
	}
	f.review(t)
	f.requireState(t, 0, types.NODE_STATE_LEFT, 0)
	running, err := f.AttemptDeadlines.Has(f.ctx, collections.Join(int64(25), uint64(3)))
	require.NoError(t, err)
	require.True(t, running, "what it has no part in does not keep it")
}

// TestLeavingWaitsForOverdueAttempts: only so many end in one block.
func TestLeavingWaitsForOverdueAttempts(t *testing.T) {
	params := types.DefaultParams()
	f := newFixture(t, params, 10, 20)
	for id := range uint64(5) {
		f.enqueue(t, task(id+1))
	}
	require.Len(t, f.assign(t), 5)
	params.MaxAssignmentsPerBlock = 1
	require.NoError(t, f.AddParams(f.ctx, params))
	_, err := f.LeaveNode(f.ctx, operator(0).String())
	require.NoError(t, err)
	for _, block := range []struct {
		height  int64
		ends    int
		state   types.NodeState
		drained int64
	}{
		{20, 2, types.NODE_STATE_LEAVING, 21},
		{21, 2, types.NODE_STATE_LEAVING, 22},
		{22, 1, types.NODE_STATE_LEFT, 0},
	} {
		f.at(block.height)
		expired := f.expired(t)
		require.Len(t, expired, block.ends)
		for _, expiry := range expired {
			require.NoError(t, f.Complete(f.ctx, expiry.RequestID))
		}
		f.review(t)
		f.requireState(t, 0, block.state, block.drained)
		requireRoundTrip(t, f)
	}
}

// TestALeaderStaysUntilItLeadsNothing, whatever its deadline says: here the attempt is not ended when it should be.
func TestALeaderStaysUntilItLeadsNothing(t *testing.T) {
	f := newFixture(t, types.DefaultParams(), 10)
	f.enqueue(t, task(1))
	f.assign(t)
	_, err := f.LeaveNode(f.ctx, operator(0).String())
	require.NoError(t, err)
	for height := int64(20); height < 23; height++ {
		f.at(height)
		f.review(t)
		f.requireState(t, 0, types.NODE_STATE_LEAVING, height+1)
	}
	f.at(23)
	require.NoError(t, f.Complete(f.ctx, 1))
	f.review(t)
	f.requireState(t, 0, types.NODE_STATE_LEFT, 0)
}

func TestResumeOnTheWayOut(t *testing.T) {
	f := newFixture(t, types.DefaultParams(), 10)
	f.enqueue(t, task(1))
	f.assign(t)
	f.at(12)
	want := f.node(t, 0)
	_, err := f.LeaveNode(f.ctx, operator(0).String())
	require.NoError(t, err)
	f.requireState(t, 0, types.NODE_STATE_LEAVING, 20)
	require.NoError(t, f.ResumeNode(f.ctx, operator(0).String()))
	require.Equal(t, want, f.node(t, 0))
	f.at(30)
	f.review(t)
	f.requireState(t, 0, types.NODE_STATE_ACTIVE, 0)
	require.NotNil(t, f.node(t, 0).Status)
}

func TestAPausedNodeLeaves(t *testing.T) {
	f := newFixture(t, types.DefaultParams(), 10)
	require.NoError(t, f.PauseNode(f.ctx, operator(0).String()))
	_, err := f.LeaveNode(f.ctx, operator(0).String())
	require.NoError(t, err)
	f.review(t)
	f.requireState(t, 0, types.NODE_STATE_LEFT, 0)
}

// TestBackAfterLeaving: conduct and what was observed are remembered, the status is not.
func TestBackAfterLeaving(t *testing.T) {
	f := newFixture(t, types.DefaultParams(), 10, 20)
	require.NoError(t, f.JailNode(f.ctx, operator(0).String(), 30, types.JailReasonMissed))
	require.NoError(t, f.SetReliability(f.ctx, operator(0).String(), 4_000))
	f.observe(t, 0, 321, 2_500)
	status := ready()
	status.ModelsReady = [][]byte{model(1)}
	require.NoError(t, f.SetStatus(f.ctx, operator(0), status))
	_, err := f.LeaveNode(f.ctx, operator(0).String())
	require.NoError(t, err)
	f.review(t)
	f.at(12)
	require.ErrorIs(t, f.SetStatus(f.ctx, operator(0), ready()), types.ErrNodeNotFound, "it has no duty")
	before := f.dump()
	require.ErrorIs(t, f.SetStatus(f.ctx, operator(0), types.NodeStatus{}), types.ErrNodeNotFound)
	require.Equal(t, before, f.dump())

	msg := registration(0)
	msg.Hardware = "a new machine"
	require.NoError(t, f.RegisterNode(f.ctx, msg))
	require.Equal(t, types.Node{
		Operator: operator(0).String(), Capacity: 500, MemoryBytes: 2 * gibibyte, TaskClasses: []types.TaskClass{types.TASK_CLASS_EMBEDDING},
		Reliability: 4_000, RegisteredHeight: 10, JailedUntil: 30, JailReason: types.JailReasonMissed,
		Hardware: "a new machine", ObservedCapacity: 321, ObservedLatency: 2_500,
	}, f.node(t, 0))
	models, err := f.ModelsOf(f.ctx, operator(0))
	require.NoError(t, err)
	require.Empty(t, models)
	require.NoError(t, f.SetStatus(f.ctx, operator(0), ready()))
	requireRoundTrip(t, f)
}

// TestWhoHasLeftCanStillBeJailed: what it did is found out later.
func TestWhoHasLeftCanStillBeJailed(t *testing.T) {
	f := newFixture(t, types.DefaultParams(), 10, 20)
	_, err := f.LeaveNode(f.ctx, operator(0).String())
	require.NoError(t, err)
	f.review(t)
	require.NoError(t, f.JailNode(f.ctx, operator(0).String(), 40, types.JailReasonFault))
	require.NoError(t, f.SetReliability(f.ctx, operator(0).String(), 100))
	node := f.node(t, 0)
	require.True(t, node.IsJailed())
	require.EqualValues(t, 100, node.Reliability)
	f.requireState(t, 0, types.NODE_STATE_LEFT, 0)
	requireRoundTrip(t, f)
}

// TestSeveralLeave in one block, and others stay.
func TestSeveralLeave(t *testing.T) {
	f := newFixture(t, types.DefaultParams(), 10, 20, 30, 40)
	for _, i := range []int{1, 3} {
		_, err := f.LeaveNode(f.ctx, operator(i).String())
		require.NoError(t, err)
	}
	f.review(t)
	for i, state := range []types.NodeState{types.NODE_STATE_ACTIVE, types.NODE_STATE_LEFT, types.NODE_STATE_ACTIVE, types.NODE_STATE_LEFT} {
		f.requireState(t, i, state, 0)
	}
}
