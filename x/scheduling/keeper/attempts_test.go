package keeper_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/opengradient/opengradient/x/scheduling/types"
)

func TestRetry(t *testing.T) {
	params := shortQueue(5)
	params.AttemptBlocks, params.MaxAttempts = 10, 2 // accepted at 10: final deadline 35
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
				again, err := f.Retry(f.ctx, 1, nil)
				require.NoError(t, err)
				require.True(t, again)
			}
			require.Len(t, f.assign(t), 1)
			f.at(tt.end)
			before := f.dump()
			again, err := f.Retry(f.ctx, 1, nil)
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

func TestRetryKeepsWhomItPassesOver(t *testing.T) {
	name := func(i int) string { return operator(i).String() }
	tests := map[string]struct {
		attempts [][]string
		want     []string
	}{
		"nobody":                           {[][]string{nil, {}}, nil},
		"by address bytes, and not by age": {[][]string{{name(2)}, {name(0), name(1)}}, []string{name(0), name(1), name(2)}},
		"each once":                        {[][]string{{name(1), name(1)}, {name(1), name(0)}}, []string{name(0), name(1)}},
		"not those without a node":         {[][]string{{name(9), name(1)}, {name(8)}}, []string{name(1)}},
		"in the spelling of the chain":     {[][]string{{shouted(1)}, {name(1)}}, []string{name(1)}},
	}
	for reason, tt := range tests {
		t.Run(reason, func(t *testing.T) {
			f := newFixture(t, types.DefaultParams(), 10, 10, 10)
			f.enqueue(t, task(1))
			for _, passOver := range tt.attempts {
				f.assign(t)
				again, err := f.Retry(f.ctx, 1, passOver)
				require.NoError(t, err)
				require.True(t, again)
			}
			stored, err := f.Tasks.Get(f.ctx, 1)
			require.NoError(t, err)
			require.Nil(t, stored.Assignment)
			require.EqualValues(t, len(tt.attempts), stored.Attempts)
			require.Equal(t, tt.want, stored.PassedOver)
			requireRoundTrip(t, f)
		})
	}
}

func TestRetryRefusesTextThatIsNoAddress(t *testing.T) {
	f := newFixture(t, types.DefaultParams(), 10)
	f.enqueue(t, task(1))
	f.assign(t)
	before := f.dump()
	_, err := f.Retry(f.ctx, 1, []string{"operator"})
	require.ErrorContains(t, err, `operator "operator"`)
	require.Equal(t, before, f.dump())
}

func TestRetryRefuses(t *testing.T) {
	f := newFixture(t, types.DefaultParams(), 10)
	_, err := f.Retry(f.ctx, 1, nil)
	require.ErrorIs(t, err, types.ErrTaskNotFound)
	f.enqueue(t, task(1))
	_, err = f.Retry(f.ctx, 1, nil)
	require.ErrorIs(t, err, types.ErrNoAttempt)
}

func TestRetryIgnoresTheDepthLimit(t *testing.T) {
	params := types.DefaultParams()
	params.MaxQueueDepth = 1
	f := newFixture(t, params, 10)
	f.enqueue(t, task(1))
	f.assign(t)
	f.enqueue(t, task(2))
	again, err := f.Retry(f.ctx, 1, nil)
	require.NoError(t, err)
	require.True(t, again, "an accepted task is never refused its place")
	require.Equal(t, []uint64{1, 2}, f.assigned(t))
}

func TestCompleteRefuses(t *testing.T) {
	f := newFixture(t, types.DefaultParams(), 10)
	require.ErrorIs(t, f.Complete(f.ctx, 1), types.ErrTaskNotFound)
}
