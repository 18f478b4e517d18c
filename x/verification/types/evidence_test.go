package types

import (
	"bytes"
	"errors"
	"testing"

	"pgregory.net/rapid"

	"github.com/opengradient/opengradient/internal/tensor"
)

// someEvidence is of a sealed round with two candidates, a fault and published bytes.
func someEvidence() Evidence {
	outcome := func(b byte) Outcome { return NewRootOutcome(tensor.MerkleRoot([]byte{b})) }
	round := Round{
		RequestId: 7, Attempt: 2, Phase: PHASE_SETTLING, SnapshotId: 3, OpenedHeight: 90, ParamsVersion: 1, MaxOutputBytes: 64,
		Candidates: []Candidate{
			{Outcome: outcome(1), Power: 30, PublishedHeight: 93, Standing: STANDING_AGREES},
			{Outcome: outcome(2), Power: 10, PublishedHeight: 94, Standing: STANDING_CONTRADICTS, Error: 1 << 63},
		},
		Votes: []MemberVote{
			{Candidate: 1, EnvironmentClass: 1, Height: 92, Commitment: bytes.Repeat([]byte{1}, CommitmentSize), Salt: bytes.Repeat([]byte{2}, SaltSize)},
			{},
			{Candidate: 2, EnvironmentClass: 4, Height: 93},
		},
		Decided: 1, DecidedHeight: 93, FinalHeight: 93, SettleHeight: 96, Digest: make([]byte, 32), Model: make([]byte, 32),
		Rule: RULE_QUORUM, Sealed: true, RevealingHeight: 91, ContestedHeight: 93,
		Faults: []Fault{{Member: 2, Kind: FAULT_KIND_EQUIVOCATION, Height: 95, Outcome: outcome(3)}},
	}
	return NewEvidence(round, []RoundOutput{{RequestId: 7, Candidate: 1, Output: []byte{1}}, {RequestId: 7, Candidate: 2, Output: []byte{2}}})
}

func TestEvidenceHasOneEncoding(t *testing.T) {
	encoded, err := someEvidence().Encode()
	if err != nil {
		t.Fatal(err)
	}
	decoded, err := DecodeEvidence(encoded)
	if err != nil {
		t.Fatalf("expected the encoding to be read, got %v", err)
	}
	again, err := decoded.Encode()
	if err != nil || !bytes.Equal(again, encoded) {
		t.Fatalf("expected the same bytes again, got others, %v", err)
	}
	for _, tc := range []struct {
		name  string
		bytes []byte
	}{
		{"a field that there is not", append(bytes.Clone(encoded), 0x9a, 0x06, 0)},
		{"a default written out", append([]byte{0x0a, 0x02, 0x08, 0x00}, encoded...)},
		{"the end is missing", encoded[:len(encoded)-1]},
		{"nothing", nil},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if _, err := DecodeEvidence(tc.bytes); !errors.Is(err, ErrInvalidEvidence) {
				t.Errorf("expected %v, got %v", ErrInvalidEvidence, err)
			}
		})
	}
}

func TestEvidenceOfOneOutcomeHasNoBytes(t *testing.T) {
	evidence := someEvidence()
	round := evidence.Round
	round.Candidates = round.Candidates[:1]
	if got := NewEvidence(round, evidence.Outputs[:1]); len(got.Outputs) != 0 {
		t.Errorf("expected no bytes, got %d", len(got.Outputs))
	}
}

// Whatever byte of the evidence changes, it is not the one that the receipt names.
func TestAnotherByteIsOtherEvidence(t *testing.T) {
	encoded, err := someEvidence().Encode()
	if err != nil {
		t.Fatal(err)
	}
	root := tensor.MerkleRoot(encoded)
	claim := Claim{EvidenceRoot: root[:]}
	rapid.Check(t, func(t *rapid.T) {
		changed := bytes.Clone(encoded)
		at := rapid.IntRange(0, len(changed)-1).Draw(t, "at")
		changed[at] ^= rapid.ByteRange(1, 255).Draw(t, "bits")
		if _, err := claim.OpenEvidence(changed); err == nil {
			t.Fatalf("expected an error for another byte %d", at)
		}
	})
}

// FuzzDecodeEvidence: whatever is read has exactly the encoding it was read from, and a replay of it does not panic.
func FuzzDecodeEvidence(f *testing.F) {
	encoded, err := someEvidence().Encode()
	if err != nil {
		f.Fatal(err)
	}
	empty, err := Evidence{}.Encode()
	if err != nil {
		f.Fatal(err)
	}
	f.Add(encoded)
	f.Add(empty)
	f.Add([]byte{})
	f.Add(encoded[:len(encoded)/2])
	f.Fuzz(func(t *testing.T, data []byte) {
		evidence, err := DecodeEvidence(data)
		if err != nil {
			if !errors.Is(err, ErrInvalidEvidence) {
				t.Fatalf("expected %v, got %v", ErrInvalidEvidence, err)
			}
			return
		}
		again, err := evidence.Encode()
		if err != nil || !bytes.Equal(again, data) {
			t.Fatalf("expected %x again, got %x, %v", data, again, err)
		}
		// A claim that says the same as the evidence, so that the replay gets as far as it can.
		round, root := evidence.Round, tensor.MerkleRoot(data)
		snapshot := Snapshot{Id: round.SnapshotId}
		for i := range round.Votes {
			snapshot.Members = append(snapshot.Members, Member{Operator: string(rune('a' + i%26)), Power: 10})
			snapshot.TotalPower += 10
		}
		claim := Claim{
			RequestID: round.RequestId, Attempt: round.Attempt, Rule: round.Rule, Digest: round.Digest, Outcome: round.Winner().Outcome, Leader: round.Leader,
			Publisher: round.Winner().Publisher, Committee: round.Seats, Arbitrated: round.Arbitrated, Sealed: round.Sealed, EvidenceRoot: root[:],
		}
		_, _ = claim.ReplayEvidence(snapshot, DefaultParams(), data)
		_, _ = evidence.replay(claim, snapshot, DefaultParams())
	})
}
