package keeper_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/opengradient/opengradient/x/scheduling/types"
)

func TestRetry(t *testing.T) {
	params := types.DefaultParams()
	params.QueueBlocks, params.AttemptBlocks, params.MaxAttempts = 5, 10, 2 // accepted at 10: final deadline 35
	tests := map[string]struct {
		begin, end int64
		attempts   int
		again      bool
	}{
		"an attempt remains":                 {10, 11, 1, true},
		"no attempt remains":                 {10, 11, 2, false},
		"room for one more block":            {30, 34, 1, true},
		"no room before the final deadline":  {30, 35, 1, false},
		"in the block in which it was begun": {10, 10, 1, true},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			f := newFixture(t, params, 10, 10)
			f.enqueue(t, task(1))
			f.at(tt.begin)
			f.heartbeat(t)
			for range tt.attempts - 1 {
				f.assign(t)
				again, err := f.Retry(f.ctx, 1)
				require.NoError(t, err)
				require.True(t, again)
			}
			require.Len(t, f.assign(t), 1)
			f.at(tt.end)
			before := f.dump()
			again, err := f.Retry(f.ctx, 1)
			require.NoError(t, err)
			require.Equal(t, tt.again, again)
			if !again {
				require.Equal(t, before, f.dump(), "the attempt stays until Complete")
				require.NoError(t, f.Complete(f.ctx, 1))
			}
			require.Zero(t, f.node(t, 0).LeadingUnits)
			require.Zero(t, f.node(t, 1).LeadingUnits)
		})
	}
}

func TestRetryKeepsTheLeaders(t *testing.T) {
	f := newFixture(t, types.DefaultParams(), 10)
	f.enqueue(t, task(1))
	for range 2 {
		f.assign(t)
		again, err := f.Retry(f.ctx, 1)
		require.NoError(t, err)
		require.True(t, again)
	}
	stored, err := f.Tasks.Get(f.ctx, 1)
	require.NoError(t, err)
	require.Nil(t, stored.Assignment)
	require.EqualValues(t, 2, stored.Attempts)
	require.Equal(t, []string{operator(0).String(), operator(0).String()}, stored.EarlierLeaders)
}

func TestRetryRefuses(t *testing.T) {
	f := newFixture(t, types.DefaultParams(), 10)
	_, err := f.Retry(f.ctx, 1)
	require.ErrorIs(t, err, types.ErrTaskNotFound)
	f.enqueue(t, task(1))
	_, err = f.Retry(f.ctx, 1)
	require.ErrorIs(t, err, types.ErrNoAttempt)
}

func TestRetryIgnoresTheDepthLimit(t *testing.T) {
	params := types.DefaultParams()
	params.MaxQueueDepth = 1
	f := newFixture(t, params, 10)
	f.enqueue(t, task(1))
	f.assign(t)
	f.enqueue(t, task(2))
	again, err := f.Retry(f.ctx, 1)
	require.NoError(t, err)
	require.True(t, again, "an accepted task is never refused its place")
	require.Equal(t, []uint64{1, 2}, f.assigned(t))
}

func TestCompleteRefuses(t *testing.T) {
	f := newFixture(t, types.DefaultParams(), 10)
	require.ErrorIs(t, f.Complete(f.ctx, 1), types.ErrTaskNotFound)
}
