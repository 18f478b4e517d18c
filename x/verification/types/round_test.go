package types

import (
	"bytes"
	"encoding/hex"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/opengradient/opengradient/internal/tensor"
)

var update = flag.Bool("update", false, "rewrite the golden files")

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
	want := []MemberOutcome{MEMBER_OUTCOME_DISAGREED, MEMBER_OUTCOME_AGREED, MEMBER_OUTCOME_MISSING, MEMBER_OUTCOME_AGREED}
	if got := settledRound().Conduct(); !slices.Equal(got, want) {
		t.Errorf("expected %v, got %v", want, got)
	}
}

// The encoding of the evidence is part of every receipt: it is written out field by field.
func TestGoldenEvidence(t *testing.T) {
	round := settledRound()
	evidence := round.Evidence()
	var got bytes.Buffer
	rest := evidence
	field := func(name string, size int) {
		if size > len(rest) {
			t.Fatalf("%s: expected %d bytes, got %d", name, size, len(rest))
		}
		fmt.Fprintf(&got, "%-24s %s\n", name, hex.EncodeToString(rest[:size]))
		rest = rest[size:]
	}
	field("domain tag", len(evidenceDomain))
	field("request id", 8)
	field("attempt", 4)
	field("snapshot id", 8)
	field("winner", 4)
	field("candidates", 4)
	for _, candidate := range round.Candidates {
		field("  failure", 1)
		field("  root length", 1)
		field("  root", len(candidate.Outcome.OutputRoot))
		field("  power", 8)
	}
	field("members", 4)
	for range round.Votes {
		field("  candidate", 4)
		field("  environment class", 4)
		field("  height", 8)
	}
	if len(rest) != 0 {
		t.Fatalf("expected the end, got %d more bytes", len(rest))
	}
	root := tensor.MerkleRoot(evidence)
	fmt.Fprintf(&got, "%-24s %x\n", "Merkle root", root)
	if round.EvidenceRoot() != root {
		t.Errorf("expected root %x, got %x", root, round.EvidenceRoot())
	}
	compareGolden(t, "evidence.golden", got.Bytes())
}

func compareGolden(t *testing.T, name string, got []byte) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(path, got, 0o600); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("expected\n%s\ngot\n%s", want, got)
	}
}

// Every field that a replay of the verdict needs is bound.
func TestEvidenceBindsTheRound(t *testing.T) {
	root := settledRound().EvidenceRoot()
	for name, change := range map[string]func(*Round){
		"request":  func(r *Round) { r.RequestId++ },
		"attempt":  func(r *Round) { r.Attempt++ },
		"snapshot": func(r *Round) { r.SnapshotId++ },
		"winner":   func(r *Round) { r.Decided++ },
		"root":     func(r *Round) { r.Candidates[0].Outcome = rootOutcome(1) },
		"failure":  func(r *Round) { r.Candidates[1].Outcome = NewFailureOutcome(FAILURE_EXECUTION) },
		"power":    func(r *Round) { r.Candidates[1].Power++ },
		"vote":     func(r *Round) { r.Votes[0].Candidate = 1 },
		"class":    func(r *Round) { r.Votes[0].EnvironmentClass++ },
		"height":   func(r *Round) { r.Votes[0].Height++ },
		"members":  func(r *Round) { r.Votes = r.Votes[:3] },
	} {
		round := settledRound()
		change(&round)
		if round.EvidenceRoot() == root {
			t.Errorf("%s: expected another root", name)
		}
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
