package keeper_test

import (
	"maps"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/opengradient/opengradient/x/scheduling/types"
)

// reviewed are the ids of the attempts that a review names.
func reviewed(review types.Review) []uint64 {
	var ids []uint64
	for _, attempt := range review.Attempts {
		ids = append(ids, attempt.RequestID)
	}
	return ids
}

// healthy are the positions of the nodes that a review names healthy, ascending.
func healthy(review types.Review) []int {
	var found []int
	for i := range 20 {
		if review.Healthy[operator(i).String()] {
			found = append(found, i)
		}
	}
	return found
}

// TestReviewIsForTheUnhealthy: it begins when a node that was ready says that it is not, or when its status becomes stale.
func TestReviewIsForTheUnhealthy(t *testing.T) {
	tests := map[string]struct {
		happens func(f *fixture)
		want    bool
	}{
		"nothing":             {func(*fixture) {}, false},
		"a heartbeat":         {func(f *fixture) { require.NoError(t, f.SetStatus(f.ctx, operator(0), ready())) }, false},
		"no longer ready":     {func(f *fixture) { require.NoError(t, f.SetStatus(f.ctx, operator(0), types.NodeStatus{})) }, true},
		"ready again":         {func(f *fixture) { require.NoError(t, f.SetStatus(f.ctx, operator(2), ready())) }, false},
		"not ready, still":    {func(f *fixture) { require.NoError(t, f.SetStatus(f.ctx, operator(2), types.NodeStatus{})) }, false},
		"not ready, for once": {func(f *fixture) { require.NoError(t, f.SetStatus(f.ctx, operator(3), types.NodeStatus{})) }, false},
		"another environment": {func(f *fixture) { require.NoError(t, f.SetStatus(f.ctx, operator(0), withRuntime(1))) }, false},
		"a status just fresh": {func(f *fixture) { f.at(21) }, false},
		"a status just stale": {func(f *fixture) { f.at(22) }, true},
		"paused":              {func(f *fixture) { require.NoError(t, f.PauseNode(f.ctx, operator(0).String())) }, false},
		"on its way out":      {func(f *fixture) { _, err := f.LeaveNode(f.ctx, operator(0).String()); require.NoError(t, err) }, false},
		"jailed": {func(f *fixture) {
			require.NoError(t, f.JailNode(f.ctx, operator(0).String(), 99, types.JailReasonFault))
		}, false},
		"a validator unbonded": {func(f *fixture) { f.staking.find(operator(0)).power = 0 }, false},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			params := types.DefaultParams()
			params.AttemptBlocks = 50
			f := newFixture(t, params, 10, 20, 5, 5)
			require.NoError(t, f.SetStatus(f.ctx, operator(2), types.NodeStatus{}))
			node := f.node(t, 3)
			node.Status, node.StatusHeight, node.EnvironmentClass = nil, 0, 0
			require.NoError(t, f.Nodes.Set(f.ctx, operator(3), node))
			f.review(t) // of what became not ready just now
			f.enqueue(t, task(1))
			f.enqueue(t, task(2))
			f.assign(t)
			f.at(11)
			tt.happens(f)
			if review := f.review(t); tt.want {
				require.Equal(t, []uint64{1, 2}, reviewed(review))
			} else {
				require.Equal(t, types.Review{}, review)
			}
			require.Equal(t, types.Review{}, f.review(t), "once")
		})
	}
}

// TestReviewNamesTheHealthy: of bonded validators, whether they take new work or not.
func TestReviewNamesTheHealthy(t *testing.T) {
	f := newFixture(t, types.DefaultParams(), 10, 10, 10, 10, 10, 10, 10)
	f.staking.validators = append(f.staking.validators, &validator{operator: operator(7), power: 10}) // without a node
	f.enqueue(t, task(1))
	f.assign(t)
	f.at(12)
	require.NoError(t, f.SetStatus(f.ctx, operator(0), types.NodeStatus{}))
	require.NoError(t, f.PauseNode(f.ctx, operator(1).String()))
	_, err := f.LeaveNode(f.ctx, operator(2).String())
	require.NoError(t, err)
	require.NoError(t, f.JailNode(f.ctx, operator(3).String(), 99, types.JailReasonFault))
	f.staking.find(operator(4)).power = 0
	f.staking.find(operator(5)).jailed = true // staking takes its power away at the end of the block
	review := f.review(t)
	require.Equal(t, []types.ReviewedAttempt{{RequestID: 1}}, review.Attempts, "one of seven takes work")
	require.Equal(t, []int{1, 2, 3, 5, 6}, healthy(review))
	require.Len(t, review.Healthy, 5)
	require.Equal(t, named(6), review.Workers.Operators)
	require.EqualValues(t, 70, review.Workers.TotalPower, "the power of one is gone")
}

// TestReviewTellsOfPower: whether those that take work could begin another attempt.
func TestReviewTellsOfPower(t *testing.T) {
	for name, tt := range map[string]struct {
		powers []int64 // the first node is not healthy, the last validator has no node
		want   bool
	}{
		"just above half": {[]int64{20, 41, 20}, true},
		"exactly half":    {[]int64{20, 40, 20}, false},
		"below half":      {[]int64{50, 40, 1}, false},
		"almost everyone": {[]int64{1, 98, 1}, true},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFixture(t, types.DefaultParams(), tt.powers[:2]...)
			f.enqueue(t, task(1))
			require.Len(t, f.assign(t), 1)
			f.staking.validators = append(f.staking.validators, &validator{operator: operator(2), power: tt.powers[2]})
			f.fails(t)
			review := f.review(t)
			require.Equal(t, []types.ReviewedAttempt{{RequestID: 1, Again: tt.want}}, review.Attempts)
			require.Equal(t, []int{1}, healthy(review))
		})
	}
}

// TestStaleIsNoticedOnce for each status, and a review of it sees the node as unhealthy in the same block.
func TestStaleIsNoticedOnce(t *testing.T) {
	params := types.DefaultParams()
	params.AttemptBlocks = 90
	f := newFixture(t, params, 10, 20)
	f.enqueue(t, task(1))
	f.assign(t)
	seen := map[int64][]int{}
	for height := int64(11); height <= 60; height++ {
		f.at(height)
		require.NoError(t, f.SetStatus(f.ctx, operator(1), ready()))
		if height == 25 || height == 30 {
			require.NoError(t, f.SetStatus(f.ctx, operator(0), ready()))
		}
		if review := f.review(t); review.Attempts != nil {
			seen[height] = healthy(review)
		}
	}
	// The status of height 10 is stale at 22, and that of 30, which followed on 25, at 42.
	require.Equal(t, map[int64][]int{22: {1}, 42: {1}}, seen)
}

func TestStaleTogether(t *testing.T) {
	f := newFixture(t, types.DefaultParams(), 10, 20, 30)
	f.enqueue(t, task(1))
	f.at(15)
	f.assign(t)
	require.NoError(t, f.SetStatus(f.ctx, operator(2), ready()))
	f.at(22)
	require.Equal(t, []int{2}, healthy(f.review(t)))
	f.at(23)
	require.Equal(t, types.Review{}, f.review(t))
}

// newPagedFixture has so many attempts under way, ids ascending as their deadlines, and reviews four in one block.
func newPagedFixture(t check, attempts int) *fixture {
	t.Helper()
	params := types.DefaultParams()
	params.MaxAssignmentsPerBlock, params.AttemptBlocks, params.HeartbeatWindow = 2, 1_000, 1_000
	f := newFixture(t, params, 10, 20)
	for id := range attempts {
		f.enqueue(t, task(uint64(id)+1))
	}
	for begun := 0; begun < attempts; {
		begun += len(f.assign(t))
		f.at(f.ctx.BlockHeight() + 1)
	}
	return f
}

// fails has node 0 say that it is not ready, after it was.
func (f *fixture) fails(t check) {
	t.Helper()
	require.NoError(t, f.SetStatus(f.ctx, operator(0), ready()))
	require.NoError(t, f.SetStatus(f.ctx, operator(0), types.NodeStatus{}))
}

// TestReviewInPages: a block reviews so many attempts, and the next block goes on behind them.
func TestReviewInPages(t *testing.T) {
	tests := map[string]struct {
		attempts int
		between  func(f *fixture, page int)
		want     [][]uint64
	}{
		"none":                         {0, nil, [][]uint64{nil}},
		"fewer than a page":            {3, nil, [][]uint64{{1, 2, 3}, nil}},
		"a page":                       {4, nil, [][]uint64{{1, 2, 3, 4}, nil, nil}},
		"several":                      {9, nil, [][]uint64{{1, 2, 3, 4}, {5, 6, 7, 8}, {9}, nil}},
		"several whole ones":           {8, nil, [][]uint64{{1, 2, 3, 4}, {5, 6, 7, 8}, nil, nil}},
		"some end in between":          {9, func(f *fixture, page int) { f.end(t, page, 0, 4, 5) }, [][]uint64{{1, 2, 3, 4}, {6, 7, 8, 9}, nil, nil}},
		"all that are left end":        {6, func(f *fixture, page int) { f.end(t, page, 0, 5, 6) }, [][]uint64{{1, 2, 3, 4}, nil, nil}},
		"some begin in between":        {4, func(f *fixture, page int) { f.begin(t, page, 0, 50) }, [][]uint64{{1, 2, 3, 4}, {50}, nil}},
		"another failure in between":   {9, func(f *fixture, page int) { f.failsAfter(t, page, 1) }, [][]uint64{{1, 2, 3, 4}, {5, 6, 7, 8}, {9}, {1, 2, 3, 4}, {5, 6, 7, 8}, {9}, nil}},
		"two failures in between":      {5, func(f *fixture, page int) { f.failsAfter(t, page, 0); f.failsAfter(t, page, 0) }, [][]uint64{{1, 2, 3, 4}, {5}, {1, 2, 3, 4}, {5}, nil}},
		"a failure in the last block":  {5, func(f *fixture, page int) { f.failsAfter(t, page, 1) }, [][]uint64{{1, 2, 3, 4}, {5}, {1, 2, 3, 4}, {5}, nil}},
		"a failure when it is over":    {3, func(f *fixture, page int) { f.failsAfter(t, page, 1) }, [][]uint64{{1, 2, 3}, nil, {1, 2, 3}, nil}},
		"a failure in each of a dozen": {9, func(f *fixture, page int) { f.fails(t) }, [][]uint64{{1, 2, 3, 4}, {5, 6, 7, 8}, {9}, {1, 2, 3, 4}, {5, 6, 7, 8}, {9}, {1, 2, 3, 4}, {5, 6, 7, 8}, {9}}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			f := newPagedFixture(t, tt.attempts)
			f.fails(t)
			f.fails(t) // twice before it is looked at is once
			for page, want := range tt.want {
				require.Equal(t, want, reviewed(f.review(t)), "page %d", page)
				f.at(f.ctx.BlockHeight() + 1)
				if tt.between != nil {
					tt.between(f, page)
				}
			}
			requireRoundTrip(t, f)
		})
	}
}

// end ends attempts after a page.
func (f *fixture) end(t check, page, after int, ids ...uint64) {
	for _, id := range ids {
		if page == after {
			require.NoError(t, f.Complete(f.ctx, id))
		}
	}
}

// begin begins an attempt after a page.
func (f *fixture) begin(t check, page, after int, id uint64) {
	if page == after {
		require.NoError(t, f.SetStatus(f.ctx, operator(0), ready()))
		f.enqueue(t, task(id))
		require.Len(t, f.assign(t), 1)
	}
}

func (f *fixture) failsAfter(t check, page, after int) {
	if page == after {
		f.fails(t)
	}
}

// TestReviewTellsWhatCanFollow: another attempt, while attempts and time remain by the parameters of the task.
func TestReviewTellsWhatCanFollow(t *testing.T) {
	params := shortQueue(5)
	params.AttemptBlocks, params.MaxAttempts, params.HeartbeatWindow = 10, 2, 100 // accepted at 10: final deadline 35
	f := newFixture(t, params, 10, 20)
	f.enqueue(t, task(1))
	f.assign(t)
	params.MaxAttempts = 1
	require.NoError(t, f.AddParams(f.ctx, params))
	f.enqueue(t, task(2)) // the last of its attempts; final deadline 25
	f.assign(t)
	f.enqueue(t, unserved(3)) // waits
	review := func(height int64) []types.ReviewedAttempt {
		f.at(height)
		f.fails(t)
		return f.review(t).Attempts
	}
	require.Equal(t, []types.ReviewedAttempt{{RequestID: 1, Again: true}, {RequestID: 2}}, review(11))
	f.end(t, 0, 0, 2)
	require.Equal(t, []types.ReviewedAttempt{{RequestID: 1, Again: true}}, review(34))
	require.Equal(t, []types.ReviewedAttempt{{RequestID: 1}}, review(35), "no block is left")
}

// TestReviewOfAHealthyNetworkWritesNothing, and reads no more when more is under way.
func TestReviewOfAHealthyNetworkWritesNothing(t *testing.T) {
	var totals []int
	for _, attempts := range []int{0, 1, 40} {
		f := newPagedFixture(t, attempts)
		f.total()
		f.review(t)
		require.Empty(t, f.writes)
		totals = append(totals, f.total())
	}
	require.Equal(t, slices.Repeat(totals[:1], 3), totals)
}

// TestHealthyIsOnlyAsked: the map of a review has nothing in it that is false.
func TestHealthyIsOnlyAsked(t *testing.T) {
	f := newPagedFixture(t, 1)
	f.fails(t)
	require.Equal(t, []bool{true}, slices.Collect(maps.Values(f.review(t).Healthy)))
}
