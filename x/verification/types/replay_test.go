package types

import (
	"bytes"
	"encoding/binary"
	"math"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	sdk "github.com/cosmos/cosmos-sdk/types"

	"github.com/opengradient/opengradient/internal/agreement"
	"github.com/opengradient/opengradient/internal/selection"
	"github.com/opengradient/opengradient/internal/tensor"
)

func replayOperator(i int) string {
	return sdk.ValAddress(bytes.Repeat([]byte{byte(i + 1)}, 20)).String()
}

// replaySnapshot is four members of power 25 each: all of the power there is.
func replaySnapshot() Snapshot {
	s := Snapshot{Id: 3, TotalPower: 100}
	for i := range 4 {
		s.Members = append(s.Members, Member{Operator: replayOperator(i), Power: 25})
	}
	return s
}

func replayOutput(t *testing.T, value float32) ([]byte, Outcome) {
	t.Helper()
	data := binary.LittleEndian.AppendUint32(nil, math.Float32bits(value))
	encoded, err := tensor.EncodeOutputs([]tensor.Tensor{{Name: "y", Datatype: tensor.FP32, Shape: []int64{1}, Data: data}})
	require.NoError(t, err)
	return encoded, NewRootOutcome(tensor.MerkleRoot(encoded))
}

// settled is a round with its evidence and the claim of its receipt.
type settled struct {
	round   Round
	outputs []RoundOutput
	claim   Claim
}

func (s *settled) encode(t *testing.T) []byte {
	t.Helper()
	encoded, err := NewEvidence(s.round, s.outputs).Encode()
	require.NoError(t, err)
	root := tensor.MerkleRoot(encoded)
	s.claim.EvidenceRoot = root[:]
	return encoded
}

func (s *settled) replay(t *testing.T) (Replayed, error) {
	t.Helper()
	encoded := s.encode(t)
	return s.claim.ReplayEvidence(replaySnapshot(), DefaultParams(), encoded)
}

func replayBits(t *testing.T, outcomes ...MemberOutcome) []byte {
	t.Helper()
	packed, err := agreement.PackOutcomes(outcomes)
	require.NoError(t, err)
	return packed
}

// arbitratedRound: two members attested one root, one member another within the tolerance, one is silent. It is sealed.
func arbitratedRound(t *testing.T) *settled {
	t.Helper()
	first, a := replayOutput(t, 1)
	second, b := replayOutput(t, 1.000002)
	digest := bytes.Repeat([]byte{7}, 32)
	compared, err := agreement.Compare(first, second, DefaultParams().Taus(), math.MaxInt64)
	require.NoError(t, err)
	require.Equal(t, agreement.Within, compared.Relation)
	s := &settled{
		round: Round{
			RequestId: 9, Attempt: 1, Phase: PHASE_SETTLING, SnapshotId: 3, Leader: replayOperator(0), OpenedHeight: 10, ParamsVersion: 1,
			MaxOutputBytes: 8192, Decided: 1, DecidedHeight: 20, FinalHeight: 20, SettleHeight: 23, Digest: digest,
			Model: bytes.Repeat([]byte{8}, 32), Rule: RULE_QUORUM, Sealed: true, RevealingHeight: 14, ContestedHeight: 16,
			ArbitratingHeight: 18, Arbitrated: true, Closed: true,
			Candidates: []Candidate{
				{Outcome: a, Power: 50, Publisher: replayOperator(0), Standing: STANDING_AGREES, PublishedHeight: 16},
				{Outcome: b, Power: 25, Publisher: replayOperator(2), Standing: STANDING_AGREES, Error: compared.Error, PublishedHeight: 19},
			},
			Votes: make([]MemberVote, 4),
		},
		outputs: []RoundOutput{{RequestId: 9, Candidate: 1, Output: first}, {RequestId: 9, Candidate: 2, Output: second}},
		claim: Claim{
			RequestID: 9, Attempt: 1, Rule: RULE_QUORUM, Digest: digest, Outcome: a, Leader: replayOperator(0), Publisher: replayOperator(0),
			Outcomes:  replayBits(t, MEMBER_OUTCOME_AGREED, MEMBER_OUTCOME_AGREED, MEMBER_OUTCOME_AGREED, MEMBER_OUTCOME_MISSING),
			Tolerated: []byte{0b100}, Arbitrated: true, Sealed: true,
		},
	}
	for i, candidate := range []uint32{1, 1, 2} {
		salt := bytes.Repeat([]byte{byte(i)}, SaltSize)
		sealed := NewCommitment(digest, 1, replayOperator(i), salt, s.round.Candidates[candidate-1].Outcome)
		s.round.Votes[i] = MemberVote{Candidate: candidate, EnvironmentClass: 1, Height: 16, Commitment: sealed[:], Salt: salt}
	}
	return s
}

func TestArbitratedVerdictFollowsFromTheEvidence(t *testing.T) {
	s := arbitratedRound(t)
	got, err := s.replay(t)
	require.NoError(t, err)
	require.Equal(t, Replayed{Outcome: s.claim.Outcome, Power: 75, Threshold: 67}, got)
	_, err = s.claim.Replay(replaySnapshot())
	require.ErrorContains(t, err, "takes the evidence")
}

// Whatever is changed in claim or evidence, with the root of the evidence made to fit, the replay says what differs.
func TestReplayOfEvidenceRefuses(t *testing.T) {
	for name, tc := range map[string]struct {
		spoil func(s *settled)
		want  string
	}{
		"another request":           {func(s *settled) { s.claim.RequestID++ }, "request id"},
		"another attempt":           {func(s *settled) { s.claim.Attempt++ }, "attempt"},
		"another rule":              {func(s *settled) { s.claim.Rule, s.claim.Committee = RULE_COMMITTEE, []byte{0b1111} }, "rule"},
		"a committee of the round":  {func(s *settled) { s.round.Rule, s.round.Seats = RULE_COMMITTEE, []byte{0b0011} }, "rule"},
		"another digest":            {func(s *settled) { s.claim.Digest = make([]byte, 32) }, "digest"},
		"another leader":            {func(s *settled) { s.claim.Leader = replayOperator(1) }, "leader"},
		"another outcome":           {func(s *settled) { s.claim.Outcome = s.round.Candidates[1].Outcome }, "output root"},
		"another snapshot":          {func(s *settled) { s.round.SnapshotId++ }, "snapshot id"},
		"exact instead":             {func(s *settled) { s.claim.Arbitrated = false }, "arbitrated"},
		"not sealed":                {func(s *settled) { s.claim.Sealed = false }, "sealed"},
		"another winner":            {func(s *settled) { s.round.Decided = 2 }, "output root"},
		"no winner":                 {func(s *settled) { s.round.Decided = 0 }, "output root"},
		"a vote less":               {func(s *settled) { s.round.Votes = s.round.Votes[:3] }, "votes"},
		"a vote for nothing":        {func(s *settled) { s.round.Votes[1].Candidate = 3 }, "votes"},
		"a salt that does not open": {func(s *settled) { s.round.Votes[1].Salt[0]++ }, "votes"},
		"more power than votes":     {func(s *settled) { s.round.Candidates[0].Power = 75 }, "candidates"},
		"bytes of another root":     {func(s *settled) { s.outputs[1].Output = s.outputs[0].Output }, "outputs"},
		"bytes left out":            {func(s *settled) { s.outputs = s.outputs[:1] }, "outputs"},
		"votes after the verdict":   {func(s *settled) { s.round.Votes[2].Height = 21 }, "decided"},
		"bytes after the verdict":   {func(s *settled) { s.round.Candidates[1].PublishedHeight = 21 }, "decided"},
		"another standing":          {func(s *settled) { s.round.Candidates[1].Standing = STANDING_DIFFERS }, "candidates"},
		"a smaller error":           {func(s *settled) { s.round.Candidates[1].Error-- }, "candidates"},
		"missing instead of agreed": {func(s *settled) { s.claim.Outcomes[0] &^= 0b11 << 2 }, "outcomes"},
		"exactly and not tolerated": {func(s *settled) { s.claim.Tolerated = nil }, "tolerated"},
		"tolerated while missing":   {func(s *settled) { s.claim.Tolerated = []byte{0b1000} }, "tolerated"},
	} {
		t.Run(name, func(t *testing.T) {
			s := arbitratedRound(t)
			tc.spoil(s)
			_, err := s.replay(t)
			require.ErrorContains(t, err, tc.want)
		})
	}
	s := arbitratedRound(t)
	encoded := s.encode(t)
	s.claim.EvidenceRoot[0]++
	_, err := s.claim.ReplayEvidence(replaySnapshot(), DefaultParams(), encoded)
	require.ErrorContains(t, err, "evidence root")
}

// exactRound: three members attested one root, one member a failure.
func exactRound(t *testing.T) *settled {
	t.Helper()
	s := arbitratedRound(t)
	s.round.Arbitrated, s.round.Closed, s.round.Sealed = false, false, false
	s.round.Candidates[0].Power = 75
	s.round.Candidates[1] = Candidate{Outcome: NewFailureOutcome(FAILURE_EXECUTION), Power: 25, Standing: STANDING_CONTRADICTS, Error: agreement.ErrorUnbounded}
	for i, candidate := range []uint32{1, 1, 2, 1} {
		s.round.Votes[i] = MemberVote{Candidate: candidate, EnvironmentClass: 1, Height: 16}
	}
	s.outputs = s.outputs[:1]
	s.claim.Arbitrated, s.claim.Sealed, s.claim.Tolerated = false, false, nil
	s.claim.Outcomes = replayBits(t, MEMBER_OUTCOME_AGREED, MEMBER_OUTCOME_AGREED, MEMBER_OUTCOME_DISAGREED, MEMBER_OUTCOME_AGREED)
	return s
}

func TestExactVerdictFollowsFromTheReceipt(t *testing.T) {
	s := exactRound(t)
	want := Replayed{Outcome: s.claim.Outcome, Power: 75, Threshold: 67, Exact: true}
	got, err := s.claim.Replay(replaySnapshot())
	require.NoError(t, err)
	require.Equal(t, want, got)
	got, err = s.replay(t)
	require.NoError(t, err)
	require.Equal(t, want, got)
}

func TestCommitteeVerdictTakesAllOfItsPower(t *testing.T) {
	s := exactRound(t)
	s.claim.Rule, s.claim.Committee = RULE_COMMITTEE, []byte{0b0011}
	s.claim.Outcomes = replayBits(t, MEMBER_OUTCOME_AGREED, MEMBER_OUTCOME_AGREED, MEMBER_OUTCOME_NEUTRAL, MEMBER_OUTCOME_NEUTRAL)
	got, err := s.claim.Replay(replaySnapshot())
	require.NoError(t, err)
	require.Equal(t, Replayed{Outcome: s.claim.Outcome, Power: 50, Threshold: 50, Exact: true}, got)
	s.claim.Committee = []byte{0b0111}
	_, err = s.claim.Replay(replaySnapshot())
	require.ErrorContains(t, err, "expected power of at least 75 behind the verdict, got 50")
}

func TestReplayRefuses(t *testing.T) {
	for name, tc := range map[string]struct {
		spoil func(c *Claim)
		want  string
	}{
		"too little power":          {func(c *Claim) { c.Outcomes[0] &^= 0b11 << 2 }, "expected power of at least 67"},
		"tolerated does not count":  {func(c *Claim) { c.Tolerated = []byte{0b10} }, "expected power of at least 67"},
		"no outcome":                {func(c *Claim) { c.Outcome = Outcome{} }, "outcome"},
		"conduct too short":         {func(c *Claim) { c.Outcomes = nil }, "outcomes"},
		"conduct too long":          {func(c *Claim) { c.Outcomes = append(c.Outcomes, 0) }, "outcomes"},
		"committee too long":        {func(c *Claim) { c.Committee = []byte{0b1111, 0} }, "committee"},
		"seat of nobody":            {func(c *Claim) { c.Committee = []byte{0b11111} }, "committee"},
		"conduct without a seat":    {func(c *Claim) { c.Rule, c.Committee = RULE_COMMITTEE, []byte{0b0111} }, "outcomes"},
		"no rule":                   {func(c *Claim) { c.Rule = 0 }, "rule"},
		"committee of a quorum":     {func(c *Claim) { c.Committee = []byte{0b1111} }, "committee: expected none"},
		"no committee":              {func(c *Claim) { c.Rule = RULE_COMMITTEE }, "expected at least 2 of 4 members, got 0"},
		"committee of one":          {func(c *Claim) { c.Rule, c.Committee = RULE_COMMITTEE, []byte{0b1} }, "expected at least 2 of 4 members, got 1"},
		"tolerated of nobody":       {func(c *Claim) { c.Tolerated = []byte{0b10000} }, "tolerated"},
		"tolerated and contradicts": {func(c *Claim) { c.Tolerated = []byte{0b100} }, "tolerated"},
		"leader of another round":   {func(c *Claim) { c.Leader = replayOperator(9) }, "leader"},
		"publisher disagreed":       {func(c *Claim) { c.Publisher = replayOperator(2) }, "publisher"},
		"no publisher":              {func(c *Claim) { c.Publisher = "" }, "publisher"},
		"publisher of a failure":    {func(c *Claim) { c.Outcome = NewFailureOutcome(FAILURE_EXECUTION) }, "publisher"},
	} {
		t.Run(name, func(t *testing.T) {
			s := exactRound(t)
			tc.spoil(&s.claim)
			_, err := s.claim.Replay(replaySnapshot())
			require.ErrorContains(t, err, tc.want)
		})
	}
}

// TestDrawnCommitteesAreTaken replays what any draw of a committee gives, and refuses the leader alone.
func TestDrawnCommitteesAreTaken(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		powers := rapid.SliceOfN(rapid.Int64Range(1, 1000), 1, 12).Draw(t, "powers")
		s, seats, leader := Snapshot{Id: 3}, make([]selection.Seat, len(powers)), rapid.IntRange(0, len(powers)-1).Draw(t, "leader")
		for i, power := range powers {
			s.Members = append(s.Members, Member{Operator: replayOperator(i), Power: power})
			s.TotalPower += power
			seats[i] = selection.Seat{Power: power, Environment: rapid.Uint32Range(0, 2).Draw(t, "environment")}
		}
		// Members hold more than half of all power, or no attempt begins.
		s.TotalPower += rapid.Int64Range(0, s.TotalPower-1).Draw(t, "others")
		drawn, err := selection.Committee([32]byte(rapid.SliceOfN(rapid.Byte(), 32, 32).Draw(t, "seed")), seats, leader, s.TotalPower)
		if err != nil {
			t.Fatal(err)
		}
		claim := committeeClaim(t, len(powers), drawn, leader)
		if _, err := claim.Replay(s); err != nil {
			t.Fatalf("expected the committee %v of %v to be taken, got %v", drawn, powers, err)
		}
		fewer := slices.DeleteFunc(slices.Clone(drawn), func(i int) bool { return i != leader })
		_, err = committeeClaim(t, len(powers), fewer, leader).Replay(s)
		if enough := powers[leader] > s.TotalPower/3 && len(powers) == 1; (err == nil) != enough {
			t.Fatalf("expected the leader alone to be taken %t, got %v", enough, err)
		}
	})
}

// committeeClaim is a verdict on which all seats agree.
func committeeClaim(t *rapid.T, members int, seats []int, leader int) Claim {
	outcomes := make([]MemberOutcome, members)
	for i := range outcomes {
		outcomes[i] = MEMBER_OUTCOME_NEUTRAL
	}
	for _, i := range seats {
		outcomes[i] = MEMBER_OUTCOME_AGREED
	}
	packed, err := agreement.PackOutcomes(outcomes)
	if err != nil {
		t.Fatal(err)
	}
	return Claim{
		RequestID: 9, Attempt: 1, Rule: RULE_COMMITTEE, Outcome: NewRootOutcome([32]byte{1}), Leader: replayOperator(leader), Publisher: replayOperator(leader),
		Outcomes: packed, Committee: agreement.PackBits(members, seats),
	}
}
