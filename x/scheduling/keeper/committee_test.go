package keeper_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/opengradient/opengradient/internal/selection"
	"github.com/opengradient/opengradient/x/scheduling/types"
)

// forCommittee is task 1, for a committee.
func forCommittee() types.Task {
	given := task(1)
	given.Committee = true
	return given
}

// TestCommitteePlacement: the seats are those that the pure rule draws with the seed and the leader of the attempt, out
// of all members and against the power of all validators.
func TestCommitteePlacement(t *testing.T) {
	f := newFixture(t, types.DefaultParams(), 10, 20, 30, 5, 25)
	// One that is bonded and not eligible counts in the total: a third of 110 is 36.
	f.staking.validators = append(f.staking.validators, &validator{operator: operator(5), power: 20})
	f.enqueue(t, forCommittee())
	f.at(10) // without the events so far
	placements := f.assign(t)
	require.Len(t, placements, 1)
	placement := placements[0]
	require.Len(t, placement.Members, 5)
	require.EqualValues(t, 110, placement.TotalPower)

	seats := make([]selection.Seat, len(placement.Members))
	leader := -1
	for i, member := range placement.Members {
		seats[i] = selection.Seat{Power: member.Power, Environment: 1}
		if member.Operator == placement.Task.Assignment.Leader {
			leader = i
		}
	}
	seed := selection.Seed(f.ctx.BlockHeader().AppHash, placement.Task.Digest, 1)
	want, err := selection.Committee(seed, seats, leader, 110)
	require.NoError(t, err)
	require.Equal(t, want, placement.Seats)
	event, ok := f.event(t).(*types.EventAssigned)
	require.True(t, ok)
	require.EqualValues(t, len(want), event.Committee)
}

// TestOnlyTheFirstAttemptIsOfACommittee: when a committee does not agree, everybody is asked.
func TestOnlyTheFirstAttemptIsOfACommittee(t *testing.T) {
	f := newFixture(t, types.DefaultParams(), 10, 10, 10, 10, 10, 10)
	f.enqueue(t, forCommittee())
	require.Len(t, f.assign(t)[0].Seats, 3, "two of six members hold no more than a third")
	for range 2 {
		again, err := f.Retry(f.ctx, 1, nil)
		require.NoError(t, err)
		require.True(t, again)
		placements := f.assign(t)
		require.Len(t, placements, 1)
		require.Nil(t, placements[0].Seats)
		require.Len(t, placements[0].Members, 6)
		require.True(t, placements[0].Task.Committee)
	}
	event, ok := f.event(t).(*types.EventAssigned)
	require.True(t, ok)
	require.Zero(t, event.Committee)
}

// TestACommitteeNeedsAsManyAsAQuorum: its second attempt asks everybody, which must be able to agree.
func TestACommitteeNeedsAsManyAsAQuorum(t *testing.T) {
	f := newFixture(t, types.DefaultParams(), 10, 10)
	require.NoError(t, f.SetStatus(f.ctx, operator(0), types.NodeStatus{}))
	f.enqueue(t, forCommittee())
	require.Empty(t, f.assign(t), "half of all power would do for a committee")
	require.NoError(t, f.SetStatus(f.ctx, operator(0), ready()))
	require.Equal(t, []int{0, 1}, f.assign(t)[0].Seats)
}

// TestTheOnlyMemberIsACommittee: as one that is more than half of all power, it is a quorum's majority as well.
func TestTheOnlyMemberIsACommittee(t *testing.T) {
	f := newFixture(t, types.DefaultParams(), 10)
	f.enqueue(t, forCommittee())
	require.Equal(t, []int{0}, f.assign(t)[0].Seats)
}

func TestATaskWithoutACommitteeHasNoSeats(t *testing.T) {
	f := newFixture(t, types.DefaultParams(), 10, 10, 10)
	f.enqueue(t, forCommittee())
	f.enqueue(t, task(2))
	placements := f.assign(t)
	require.Len(t, placements, 2)
	require.Len(t, placements[0].Seats, 2)
	require.Nil(t, placements[1].Seats)
}
