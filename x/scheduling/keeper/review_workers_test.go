package keeper_test

import (
	"maps"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	sdk "github.com/cosmos/cosmos-sdk/types"

	"github.com/opengradient/opengradient/x/scheduling/types"
)

// TestReviewCountsWhoTakesWork: an attempt is not ended for the sake of nodes that are healthy and would not be members of
// the next one.
func TestReviewCountsWhoTakesWork(t *testing.T) {
	for name, tt := range map[string]struct {
		change func(f *fixture)
		given  types.Task
		want   bool
	}{
		"all do":     {func(*fixture) {}, task(1), true},
		"one fewer":  {func(f *fixture) { require.NoError(t, f.PauseNode(f.ctx, operator(1).String())) }, task(1), false},
		"one leaves": {func(f *fixture) { _, err := f.LeaveNode(f.ctx, operator(1).String()); require.NoError(t, err) }, task(1), false},
		"in jail": {func(f *fixture) {
			require.NoError(t, f.JailNode(f.ctx, operator(1).String(), 99, types.JailReasonFault))
		}, task(1), false},
		"other class": {func(f *fixture) { f.advertises(t, 1, gibibyte, types.TASK_CLASS_REGRESSION) }, task(1), false},
		"less memory": {func(f *fixture) { f.advertises(t, 1, gibibyte/2, types.TASK_CLASS_CLASSIFICATION) }, heavy(1), false},
		"enough":      {func(f *fixture) { f.advertises(t, 1, gibibyte/2, types.TASK_CLASS_CLASSIFICATION) }, task(1), true},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFixture(t, types.DefaultParams(), 10, 10, 10)
			f.enqueue(t, tt.given)
			require.Len(t, f.assign(t), 1)
			f.at(12)
			tt.change(f)
			f.fails(t)
			review := f.review(t)
			require.Equal(t, []int{1, 2}, healthy(review))
			require.Equal(t, []types.ReviewedAttempt{{RequestID: 1, Again: tt.want}}, review.Attempts)
		})
	}
}

// advertises registers node i again, for one class.
func (f *fixture) advertises(t check, i int, memory uint64, class types.TaskClass) {
	require.NoError(t, f.RegisterNode(f.ctx, &types.MsgRegisterNode{
		Operator: operator(i).String(), Capacity: 1000, MemoryBytes: memory, TaskClasses: []types.TaskClass{class},
	}))
}

// heavy is a task that needs all the memory of a node.
func heavy(id uint64) types.Task {
	given := task(id)
	given.MemoryBytes = gibibyte
	return given
}

// TestUnbondingIsReviewed: a validator that unbonds is not bonded with power from the next block on.
func TestUnbondingIsReviewed(t *testing.T) {
	f := newFixture(t, types.DefaultParams(), 10, 20, 30)
	f.enqueue(t, task(1))
	f.assign(t)
	unbonds := func(i int) {
		require.NoError(t, f.Hooks().AfterValidatorBeginUnbonding(f.ctx, nil, operator(i)))
	}
	unbonds(7)
	require.Equal(t, types.Review{}, f.review(t), "it has no node")
	unbonds(0)
	f.staking.find(operator(0)).power = 0
	f.at(11)
	review := f.review(t)
	require.Equal(t, []types.ReviewedAttempt{{RequestID: 1, Again: true}}, review.Attempts)
	require.Equal(t, []int{1, 2}, healthy(review))
	require.NoError(t, f.Hooks().AfterValidatorBonded(f.ctx, nil, operator(0)))
	require.Equal(t, types.Review{}, f.review(t))
}

// TestReviewLooksAtTheNodesOnce, however many leaders are replaced in it.
func TestReviewLooksAtTheNodesOnce(t *testing.T) {
	params := types.DefaultParams()
	params.AttemptBlocks = 50
	f := newFixture(t, params, slices.Repeat([]int64{10}, 20)...)
	for id := range uint64(40) {
		f.enqueue(t, task(id+1))
	}
	require.Len(t, f.assign(t), 40)
	f.at(12)
	for i := range 5 {
		require.NoError(t, f.SetStatus(f.ctx, operator(i), types.NodeStatus{}))
	}
	review := f.review(t)
	f.total()
	replaced := 0
	for _, attempt := range review.Attempts {
		task, err := f.Tasks.Get(f.ctx, attempt.RequestID)
		require.NoError(t, err)
		if review.Healthy[task.Assignment.Leader] {
			continue
		}
		leader, err := f.ReplaceLeader(f.ctx, review.Workers, attempt.RequestID, slices.Collect(maps.Keys(review.Healthy)), false)
		require.NoError(t, err)
		require.NotEmpty(t, leader)
		replaced++
	}
	require.Greater(t, replaced, 3)
	require.Less(t, f.total(), 20*replaced+41, "no walk over 20 nodes for each")
	for i, operatorName := range review.Workers.Operators {
		node, err := f.Nodes.Get(f.ctx, mustOperator(t, operatorName))
		require.NoError(t, err)
		require.Equal(t, node.LeadingUnits, review.Workers.Nodes[i].Leading, "the draws know what was given before")
	}
}

func mustOperator(t check, name string) sdk.ValAddress {
	address, err := sdk.ValAddressFromBech32(name)
	require.NoError(t, err)
	return address
}
