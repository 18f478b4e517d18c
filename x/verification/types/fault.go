package types

import (
	"bytes"
	"cmp"
	"slices"
)

// AddFault adds a fault, at most one of each kind for a member, and tells whether it is new.
func (r *Round) AddFault(fault Fault) bool {
	at, found := slices.BinarySearchFunc(r.Faults, fault, func(a, b Fault) int {
		return cmp.Or(cmp.Compare(a.Member, b.Member), cmp.Compare(a.Kind, b.Kind))
	})
	if found {
		return false
	}
	r.Faults = slices.Insert(r.Faults, at, fault)
	return true
}

// UnopenedBy is the reveal of a member that does not open its commitment, if there is one.
func (r Round) UnopenedBy(position int) (UnopenedReveal, bool) {
	at, found := r.findUnopened(position)
	if !found {
		return UnopenedReveal{}, false
	}
	return r.Unopened[at], true
}

func (r Round) findUnopened(position int) (int, bool) {
	return slices.BinarySearchFunc(r.Unopened, uint32(position), func(u UnopenedReveal, member uint32) int {
		return cmp.Compare(u.Member, member)
	})
}

// AddUnopened keeps the first reveal of a member that does not open its commitment.
func (r *Round) AddUnopened(unopened UnopenedReveal) {
	if at, found := r.findUnopened(int(unopened.Member)); !found {
		r.Unopened = slices.Insert(r.Unopened, at, unopened)
	}
}

// Opens tells whether a salt opens the commitment of a member to an outcome.
func (r Round) Opens(operator string, position int, salt []byte, outcome Outcome) bool {
	commitment := NewCommitment(r.Digest, r.Attempt, operator, salt, outcome)
	return bytes.Equal(commitment[:], r.Votes[position].Commitment)
}

// RevealFaults lists the members whose reveal opens their commitment, not to the outcome that they revealed, but to
// another one that the round knows, or to a failure: they have proven themselves that they committed to it.
func (r Round) RevealFaults(snapshot Snapshot, height int64) []Fault {
	var faults []Fault
	for _, unopened := range r.Unopened {
		position := int(unopened.Member)
		others := []Outcome{NewFailureOutcome(FAILURE_EXECUTION), NewFailureOutcome(FAILURE_OUTPUT_LIMIT)}
		for _, candidate := range r.Candidates {
			others = append(others, candidate.Outcome)
		}
		for _, other := range others {
			if !other.Equal(unopened.Outcome) && r.Opens(snapshot.Members[position].Operator, position, unopened.Salt, other) {
				faults = append(faults, Fault{
					Member: unopened.Member, Kind: FAULT_KIND_REVEAL, Height: height, Outcome: unopened.Outcome, Salt: unopened.Salt,
				})
				break
			}
		}
	}
	return faults
}

// ContradictionFaults lists the members whose published root contradicts a root that won by QUORUM, where enough power of
// their own environment class attested the one that won. Standings must be set.
func (r Round) ContradictionFaults(snapshot Snapshot, params Params, height int64) []Fault {
	if r.Rule != RULE_QUORUM || !r.HasDecided() || r.Winner().Outcome.Failed() {
		return nil
	}
	behind := make(map[uint32]int64) // environment class -> power that attested the winner
	for i, vote := range r.Votes {
		if vote.Candidate == r.Decided {
			behind[vote.EnvironmentClass] += snapshot.Members[i].Power
		}
	}
	var faults []Fault
	for i, vote := range r.Votes {
		if vote.Candidate == 0 || vote.Candidate == r.Decided {
			continue
		}
		candidate := r.Candidates[vote.Candidate-1]
		if candidate.Outcome.Failed() || candidate.Publisher == "" || candidate.Standing != STANDING_CONTRADICTS {
			continue
		}
		if params.Corroborated(behind[vote.EnvironmentClass], snapshot.TotalPower) {
			faults = append(faults, Fault{Member: uint32(i), Kind: FAULT_KIND_CONTRADICTION, Height: height})
		}
	}
	return faults
}
