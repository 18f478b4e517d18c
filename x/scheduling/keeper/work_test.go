package keeper_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/opengradient/opengradient/x/scheduling/types"
)

// roomy are parameters that let 20,000 tasks wait and begin in the same block that they were accepted in.
func roomy() types.Params {
	params := shortQueue(100_000)
	params.MaxQueueDepth, params.DeadlineQuota, params.MaxAttempts, params.AttemptBlocks = 20_000, 10_000, 2, 10
	params.BlockComputeUnits, params.BlockOutputBytes = types.MaxBlockComputeUnits, types.MaxBlockOutputBytes
	params.HeartbeatWindow = 1_000_000
	return params
}

// endOfBlock is what the module does at the end of a block, and how many operations on the store that takes.
func (f *fixture) endOfBlock(t check) (work int) {
	t.Helper()
	f.total()
	expired := f.expired(t)
	f.review(t)
	f.assign(t)
	work = f.total()
	for _, expiry := range expired {
		require.NoError(t, f.Complete(f.ctx, expiry.RequestID))
	}
	f.at(f.ctx.BlockHeight() + 1)
	return work
}

// aged fills the store with everything that a chain piles up: versions of the parameters, environment classes, nodes that
// have left, models, and tasks that have ended.
func (f *fixture) aged(t check) {
	t.Helper()
	params := roomy()
	for range 20 {
		require.NoError(t, f.AddParams(f.ctx, params))
	}
	for i := 10; i < 30; i++ {
		f.staking.validators = append(f.staking.validators, &validator{operator: operator(i)})
		f.register(t, i)
		status := withRuntime(i)
		status.ModelsReady = modelsFrom(0, types.MaxModelDeltas)
		require.NoError(t, f.SetStatus(f.ctx, operator(i), status))
		if i%2 == 0 {
			_, err := f.LeaveNode(f.ctx, operator(i).String())
			require.NoError(t, err)
		}
	}
	f.review(t)
	for id := range uint64(500) {
		f.enqueue(t, task(1_000_000+id))
	}
	for f.load(t).Tasks > 0 {
		f.endOfBlock(t)
	}
	for range 20 {
		f.endOfBlock(t)
	}
	f.heartbeatOf(t, 3)
}

// heartbeatOf has the first nodes report that they are ready.
func (f *fixture) heartbeatOf(t check, nodes int) {
	t.Helper()
	for i := range nodes {
		require.NoError(t, f.SetStatus(f.ctx, operator(i), ready()))
	}
}

// queued has so many tasks wait.
func (f *fixture) queued(t check, tasks int, of func(id uint64) types.Task) *fixture {
	t.Helper()
	for id := range uint64(tasks) {
		if id%5_000 == 4_999 {
			f.at(f.ctx.BlockHeight() + 1) // another final deadline
		}
		f.enqueue(t, of(id+1))
	}
	f.at(f.ctx.BlockHeight() + 1)
	return f
}

// branch is a fixture whose changes leave this one as it is.
func (f *fixture) branch() *fixture {
	branched := *f
	branched.ctx, _ = f.ctx.CacheContext()
	return &branched
}

// TestABlockIsBoundedWork: what waits behind, and whatever the chain has been through, takes no more operations.
func TestABlockIsBoundedWork(t *testing.T) {
	newOld := func() *fixture {
		f := newFixture(t, roomy(), 10, 20, 30)
		f.aged(t)
		return f
	}
	blocks := func(f *fixture, count int) (works []int) {
		for range count {
			works = append(works, f.endOfBlock(t))
		}
		return works
	}
	tests := map[string]struct {
		of       func(id uint64) types.Task
		measures map[string]func(f *fixture) []int
	}{
		"tasks that begin": {task, map[string]func(f *fixture) []int{
			"blocks, and then attempts that are over": func(f *fixture) []int { return blocks(f, 12) },
			"a review of attempts under way": func(f *fixture) []int {
				blocks(f, 3)
				f.fails(t)
				f.heartbeatOf(t, 3)
				return blocks(f, 2)
			},
			"a node that leaves": func(f *fixture) []int {
				blocks(f, 1)
				_, err := f.LeaveNode(f.ctx, operator(2).String())
				require.NoError(t, err)
				return blocks(f, 1)
			},
			"one more task": func(f *fixture) []int {
				f.total()
				f.enqueue(t, task(500_000))
				return []int{f.total()}
			},
			"one task fewer": func(f *fixture) []int {
				f.total()
				require.NoError(t, f.Cancel(f.ctx, 700))
				return []int{f.total()}
			},
		}},
		"tasks that nobody serves": {unserved, map[string]func(f *fixture) []int{
			"blocks": func(f *fixture) []int { return blocks(f, 2) },
		}},
	}
	for kind, tt := range tests {
		// 1,000 are more than twelve blocks begin.
		few := newFixture(t, roomy(), 10, 20, 30).queued(t, 1_000, tt.of)
		many := newFixture(t, roomy(), 10, 20, 30).queued(t, 10_000, tt.of)
		old := newOld().queued(t, 10_000, tt.of)
		for name, measure := range tt.measures {
			t.Run(kind+": "+name, func(t *testing.T) {
				want := measure(few.branch())
				require.Equal(t, want, measure(many.branch()), "of 10,000 tasks")
				require.Equal(t, want, measure(old.branch()), "of 10,000 tasks on an old chain")
			})
		}
	}
	t.Run("nothing waits", func(t *testing.T) {
		require.Equal(t, blocks(newFixture(t, roomy(), 10, 20, 30), 2), blocks(newOld(), 2))
	})
}
