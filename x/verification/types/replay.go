package types

import (
	"bytes"
	"fmt"
	"math"

	"github.com/opengradient/opengradient/internal/agreement"
	"github.com/opengradient/opengradient/internal/tensor"
)

// Claim is what a receipt says of its verdict. Bitmaps are in snapshot order, least significant bits first.
type Claim struct {
	RequestID uint64
	Attempt   uint32
	// Rule is that of the attempt. It follows from what the request asks for and from the number of the attempt, and not from the
	// seats that the receipt names.
	Rule Rule
	// Digest is the request digest: 32 bytes.
	Digest  []byte
	Outcome Outcome
	Leader  string
	// Publisher is empty for a failure.
	Publisher string
	// Outcomes is the conduct at two bits a member.
	Outcomes []byte
	// Committee is the seats at one bit a member; empty when every member has one, as in a quorum.
	Committee []byte
	// Tolerated is the members that agreed within the tolerance and not exactly, at one bit each; empty when none did.
	Tolerated    []byte
	Arbitrated   bool
	Sealed       bool
	EvidenceRoot []byte
}

// Replayed is a verdict that was derived again.
type Replayed struct {
	Outcome Outcome
	// Power is that of the seats behind the verdict, exactly or, when it was arbitrated, within its tolerance.
	Power int64
	// Threshold is the power that the verdict takes.
	Threshold int64
	// Exact is true when enough power attested the very same outcome.
	Exact bool
}

// Replay derives an exact verdict from the receipt and its snapshot alone: the power of the seats that agreed and were
// not tolerated reaches the threshold. It fails when the claim contradicts itself or the snapshot, and when the verdict
// was arbitrated: that takes the evidence.
func (c Claim) Replay(snapshot Snapshot) (Replayed, error) {
	if c.Arbitrated {
		return Replayed{}, fmt.Errorf("arbitrated: expected an exact verdict, got one that takes the evidence")
	}
	exact, seats, err := c.tally(snapshot)
	if err != nil {
		return Replayed{}, err
	}
	threshold := seats
	if c.Rule == RULE_QUORUM {
		threshold = snapshot.Threshold()
	}
	if exact < threshold {
		return Replayed{}, fmt.Errorf("outcomes: expected power of at least %d behind the verdict, got %d", threshold, exact)
	}
	return Replayed{Outcome: c.Outcome, Power: exact, Threshold: threshold, Exact: true}, nil
}

// tally checks what the claim says of each member, and sums the power that agreed exactly and that of all seats.
func (c Claim) tally(snapshot Snapshot) (exact, seats int64, err error) {
	if err := c.Outcome.Validate(); err != nil {
		return 0, 0, fmt.Errorf("outcome: %w", err)
	}
	outcomes, err := agreement.UnpackOutcomes[MemberOutcome](c.Outcomes, len(snapshot.Members))
	if err != nil {
		return 0, 0, fmt.Errorf("outcomes: %w", err)
	}
	for _, b := range []struct {
		name string
		bits []byte
	}{{"committee", c.Committee}, {"tolerated", c.Tolerated}} {
		if err := checkBits(b.bits, len(snapshot.Members)); err != nil {
			return 0, 0, fmt.Errorf("%s: %w", b.name, err)
		}
	}
	if err := c.checkSeats(snapshot); err != nil {
		return 0, 0, err
	}
	led, published := false, c.Outcome.Failed() && c.Publisher == ""
	for i, member := range snapshot.Members {
		seat := len(c.Committee) == 0 || agreement.HasBit(c.Committee, i)
		tolerated := agreement.HasBit(c.Tolerated, i)
		agreed := outcomes[i] == MEMBER_OUTCOME_AGREED
		switch {
		case !seat && outcomes[i] != MEMBER_OUTCOME_NEUTRAL:
			return 0, 0, fmt.Errorf("outcomes: %s: expected %s without a seat, got %s", member.Operator, MEMBER_OUTCOME_NEUTRAL, outcomes[i])
		case tolerated && !agreed:
			return 0, 0, fmt.Errorf("tolerated: %s: expected %s, got %s", member.Operator, MEMBER_OUTCOME_AGREED, outcomes[i])
		}
		if seat {
			seats += member.Power
			led = led || member.Operator == c.Leader
		}
		if agreed && !tolerated {
			exact += member.Power
			published = published || !c.Outcome.Failed() && member.Operator == c.Publisher
		}
	}
	if !led {
		return 0, 0, fmt.Errorf("leader: expected a member with a seat, got %q", c.Leader)
	}
	if !published {
		return 0, 0, fmt.Errorf("publisher: expected a member that attested the verdict, and none for a failure, got %q", c.Publisher)
	}
	return exact, seats, nil
}

// checkSeats checks that the seats are such as the rule gives: to all members in a quorum; in a committee to members with more
// than a third of all power, two of them at least where there are two. That is what any draw of a committee ends with.
func (c Claim) checkSeats(snapshot Snapshot) error {
	switch c.Rule {
	case RULE_QUORUM:
		if len(c.Committee) > 0 {
			return fmt.Errorf("committee: expected none under %s, got %x", c.Rule, c.Committee)
		}
		return nil
	case RULE_COMMITTEE:
	default:
		return fmt.Errorf("rule: expected a known one, got %s", c.Rule)
	}
	seats, power := 0, int64(0)
	for i, member := range snapshot.Members {
		if agreement.HasBit(c.Committee, i) {
			seats++
			power += member.Power
		}
	}
	if least := min(2, len(snapshot.Members)); seats < least {
		return fmt.Errorf("committee: expected at least %d of %d members, got %d", least, len(snapshot.Members), seats)
	}
	if third := snapshot.TotalPower / 3; power <= third {
		return fmt.Errorf("committee: expected power above %d of %d, got %d", third, snapshot.TotalPower, power)
	}
	return nil
}

// checkBits checks that a bitmap is empty, or has one bit for each of n members, of which one at least is set, and no other.
func checkBits(bits []byte, n int) error {
	if len(bits) == 0 {
		return nil
	}
	if want := (n + 7) / 8; len(bits) != want {
		return fmt.Errorf("expected 0 or %d bytes, got %d", want, len(bits))
	}
	if n%8 != 0 && bits[len(bits)-1]>>(n%8) != 0 {
		return fmt.Errorf("expected no bit behind the %d members, got %x", n, bits)
	}
	if len(bytes.Trim(bits, "\x00")) == 0 {
		return fmt.Errorf("expected nothing when no bit is set, got %x", bits)
	}
	return nil
}

// OpenEvidence decodes the evidence that the claim names by its root, and nothing else: before the root is known to match,
// what stands in the bytes is worth nothing.
func (c Claim) OpenEvidence(encoded []byte) (Evidence, error) {
	if root := tensor.MerkleRoot(encoded); !bytes.Equal(root[:], c.EvidenceRoot) {
		return Evidence{}, fmt.Errorf("evidence root: expected %x, got %x", c.EvidenceRoot, root)
	}
	return DecodeEvidence(encoded)
}

// ReplayEvidence derives the verdict from the evidence of the round, exact or arbitrated, under the parameters of the
// round. It fails with what differs from the claim.
func (c Claim) ReplayEvidence(snapshot Snapshot, params Params, encoded []byte) (Replayed, error) {
	evidence, err := c.OpenEvidence(encoded)
	if err != nil {
		return Replayed{}, err
	}
	return evidence.replay(c, snapshot, params)
}

// replay derives the verdict, the standings, the conduct and the faults from what the round held, and compares them with
// the claim.
func (e Evidence) replay(c Claim, snapshot Snapshot, params Params) (Replayed, error) {
	r := e.Round
	if err := c.sameRound(r, snapshot); err != nil {
		return Replayed{}, err
	}
	if _, _, err := c.tally(snapshot); err != nil {
		return Replayed{}, err
	}
	if err := r.checkVotes(snapshot); err != nil {
		return Replayed{}, err
	}
	outputs, err := e.published()
	if err != nil {
		return Replayed{}, err
	}
	replayed, err := r.replayVerdict(snapshot, params, outputs)
	if err != nil {
		return Replayed{}, err
	}
	if err := r.checkStandings(params, outputs); err != nil {
		return Replayed{}, err
	}
	if err := r.checkConduct(c); err != nil {
		return Replayed{}, err
	}
	return replayed, r.checkFaults(snapshot, params)
}

// sameRound checks that the round is the one that the claim speaks of.
func (c Claim) sameRound(r Round, snapshot Snapshot) error {
	winner := r.Winner()
	for _, f := range []struct {
		name      string
		want, got any
	}{
		{"request id", c.RequestID, r.RequestId},
		{"attempt", c.Attempt, r.Attempt},
		{"digest", fmt.Sprintf("%x", c.Digest), fmt.Sprintf("%x", r.Digest)},
		{"leader", c.Leader, r.Leader},
		{"rule", c.Rule, r.Rule},
		{"committee", fmt.Sprintf("%x", c.Committee), fmt.Sprintf("%x", r.Seats)},
		{"sealed", c.Sealed, r.Sealed},
		{"arbitrated", c.Arbitrated, r.Arbitrated},
		{"snapshot id", snapshot.Id, r.SnapshotId},
		{"failure", c.Outcome.Failure, winner.Outcome.Failure},
		{"output root", fmt.Sprintf("%x", c.Outcome.OutputRoot), fmt.Sprintf("%x", winner.Outcome.OutputRoot)},
		{"publisher", c.Publisher, winner.Publisher},
		{"votes", len(snapshot.Members), len(r.Votes)},
	} {
		if f.want != f.got {
			return fmt.Errorf("%s: expected %v, got %v", f.name, f.want, f.got)
		}
	}
	if r.Decided == 0 || int(r.Decided) > len(r.Candidates) {
		return fmt.Errorf("decided: expected one of %d candidates, got %d", len(r.Candidates), r.Decided)
	}
	return nil
}

// checkVotes checks that only seats voted, for candidates that are there, that the power of each candidate is the sum
// of its votes, and that the commitments of a sealed round open.
func (r Round) checkVotes(snapshot Snapshot) error {
	powers := make([]int64, len(r.Candidates))
	for i, vote := range r.Votes {
		operator := snapshot.Members[i].Operator
		if vote.Candidate == 0 {
			continue
		}
		if !r.HasSeat(i) || int(vote.Candidate) > len(r.Candidates) {
			return fmt.Errorf("votes: %s: expected a seat and one of %d candidates, got seat %t and %d",
				operator, len(r.Candidates), r.HasSeat(i), vote.Candidate)
		}
		powers[vote.Candidate-1] += snapshot.Members[i].Power
		if !r.Sealed {
			continue
		}
		opened := NewCommitment(r.Digest, r.Attempt, operator, vote.Salt, r.Candidates[vote.Candidate-1].Outcome)
		if !bytes.Equal(opened[:], vote.Commitment) {
			return fmt.Errorf("votes: %s: expected the commitment %x, got %x from the reveal", operator, vote.Commitment, opened)
		}
	}
	for i, candidate := range r.Candidates {
		if candidate.Power != powers[i] {
			return fmt.Errorf("candidates: %d: expected power %d of its votes, got %d", i+1, powers[i], candidate.Power)
		}
	}
	return nil
}

// published gives the bytes of each candidate, nil where there are none, and checks that they have its root.
func (e Evidence) published() ([][]byte, error) {
	outputs := make([][]byte, len(e.Round.Candidates))
	last := uint32(0)
	for _, output := range e.Outputs {
		if output.RequestId != e.Round.RequestId || output.Candidate <= last || int(output.Candidate) > len(outputs) {
			return nil, fmt.Errorf("outputs: expected request %d and a candidate above %d of %d, got %d and %d",
				e.Round.RequestId, last, len(outputs), output.RequestId, output.Candidate)
		}
		last = output.Candidate
		if err := CheckOutput(e.Round.Candidates[last-1].Outcome, output.Output, e.Round.MaxOutputBytes); err != nil {
			return nil, fmt.Errorf("outputs: candidate %d: %w", last, err)
		}
		outputs[last-1] = output.Output
	}
	// Without a second outcome nothing is compared, and the bytes are those of the result.
	for i, candidate := range e.Round.Candidates {
		if published := candidate.Publisher != ""; len(e.Round.Candidates) > 1 && published != (outputs[i] != nil) {
			return nil, fmt.Errorf("outputs: candidate %d: expected bytes exactly when it has a publisher, got %t with %q",
				i+1, outputs[i] != nil, candidate.Publisher)
		}
	}
	return outputs, nil
}

// replayVerdict applies the rule of the round to what was held at the height of the verdict.
func (r Round) replayVerdict(snapshot Snapshot, params Params, outputs [][]byte) (Replayed, error) {
	var seats, silent, failed int64
	powers := make([]int64, len(r.Candidates))
	leader := uint32(0)
	for i, vote := range r.Votes {
		power := snapshot.Members[i].Power
		if !r.HasSeat(i) {
			continue
		}
		seats += power
		switch {
		case vote.Candidate > 0 && vote.Height <= r.FinalHeight:
			powers[vote.Candidate-1] += power
			if r.Candidates[vote.Candidate-1].Outcome.Failed() {
				failed += power
			}
			if snapshot.Members[i].Operator == r.Leader {
				leader = vote.Candidate
			}
		case !r.Sealed || len(vote.Commitment) > 0:
			silent += power
		}
	}
	threshold := seats
	if r.Rule == RULE_QUORUM {
		threshold = snapshot.Threshold()
	}
	winner := r.Winner()
	if !r.Arbitrated {
		if power := powers[r.Decided-1]; power < threshold {
			return Replayed{}, fmt.Errorf("votes: expected power of at least %d behind the verdict at height %d, got %d", threshold, r.FinalHeight, power)
		}
		return Replayed{Outcome: winner.Outcome, Power: powers[r.Decided-1], Threshold: threshold, Exact: true}, nil
	}
	c := agreement.Case{Leader: -1, Threshold: threshold, Eligible: seats - failed, Silent: silent, Closed: r.Closed}
	var numbers []uint32 // of the candidates that contend
	for i, candidate := range r.Candidates {
		if candidate.Outcome.Failed() || powers[i] == 0 {
			continue
		}
		number := uint32(i) + 1
		if number == leader {
			c.Leader = len(numbers)
		}
		contender := agreement.Contender{RootPower: agreement.RootPower{Root: [RootSize]byte(candidate.Outcome.OutputRoot), Power: powers[i]}}
		if candidate.Publisher != "" && candidate.PublishedHeight <= r.FinalHeight {
			contender.Published, contender.Output = true, outputs[i]
		}
		numbers, c.Contenders = append(numbers, number), append(c.Contenders, contender)
	}
	decided, err := agreement.Arbitrate(c, params.Taus(), math.MaxInt64)
	if err != nil {
		return Replayed{}, err
	}
	if decided.State != agreement.ArbitrationAgreed || numbers[decided.Candidate] != r.Decided {
		return Replayed{}, fmt.Errorf("decided: expected candidate %d of the arbitration, got %s with position %d", r.Decided, decided.State, decided.Candidate)
	}
	return Replayed{Outcome: winner.Outcome, Power: decided.Power, Threshold: threshold}, nil
}

// checkStandings compares every candidate with the verdict. One that was not published, or for which its block had no
// room, is neutral.
func (r Round) checkStandings(params Params, outputs [][]byte) error {
	winner := r.Winner()
	for i, candidate := range r.Candidates {
		want, largest := STANDING_NEUTRAL, uint64(0)
		switch {
		case uint32(i)+1 == r.Decided:
			want = STANDING_AGREES
		case candidate.Outcome.Failed() || winner.Outcome.Failed():
			want, largest = STANDING_CONTRADICTS, candidate.Error
		case candidate.Standing != STANDING_NEUTRAL && candidate.Publisher != "":
			compared, err := agreement.Compare(outputs[r.Decided-1], outputs[i], params.Taus(), math.MaxInt64)
			if err != nil {
				return fmt.Errorf("candidates: %d: %w", i+1, err)
			}
			want, largest = Standing(compared.Relation.Standing()), compared.Error
		}
		if candidate.Standing != want || candidate.Error != largest {
			return fmt.Errorf("candidates: %d: expected %s with error %d, got %s with %d", i+1, want, largest, candidate.Standing, candidate.Error)
		}
	}
	return nil
}

// checkConduct compares the conduct of each member, as the standings say, with the claim.
func (r Round) checkConduct(c Claim) error {
	outcomes, tolerated := r.Conduct()
	packed, err := agreement.PackOutcomes(outcomes)
	if err != nil {
		return err
	}
	if !bytes.Equal(packed, c.Outcomes) {
		return fmt.Errorf("outcomes: expected %x, got %x", packed, c.Outcomes)
	}
	for i := range outcomes {
		if want, got := agreement.HasBit(tolerated, i), agreement.HasBit(c.Tolerated, i); want != got {
			return fmt.Errorf("tolerated: member %d: expected %t, got %t", i, want, got)
		}
	}
	return nil
}
