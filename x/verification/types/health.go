package types

import "slices"

// HealthKind says whether a round can be expected to end well, when some of its members are not healthy.
type HealthKind uint8

const (
	// HealthGood: nothing is to be done.
	HealthGood HealthKind = iota
	// HealthLeaderless: the leader is not healthy and has published nothing. Somebody else should lead.
	HealthLeaderless
	// HealthHopeless: members that are not healthy, and silent, leave too little power for a verdict.
	HealthHopeless
)

// Health is what is to be done about a round.
type Health struct {
	Kind HealthKind
	// Candidates are the operators that could lead, in snapshot order: healthy, with a seat, and not silenced. Set when
	// the round is leaderless.
	Candidates []string
	// Silent is true when the leader of a leaderless round has said nothing, or was at fault.
	Silent bool
}

// Health judges a round that looks for its verdict by which operators are healthy.
func (r Round) Health(snapshot Snapshot, healthy func(operator string) bool) Health {
	if r.Phase == PHASE_SETTLING || r.HasDecided() && r.Winner().Outcome.Failed() {
		return Health{}
	}
	var heard, lost int64
	var candidates []string
	for i, member := range snapshot.Members {
		silent := r.Votes[i].Candidate == 0
		switch {
		case silent && !r.MayAttest(i):
		case silent && !healthy(member.Operator):
			lost += member.Power
		default:
			heard += member.Power
			if healthy(member.Operator) && member.Operator != r.Leader {
				candidates = append(candidates, member.Operator)
			}
		}
	}
	if !r.HasDecided() && (r.Rule == RULE_COMMITTEE && lost > 0 || heard < r.Threshold(snapshot)) {
		return Health{Kind: HealthHopeless}
	}
	if healthy(r.Leader) || r.hasPublished(snapshot, r.Leader) || len(candidates) == 0 {
		return Health{}
	}
	return Health{Kind: HealthLeaderless, Candidates: candidates, Silent: slices.Contains(r.PassedOver(snapshot), r.Leader)}
}

// hasPublished tells whether the bytes of what an operator attested are in state.
func (r Round) hasPublished(snapshot Snapshot, operator string) bool {
	vote, member := r.VoteOf(snapshot, operator)
	return member && vote.Candidate > 0 && r.Candidates[vote.Candidate-1].Publisher != ""
}
