package types_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/opengradient/opengradient/x/scheduling/types"
)

// working is a node that takes work, with something in every field.
func working() types.Node {
	s := status()
	return types.Node{
		Operator: "operator", Capacity: 1000, MemoryBytes: types.MinMemoryBytes, TaskClasses: []types.TaskClass{types.TASK_CLASS_OTHER},
		Reliability: 9000, Status: &s, StatusHeight: 40, EnvironmentClass: 2, RegisteredHeight: 3, Hardware: "16 cores",
		ObservedCapacity: 700, ObservedLatency: 2500,
	}
}

func TestNodeStates(t *testing.T) {
	const active, paused, leaving, left = types.NODE_STATE_ACTIVE, types.NODE_STATE_PAUSED, types.NODE_STATE_LEAVING, types.NODE_STATE_LEFT
	leave := func(n types.Node) (types.Node, error) { return n.Leaving(77) }
	tests := map[string]struct {
		from    types.NodeState
		change  func(types.Node) (types.Node, error)
		want    types.NodeState
		message string // empty when the change is allowed
	}{
		"an active node is paused":           {active, types.Node.Paused, paused, ""},
		"a paused node is paused":            {paused, types.Node.Paused, 0, "expected NODE_STATE_ACTIVE, got NODE_STATE_PAUSED"},
		"a leaving node is paused":           {leaving, types.Node.Paused, 0, "got NODE_STATE_LEAVING"},
		"a node that has left is paused":     {left, types.Node.Paused, 0, "got NODE_STATE_LEFT"},
		"an active node is resumed":          {active, types.Node.Resumed, 0, "expected NODE_STATE_PAUSED or NODE_STATE_LEAVING, got NODE_STATE_ACTIVE"},
		"a paused node is resumed":           {paused, types.Node.Resumed, active, ""},
		"a leaving node is resumed":          {leaving, types.Node.Resumed, active, ""},
		"a node that has left is resumed":    {left, types.Node.Resumed, 0, "got NODE_STATE_LEFT"},
		"an active node leaves":              {active, leave, leaving, ""},
		"a paused node leaves":               {paused, leave, leaving, ""},
		"a leaving node leaves":              {leaving, leave, 0, "expected NODE_STATE_ACTIVE or NODE_STATE_PAUSED, got NODE_STATE_LEAVING"},
		"a node that has left leaves again":  {left, leave, 0, "got NODE_STATE_LEFT"},
		"a state that does not exist leaves": {9, leave, 0, "got 9"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			before := working()
			before.State = tt.from
			if tt.from == leaving {
				before.DrainedHeight = 55
			}
			after, err := tt.change(before)
			if tt.message != "" {
				require.ErrorIs(t, err, types.ErrNodeState)
				require.ErrorContains(t, err, tt.message)
				require.Equal(t, types.Node{}, after)
				return
			}
			require.NoError(t, err)
			want := before
			if want.State, want.DrainedHeight = tt.want, 0; tt.want == leaving {
				want.DrainedHeight = 77
			}
			require.Equal(t, want, after, "nothing else changes")
		})
	}
}

// TestLeftKeepsWhatIsRemembered: a node that registers again is not a new one.
func TestLeftKeepsWhatIsRemembered(t *testing.T) {
	node := working()
	node.State, node.DrainedHeight = types.NODE_STATE_LEAVING, 50
	node.JailedUntil, node.JailReason = 90, types.JailReasonMissed
	want := node
	want.State, want.DrainedHeight = types.NODE_STATE_LEFT, 0
	want.Status, want.StatusHeight, want.EnvironmentClass = nil, 0, 0
	require.Equal(t, want, node.Left())
	require.EqualValues(t, 700, node.Left().ObservedCapacity)
	require.True(t, node.Left().IsJailed())
}

func TestNodeEligibility(t *testing.T) {
	tests := map[string]struct {
		change func(*types.Node)
		power  int64
		want   types.Eligibility
	}{
		"ready and fresh":               {func(*types.Node) {}, 5, types.EligibilityEligible},
		"no power":                      {func(*types.Node) {}, 0, types.EligibilityNotBonded},
		"a negative power":              {func(*types.Node) {}, -1, types.EligibilityNotBonded},
		"paused":                        {func(n *types.Node) { n.State = types.NODE_STATE_PAUSED }, 5, types.EligibilityPaused},
		"leaving":                       {func(n *types.Node) { n.State = types.NODE_STATE_LEAVING }, 5, types.EligibilityLeaving},
		"left":                          {func(n *types.Node) { *n = n.Left() }, 5, types.EligibilityLeft},
		"jailed":                        {func(n *types.Node) { n.JailReason = types.JailReasonFault }, 5, types.EligibilityConductJailed},
		"paused and jailed":             {func(n *types.Node) { n.State, n.JailReason = types.NODE_STATE_PAUSED, "fault" }, 5, types.EligibilityPaused},
		"no status":                     {func(n *types.Node) { n.Status = nil }, 5, types.EligibilityNoStatus},
		"not ready":                     {func(n *types.Node) { n.Status.Ready = false }, 5, types.EligibilityNotReady},
		"just stale":                    {func(n *types.Node) { n.StatusHeight = 38 }, 5, types.EligibilityStale},
		"just fresh":                    {func(n *types.Node) { n.StatusHeight = 39 }, 5, types.EligibilityEligible},
		"no class":                      {func(n *types.Node) { n.EnvironmentClass = 0 }, 5, types.EligibilityNoEnvironment},
		"no capacity by its own report": {func(n *types.Node) { n.Status.FreeCapacity = 0 }, 5, types.EligibilityEligible},
		"nothing observed":              {func(n *types.Node) { n.ObservedCapacity = 0 }, 5, types.EligibilityEligible},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			node := working()
			tt.change(&node)
			require.Equal(t, tt.want, node.Eligibility(50, 12, tt.power))
		})
	}
}

// TestIsHealthy: what a node has begun goes on while it is paused, leaving or jailed; not while it is silent or not ready.
func TestIsHealthy(t *testing.T) {
	tests := map[string]struct {
		change func(*types.Node)
		want   bool
	}{
		"ready and fresh": {func(*types.Node) {}, true},
		"paused":          {func(n *types.Node) { n.State = types.NODE_STATE_PAUSED }, true},
		"leaving":         {func(n *types.Node) { n.State = types.NODE_STATE_LEAVING }, true},
		"jailed":          {func(n *types.Node) { n.JailReason = types.JailReasonFault }, true},
		"no class":        {func(n *types.Node) { n.EnvironmentClass = 0 }, true},
		"left":            {func(n *types.Node) { n.State = types.NODE_STATE_LEFT }, false},
		"no status":       {func(n *types.Node) { n.Status = nil }, false},
		"not ready":       {func(n *types.Node) { n.Status.Ready = false }, false},
		"just fresh":      {func(n *types.Node) { n.StatusHeight = 39 }, true},
		"just stale":      {func(n *types.Node) { n.StatusHeight = 38 }, false},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			node := working()
			tt.change(&node)
			require.Equal(t, tt.want, node.IsHealthy(50, 12))
		})
	}
}

func TestShiftedNode(t *testing.T) {
	tests := map[string]struct {
		change func(*types.Node)
		want   func(*types.Node)
	}{
		"at work":          {func(*types.Node) {}, func(n *types.Node) { n.RegisteredHeight, n.StatusHeight = 10, 47 }},
		"paused":           {func(n *types.Node) { n.State = types.NODE_STATE_PAUSED }, func(n *types.Node) { n.RegisteredHeight, n.StatusHeight = 10, 47 }},
		"without a status": {func(n *types.Node) { n.Status, n.StatusHeight = nil, 0 }, func(n *types.Node) { n.RegisteredHeight = 10 }},
		"leaving": {func(n *types.Node) { n.State, n.DrainedHeight = types.NODE_STATE_LEAVING, 60 }, func(n *types.Node) {
			n.RegisteredHeight, n.StatusHeight, n.DrainedHeight = 10, 47, 67
		}},
		"jailed": {func(n *types.Node) { n.JailReason, n.JailedUntil = "fault", -7 }, func(n *types.Node) {
			n.RegisteredHeight, n.StatusHeight, n.JailedUntil = 10, 47, 0
		}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			node := working()
			tt.change(&node)
			want := node
			tt.want(&want)
			require.Equal(t, want, node.Shifted(7))
			require.Equal(t, node, node.Shifted(7).Shifted(-7))
		})
	}
}
