package types_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/opengradient/opengradient/internal/selection"
	"github.com/opengradient/opengradient/x/scheduling/types"
)

func TestDraw(t *testing.T) {
	node := working()
	node.TaskClasses = []types.TaskClass{types.TASK_CLASS_CLASSIFICATION, types.TASK_CLASS_OTHER}
	node.LeadingUnits = 30
	want := selection.Node{
		Power: 5, Reliability: 9000, Capacity: 1000, Reported: 1000, Observed: 700, Leading: 30,
		Memory: types.MinMemoryBytes, Classes: 1<<1 | 1<<7, Environment: 2,
	}
	require.Equal(t, want, node.Draw(5, types.DefaultParams()))

	node.ObservedCapacity = 0
	want.Observed = 1000
	require.Equal(t, want, node.Draw(5, types.DefaultParams()), "an unproven node counts for what the parameters say")

	node.Status = nil
	want.Reported = 0
	require.Equal(t, want, node.Draw(5, types.DefaultParams()))
}

func TestCounted(t *testing.T) {
	for name, tt := range map[string]struct{ capacity, observed, want uint64 }{
		"as far as it has delivered":  {1_000_000, 700, 700},
		"no more than it advertises":  {500, 700, 500},
		"unproven":                    {1_000_000, 0, 1000},
		"unproven, advertises little": {30, 0, 30},
	} {
		t.Run(name, func(t *testing.T) {
			node := working()
			node.Capacity, node.ObservedCapacity = tt.capacity, tt.observed
			require.Equal(t, tt.want, node.Counted(types.DefaultParams()))
		})
	}
}

// TestDrawServesWhatTheNodeServes: the draws tell classes by bits, and the chain by a list.
func TestDrawServesWhatTheNodeServes(t *testing.T) {
	for _, served := range types.AllTaskClasses() {
		node := working()
		node.TaskClasses = []types.TaskClass{served}
		for class := types.TASK_CLASS_UNSPECIFIED; class <= types.TASK_CLASS_OTHER+1; class++ {
			eligible := node.Draw(5, types.DefaultParams()).Eligible(selection.Task{Class: uint8(class)})
			require.Equal(t, class == served, eligible, "a task of %s by a node that serves %s", class, served)
		}
	}
}
