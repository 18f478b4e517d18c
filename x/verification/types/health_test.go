package types

import (
	"slices"
	"strings"
	"testing"
)

// openRoundOf is a round of four members led by a, of whom those named have attested one root.
func openRoundOf(attested ...int) Round {
	round := Round{RequestId: 1, Attempt: 1, Phase: PHASE_OPEN, Leader: "a", Rule: RULE_QUORUM, Votes: make([]MemberVote, 4)}
	for _, i := range attested {
		if len(round.Candidates) == 0 {
			round.Candidates = []Candidate{{Outcome: rootOutcome(1)}}
		}
		round.Candidates[0].Power += 10
		round.Votes[i] = MemberVote{Candidate: 1, Height: 5}
	}
	return round
}

func TestHealth(t *testing.T) {
	snapshot := electorateOf(10, 10, 10, 10)
	tests := map[string]struct {
		round      Round
		healthy    string
		kind       HealthKind
		candidates []string
	}{
		"all are healthy":                          {openRoundOf(), "abcd", HealthGood, nil},
		"a member that is down is not missed":      {openRoundOf(), "abc", HealthGood, nil},
		"the leader is down":                       {openRoundOf(), "bcd", HealthLeaderless, []string{"b", "c", "d"}},
		"the leader is down, some have spoken":     {openRoundOf(1), "bcd", HealthLeaderless, []string{"b", "c", "d"}},
		"it has spoken and not published":          {openRoundOf(0), "bcd", HealthLeaderless, []string{"b", "c", "d"}},
		"it has spoken and published":              {published(openRoundOf(0), "a"), "bcd", HealthGood, nil},
		"somebody has published what it attested":  {published(openRoundOf(0, 1), "b"), "bcd", HealthGood, nil},
		"those that are down hold too much":        {openRoundOf(), "ab", HealthHopeless, nil},
		"nobody is healthy":                        {openRoundOf(), "", HealthHopeless, nil},
		"those that are down have spoken":          {openRoundOf(2, 3), "ab", HealthGood, nil},
		"nobody else could lead":                   {openRoundOf(1, 2, 3), "", HealthGood, nil},
		"a committee misses one":                   {committee(openRoundOf(), 0, 1), "acd", HealthHopeless, nil},
		"a committee does not miss others":         {committee(openRoundOf(), 0, 1), "ab", HealthGood, nil},
		"a committee whose seat has spoken":        {committee(openRoundOf(1), 0, 1), "acd", HealthGood, nil},
		"decided, and waiting for bytes":           {decided(openRoundOf(0, 1, 2)), "bc", HealthLeaderless, []string{"b", "c"}},
		"decided as a failure":                     {failed(openRoundOf(0, 1, 2)), "", HealthGood, nil},
		"settling":                                 {settling(openRoundOf(1, 2, 3)), "bcd", HealthGood, nil},
		"sealed: who did not commit is not missed": {revealing(openRoundOf(), 0, 1, 2), "abc", HealthGood, nil},
		"sealed: who committed is":                 {revealing(openRoundOf(), 0, 1, 2), "ab", HealthHopeless, nil},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			got := tt.round.Health(snapshot, func(operator string) bool { return strings.Contains(tt.healthy, operator) })
			if got.Kind != tt.kind || !slices.Equal(got.Candidates, tt.candidates) {
				t.Errorf("expected %d with candidates %v, got %d with %v", tt.kind, tt.candidates, got.Kind, got.Candidates)
			}
		})
	}
}

// TestHealthTellsOfASilentLeader: one that has said nothing, or was at fault. Who has committed is not silent yet.
func TestHealthTellsOfASilentLeader(t *testing.T) {
	snapshot := electorateOf(10, 10, 10, 10)
	committing := func(r Round) Round { r.Phase = PHASE_COMMITTING; return r }
	faulty := func(r Round) Round { r.Faults = []Fault{{Member: 0}}; return r }
	for name, tt := range map[string]struct {
		round Round
		want  bool
	}{
		"silent":                      {openRoundOf(1), true},
		"has spoken":                  {openRoundOf(0), false},
		"has spoken, and is at fault": {faulty(openRoundOf(0)), true},
		"has committed":               {committing(revealing(openRoundOf(), 0)), false},
		"has committed, and reveals":  {revealing(openRoundOf(), 0, 1, 2, 3), true},
	} {
		t.Run(name, func(t *testing.T) {
			got := tt.round.Health(snapshot, func(operator string) bool { return operator != "a" })
			if got.Kind != HealthLeaderless || got.Silent != tt.want {
				t.Errorf("expected a leaderless round, silent: %t, got %+v", tt.want, got)
			}
		})
	}
}

func published(r Round, publisher string) Round {
	r.Candidates[0].Publisher = publisher
	return r
}

func committee(r Round, seats ...int) Round {
	r.Rule, r.Seats = RULE_COMMITTEE, []byte{0}
	for _, seat := range seats {
		r.Seats[0] |= 1 << seat
	}
	return r
}

func decided(r Round) Round {
	r.Decided, r.DecidedHeight = 1, 6
	return r
}

func failed(r Round) Round {
	r = decided(r)
	r.Candidates[0].Outcome = NewFailureOutcome(FAILURE_EXECUTION)
	return r
}

func settling(r Round) Round {
	r = decided(r)
	r.Phase, r.FinalHeight, r.SettleHeight = PHASE_SETTLING, 6, 9
	return r
}

func revealing(r Round, committed ...int) Round {
	r.Sealed, r.RevealingHeight = true, 4
	for _, i := range committed {
		r.Votes[i].Commitment = make([]byte, CommitmentSize)
	}
	return r
}

func TestTimeliness(t *testing.T) {
	round := committee(settledRound(), 0, 1, 2, 3)
	round.Votes = append(round.Votes, MemberVote{Candidate: 1, Height: 100})
	for name, tt := range map[string]struct {
		member  int
		attends bool
		want    Timeliness
	}{
		"in a block before the verdict":             {0, true, TimelinessBefore},
		"in the block of the verdict":               {1, true, TimelinessAtVerdict},
		"silent, and its vote was carried":          {2, true, TimelinessLate},
		"silent, and its vote was not carried":      {2, false, TimelinessUnknown},
		"after the verdict, which carried its vote": {3, true, TimelinessLate},
		"after the verdict, which did not":          {3, false, TimelinessUnknown},
		"without a seat":                            {4, true, TimelinessUnknown},
	} {
		t.Run(name, func(t *testing.T) {
			if got := round.Timeliness(tt.member, func(int64) bool { return tt.attends }); got != tt.want {
				t.Errorf("expected %d, got %d", tt.want, got)
			}
		})
	}
}

// TestTimelinessAsksOfTheLastChance: the block of the verdict, or the last one that took commitments for a member that had
// not committed.
func TestTimelinessAsksOfTheLastChance(t *testing.T) {
	open := settledRound()
	sealed := revealing(settledRound(), 0, 1, 3)
	sealed.RevealingHeight = 99
	for name, tt := range map[string]struct {
		round  Round
		member int
		want   int64
	}{
		"open":                             {open, 2, 101},
		"sealed, and it had not committed": {sealed, 2, 99},
		"sealed, and it had committed":     {sealed, 3, 101},
	} {
		t.Run(name, func(t *testing.T) {
			var asked []int64
			got := tt.round.Timeliness(tt.member, func(height int64) bool { asked = append(asked, height); return true })
			if got != TimelinessLate || !slices.Equal(asked, []int64{tt.want}) {
				t.Errorf("expected a late member, asked of block %d, got %d and %v", tt.want, got, asked)
			}
		})
	}
}
