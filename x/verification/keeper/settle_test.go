package keeper_test

import (
	"bytes"
	"testing"

	"github.com/opengradient/opengradient/internal/agreement"
	"github.com/opengradient/opengradient/internal/tensor"
	"github.com/opengradient/opengradient/x/verification/types"
)

func rootBytes(b []byte) tensor.Root { return tensor.MerkleRoot(b) }

func lastEvent(f *fixture) string {
	events := f.ctx.EventManager().ABCIEvents()
	if len(events) == 0 {
		return ""
	}
	return asJSON(f.t, events[len(events)-1])
}

func TestLateAttestationsCountUntilSettlement(t *testing.T) {
	f := newFixture(t, types.DefaultParams())
	f.open(opening(1, equalMembers(7)))
	f.next() // 2
	f.record(says(failure(), 0, 1, 2, 3, 4)...)
	if settled := f.settle(); len(settled) != 0 {
		t.Fatalf("expected nothing to settle at the verdict, got %d", len(settled))
	}
	f.next() // 3: one more agrees
	f.record(says(failure(), 5)...)
	f.next() // 4: one disagrees, one tries to change its mind
	got := f.record(append(says(rootOf(0), 6), says(rootOf(0), 5)...)...)
	f.same("ignored", got.Ignored, []types.Ignored{{Operator: operator(5), Reason: types.ReasonSecondOutcome, Count: 1}})
	if len(got.Decisions) != 0 {
		t.Fatalf("expected no further decision, got %+v", got.Decisions)
	}
	if settled := f.settle(); len(settled) != 0 {
		t.Fatalf("expected nothing to settle at 4, got %d", len(settled))
	}
	before := f.round(1)
	f.next() // 5
	settled := f.settle()
	if len(settled) != 1 {
		t.Fatalf("expected one settlement at 5, got %d", len(settled))
	}
	s := settled[0]
	before.Candidates[0].Standing = types.STANDING_AGREES
	before.Candidates[1].Standing, before.Candidates[1].Error = types.STANDING_CONTRADICTS, agreement.ErrorUnbounded
	f.same("round", s.Round, before)
	const agreed, disagreed = types.MEMBER_OUTCOME_AGREED, types.MEMBER_OUTCOME_DISAGREED
	f.same("conduct", s.Outcomes, []types.MemberOutcome{agreed, agreed, agreed, agreed, agreed, agreed, disagreed})
	if want := []byte{0b01_01_01_01, 0b00_10_01_01}; !bytes.Equal(s.Bitmap, want) {
		t.Errorf("expected bitmap %08b, got %08b", want, s.Bitmap)
	}
	if root, err := types.NewEvidence(before, nil).Root(); err != nil || s.EvidenceRoot != root {
		t.Errorf("expected the root of the evidence %x, got %x, %v", root, s.EvidenceRoot, err)
	}
	if s.Snapshot.References != 1 || len(s.Snapshot.Members) != 7 {
		t.Errorf("expected the snapshot with the receipt's reference, got %+v", s.Snapshot)
	}
	if again := f.settle(); len(again) != 0 {
		t.Errorf("expected a round to settle once, got %d", len(again))
	}
	f.next()
	got = f.record(says(failure(), 6)...)
	f.same("ignored", got.Ignored, []types.Ignored{{Operator: operator(6), Reason: types.ReasonNoRound, Count: 1}})
}

func TestSettleTakesAllDueInOrder(t *testing.T) {
	f := newFixture(t, types.DefaultParams())
	verdict := func(ids ...uint64) {
		f.t.Helper()
		vote := types.OperatorVotes{Operator: operator(0)}
		for _, id := range ids {
			f.open(opening(id, equalMembers(1)))
			vote.Attestations = append(vote.Attestations, attest(id, failure()))
		}
		f.next()
		f.record(vote)
	}
	verdict(40, 7) // settle at 5
	verdict(3, 41) // settle at 6
	verdict(1)     // settle at 7
	f.at(6)
	var got []uint64
	for _, settlement := range f.settle() {
		got = append(got, settlement.Round.RequestId)
	}
	f.same("settled requests", got, []uint64{7, 40, 3, 41})
	f.at(100)
	if rest := f.settle(); len(rest) != 1 || rest[0].Round.RequestId != 1 {
		t.Fatalf("expected request 1 last, got %+v", rest)
	}
}

func TestAbandonASettlingRound(t *testing.T) {
	f := newFixture(t, types.DefaultParams())
	f.open(opening(1, equalMembers(1)))
	f.next()
	f.record(says(failure(), 0)...)
	f.abandon(1)
	f.at(50)
	if settled := f.settle(); len(settled) != 0 {
		t.Fatalf("expected nothing to settle, got %d", len(settled))
	}
	if genesis := f.export(); len(genesis.Snapshots) != 0 {
		t.Errorf("expected the snapshot to go with the round, got %d", len(genesis.Snapshots))
	}
}
