package types

import (
	"bytes"

	"github.com/opengradient/opengradient/internal/agreement"
)

// NewRound opens a round at the end of the block of a height. Every member is silent.
func NewRound(opening RoundOpening, snapshotID, paramsVersion uint64, height int64) Round {
	return Round{
		RequestId:      opening.RequestID,
		Attempt:        opening.Attempt,
		Phase:          PHASE_OPEN,
		SnapshotId:     snapshotID,
		Leader:         opening.Leader,
		OpenedHeight:   height,
		ParamsVersion:  paramsVersion,
		MaxOutputBytes: opening.MaxOutputBytes,
		Votes:          make([]MemberVote, len(opening.Members)),
	}
}

// Tally applies the QUORUM rule to the attestations of the round so far.
func (r Round) Tally(snapshot Snapshot) agreement.Verdict {
	powers := make([]int64, len(r.Candidates))
	for i, candidate := range r.Candidates {
		powers[i] = candidate.Power
	}
	var eligible, silent int64
	for i, member := range snapshot.Members {
		eligible += member.Power
		if r.Votes[i].Candidate == 0 {
			silent += member.Power
		}
	}
	return agreement.Tally(agreement.Threshold(eligible, snapshot.TotalPower), powers, silent)
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

// HasDecided reports whether an outcome has reached the threshold, with or without its bytes.
func (r Round) HasDecided() bool { return r.Decided > 0 }

// Winner is the candidate that reached the threshold. It is meaningful only when HasDecided.
func (r Round) Winner() Candidate {
	if r.Decided == 0 || int(r.Decided) > len(r.Candidates) {
		return Candidate{}
	}
	return r.Candidates[r.Decided-1]
}

// VoteOf is what the round holds of an operator; ok is false when it is not a member of the snapshot.
func (r Round) VoteOf(snapshot Snapshot, operator string) (vote MemberVote, ok bool) {
	position := snapshot.Position(operator)
	if position < 0 || position >= len(r.Votes) {
		return MemberVote{}, false
	}
	return r.Votes[position], true
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
	winner := r.Winner()
	if r.Phase != PHASE_OPEN || !r.HasDecided() || winner.Outcome.Failed() || winner.Publisher != "" {
		return "", false
	}
	position, ok := agreement.PublisherTurn(r.PublisherOrder(snapshot, r.Decided), r.DecidedHeight, height, turnBlocks)
	if !ok {
		return "", false
	}
	return snapshot.Members[position].Operator, true
}

// Conduct is what each member did, in snapshot order, measured against the verdict.
func (r Round) Conduct() []MemberOutcome {
	outcomes := make([]MemberOutcome, len(r.Votes))
	for i, vote := range r.Votes {
		switch vote.Candidate {
		case 0:
			outcomes[i] = MEMBER_OUTCOME_MISSING
		case r.Decided:
			outcomes[i] = MEMBER_OUTCOME_AGREED
		default:
			outcomes[i] = MEMBER_OUTCOME_DISAGREED
		}
	}
	return outcomes
}

// Equal tells whether two votes are the same.
func (v MemberVote) Equal(other MemberVote) bool {
	return v.Candidate == other.Candidate && v.EnvironmentClass == other.EnvironmentClass && v.Height == other.Height &&
		bytes.Equal(v.Commitment, other.Commitment) && bytes.Equal(v.Salt, other.Salt)
}
