package keeper_test

import (
	"bytes"
	"testing"

	"github.com/opengradient/opengradient/x/verification/types"
)

// Two small members that attest two inventions at once must not set the clock for those who are still computing: the
// round is closed at the deadline of the attempt and not before.
func TestInventionsDoNotHurryARound(t *testing.T) {
	f := newFixture(t, types.DefaultParams())
	f.open(opening(1, members(40, 40, 1, 1)))
	f.at(3)
	f.record(append(says(rootOf(1), 2), says(rootOf(2), 3)...)...)
	for height := int64(4); height <= 30; height++ {
		f.at(height)
		f.record()
		if decisions := f.advance(); len(decisions) != 0 {
			t.Fatalf("height %d: expected a round that waits for those who are silent, got %+v", height, decisions)
		}
	}
	if round := f.round(1); round.Phase != types.PHASE_OPEN || round.TimerHeight != 0 {
		t.Fatalf("expected an open round whose timer has gone off, got %s with timer %d", round.Phase, round.TimerHeight)
	}
	f.export()
	f.next()
	votes := says(rootOf(0), 0, 1)
	votes[0].Outputs = []types.PublishedOutput{publish(1, result(0))}
	if got := f.record(votes...); len(got.Decisions) != 1 || got.Decisions[0].Kind != types.DecisionFinal {
		t.Fatalf("expected the verdict of those who took their time, got %+v", got)
	}
}

// As many inventions as a round tells apart, and then its soft timer: those who answer later still get a place.
func TestInventionsDoNotShutOutLateAnswers(t *testing.T) {
	params := types.DefaultParams()
	f := newFixture(t, params)
	powers := []int64{30, 30, 30}
	for range params.MaxCandidates {
		powers = append(powers, 1)
	}
	f.open(opening(1, members(powers...)))
	f.at(3)
	var votes []types.OperatorVotes
	for i := range int(params.MaxCandidates) {
		votes = append(votes, says(rootOf(i+1), i+3)...)
	}
	f.record(votes...)
	f.at(6)
	f.advance()
	f.at(8)
	honest := says(rootOf(0), 0, 1, 2)
	honest[0].Outputs = []types.PublishedOutput{publish(1, result(0))}
	if got := f.record(honest...); len(got.Decisions) != 1 || got.Decisions[0].Kind != types.DecisionFinal {
		t.Fatalf("expected a final verdict, got %+v in %+v", got, f.round(1))
	}
}

// What a round does not take must not spend the budget of comparisons: otherwise one member keeps all arbitrations of a
// block from their room by repeating itself.
func TestRefusedContentComparesNothing(t *testing.T) {
	f := newFixture(t, types.DefaultParams())
	f.open(opening(1, members(10, 10, 10, 10, 2, 1)))
	f.at(3)
	// Published roots that have nothing in common, and one whose bytes are waited for.
	f.record(append(says(rootOf(0), 0, 1), append(says(rootOf(1), 2), append(says(rootOf(2), 3), append(says(rootOf(3), 4),
		shows(0, result(0)), shows(2, result(1)))...)...)...)...)
	if round := f.round(1); round.Phase != types.PHASE_ARBITRATING || round.Candidates[1].Publisher == "" && round.Candidates[0].Publisher == "" {
		t.Fatalf("expected an arbitration that waits for bytes, got %+v", round)
	}
	f.at(4)
	f.record(shows(0, []byte{1}), shows(2, []byte{2}))
	if used, err := f.Compared.Get(f.ctx, 4); err == nil {
		t.Fatalf("expected no comparison for bytes that nobody wants, got %d elements", used)
	}
	f.record(shows(3, result(2)))
	if _, err := f.Compared.Get(f.ctx, 4); err != nil {
		t.Fatalf("expected a comparison with bytes that were waited for, got %v", err)
	}
}

// A member that copies the commitment of another, and its reveal once that is public, has said nothing: the operator is in
// the hash. Nobody is at fault, least of all the one that was copied.
func TestCopiedCommitmentOpensNothing(t *testing.T) {
	f := newFixture(t, types.DefaultParams())
	sealed := opening(1, equalMembers(4))
	sealed.Sealed = true
	f.open(sealed)
	salt := bytes.Repeat([]byte{5}, types.SaltSize)
	commitment := func(o int) types.Commitment {
		sum := types.NewCommitment(digest(), 1, operator(o), salt, rootOf(0))
		return types.Commitment{RequestId: 1, Attempt: 1, Commitment: sum[:]}
	}
	f.at(3)
	var votes []types.OperatorVotes
	for o, copied := range []int{0, 1, 2, 0} {
		votes = append(votes, types.OperatorVotes{Operator: operator(o), Commitments: []types.Commitment{commitment(copied)}})
	}
	f.record(votes...)
	f.next()
	votes = nil
	for o := range 4 {
		votes = append(votes, types.OperatorVotes{Operator: operator(o), Reveals: []types.Reveal{{Attestation: attest(1, rootOf(0)), Salt: salt}}})
	}
	votes[0].Outputs = []types.PublishedOutput{publish(1, result(0))}
	got := f.record(votes...)
	f.same("ignored", got.Ignored, []types.Ignored{{Operator: operator(3), Reason: types.ReasonUnopened, Count: 1}})
	if len(got.Decisions) != 1 || got.Decisions[0].Kind != types.DecisionFinal {
		t.Fatalf("expected the verdict of the three that committed themselves, got %+v", got.Decisions)
	}
	f.at(7)
	settled := f.settle()
	if len(settled) != 1 || settled[0].Outcomes[3] != types.MEMBER_OUTCOME_MISSING || len(settled[0].Round.Faults) != 0 || len(f.nodes.calls) != 0 {
		t.Fatalf("expected the copy to be silence and nobody at fault, got %+v and %v", settled, f.nodes.calls)
	}
}
