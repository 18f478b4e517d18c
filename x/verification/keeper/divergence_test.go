package keeper

import (
	"math"
	"testing"

	"github.com/stretchr/testify/require"

	"cosmossdk.io/collections"

	"github.com/opengradient/opengradient/x/verification/types"
)

var someModel = make([]byte, types.RootSize)

// diverging is a settled round: operator 1 of class 5 published the verdict, operator 2 of class 6 another root within the
// tolerance, operator 3 of class 6 one that contradicts, operator 4 one that nobody saw, operator 5 a failure.
func diverging() (types.Round, types.Snapshot) {
	vote := func(candidate, class uint32) types.MemberVote {
		return types.MemberVote{Candidate: candidate, EnvironmentClass: class, Height: 92}
	}
	return types.Round{
		RequestId: 7, Model: someModel, Decided: 1,
		Votes: []types.MemberVote{vote(1, 5), vote(2, 6), vote(3, 6), vote(4, 6), vote(5, 6)},
		Candidates: []types.Candidate{
			{Outcome: outcomeOf(1), Publisher: address(1), Standing: types.STANDING_AGREES},
			{Outcome: outcomeOf(2), Publisher: address(2), Standing: types.STANDING_AGREES, Error: 20},
			{Outcome: outcomeOf(3), Publisher: address(3), Standing: types.STANDING_CONTRADICTS, Error: math.MaxUint64},
			{Outcome: outcomeOf(4)},
			{Outcome: types.NewFailureOutcome(types.FAILURE_EXECUTION), Standing: types.STANDING_CONTRADICTS},
		},
	}, electorateOf(5)
}

func TestRecordDivergences(t *testing.T) {
	b := newBench(t)
	round, snapshot := diverging()
	require.NoError(t, b.recordDivergences(b.ctx, round, snapshot))
	round.RequestId, round.Candidates[2].Standing, round.Candidates[2].Error = 8, types.STANDING_DIFFERS, 30
	require.NoError(t, b.at(105).recordDivergences(b.ctx, round, snapshot))
	got, err := b.Divergences.Get(b.ctx, collections.Join3(someModel, uint32(5), uint32(6)))
	require.NoError(t, err)
	require.Equal(t, types.Divergence{
		Model: someModel, VerdictClass: 5, OtherClass: 6, LargestError: math.MaxUint64,
		Within: 2, Beyond: 1, Contradicting: 1, LastRequestId: 8, LastHeight: 105,
	}, got)
	emitted := events[types.EventDivergence](b)
	require.Len(t, emitted, 2)
	require.Equal(t, types.EventDivergence{
		RequestId: 8, Model: "0000000000000000000000000000000000000000000000000000000000000000", VerdictClass: 5, OtherClass: 6,
		Standing: types.STANDING_DIFFERS, Error: 30,
	}, emitted[1])
}

func TestNoDivergenceFromAFailure(t *testing.T) {
	b := newBench(t)
	round, snapshot := diverging()
	round.Decided = 5
	require.NoError(t, b.recordDivergences(b.ctx, round, snapshot))
	require.Empty(t, b.ctx.EventManager().Events())
}

// Members name their classes themselves: inventing some takes the place of what was seen the longest ago, and no more.
func TestDivergencesOfAModelAreBounded(t *testing.T) {
	b := newBench(t)
	round, snapshot := diverging()
	round.Candidates = round.Candidates[:2]
	other := append([]byte{1}, someModel[1:]...)
	for class := uint32(1); class <= types.MaxDivergences+3; class++ {
		round.Model, round.Votes[1].EnvironmentClass = someModel, class
		require.NoError(t, b.at(100+int64(class)).recordDivergences(b.ctx, round, snapshot))
		// A pair that is seen all the time stays.
		round.Votes[1].EnvironmentClass = 1
		require.NoError(t, b.recordDivergences(b.ctx, round, snapshot))
		round.Model = other
		require.NoError(t, b.recordDivergences(b.ctx, round, snapshot))
	}
	var classes []uint32
	require.NoError(t, b.Divergences.Walk(b.ctx, nil, func(key divergenceKey, d types.Divergence) (bool, error) {
		if d.Model[0] == 0 {
			classes = append(classes, d.OtherClass)
		}
		return false, nil
	}))
	require.Len(t, classes, types.MaxDivergences)
	require.Equal(t, []uint32{1, 5, 6}, classes[:3])
	_, err := b.Divergences.Get(b.ctx, collections.Join3(other, uint32(5), uint32(1)))
	require.NoError(t, err, "expected another model to be left alone")
}
