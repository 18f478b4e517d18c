package types

import (
	"cmp"
	"slices"
)

// Ballot is an attestation of one block that has passed all checks of its own: the member at Position is silent so far
// and the outcome is well-formed.
type Ballot struct {
	Position         int
	Outcome          Outcome
	EnvironmentClass uint32
	// Salt opened the commitment; empty unless the round is sealed.
	Salt []byte
}

// ballotGroup is the ballots of one block for one outcome.
type ballotGroup struct {
	outcome Outcome
	key     string
	power   int64
	ballots []Ballot
}

// Count adds the ballots of one block, at most one per member, to the round. A round tells at most maxCandidates
// outcomes apart: when there is no room, and the round is open and nothing is decided, an outcome with more power in this
// block than the weakest candidate takes its place, so that a few members with invented outcomes cannot shut out the rest.
//
// Dropped are the members whose attestation is not held in the end, in snapshot order; they count as silent. Displaced
// are the numbers, counted from 1, of the candidates that became another outcome.
//
// The result does not depend on the order of the ballots: new candidates are numbered by descending power in this
// block, then by outcome.
func (r *Round) Count(snapshot Snapshot, ballots []Ballot, height int64, maxCandidates uint32) (dropped []int, displaced []uint32) {
	var fresh []ballotGroup
	for _, group := range groupBallots(snapshot, ballots) {
		if position := r.FindCandidate(group.outcome); position > 0 {
			r.add(snapshot, position, group, height)
		} else {
			fresh = append(fresh, group)
		}
	}
	for _, group := range fresh {
		if uint32(len(r.Candidates)) < maxCandidates {
			r.Candidates = append(r.Candidates, Candidate{Outcome: group.outcome})
			r.add(snapshot, uint32(len(r.Candidates)), group, height)
			continue
		}
		if position := r.weakest(group.power); position > 0 && r.Phase == PHASE_OPEN && !r.HasDecided() {
			dropped = append(dropped, r.displace(position, group.outcome)...)
			displaced = append(displaced, position)
			r.add(snapshot, position, group, height)
			continue
		}
		for _, ballot := range group.ballots {
			dropped = append(dropped, ballot.Position)
		}
	}
	slices.Sort(dropped)
	slices.Sort(displaced)
	return dropped, displaced
}

// add places a group's ballots behind a candidate.
func (r *Round) add(snapshot Snapshot, position uint32, group ballotGroup, height int64) {
	for _, ballot := range group.ballots {
		r.Votes[ballot.Position] = MemberVote{
			Candidate: position, EnvironmentClass: ballot.EnvironmentClass, Height: height,
			Commitment: r.Votes[ballot.Position].Commitment, Salt: ballot.Salt,
		}
		r.Candidates[position-1].Power += snapshot.Members[ballot.Position].Power
	}
}

// groupBallots gathers the ballots by outcome, ordered by descending power, then by outcome.
func groupBallots(snapshot Snapshot, ballots []Ballot) []ballotGroup {
	index := make(map[string]int)
	var groups []ballotGroup
	for _, ballot := range ballots {
		key := ballot.Outcome.key()
		i, ok := index[key]
		if !ok {
			i = len(groups)
			index[key] = i
			groups = append(groups, ballotGroup{outcome: ballot.Outcome, key: key})
		}
		groups[i].power += snapshot.Members[ballot.Position].Power
		groups[i].ballots = append(groups[i].ballots, ballot)
	}
	slices.SortFunc(groups, func(a, b ballotGroup) int {
		return cmp.Or(cmp.Compare(b.power, a.power), cmp.Compare(a.key, b.key))
	})
	return groups
}

// weakest is the number of the candidate with the least power below a bound, the last by outcome among equals; 0 when
// none is below it.
func (r Round) weakest(below int64) uint32 {
	var position uint32
	for i, candidate := range r.Candidates {
		if candidate.Power >= below {
			continue
		}
		if position > 0 {
			least := r.Candidates[position-1]
			if cmp.Or(cmp.Compare(candidate.Power, least.Power), cmp.Compare(least.Outcome.key(), candidate.Outcome.key())) >= 0 {
				continue
			}
		}
		position = uint32(i) + 1
	}
	return position
}

// displace gives a candidate's place to another outcome. The members behind the old one become silent and are returned.
func (r *Round) displace(position uint32, outcome Outcome) []int {
	var members []int
	for i, vote := range r.Votes {
		if vote.Candidate == position {
			r.Votes[i] = MemberVote{Commitment: vote.Commitment}
			members = append(members, i)
		}
	}
	r.Candidates[position-1] = Candidate{Outcome: outcome}
	return members
}
