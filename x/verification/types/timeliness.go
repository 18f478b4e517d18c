package types

import sdk "github.com/cosmos/cosmos-sdk/types"

// Timeliness says when a member was heard, against the verdict of its round.
type Timeliness uint8

const (
	// TimelinessUnknown: the member had no seat, or it had said nothing by the verdict and the block of the verdict did not
	// carry its vote extension, so that it could not.
	TimelinessUnknown Timeliness = iota
	// TimelinessLate: the block of the verdict carried its vote extension, and it had said nothing by then.
	TimelinessLate
	// TimelinessBefore: it attested in an earlier block than that of the verdict.
	TimelinessBefore
	// TimelinessAtVerdict: it attested in the block of the verdict.
	TimelinessAtVerdict
)

// Timeliness is that of a member, by its position in the snapshot, in a round with a verdict. Attends tells of an operator
// whether the block of the verdict carried its vote extension; it is asked only of those that had said nothing.
func (r Round) Timeliness(position int, attends func() bool) Timeliness {
	if !r.HasSeat(position) {
		return TimelinessUnknown
	}
	vote := r.Votes[position]
	switch {
	case vote.Candidate > 0 && vote.Height < r.FinalHeight:
		return TimelinessBefore
	case vote.Candidate > 0 && vote.Height == r.FinalHeight:
		return TimelinessAtVerdict
	case attends():
		return TimelinessLate
	default:
		return TimelinessUnknown
	}
}

// Attended tells whether the record of a block at a height is among those given, and holds an operator.
func Attended(attendances []Attendance, operator sdk.ValAddress, height int64) bool {
	return Chances(attendances, operator, height, height) > 0
}
