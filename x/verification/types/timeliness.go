package types

// Timeliness says when a member was heard, against the verdict of its round.
type Timeliness uint8

const (
	// TimelinessUnknown: the member had no seat, or it had said nothing by the verdict and may not have been heard.
	TimelinessUnknown Timeliness = iota
	// TimelinessLate: it had said nothing by the verdict although the last block that could hold its word by then carried its
	// vote extension.
	TimelinessLate
	// TimelinessBefore: it attested in an earlier block than that of the verdict.
	TimelinessBefore
	// TimelinessAtVerdict: it attested in the block of the verdict.
	TimelinessAtVerdict
)

// Timeliness is that of a member, by its position in the snapshot, in a round with a verdict. Attends tells whether the
// member could be heard in the block of a height; it is asked only of those that had said nothing, of the block of the
// verdict, or of the last one that took commitments when the member had not committed: then it could not speak later.
func (r Round) Timeliness(position int, attends func(height int64) bool) Timeliness {
	if !r.HasSeat(position) {
		return TimelinessUnknown
	}
	vote := r.Votes[position]
	switch {
	case vote.Candidate > 0 && vote.Height < r.FinalHeight:
		return TimelinessBefore
	case vote.Candidate > 0 && vote.Height == r.FinalHeight:
		return TimelinessAtVerdict
	case attends(min(r.FinalHeight, r.HeardUntil(position))):
		return TimelinessLate
	default:
		return TimelinessUnknown
	}
}
