package keeper_test

import (
	"errors"
	"testing"

	"github.com/opengradient/opengradient/x/verification/types"
)

func TestEveryPhaseIsThere(t *testing.T) {
	var got []types.Phase
	for _, round := range manyPhases(t).export().Rounds {
		got = append(got, round.Phase)
	}
	newEmptyFixture(t).same("phases", got, []types.Phase{
		types.PHASE_OPEN, types.PHASE_COMMITTING, types.PHASE_OPEN, types.PHASE_ARBITRATING, types.PHASE_SETTLING, types.PHASE_OPEN,
	})
}

// Timers go off, verdicts fall and rounds settle at the same heights as without the restart.
func TestPhasesGoOnAfterARestart(t *testing.T) {
	before, after := manyPhases(t), newEmptyFixture(t)
	genesis := before.export()
	after.must(after.InitGenesis(after.ctx, *genesis)) // height 1 in place of 6
	for height := int64(6); height <= 14; height++ {
		before.at(height)
		after.at(height - 5)
		after.same("timers", after.advance(), before.advance())
		settled := before.settle()
		for i, again := range after.settle() {
			after.same("conduct", again.Outcomes, settled[i].Outcomes)
		}
		after.same("rounds", after.export().Rounds, before.export().Rounds)
		after.same("outputs", after.export().Outputs, before.export().Outputs)
	}
}

// Every change below contradicts something else in the round of a phase.
func TestGenesisValidatesEveryPhase(t *testing.T) {
	const open, committing, revealing, arbitrating, settling, sealedCommittee = 0, 1, 2, 3, 4, 5
	for _, tc := range []struct {
		name   string
		round  int
		change func(*types.Round)
	}{
		{"no rule", open, func(r *types.Round) { r.Rule = 0 }},
		{"seats of a quorum", open, func(r *types.Round) { r.Seats = []byte{0b1111} }},
		{"a committee without seats", sealedCommittee, func(r *types.Round) { r.Seats = nil }},
		{"seats of nobody", sealedCommittee, func(r *types.Round) { r.Seats = []byte{0b10101} }},
		{"leader without a seat", sealedCommittee, func(r *types.Round) { r.Leader = operator(1) }},
		{"vote without a seat", sealedCommittee, func(r *types.Round) { r.Votes[1] = r.Votes[0] }},
		{"short digest", open, func(r *types.Round) { r.Digest = r.Digest[1:] }},
		{"no model", open, func(r *types.Round) { r.Model = nil }},
		{"commitments of an open round", committing, func(r *types.Round) { r.Sealed = false }},
		{"reveals without a height", committing, func(r *types.Round) { r.Phase = types.PHASE_OPEN }},
		{"a height of reveals before them", committing, func(r *types.Round) { r.RevealingHeight = -1 }},
		{"candidates before reveals", revealing, func(r *types.Round) { r.Phase, r.RevealingHeight = types.PHASE_COMMITTING, 0 }},
		{"short commitment", committing, func(r *types.Round) { r.Votes[0].Commitment = r.Votes[0].Commitment[1:] }},
		{"commitment without a seal", open, func(r *types.Round) { r.Votes[1].Commitment = make([]byte, 32) }},
		{"salt without a seal", open, func(r *types.Round) { r.Votes[0].Salt = salt(1) }},
		{"salt of a silent member", revealing, func(r *types.Round) { r.Votes[3].Salt = salt(1) }},
		{"salt that opens nothing", revealing, func(r *types.Round) { r.Votes[0].Salt = salt(2) }},
		{"vote before the reveals", revealing, func(r *types.Round) { r.Votes[0].Height = r.RevealingHeight }},
		{"unopened that opens", revealing, func(r *types.Round) { r.Unopened[0].Salt = salt(1) }},
		{"unopened of nobody", revealing, func(r *types.Round) { r.Unopened[0].Member = 4 }},
		{"unopened twice", revealing, func(r *types.Round) { r.Unopened = append(r.Unopened, r.Unopened[0]) }},
		{"unopened without a salt", revealing, func(r *types.Round) { r.Unopened[0].Salt = nil }},
		{"unopened in the future", revealing, func(r *types.Round) { r.Unopened[0].Height = 1 }},
		{"contest without a height", open, func(r *types.Round) { r.ContestedHeight = r.OpenedHeight }},
		{"height of a contest without one", committing, func(r *types.Round) { r.ContestedHeight = -1 }},
		{"no timer", revealing, func(r *types.Round) { r.TimerHeight = 0 }},
		{"timer at another height", revealing, func(r *types.Round) { r.TimerHeight++ }},
		{"timer in the past", arbitrating, func(r *types.Round) { r.TimerHeight = -1 }},
		{"timer of a settling round", settling, func(r *types.Round) { r.TimerHeight = 1 }},
		{"arbitration without a height", arbitrating, func(r *types.Round) { r.ArbitratingHeight = r.OpenedHeight }},
		{"height of an arbitration without one", open, func(r *types.Round) { r.ArbitratingHeight = -1 }},
		{"arbitrated before the verdict", arbitrating, func(r *types.Round) { r.Arbitrated = true }},
		{"closed before the verdict", arbitrating, func(r *types.Round) { r.Closed = true }},
		{"another winner of the arbitration", settling, func(r *types.Round) { r.Decided = 2 }},
		{"equality without a threshold", settling, func(r *types.Round) { r.Arbitrated, r.ArbitratingHeight = false, 0 }},
		{"bytes without a height", settling, func(r *types.Round) { r.Candidates[0].PublishedHeight = 1 }},
		{"height of bytes without them", arbitrating, func(r *types.Round) { r.Candidates[0].PublishedHeight = -1 }},
		{"standing before the settlement", settling, func(r *types.Round) { r.Candidates[0].Standing = types.STANDING_AGREES }},
		{"error before the settlement", settling, func(r *types.Round) { r.Candidates[0].Error = 1 }},
		{"fault of nobody", settling, func(r *types.Round) { r.Faults[0].Member = 4 }},
		{"fault without a seat", sealedCommittee, func(r *types.Round) {
			r.Faults = []types.Fault{{Member: 1, Kind: types.FAULT_KIND_EQUIVOCATION, Outcome: failure()}}
		}},
		{"fault twice", settling, func(r *types.Round) { r.Faults = append(r.Faults, r.Faults[0]) }},
		{"fault without proof", settling, func(r *types.Round) { r.Faults[0].Outcome = types.Outcome{} }},
		{"fault of another kind", settling, func(r *types.Round) { r.Faults[0].Kind = types.FAULT_KIND_OUTPUT }},
		{"fault that only a settlement proves", settling, func(r *types.Round) { r.Faults[0].Kind = types.FAULT_KIND_CONTRADICTION }},
		{"fault in the future", settling, func(r *types.Round) { r.Faults[0].Height = 1 }},
	} {
		t.Run(tc.name, func(t *testing.T) {
			genesis := manyPhases(t).export()
			tc.change(&genesis.Rounds[tc.round])
			if err := genesis.Validate(); !errors.Is(err, types.ErrInvalidGenesis) {
				t.Errorf("expected %v, got %v", types.ErrInvalidGenesis, err)
			}
		})
	}
}
