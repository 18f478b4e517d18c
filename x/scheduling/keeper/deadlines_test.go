package keeper_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/opengradient/opengradient/x/scheduling/types"
)

func (f *fixture) expired(t check) []types.Expiry {
	t.Helper()
	expiries, err := f.Expired(f.ctx)
	require.NoError(t, err)
	return expiries
}

func TestExpired(t *testing.T) {
	params := shortQueue(5)
	params.AttemptBlocks, params.MaxAttempts = 10, 2 // accepted at 10: final deadline 35
	f := newFixture(t, params, 10)
	f.enqueue(t, task(2))
	f.enqueue(t, task(1))
	waiting := task(3)
	waiting.TaskClass = types.TASK_CLASS_RANKING
	f.enqueue(t, waiting)
	f.at(11)
	f.enqueue(t, task(4))
	require.Equal(t, []uint64{1, 2, 4}, f.assigned(t))

	f.at(20)
	require.Empty(t, f.expired(t))
	f.at(21)
	attempts := []types.Expiry{{RequestID: 1, Attempts: 1}, {RequestID: 2, Attempts: 1}, {RequestID: 4, Attempts: 1}}
	require.Equal(t, attempts, f.expired(t))
	require.Equal(t, attempts, f.expired(t), "asking changes nothing")

	f.at(35)
	require.Equal(t, []types.Expiry{
		{RequestID: 4, Attempts: 1},
		{RequestID: 1, Final: true, Attempts: 1},
		{RequestID: 2, Final: true, Attempts: 1},
		{RequestID: 3, Final: true},
	}, f.expired(t), "ordered by height, then id; a final deadline stands for the attempt as well")

	f.at(40)
	require.Len(t, f.expired(t), 4, "what was not ended comes again")
}

func TestAttemptNeverPassesTheFinalDeadline(t *testing.T) {
	params := shortQueue(5)
	params.AttemptBlocks, params.MaxAttempts = 10, 1 // accepted at 10: final deadline 25
	f := newFixture(t, params, 10)
	f.enqueue(t, task(1))
	f.at(22)
	f.heartbeat(t)
	placements := f.assign(t)
	require.Len(t, placements, 1)
	require.EqualValues(t, 25, placements[0].Task.Assignment.Deadline)
	f.at(25)
	require.Equal(t, []types.Expiry{{RequestID: 1, Final: true, Attempts: 1}}, f.expired(t))
}

func TestExpiredAttemptsRollOver(t *testing.T) {
	f := newFixture(t, types.DefaultParams(), 10)
	for id := range uint64(6) {
		f.enqueue(t, task(id+1))
	}
	require.Len(t, f.assign(t), 6)
	lowered := types.DefaultParams()
	lowered.MaxAssignmentsPerBlock = 2
	require.NoError(t, f.AddParams(f.ctx, lowered))

	ids := func(expiries []types.Expiry) (ids []uint64) {
		for _, expiry := range expiries {
			require.False(t, expiry.Final)
			ids = append(ids, expiry.RequestID)
			_, err := f.Retry(f.ctx, expiry.RequestID, nil)
			require.NoError(t, err)
		}
		return ids
	}
	f.at(20)
	require.Equal(t, []uint64{1, 2, 3, 4}, ids(f.expired(t)))
	f.at(21)
	require.Equal(t, []uint64{5, 6}, ids(f.expired(t)))
	f.at(22)
	require.Empty(t, f.expired(t))
}

func TestExpiredFinalDeadlinesDoNotRollOver(t *testing.T) {
	f := newFixture(t, types.DefaultParams(), 10)
	for id := range uint64(50) {
		f.enqueue(t, task(id+1))
	}
	require.Len(t, f.assign(t), 50)
	lowered := types.DefaultParams()
	lowered.MaxAssignmentsPerBlock = 1
	require.NoError(t, f.AddParams(f.ctx, lowered))
	f.at(140)
	require.Len(t, f.expired(t), 50)
}

func TestGovernanceDoesNotAlterAcceptedTasks(t *testing.T) {
	f := newFixture(t, types.DefaultParams(), 10)
	f.enqueue(t, task(1))
	changed := shortQueue(1)
	changed.AttemptBlocks, changed.MaxAttempts, changed.DeadlineQuota = 1, 1, 1
	require.NoError(t, f.AddParams(f.ctx, changed))

	second := f.enqueue(t, task(2))
	require.EqualValues(t, 2, second.ParamsVersion)
	require.EqualValues(t, 12, second.FinalDeadline)

	placements := f.assign(t)
	require.Len(t, placements, 2)
	first := placements[0].Task
	require.EqualValues(t, 1, first.ParamsVersion)
	require.EqualValues(t, 140, first.FinalDeadline)
	require.EqualValues(t, 20, first.Assignment.Deadline, "the attempt has the time of the version it was accepted under")
	require.EqualValues(t, 11, placements[1].Task.Assignment.Deadline)
	again, err := f.Retry(f.ctx, 1, nil)
	require.NoError(t, err)
	require.True(t, again, "three attempts, as when it was accepted")
	again, err = f.Retry(f.ctx, 2, nil)
	require.NoError(t, err)
	require.False(t, again)
}
