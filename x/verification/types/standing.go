package types

import (
	"fmt"

	"github.com/opengradient/opengradient/internal/agreement"
)

// Judge sets the standing of every candidate of a round with a verdict, and returns the number of elements it compared.
// Outputs has the published bytes of each candidate, nil where there are none. A candidate whose comparison is beyond
// what is left of the budget is neutral, like one without bytes.
func (r *Round) Judge(outputs [][]byte, taus agreement.Taus, budget uint64) (spent uint64, err error) {
	winner := r.Winner()
	for i := range r.Candidates {
		candidate := &r.Candidates[i]
		switch {
		case uint32(i)+1 == r.Decided:
			candidate.Standing, candidate.Error = STANDING_AGREES, 0
		case candidate.Outcome.Failed() || winner.Outcome.Failed():
			candidate.Standing, candidate.Error = STANDING_CONTRADICTS, agreement.ErrorUnbounded
		case candidate.Publisher != "":
			cost, err := agreement.Cost(outputs[r.Decided-1])
			if err != nil {
				return spent, fmt.Errorf("output of the verdict: %w", err)
			}
			if uint64(cost) > budget-spent {
				continue
			}
			compared, err := agreement.Compare(outputs[r.Decided-1], outputs[i], taus, cost)
			if err != nil {
				return spent, fmt.Errorf("output of candidate %d: %w", i+1, err)
			}
			spent += uint64(compared.Elements)
			candidate.Standing, candidate.Error = Standing(compared.Relation.Standing()), compared.Error
		}
	}
	return spent, nil
}

// Conduct is what each member did, in snapshot order, as the standings of the candidates say. Tolerated has one bit per
// member that agreed within the tolerance and not exactly, least significant first; nil when there is none.
func (r Round) Conduct() (outcomes []MemberOutcome, tolerated []byte) {
	outcomes = make([]MemberOutcome, len(r.Votes))
	var within []int
	for i, vote := range r.Votes {
		outcomes[i] = r.memberOutcome(i, vote)
		if outcomes[i] == MEMBER_OUTCOME_AGREED && vote.Candidate != r.Decided {
			within = append(within, i)
		}
	}
	return outcomes, agreement.PackBits(len(r.Votes), within)
}

func (r Round) memberOutcome(position int, vote MemberVote) MemberOutcome {
	switch {
	case !r.HasSeat(position):
		return MEMBER_OUTCOME_NEUTRAL
	case vote.Candidate == 0:
		return MEMBER_OUTCOME_MISSING
	}
	switch r.Candidates[vote.Candidate-1].Standing {
	case STANDING_AGREES:
		return MEMBER_OUTCOME_AGREED
	case STANDING_CONTRADICTS:
		return MEMBER_OUTCOME_DISAGREED
	default:
		return MEMBER_OUTCOME_NEUTRAL
	}
}
