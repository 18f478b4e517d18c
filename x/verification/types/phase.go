package types

import (
	"github.com/opengradient/opengradient/internal/agreement"
)

// firstVote is how many blocks after its opening, or after the block with which it began to take reveals, the votes on
// a block can first answer to a round.
const firstVote = 1

// SealHeight is the height from whose end on the commitments of a threshold will do.
func (r Round) SealHeight(params Params) int64 {
	return r.OpenedHeight + firstVote + int64(params.SealBlocks)
}

// SoftHeight is the height from whose end on a round goes to arbitration that has the power for a verdict behind several
// roots, and a committee is given up in which somebody is silent. A sealed round must reveal already.
func (r Round) SoftHeight(params Params) int64 {
	from := r.OpenedHeight
	if r.Sealed {
		from = r.RevealingHeight
	}
	return from + firstVote + int64(params.SoftBlocks)
}

// CloseHeight is the height from whose end on an arbitration waits for nothing more.
func (r Round) CloseHeight(params Params) int64 {
	return r.ArbitratingHeight + int64(params.ArbitrationBlocks)
}

// Step is what is to become of a round that has no verdict.
type Step uint8

const (
	// StepWait: nothing changes.
	StepWait Step = iota
	// StepReveal: the commitments are over.
	StepReveal
	// StepArbitrate: no outcome wins exactly, or time is up; outputs are to be compared.
	StepArbitrate
	// StepGiveUp: no verdict is possible under the rule of the round.
	StepGiveUp
)

// Step decides about a round that takes commitments or attestations, after the block of a height. It is StepWait in
// every other phase, and when an outcome has won.
func (r Round) Step(snapshot Snapshot, params Params, height int64) Step {
	switch r.Phase {
	case PHASE_COMMITTING:
		return r.stepCommitting(snapshot, height >= r.SealHeight(params))
	case PHASE_OPEN:
		if r.HasDecided() {
			return StepWait
		}
		return r.stepOpen(snapshot, height >= r.SoftHeight(params))
	default:
		return StepWait
	}
}

func (r Round) stepCommitting(snapshot Snapshot, due bool) Step {
	all, power := true, int64(0)
	for i, member := range snapshot.Members {
		switch {
		case !r.HasSeat(i):
		case len(r.Votes[i].Commitment) > 0:
			power += member.Power
		default:
			all = false
		}
	}
	switch {
	case all:
		return StepReveal
	case !due:
		return StepWait
	case r.Rule == RULE_COMMITTEE:
		return StepGiveUp
	case power >= r.Threshold(snapshot):
		return StepReveal
	default:
		return StepWait
	}
}

func (r Round) stepOpen(snapshot Snapshot, due bool) Step {
	impossible := r.Tally(snapshot).State == agreement.Impossible
	silent := r.SilentPower(snapshot)
	switch {
	case due && r.Rule == RULE_COMMITTEE && silent > 0:
		return StepGiveUp
	case impossible && r.CanArbitrate(snapshot, silent), due && r.CanArbitrate(snapshot, 0):
		// While equality is possible, an arbitration that could not succeed with what is there would only set the clock
		// for those who are still computing: two small members with different outcomes must not be able to do that.
		return StepArbitrate
	case impossible:
		return StepGiveUp
	default:
		return StepWait
	}
}

// CanArbitrate tells whether comparison can find a verdict: there are two roots at least, and all roots together reach
// the threshold with so much power that is still to be heard.
func (r Round) CanArbitrate(snapshot Snapshot, silent int64) bool {
	roots, power := 0, silent
	for _, candidate := range r.Candidates {
		if !candidate.Outcome.Failed() {
			roots++
			power += candidate.Power
		}
	}
	return roots > 1 && power >= r.Threshold(snapshot)
}

// Arbitration states the round as a case for comparison. Outputs has the published bytes of each candidate, nil where
// there are none. Numbers are the candidates, counted from 1, in the order of the contenders.
func (r Round) Arbitration(snapshot Snapshot, outputs [][]byte, closed bool) (c agreement.Case, numbers []uint32) {
	c = agreement.Case{
		Leader:    -1,
		Threshold: r.Threshold(snapshot),
		Eligible:  r.SeatPower(snapshot),
		Silent:    r.SilentPower(snapshot),
		Closed:    closed,
	}
	leads := uint32(0)
	if vote, ok := r.VoteOf(snapshot, r.Leader); ok {
		leads = vote.Candidate
	}
	for i, candidate := range r.Candidates {
		number := uint32(i) + 1
		if candidate.Outcome.Failed() {
			c.Eligible -= candidate.Power
			continue
		}
		if number == leads {
			c.Leader = len(numbers)
		}
		numbers = append(numbers, number)
		c.Contenders = append(c.Contenders, agreement.Contender{
			RootPower: agreement.RootPower{Root: [RootSize]byte(candidate.Outcome.OutputRoot), Power: candidate.Power},
			Published: candidate.Publisher != "",
			Output:    outputs[i],
		})
	}
	return c, numbers
}
