package types

// Add counts a candidate of a round that was compared with the verdict. Its standing is not neutral.
func (d Divergence) Add(candidate Candidate, requestID uint64, height int64) Divergence {
	switch candidate.Standing {
	case STANDING_AGREES:
		d.Within++
	case STANDING_DIFFERS:
		d.Beyond++
	case STANDING_CONTRADICTS:
		d.Contradicting++
	}
	d.LargestError = max(d.LargestError, candidate.Error)
	d.LastRequestId, d.LastHeight = requestID, height
	return d
}

// Divergences lists what a settled round says of how far environment classes are from each other: one for each published
// candidate that was compared with a root that won, in the order of candidates.
func (r Round) Divergences(snapshot Snapshot) []CandidateDivergence {
	winner := r.Winner()
	verdict, ok := r.VoteOf(snapshot, winner.Publisher)
	if !r.HasDecided() || winner.Outcome.Failed() || !ok {
		return nil
	}
	var list []CandidateDivergence
	for i, candidate := range r.Candidates {
		if uint32(i)+1 == r.Decided || candidate.Outcome.Failed() || candidate.Standing == STANDING_NEUTRAL {
			continue
		}
		other, ok := r.VoteOf(snapshot, candidate.Publisher)
		if !ok {
			continue
		}
		list = append(list, CandidateDivergence{
			Candidate: candidate, VerdictClass: verdict.EnvironmentClass, OtherClass: other.EnvironmentClass,
		})
	}
	return list
}

// CandidateDivergence is a candidate that was compared with the verdict, and the classes of both publishers.
type CandidateDivergence struct {
	Candidate                Candidate
	VerdictClass, OtherClass uint32
}
