package types_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/opengradient/opengradient/internal/queue"
	"github.com/opengradient/opengradient/x/scheduling/types"
)

func TestFeeClasses(t *testing.T) {
	for class, want := range map[types.FeeClass]queue.Class{
		types.FEE_CLASS_ECONOMY: queue.Economy, types.FEE_CLASS_STANDARD: queue.Standard, types.FEE_CLASS_PRIORITY: queue.Priority,
	} {
		require.True(t, class.IsKnown())
		require.Equal(t, want, class.Class())
	}
	require.Len(t, types.FeeClass_name, 3, "a class that is added needs a place in the order")
	for _, class := range []types.FeeClass{-1, 3, 99} {
		require.False(t, class.IsKnown())
		require.Equal(t, queue.Economy, class.Class())
	}
}

func TestQueueKey(t *testing.T) {
	task := types.Task{RequestId: 5, QueuedHeight: 40, QueuePosition: 30, FinalDeadline: 170}
	require.Equal(t, queue.Key{Line: queue.NewLine, Position: 30, ID: 5}, task.QueueKey())
	task.Attempts = 1
	require.Equal(t, queue.Key{Line: queue.RetryLine, Position: 170, ID: 5}, task.QueueKey())
}

func TestLoadRoundTrip(t *testing.T) {
	load := queue.Load{Tasks: 3, Units: 40, Bytes: 500}
	require.Equal(t, types.QueueLoad{Tasks: 3, ComputeUnits: 40, OutputBytes: 500}, types.NewQueueLoad(load))
	require.Equal(t, load, types.NewQueueLoad(load).Load())
	require.Equal(t, queue.Need{Units: 4, Bytes: 9}, types.Task{ComputeUnits: 4, OutputBytes: 9}.Need())
}

func TestShiftedTask(t *testing.T) {
	task := types.Task{
		RequestId: 1, QueuedHeight: -2, QueuePosition: -12, FinalDeadline: 100,
		Assignment: &types.Assignment{Attempt: 1, AssignedHeight: -1, Deadline: 9},
	}
	want := types.Task{
		RequestId: 1, QueuedHeight: 5, QueuePosition: -5, FinalDeadline: 107,
		Assignment: &types.Assignment{Attempt: 1, AssignedHeight: 6, Deadline: 16},
	}
	require.Equal(t, want, task.Shifted(7))
	require.EqualValues(t, -1, task.Assignment.AssignedHeight, "the assignment of the given task stays")
	require.Equal(t, task, task.Shifted(7).Shifted(-7))
}
