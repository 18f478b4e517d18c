// Package agreement holds the rules by which attestations become a verdict: when an outcome has won, whether outputs
// that differ are within the tolerance of one of them, who is to publish the winner's bytes, and how the conduct of the
// members is packed into a receipt.
//
// The package is pure: standard library and package tensor only, no clock, no randomness, no map order. Every rule here
// is part of consensus.
package agreement

import "fmt"

// State is the answer of a rule.
type State uint8

const (
	// Pending: no outcome has won, one still can.
	Pending State = iota
	// Agreed: one outcome holds the threshold. It can never lose it again.
	Agreed
	// Impossible: no outcome can reach the threshold any more, whatever the silent members say.
	Impossible
)

// String gives the state's name in lower case.
func (s State) String() string {
	switch s {
	case Pending:
		return "pending"
	case Agreed:
		return "agreed"
	case Impossible:
		return "impossible"
	default:
		return fmt.Sprintf("state(%d)", uint8(s))
	}
}

// Verdict is the result of [Tally]. Candidate is the index of the outcome that won when State is [Agreed], and -1
// otherwise.
type Verdict struct {
	State     State
	Candidate int
}

// String reads "pending", "impossible" or "agreed on 2".
func (v Verdict) String() string {
	if v.State == Agreed {
		return fmt.Sprintf("agreed on %d", v.Candidate)
	}
	return v.State.String()
}

// Threshold is the least power that wins tier QUORUM: strictly more than two thirds of the eligible power and strictly
// more than half of all power. It is exact for every pair of non-negative powers; nothing in it overflows.
func Threshold(eligible, total int64) int64 {
	// floor(2e/3) without doubling e: e = 3q + r gives 2q + floor(2r/3).
	twoThirds := 2*(eligible/3) + 2*(eligible%3)/3
	return max(twoThirds, total/2) + 1
}

// Tally applies a rule by equality. Threshold is the least power that wins, more than half of the power that has a seat;
// powers is the power behind each distinct outcome and silent the power of the seats that may still attest; none is
// negative and powers and silent add up to no more than the power that has a seat.
//
// Under these conditions at most one outcome is ever agreed, and both Agreed and Impossible are final: no further
// attestation changes either.
func Tally(threshold int64, powers []int64, silent int64) Verdict {
	var best int64
	for i, power := range powers {
		if power >= threshold {
			return Verdict{State: Agreed, Candidate: i}
		}
		best = max(best, power)
	}
	// The strongest outcome gains most from the silent; a new outcome starts from zero and can do no better.
	if silent < threshold-best {
		return Verdict{State: Impossible, Candidate: -1}
	}
	return Verdict{State: Pending, Candidate: -1}
}
