package types

import (
	"slices"
	"testing"
)

// settledRound is a round with every kind of vote.
func settledRound() Round {
	return Round{
		RequestId: 42, Attempt: 2, Phase: PHASE_SETTLING, SnapshotId: 7, Leader: "b", OpenedHeight: 99, ParamsVersion: 1, MaxOutputBytes: 64,
		Candidates: []Candidate{
			{Outcome: rootOutcome(0xab), Power: 30, Publisher: "b"},
			{Outcome: NewFailureOutcome(FAILURE_OUTPUT_LIMIT), Power: 5},
		},
		Votes: []MemberVote{
			{Candidate: 2, EnvironmentClass: 3, Height: 100}, {Candidate: 1, EnvironmentClass: 1, Height: 101},
			{}, {Candidate: 1, EnvironmentClass: 2, Height: 103},
		},
		Decided: 1, DecidedHeight: 101, FinalHeight: 101, SettleHeight: 104,
	}
}

func TestConduct(t *testing.T) {
	round := settledRound()
	round.Candidates[0].Standing, round.Candidates[1].Standing = STANDING_AGREES, STANDING_CONTRADICTS
	want := []MemberOutcome{MEMBER_OUTCOME_DISAGREED, MEMBER_OUTCOME_AGREED, MEMBER_OUTCOME_MISSING, MEMBER_OUTCOME_AGREED}
	if got, tolerated := round.Conduct(); !slices.Equal(got, want) || tolerated != nil {
		t.Errorf("expected %v, got %v and tolerated %b", want, got, tolerated)
	}
}

func TestShiftMovesSetHeightsOnly(t *testing.T) {
	settled := settledRound()
	shifted := settled.Shift(-104)
	if shifted.OpenedHeight != -5 || shifted.DecidedHeight != -3 || shifted.FinalHeight != -3 || shifted.SettleHeight != 0 ||
		shifted.Votes[0].Height != -4 || shifted.Votes[2].Height != 0 {
		t.Errorf("expected heights relative to 104, got %+v", shifted)
	}
	if !equalRounds(t, shifted.Shift(104), settledRound()) || !equalRounds(t, settled, settledRound()) {
		t.Error("expected the way back to give the round, and the original to be untouched")
	}
	open := Round{Phase: PHASE_OPEN, OpenedHeight: 10, Votes: make([]MemberVote, 1)}.Shift(-10)
	if open.OpenedHeight != 0 || open.DecidedHeight != 0 || open.FinalHeight != 0 || open.SettleHeight != 0 || open.Votes[0].Height != 0 {
		t.Errorf("expected no height to appear, got %+v", open)
	}
}

func TestVoteOf(t *testing.T) {
	snapshot, round := electorateOf(1, 1, 1, 1), settledRound()
	if vote, ok := round.VoteOf(snapshot, "b"); !ok || vote.Candidate != 1 || vote.Height != 101 {
		t.Errorf("expected the vote of b, got %+v, %t", vote, ok)
	}
	if _, ok := round.VoteOf(snapshot, "z"); ok {
		t.Error("expected no vote of an outsider")
	}
}

func TestNoWinnerBeforeTheDecision(t *testing.T) {
	for _, decided := range []uint32{0, 3} {
		round := settledRound()
		round.Decided = decided
		if winner := round.Winner(); winner.Publisher != "" || winner.Power != 0 {
			t.Errorf("decided %d: expected no winner, got %+v", decided, winner)
		}
	}
}
