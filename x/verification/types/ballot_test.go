package types

import (
	"bytes"
	"cmp"
	"encoding/json"
	"maps"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

func electorateOf(powers ...int64) Snapshot {
	var s Snapshot
	for i, power := range powers {
		s.Members = append(s.Members, Member{Operator: string(rune('a' + i)), Power: power})
		s.TotalPower += power
	}
	return s
}

func clone(r Round) Round {
	r.Candidates = slices.Clone(r.Candidates)
	r.Votes = slices.Clone(r.Votes)
	return r
}

func equalRounds(t interface{ Fatal(...any) }, a, b Round) bool {
	x, err := json.Marshal(a)
	if err != nil {
		t.Fatal(err)
	}
	y, err := json.Marshal(b)
	if err != nil {
		t.Fatal(err)
	}
	return bytes.Equal(x, y)
}

// oracleCount states what a round holds after a block from the outside: which outcome each member stands for. It keeps
// no numbers and no sums; it works on a list of named stands.
func oracleCount(snapshot Snapshot, stands map[int]byte, ballots map[int]byte, most int, decided bool) map[int]byte {
	power := func(of map[int]byte, outcome byte) (sum int64) {
		for member, said := range of {
			if said == outcome {
				sum += snapshot.Members[member].Power
			}
		}
		return sum
	}
	known := func() []byte { return slices.Sorted(maps.Keys(invert(stands))) }
	before := known()
	fresh := make(map[int]byte)
	for member, said := range ballots {
		if slices.Contains(before, said) {
			stands[member] = said
		} else {
			fresh[member] = said
		}
	}
	newcomers := slices.Sorted(maps.Keys(invert(fresh)))
	slices.SortStableFunc(newcomers, func(a, b byte) int { return cmp.Compare(power(fresh, b), power(fresh, a)) })
	for _, outcome := range newcomers {
		candidates := known()
		if len(candidates) >= most {
			if decided {
				continue
			}
			slices.SortStableFunc(candidates, func(a, b byte) int {
				return cmp.Or(cmp.Compare(power(stands, a), power(stands, b)), cmp.Compare(b, a))
			})
			if power(stands, candidates[0]) >= power(fresh, outcome) {
				continue
			}
			maps.DeleteFunc(stands, func(_ int, said byte) bool { return said == candidates[0] })
		}
		for member, said := range fresh {
			if said == outcome {
				stands[member] = said
			}
		}
	}
	return stands
}

func invert(stands map[int]byte) map[byte]int {
	outcomes := make(map[byte]int)
	for member, said := range stands {
		outcomes[said] = member
	}
	return outcomes
}

func TestCountAgreesWithOracleInAnyOrder(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		snapshot := electorateOf(rapid.SliceOfN(rapid.Int64Range(1, 5), 1, 12).Draw(rt, "powers")...)
		most := rapid.Uint32Range(2, 4).Draw(rt, "most")
		round := Round{Phase: PHASE_OPEN, Votes: make([]MemberVote, len(snapshot.Members))}
		stands := make(map[int]byte)
		for height := int64(1); height <= 4; height++ {
			choices := make(map[int]byte)
			var ballots []Ballot
			for i, vote := range round.Votes {
				if vote.Candidate > 0 || rapid.Bool().Draw(rt, "silent") {
					continue
				}
				choices[i] = rapid.ByteRange(1, 7).Draw(rt, "outcome")
				ballots = append(ballots, Ballot{Position: i, Outcome: rootOutcome(choices[i]), EnvironmentClass: 1})
			}
			other := clone(round)
			before := round.Tally(snapshot)
			dropped, displaced := round.Count(snapshot, ballots, height, most)
			otherDropped, otherDisplaced := other.Count(snapshot, rapid.Permutation(ballots).Draw(rt, "order"), height, most)
			if !equalRounds(rt, round, other) || !slices.Equal(dropped, otherDropped) || !slices.Equal(displaced, otherDisplaced) {
				rt.Fatalf("the order of ballots matters: %+v and %+v", round, other)
			}
			stands = oracleCount(snapshot, stands, choices, int(most), round.HasDecided())
			checkCount(rt, snapshot, round, stands, most)
			for _, position := range dropped {
				if !round.Votes[position].Equal(MemberVote{}) {
					rt.Fatalf("expected dropped member %d to be silent, got %+v", position, round.Votes[position])
				}
			}
			after := round.Tally(snapshot)
			if before.Candidate >= 0 && after != before {
				rt.Fatalf("verdict %v became %v", before, after)
			}
			if before.State.String() == "impossible" && after != before {
				rt.Fatalf("an impossible round became %v", after)
			}
			if after.Candidate >= 0 {
				round.Decided = uint32(after.Candidate) + 1
			}
		}
	})
}

func checkCount(rt *rapid.T, snapshot Snapshot, round Round, stands map[int]byte, most uint32) {
	if len(round.Candidates) > int(most) {
		rt.Fatalf("expected at most %d candidates, got %d", most, len(round.Candidates))
	}
	powers := make([]int64, len(round.Candidates))
	for i, vote := range round.Votes {
		said, spoke := stands[i]
		if spoke != (vote.Candidate > 0) {
			rt.Fatalf("member %d: expected a stand %t, got %+v", i, spoke, vote)
		}
		if !spoke {
			continue
		}
		powers[vote.Candidate-1] += snapshot.Members[i].Power
		if got := round.Candidates[vote.Candidate-1].Outcome; !got.Equal(rootOutcome(said)) {
			rt.Fatalf("member %d: expected outcome %d, got %v", i, said, got)
		}
	}
	for i, candidate := range round.Candidates {
		if candidate.Power != powers[i] || powers[i] == 0 {
			rt.Fatalf("candidate %d: expected power %d above zero, got %d", i+1, powers[i], candidate.Power)
		}
	}
}

func TestCountNumbersCandidatesByPower(t *testing.T) {
	snapshot := electorateOf(1, 1, 3, 1)
	round := Round{Votes: make([]MemberVote, 4)}
	round.Count(snapshot, []Ballot{
		{Position: 0, Outcome: rootOutcome(9), EnvironmentClass: 1},
		{Position: 1, Outcome: NewFailureOutcome(FAILURE_EXECUTION), EnvironmentClass: 2},
		{Position: 2, Outcome: rootOutcome(5), EnvironmentClass: 3},
	}, 8, 8)
	want := Round{
		Candidates: []Candidate{
			{Outcome: rootOutcome(5), Power: 3}, {Outcome: NewFailureOutcome(FAILURE_EXECUTION), Power: 1}, {Outcome: rootOutcome(9), Power: 1},
		},
		Votes: []MemberVote{
			{Candidate: 3, EnvironmentClass: 1, Height: 8}, {Candidate: 2, EnvironmentClass: 2, Height: 8},
			{Candidate: 1, EnvironmentClass: 3, Height: 8}, {},
		},
	}
	if !equalRounds(t, round, want) {
		t.Errorf("expected %+v, got %+v", want, round)
	}
}

func TestCountDisplacesTheWeakestOnly(t *testing.T) {
	start := Round{
		Candidates: []Candidate{{Outcome: rootOutcome(1), Power: 2, Publisher: "a"}, {Outcome: rootOutcome(2), Power: 1}},
		Votes:      []MemberVote{{Candidate: 1, EnvironmentClass: 1, Height: 1}, {Candidate: 2, EnvironmentClass: 1, Height: 1}, {}, {}},
	}
	for _, tc := range []struct {
		name      string
		powers    []int64
		phase     Phase
		decided   uint32
		dropped   []int
		displaced []uint32
	}{
		{"as strong as the weakest", []int64{2, 1, 1, 9}, PHASE_OPEN, 0, []int{2}, nil},
		{"stronger than the weakest", []int64{2, 1, 2, 9}, PHASE_OPEN, 0, []int{1}, []uint32{2}},
		{"stronger, but all is decided", []int64{2, 1, 2, 9}, PHASE_OPEN, 1, []int{2}, nil},
		{"stronger, but outputs are compared", []int64{2, 1, 2, 9}, PHASE_ARBITRATING, 0, []int{2}, nil},
	} {
		t.Run(tc.name, func(t *testing.T) {
			round := clone(start)
			round.Phase, round.Decided = tc.phase, tc.decided
			dropped, displaced := round.Count(electorateOf(tc.powers...), []Ballot{{Position: 2, Outcome: rootOutcome(3), EnvironmentClass: 1}}, 2, 2)
			if !slices.Equal(dropped, tc.dropped) || !slices.Equal(displaced, tc.displaced) {
				t.Errorf("expected %v dropped and %v displaced, got %v and %v", tc.dropped, tc.displaced, dropped, displaced)
			}
			if round.Candidates[0].Publisher != "a" {
				t.Error("expected the stronger candidate to keep its publisher")
			}
		})
	}
}
