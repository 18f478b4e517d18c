package keeper_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/opengradient/opengradient/internal/queue"
	"github.com/opengradient/opengradient/x/scheduling/types"
)

func TestEnqueueFillsTheRest(t *testing.T) {
	f := newFixture(t, types.DefaultParams(), 10)
	given := task(1)
	given.ParamsVersion, given.QueuedHeight, given.FinalDeadline, given.Attempts = 9, 9, 9, 9
	given.PassedOver, given.Assignment = []string{"somebody"}, &types.Assignment{}
	given.QueuePosition = -1000
	given.Committee = true

	want := task(1)
	want.Committee = true // a need, which the caller sets
	want.ParamsVersion, want.QueuedHeight, want.QueuePosition, want.FinalDeadline = 1, 10, 0, 140
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
		"an unknown fee class": {func(*fixture) types.Task { return classed(5, 3) }, types.ErrInvalidTask, "fee_class: expected a known class"},
		"no compute units":     {func(*fixture) types.Task { return sized(5, 0, 0) }, types.ErrInvalidTask, "compute_units"},
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
			f.assign(t) // the base price is at its least
			before := f.dump()
			f.enqueue(t, task(1))
			require.NoError(t, end(f))
			f.assign(t) // nothing
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

// TestQueuePositions: a task has the head start of its class when it is accepted, and keeps it.
func TestQueuePositions(t *testing.T) {
	params := types.DefaultParams()
	f := newFixture(t, params, 10)
	f.at(40)
	for id, want := range []int64{40 - 10, 40, 40 - 30} {
		require.Equal(t, want, f.enqueue(t, classed(uint64(id)+1, types.FeeClass(id))).QueuePosition, types.FeeClass(id))
	}
	params.StandardHeadStart, params.PriorityHeadStart = 0, 5
	require.NoError(t, f.AddParams(f.ctx, params))
	require.EqualValues(t, 35, f.enqueue(t, classed(4, types.FEE_CLASS_PRIORITY)).QueuePosition)
	stored, err := f.Tasks.Get(f.ctx, 3)
	require.NoError(t, err)
	require.EqualValues(t, 10, stored.QueuePosition)
	f.heartbeat(t)
	require.Equal(t, []uint64{3, 1, 4, 2}, f.assigned(t), "by position, whatever the class")
}

// TestFeeClassesAge: one begins per block. Higher classes come first, but nobody is overtaken by what is accepted after the
// difference of the head starts.
func TestFeeClassesAge(t *testing.T) {
	const economy, standard, priority = types.FEE_CLASS_ECONOMY, types.FEE_CLASS_STANDARD, types.FEE_CLASS_PRIORITY
	params := shortQueue(100)
	params.MaxAssignmentsPerBlock, params.StandardHeadStart, params.PriorityHeadStart = 1, 2, 4
	f := newFixture(t, params, 10)
	blocks := [][]types.FeeClass{
		{economy, standard, priority}, // 1, 2, 3 at height 10
		{priority, standard},          // 4, 5
		{priority},                    // 6: as old as the standard task of two blocks ago, which has the lesser id
		{priority, economy},           // 7, 8: the last that overtakes the economy task
		{priority},                    // 9: as old as the economy task
		{priority, standard},          // 10, 11
	}
	var id uint64
	var got []uint64
	for i := range 11 {
		f.at(10 + int64(i))
		f.heartbeat(t)
		if i < len(blocks) {
			for _, class := range blocks[i] {
				id++
				f.enqueue(t, classed(id, class))
			}
		}
		got = append(got, f.assigned(t)...)
	}
	require.Equal(t, []uint64{3, 4, 2, 6, 5, 7, 1, 9, 10, 8, 11}, got)
}

// TestAdmission: what waits must be able to begin in time, and the lowest class is refused first. One task begins per block.
func TestAdmission(t *testing.T) {
	const economy, standard, priority = types.FEE_CLASS_ECONOMY, types.FEE_CLASS_STANDARD, types.FEE_CLASS_PRIORITY
	params := shortQueue(12)
	params.MaxAssignmentsPerBlock, params.StandardHeadStart, params.PriorityHeadStart = 1, 2, 4
	f := newFixture(t, params, 10)
	var id uint64
	submit := func(class types.FeeClass) error {
		id++
		_, err := f.Enqueue(f.ctx, classed(id, class))
		return err
	}
	for _, step := range []struct {
		class   types.FeeClass
		room    int
		message string
	}{
		{economy, 5, "expected what waits to begin within 4 blocks for the fee class economy, got 5: queue full"},
		{standard, 2, "expected what waits to begin within 6 blocks for the fee class standard, got 7: queue full"},
		{priority, 2, "expected what waits to begin within 8 blocks for the fee class priority, got 9: queue full"},
		{economy, 0, "expected what waits to begin within 4 blocks for the fee class economy, got 9: queue full"},
	} {
		for range step.room {
			require.NoError(t, submit(step.class))
		}
		before := f.dump()
		err := submit(step.class)
		require.ErrorIs(t, err, types.ErrQueueFull)
		require.ErrorContains(t, err, step.message)
		require.Equal(t, before, f.dump(), "nothing is written")
	}
	require.Len(t, f.assign(t), 1)
	require.ErrorIs(t, submit(standard), types.ErrQueueFull)
	require.NoError(t, submit(priority), "as many as began")
	require.NoError(t, f.Cancel(f.ctx, 1))
	require.NoError(t, submit(priority), "and as many as were cancelled")
}

// TestAnEmptyQueueRefusesNothing, not even what governance no longer leaves room for.
func TestAnEmptyQueueRefusesNothing(t *testing.T) {
	params := shortQueue(1)
	params.PriorityHeadStart, params.MaxAssignmentsPerBlock = 1, 1
	f := newFixture(t, params, 10)
	given := sized(1, params.BlockComputeUnits, params.BlockOutputBytes)
	given.FeeClass = types.FEE_CLASS_ECONOMY
	f.enqueue(t, given)
	_, err := f.Enqueue(f.ctx, task(2))
	require.ErrorIs(t, err, types.ErrQueueFull)
	require.Equal(t, []uint64{1}, f.assigned(t))
	f.enqueue(t, task(2))
}

// TestQueueLoadIsExact after everything that changes the queue.
func TestQueueLoadIsExact(t *testing.T) {
	f := newFixture(t, types.DefaultParams(), 10)
	requireLoad := func(tasks, units, outputBytes uint64) {
		t.Helper()
		require.Equal(t, queue.Load{Tasks: tasks, Units: units, Bytes: outputBytes}, f.load(t))
	}
	requireLoad(0, 0, 0)
	f.enqueue(t, sized(1, 10, 100))
	f.enqueue(t, sized(2, 20, 0))
	f.enqueue(t, sized(3, 30, 300))
	requireLoad(3, 60, 400)
	_, err := f.Enqueue(f.ctx, sized(3, 5, 5))
	require.ErrorIs(t, err, types.ErrTaskExists)
	requireLoad(3, 60, 400)
	require.NoError(t, f.Cancel(f.ctx, 2))
	requireLoad(2, 40, 400)
	require.Equal(t, []uint64{1, 3}, f.assigned(t))
	requireLoad(0, 0, 0)
	again, err := f.Retry(f.ctx, 3, nil)
	require.NoError(t, err)
	require.True(t, again)
	requireLoad(1, 30, 300)
	require.NoError(t, f.Complete(f.ctx, 1))
	requireLoad(1, 30, 300)
	f.enqueue(t, sized(4, 7, 70))
	requireLoad(2, 37, 370)
	require.NoError(t, f.Complete(f.ctx, 3))
	requireLoad(1, 7, 70)
	require.Equal(t, []uint64{4}, f.assigned(t))
	requireLoad(0, 0, 0)
}
