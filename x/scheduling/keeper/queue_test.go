package keeper_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/opengradient/opengradient/x/scheduling/types"
)

func TestEnqueueFillsTheRest(t *testing.T) {
	f := newFixture(t, types.DefaultParams(), 10)
	given := task(1)
	given.ParamsVersion, given.QueuedHeight, given.FinalDeadline, given.Attempts = 9, 9, 9, 9
	given.PassedOver, given.Assignment = []string{"somebody"}, &types.Assignment{}
	given.Committee = true

	want := task(1)
	want.Committee = true // a need, which the caller sets
	want.ParamsVersion, want.QueuedHeight, want.FinalDeadline = 1, 10, 10+100+3*10
	require.Equal(t, want, f.enqueue(t, given))
	stored, err := f.Tasks.Get(f.ctx, 1)
	require.NoError(t, err)
	require.Equal(t, want, stored)
}

func TestEnqueueRefuses(t *testing.T) {
	params := types.DefaultParams()
	params.BlockComputeUnits, params.BlockOutputBytes = 100, 1000
	params.MaxQueueDepth, params.DeadlineQuota = 3, 2
	tests := map[string]struct {
		given   func(f *fixture) types.Task
		want    error
		message string
	}{
		"no request id": {func(*fixture) types.Task { return task(0) }, types.ErrInvalidTask, "request_id"},
		"a short digest": {func(*fixture) types.Task {
			given := task(5)
			given.Digest = given.Digest[1:]
			return given
		}, types.ErrInvalidTask, "expected 32 bytes, got 31"},
		"no class": {func(*fixture) types.Task {
			given := task(5)
			given.TaskClass = types.TASK_CLASS_UNSPECIFIED
			return given
		}, types.ErrInvalidTask, "task_class"},
		"an unknown class": {func(*fixture) types.Task {
			given := task(5)
			given.TaskClass = 99
			return given
		}, types.ErrInvalidTask, "task_class"},
		"no compute units": {func(*fixture) types.Task { return sized(5, 0, 0) }, types.ErrInvalidTask, "compute_units"},
		"more compute than a block": {func(*fixture) types.Task { return sized(5, 101, 0) }, types.ErrTaskTooLarge,
			"expected at most 100 compute units, got 101"},
		"more output than a block": {func(*fixture) types.Task { return sized(5, 1, 1001) }, types.ErrTaskTooLarge,
			"expected at most 1000 output bytes, got 1001"},
		"a request that is open": {func(f *fixture) types.Task {
			f.enqueue(t, task(5))
			return task(5)
		}, types.ErrTaskExists, "got 5"},
		"no slot at the final deadline": {func(f *fixture) types.Task {
			f.enqueue(t, task(1))
			f.enqueue(t, task(2))
			return task(5)
		}, types.ErrNoDeadlineSlot, "expected fewer than 2 tasks with final deadline 140, got 2"},
		"the queue is full": {func(f *fixture) types.Task {
			f.enqueue(t, task(1))
			f.enqueue(t, task(2))
			f.at(11)
			f.enqueue(t, task(3))
			return task(5)
		}, types.ErrQueueFull, "expected fewer than 3 waiting tasks, got 3"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			f := newFixture(t, params, 10)
			given := tt.given(f)
			before := f.dump()
			_, err := f.Enqueue(f.ctx, given)
			require.ErrorIs(t, err, tt.want)
			require.ErrorContains(t, err, tt.message)
			require.Equal(t, before, f.dump(), "nothing is written")
		})
	}
}

func TestEnqueueTakesTheLargestTask(t *testing.T) {
	params := types.DefaultParams()
	f := newFixture(t, params, 10)
	f.enqueue(t, sized(1, params.BlockComputeUnits, params.BlockOutputBytes))
	require.Equal(t, []uint64{1}, f.assigned(t))
}

func TestSlotsComeBack(t *testing.T) {
	params := types.DefaultParams()
	params.DeadlineQuota = 1
	ends := map[string]func(f *fixture) error{
		"cancelled while it waits": func(f *fixture) error { return f.Cancel(f.ctx, 1) },
		"ended while it waits":     func(f *fixture) error { return f.Complete(f.ctx, 1) },
		"ended while it is run": func(f *fixture) error {
			require.Equal(t, []uint64{1}, f.assigned(t))
			return f.Complete(f.ctx, 1)
		},
		"ended while it waits for another attempt": func(f *fixture) error {
			require.Equal(t, []uint64{1}, f.assigned(t))
			again, err := f.Retry(f.ctx, 1, nil)
			require.NoError(t, err)
			require.True(t, again)
			return f.Complete(f.ctx, 1)
		},
	}
	for name, end := range ends {
		t.Run(name, func(t *testing.T) {
			f := newFixture(t, params, 10)
			before := f.dump()
			f.enqueue(t, task(1))
			require.NoError(t, end(f))
			require.Equal(t, before, f.dump(), "no trace of the task is left")
			f.enqueue(t, task(2))
		})
	}
}

func TestCancelRefuses(t *testing.T) {
	tests := map[string]struct {
		prepare func(f *fixture)
		want    error
	}{
		"a request without a task": {func(*fixture) {}, types.ErrTaskNotFound},
		"an attempt under way": {func(f *fixture) {
			f.enqueue(t, task(1))
			f.assign(t)
		}, types.ErrNotQueued},
		"waiting for another attempt": {func(f *fixture) {
			f.enqueue(t, task(1))
			f.assign(t)
			_, err := f.Retry(f.ctx, 1, nil)
			require.NoError(t, err)
		}, types.ErrNotQueued},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			f := newFixture(t, types.DefaultParams(), 10)
			tt.prepare(f)
			before := f.dump()
			require.ErrorIs(t, f.Cancel(f.ctx, 1), tt.want)
			require.Equal(t, before, f.dump())
		})
	}
}

func TestQueueOrder(t *testing.T) {
	params := types.DefaultParams()
	params.MaxAssignmentsPerBlock = 1
	f := newFixture(t, params, 10)
	// Ids do not follow the heights: age comes first among new tasks.
	f.enqueue(t, task(9))
	f.at(11)
	f.enqueue(t, task(4))
	f.enqueue(t, task(3))
	require.Equal(t, []uint64{9}, f.assigned(t))
	f.at(12)
	require.Equal(t, []uint64{3}, f.assigned(t))
	f.at(13)
	for _, id := range []uint64{3, 9} {
		again, err := f.Retry(f.ctx, id, nil)
		require.NoError(t, err)
		require.True(t, again)
	}
	// Both retries come before the new task, the one with the nearer final deadline first.
	require.Equal(t, []uint64{9}, f.assigned(t))
	f.at(14)
	require.Equal(t, []uint64{3}, f.assigned(t))
	f.at(15)
	require.Equal(t, []uint64{4}, f.assigned(t))
	f.at(16)
	require.Empty(t, f.assigned(t))
}
