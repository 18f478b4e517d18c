package types

import (
	"bytes"

	"github.com/opengradient/opengradient/internal/agreement"
)

// NewRound opens a round at the end of the block of a height, under the parameters of a version. Every member is silent.
func NewRound(opening RoundOpening, snapshotID, paramsVersion uint64, params Params, height int64) Round {
	round := Round{
		RequestId:      opening.RequestID,
		Attempt:        opening.Attempt,
		Phase:          PHASE_OPEN,
		SnapshotId:     snapshotID,
		Leader:         opening.Leader,
		OpenedHeight:   height,
		ParamsVersion:  paramsVersion,
		MaxOutputBytes: opening.MaxOutputBytes,
		Votes:          make([]MemberVote, len(opening.Members)),
		Digest:         opening.Digest,
		Model:          opening.Model,
		Rule:           opening.Rule,
		Sealed:         opening.Sealed,
	}
	if opening.Rule == RULE_COMMITTEE {
		round.Seats = agreement.PackBits(len(opening.Members), opening.Seats)
	}
	if opening.Sealed {
		round.Phase = PHASE_COMMITTING
		round.TimerHeight = round.SealHeight(params)
	} else {
		round.TimerHeight = round.SoftHeight(params)
	}
	return round
}

// HasSeat tells whether a member, by its position in the snapshot, takes part in the round.
func (r Round) HasSeat(position int) bool {
	return len(r.Seats) == 0 || agreement.HasBit(r.Seats, position)
}

// SeatPower is the power of all members that take part.
func (r Round) SeatPower(snapshot Snapshot) int64 {
	var sum int64
	for i, member := range snapshot.Members {
		if r.HasSeat(i) {
			sum += member.Power
		}
	}
	return sum
}

// Threshold is the least power that wins the round.
func (r Round) Threshold(snapshot Snapshot) int64 {
	if r.Rule == RULE_COMMITTEE {
		return r.SeatPower(snapshot)
	}
	return snapshot.Threshold()
}

// MayAttest tells whether a member that is silent can still be heard: it has a seat and, once a sealed round takes no
// more commitments, it has committed.
func (r Round) MayAttest(position int) bool {
	return r.HasSeat(position) && (!r.Sealed || r.Phase == PHASE_COMMITTING || len(r.Votes[position].Commitment) > 0)
}

// SilentPower is the power of the members that are silent and can still be heard.
func (r Round) SilentPower(snapshot Snapshot) int64 {
	var silent int64
	for i, member := range snapshot.Members {
		if r.Votes[i].Candidate == 0 && r.MayAttest(i) {
			silent += member.Power
		}
	}
	return silent
}

// Tally applies the rule of the round by equality to the attestations so far.
func (r Round) Tally(snapshot Snapshot) agreement.Verdict {
	powers := make([]int64, len(r.Candidates))
	for i, candidate := range r.Candidates {
		powers[i] = candidate.Power
	}
	return agreement.Tally(r.Threshold(snapshot), powers, r.SilentPower(snapshot))
}

// FindCandidate is the position, counted from 1, of the candidate with an outcome; 0 when there is none.
func (r Round) FindCandidate(outcome Outcome) uint32 {
	for i, candidate := range r.Candidates {
		if candidate.Outcome.Equal(outcome) {
			return uint32(i) + 1
		}
	}
	return 0
}

// IsContested tells whether members attested different outcomes: then the bytes of every root are wanted.
func (r Round) IsContested() bool { return len(r.Candidates) > 1 }

// HasDecided reports whether an outcome has won, with or without its bytes.
func (r Round) HasDecided() bool { return r.Decided > 0 }

// Winner is the candidate that won. It is meaningful only when HasDecided.
func (r Round) Winner() Candidate {
	if r.Decided == 0 || int(r.Decided) > len(r.Candidates) {
		return Candidate{}
	}
	return r.Candidates[r.Decided-1]
}

// IsComplete tells whether the verdict can be given: an outcome has won and, for a root, its bytes are in state.
func (r Round) IsComplete() bool {
	return r.HasDecided() && (r.Winner().Outcome.Failed() || r.Winner().Publisher != "")
}

// VoteOf is what the round holds of an operator; ok is false when it is not a member of the snapshot.
func (r Round) VoteOf(snapshot Snapshot, operator string) (vote MemberVote, ok bool) {
	position := snapshot.Position(operator)
	if position < 0 || position >= len(r.Votes) {
		return MemberVote{}, false
	}
	return r.Votes[position], true
}

// WantsOutput tells whether the bytes of a candidate, counted from 1, can serve: it is a root, it has none, and it may
// still win or will be compared with the root that has won.
func (r Round) WantsOutput(candidate uint32) bool {
	if r.Phase == PHASE_COMMITTING || candidate == 0 || int(candidate) > len(r.Candidates) {
		return false
	}
	if c := r.Candidates[candidate-1]; c.Outcome.Failed() || c.Publisher != "" {
		return false
	}
	return !r.HasDecided() || !r.Winner().Outcome.Failed()
}

// PublisherOrder lists the positions of the members that attested a candidate (counted from 1) in the order in which
// they are to publish its bytes.
func (r Round) PublisherOrder(snapshot Snapshot, candidate uint32) []int {
	agreed := make([]bool, len(r.Votes))
	for i, vote := range r.Votes {
		agreed[i] = candidate > 0 && vote.Candidate == candidate
	}
	return agreement.PublisherOrder(agreed, snapshot.Position(r.Leader))
}

// PublisherTurn is the operator whose turn it is to publish the winning bytes at a height; ok is false while nothing is
// decided, and when no bytes are wanted: the outcome is a failure or its bytes are in state.
func (r Round) PublisherTurn(snapshot Snapshot, height int64, turnBlocks uint32) (operator string, ok bool) {
	if r.Phase == PHASE_SETTLING || !r.HasDecided() || !r.WantsOutput(r.Decided) {
		return "", false
	}
	position, ok := agreement.PublisherTurn(r.PublisherOrder(snapshot, r.Decided), r.DecidedHeight, height, turnBlocks)
	if !ok {
		return "", false
	}
	return snapshot.Members[position].Operator, true
}

// PassedOver lists the operators that had a seat and were silent or at fault, in snapshot order. While a sealed round
// takes commitments, a member that has committed is not silent.
func (r Round) PassedOver(snapshot Snapshot) []string {
	var operators []string
	for i, member := range snapshot.Members {
		silent := r.Votes[i].Candidate == 0 && (r.Phase != PHASE_COMMITTING || len(r.Votes[i].Commitment) == 0)
		if r.HasSeat(i) && (silent || r.hasFault(i)) {
			operators = append(operators, member.Operator)
		}
	}
	return operators
}

func (r Round) hasFault(position int) bool {
	for _, fault := range r.Faults {
		if int(fault.Member) == position {
			return true
		}
	}
	return false
}

// Equal tells whether two votes are the same.
func (v MemberVote) Equal(other MemberVote) bool {
	return v.Candidate == other.Candidate && v.EnvironmentClass == other.EnvironmentClass && v.Height == other.Height &&
		bytes.Equal(v.Commitment, other.Commitment) && bytes.Equal(v.Salt, other.Salt)
}
