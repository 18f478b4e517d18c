package keeper

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"cosmossdk.io/collections"
	sdk "github.com/cosmos/cosmos-sdk/types"

	"github.com/opengradient/opengradient/x/verification/types"
)

// settlement is of a round opened at 90 that settles at 100.
func settlement(outcomes ...types.MemberOutcome) types.Settlement {
	return types.Settlement{
		Round: types.Round{
			ParamsVersion: 1,
			RequestId:     7, OpenedHeight: 90, SettleHeight: 100, Votes: make([]types.MemberVote, len(outcomes)),
		},
		Snapshot: electorateOf(len(outcomes)),
		Outcomes: outcomes,
	}
}

// attended remembers that blocks carried the extension of operators.
func (b *bench) attended(heights []int64, operators ...int) {
	b.t.Helper()
	for _, height := range heights {
		a := types.Attendance{Height: height}
		for _, o := range operators {
			address, err := types.ParseOperator(address(o))
			require.NoError(b.t, err)
			a.Operators = append(a.Operators, address)
		}
		require.NoError(b.t, b.Attendances.Set(b.ctx, height, a))
	}
}

func TestAttend(t *testing.T) {
	b := newBench(t)
	require.NoError(t, b.attend(b.ctx, []string{address(1)}))
	has, err := b.Attendances.Has(b.ctx, 100)
	require.NoError(t, err)
	require.False(t, has, "expected nothing to be remembered without a round")

	require.NoError(t, b.Rounds.Set(b.ctx, 7, types.Round{RequestId: 7}))
	require.NoError(t, b.attend(b.ctx, []string{address(3), address(1), address(2), address(1)}))
	require.NoError(t, b.at(163).attend(b.ctx, nil))
	list, err := b.remembered(0, 200)
	require.NoError(t, err)
	require.Len(t, list, 2)
	require.Len(t, list[0].Operators, 3)
	for i, operator := range list[0].Operators {
		require.Equal(t, fmt.Sprintf("o%d", i+1), short(sdk.ValAddress(operator).String()))
	}

	require.NoError(t, b.Rounds.Remove(b.ctx, 7))
	require.NoError(t, b.at(164).attend(b.ctx, nil))
	list, err = b.remembered(0, 200)
	require.NoError(t, err)
	require.Len(t, list, 1, "expected the block 64 ago to be forgotten, also without a round")
	require.Equal(t, int64(163), list[0].Height)
}

// remembered are the blocks from one height to another, both included, of which it is known whose votes they carried.
func (b *bench) remembered(from, to int64) ([]types.Attendance, error) {
	iterator, err := b.Attendances.Iterate(b.ctx, new(collections.Range[int64]).StartInclusive(from).EndInclusive(to))
	if err != nil {
		return nil, err
	}
	return iterator.Values()
}

func TestAttendanceIsBounded(t *testing.T) {
	b := newBench(t)
	require.NoError(t, b.Rounds.Set(b.ctx, 7, types.Round{RequestId: 7}))
	for height := int64(100); height < 300; height++ {
		require.NoError(t, b.at(height).attend(b.ctx, []string{address(1)}))
	}
	list, err := b.remembered(0, 300)
	require.NoError(t, err)
	require.Len(t, list, types.AttendanceBlocks)
	require.Equal(t, int64(300-types.AttendanceBlocks), list[0].Height)
}

func TestWhatCounts(t *testing.T) {
	const missing = types.MEMBER_OUTCOME_MISSING
	for _, tc := range []struct {
		name    string
		outcome types.MemberOutcome
		chances []int64
		change  func(*types.Round)
		length  uint32
		missed  uint32
		against uint32
	}{
		{name: "agreed", outcome: types.MEMBER_OUTCOME_AGREED, length: 1},
		{name: "contradicted", outcome: types.MEMBER_OUTCOME_DISAGREED, length: 1, against: 1},
		{name: "neutral", outcome: types.MEMBER_OUTCOME_NEUTRAL, chances: []int64{92, 93, 94, 95}},
		{name: "missing without a chance", outcome: missing},
		{name: "missing with two chances", outcome: missing, chances: []int64{92, 93}},
		{name: "missing with three chances", outcome: missing, chances: []int64{92, 96, 100}, length: 1, missed: 1},
		{name: "chances before it could be heard", outcome: missing, chances: []int64{89, 90, 91, 92, 93}},
		{name: "chances after the settlement", outcome: missing, chances: []int64{99, 100, 101, 102}},
		{
			name: "missing where there is no room for its word", outcome: missing, chances: []int64{92, 96, 100},
			change: func(r *types.Round) { r.Candidates = make([]types.Candidate, types.DefaultMaxCandidates) },
		},
		{
			name: "committed, chances before reveals", outcome: missing, chances: []int64{92, 93, 94, 95},
			change: func(r *types.Round) {
				r.Sealed, r.RevealingHeight = true, 92
				r.Votes[0].Commitment = make([]byte, 32)
			},
		},
		{
			name: "committed, chances to reveal", outcome: missing, chances: []int64{94, 95, 96}, length: 1, missed: 1,
			change: func(r *types.Round) {
				r.Sealed, r.RevealingHeight = true, 92
				r.Votes[0].Commitment = make([]byte, 32)
			},
		},
		{
			name: "never committed", outcome: missing, chances: []int64{92, 93, 94}, length: 1, missed: 1,
			change: func(r *types.Round) { r.Sealed, r.RevealingHeight = true, 94 },
		},
		{
			name: "never committed, chances when it was too late", outcome: missing, chances: []int64{92, 93, 95, 96, 97},
			change: func(r *types.Round) { r.Sealed, r.RevealingHeight = true, 94 },
		},
	} {
		t.Run(tc.name, func(t *testing.T) {
			b := newBench(t)
			b.attended(tc.chances, 1)
			s := settlement(tc.outcome)
			if tc.change != nil {
				tc.change(&s.Round)
			}
			require.NoError(t, b.recordConduct(b.ctx, newAttendanceBook(b.Keeper), []types.Settlement{s}))
			got := b.conduct(1)
			require.Equal(t, []uint32{tc.length, tc.missed, tc.against}, []uint32{got.Length, got.Missed, got.Contradicted})
			if tc.missed+tc.against > 0 {
				require.Equal(t, uint32(9_900), got.Reliability)
				require.Equal(t, []string{"o1 reliability 9900"}, b.nodes.take())
			} else {
				require.Empty(t, b.nodes.take(), "expected a node to hear only of another reliability")
			}
			require.NoError(t, got.Rounds().Validate())
		})
	}
}

func TestConductJails(t *testing.T) {
	for _, tc := range []struct {
		name    string
		outcome types.MemberOutcome
		allowed int
		reason  string
	}{
		{"too many misses", types.MEMBER_OUTCOME_MISSING, 50, "missed"},
		{"too many contradictions", types.MEMBER_OUTCOME_DISAGREED, 5, "contradicted"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			b := newBench(t)
			b.attended([]int64{92, 93, 94}, 1)
			for range tc.allowed {
				require.NoError(t, b.recordConduct(b.ctx, newAttendanceBook(b.Keeper), []types.Settlement{settlement(tc.outcome)}))
			}
			require.Empty(t, events[types.EventConductJailed](b))
			b.nodes.take()
			require.NoError(t, b.recordConduct(b.ctx, newAttendanceBook(b.Keeper), []types.Settlement{settlement(tc.outcome)}))
			require.Equal(t, []types.EventConductJailed{{Operator: address(1), Reason: tc.reason, Until: 700}}, events[types.EventConductJailed](b))
			require.Equal(t, []string{"o1 jailed until 700: " + tc.reason, "o1 reliability 10000"}, b.nodes.take())
			require.Equal(t, types.NewConduct(address(1)), b.conduct(1), "expected a new start")
		})
	}
}

// The window is an operator's, so governance changes it at once: the newest rounds stay.
func TestConductUnderAnotherWindow(t *testing.T) {
	b := newBench(t)
	b.attended([]int64{92, 93, 94}, 1)
	for i := range 40 {
		outcome := types.MEMBER_OUTCOME_AGREED
		if i >= 38 {
			outcome = types.MEMBER_OUTCOME_MISSING
		}
		require.NoError(t, b.recordConduct(b.ctx, newAttendanceBook(b.Keeper), []types.Settlement{settlement(outcome)}))
	}
	require.Equal(t, uint32(9_800), b.conduct(1).Reliability)
	b.params(func(p *types.Params) { p.ConductWindow, p.MaxMissed = 10, 4 })
	require.NoError(t, b.recordConduct(b.ctx, newAttendanceBook(b.Keeper), []types.Settlement{settlement(types.MEMBER_OUTCOME_AGREED)}))
	got := b.conduct(1)
	require.Equal(t, []uint32{10, 2, 8_000}, []uint32{got.Length, got.Missed, got.Reliability})
}

// Rounds that settle together come to the same as rounds that settle one by one.
func TestConductInOneGo(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		outcome := rapid.Custom(func(t *rapid.T) types.MemberOutcome {
			return types.MemberOutcome(rapid.Int32Range(0, 3).Draw(t, "outcome"))
		})
		var list []types.Settlement
		for range rapid.IntRange(1, 40).Draw(rt, "rounds") {
			list = append(list, settlement(rapid.SliceOfN(outcome, 3, 3).Draw(rt, "outcomes")...))
		}
		together, apart := newBench(t), newBench(t)
		for _, b := range []*bench{together, apart} {
			b.attended([]int64{92, 93, 94}, 1, 2)
		}
		require.NoError(rt, together.recordConduct(together.ctx, newAttendanceBook(together.Keeper), list))
		for _, s := range list {
			require.NoError(rt, apart.recordConduct(apart.ctx, newAttendanceBook(apart.Keeper), []types.Settlement{s}))
		}
		for i := 1; i <= 3; i++ {
			require.Equal(rt, apart.conduct(i), together.conduct(i))
		}
		require.Equal(rt, events[types.EventConductJailed](apart), events[types.EventConductJailed](together))
		require.Zero(rt, together.conduct(3).Missed, "operator 3 had no chance")
	})
}
