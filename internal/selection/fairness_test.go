package selection_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/opengradient/opengradient/internal/selection"
)

// quantile999 is the 99.9% quantile of the chi-square distribution, by the approximation of Wilson and Hilferty.
func quantile999(freedom int) float64 {
	k := float64(freedom)
	root := 1 - 2/(9*k) + 3.0902*math.Sqrt(2/(9*k))
	return k * root * root * root
}

func TestQuantile(t *testing.T) {
	for freedom, want := range map[int]float64{1: 10.83, 3: 16.27, 10: 29.59, 100: 149.45} {
		if got := quantile999(freedom); math.Abs(got-want) > 0.04*want {
			t.Errorf("%d degrees of freedom: expected %.2f, got %.2f", freedom, want, got)
		}
	}
}

// requireFrequencies compares counts with probabilities by Pearson's chi-square. What is expected fewer than five times
// is taken together.
func requireFrequencies(t *testing.T, counts map[string]int, want map[string]float64, draws int) {
	t.Helper()
	for outcome := range counts {
		if want[outcome] == 0 {
			t.Fatalf("%s has no probability and was drawn %d times", outcome, counts[outcome])
		}
	}
	var chiSquare, rareWant, rareGot float64
	cells := 0
	add := func(got, expected float64) {
		chiSquare += (got - expected) * (got - expected) / expected
		cells++
	}
	for outcome, probability := range want {
		if expected := probability * float64(draws); expected >= 5 {
			add(float64(counts[outcome]), expected)
		} else {
			rareWant += expected
			rareGot += float64(counts[outcome])
		}
	}
	if rareWant > 0 {
		add(rareGot, max(rareWant, 1))
	}
	if limit := quantile999(cells - 1); chiSquare > limit {
		t.Fatalf("chi-square %.2f of %d cells is above %.2f: counts %v", chiSquare, cells, limit, counts)
	}
}

// enumerate adds the probability of each committee to the result, by every order in which its seats can be drawn.
func enumerate(members []selection.Seat, seats []int, total int64, probability float64, result map[string]float64) {
	if isEnough(members, seats, total) && len(seats) >= min(2, len(members)) {
		result[fmt.Sprint(slices.Sorted(slices.Values(seats)))] += probability
		return
	}
	next := drawable(members, seats)
	var left int64
	for _, position := range next {
		left += members[position].Power
	}
	for _, position := range next {
		part := float64(members[position].Power) / float64(left)
		enumerate(members, append(slices.Clone(seats), position), total, probability*part, result)
	}
}

var electorates = map[string]struct {
	candidates []selection.Candidate
	total      int64
	classes    []uint32 // of each; nil when all are of one
}{
	"equal stakes": {[]selection.Candidate{
		{Power: 10, Reliability: 10_000, Free: 100}, {Power: 10, Reliability: 10_000, Free: 100}, {Power: 10, Reliability: 10_000, Free: 100},
		{Power: 10, Reliability: 10_000, Free: 100}, {Power: 10, Reliability: 10_000, Free: 100}, {Power: 10, Reliability: 10_000, Free: 100},
	}, 60, nil},
	"uneven stakes": {[]selection.Candidate{
		{Power: 1, Reliability: 10_000, Free: 100}, {Power: 2, Reliability: 10_000, Free: 100}, {Power: 4, Reliability: 10_000, Free: 100},
		{Power: 8, Reliability: 10_000, Free: 100}, {Power: 16, Reliability: 10_000, Free: 100}, {Power: 5, Reliability: 10_000, Free: 100},
	}, 36, nil},
	"uneven weights": {[]selection.Candidate{
		{Power: 10, Reliability: 10_000, Free: 100}, {Power: 10, Reliability: 2_500, Free: 100}, {Power: 10, Reliability: 10_000, Free: 10},
		{Power: 30, Reliability: 5_000, Free: 0}, {Power: 10, Reliability: 0, Free: 100},
	}, 90, nil},
	"one that is passed over": {[]selection.Candidate{
		{Power: 10, Reliability: 10_000, Free: 100, Passed: true}, {Power: 10, Reliability: 10_000, Free: 100}, {Power: 20, Reliability: 10_000, Free: 100},
		{Power: 10, Reliability: 10_000, Free: 100},
	}, 50, nil},
	"two classes": {[]selection.Candidate{
		{Power: 10, Reliability: 10_000, Free: 100}, {Power: 20, Reliability: 10_000, Free: 100}, {Power: 30, Reliability: 5_000, Free: 100},
		{Power: 8, Reliability: 10_000, Free: 50}, {Power: 6, Reliability: 10_000, Free: 100}, {Power: 26, Reliability: 10_000, Free: 100},
	}, 110, []uint32{1, 1, 1, 2, 2, 1}},
	"three classes, of which one is small": {[]selection.Candidate{
		{Power: 20, Reliability: 10_000, Free: 100}, {Power: 15, Reliability: 10_000, Free: 100}, {Power: 5, Reliability: 10_000, Free: 900},
		{Power: 15, Reliability: 10_000, Free: 100}, {Power: 10, Reliability: 10_000, Free: 100}, {Power: 3, Reliability: 10_000, Free: 900},
	}, 80, []uint32{1, 2, 3, 1, 2, 1}},
}

// TestCommitteesAreDrawnByStake draws leader and committee from one seed, as an attempt does, and compares with the
// exact probabilities: leadership by weight; the other seats by stake without replacement, whoever leads, with the first
// one of another established class.
func TestCommitteesAreDrawnByStake(t *testing.T) {
	const draws = 40_000
	for name, tt := range electorates {
		t.Run(name, func(t *testing.T) {
			members := make([]selection.Seat, len(tt.candidates))
			weights := make([]float64, len(tt.candidates))
			var allWeight float64
			for i, candidate := range tt.candidates {
				members[i] = selection.Seat{Power: candidate.Power, Environment: 1}
				if tt.classes != nil {
					members[i].Environment = tt.classes[i]
				}
				if !candidate.Passed {
					weights[i], _ = candidate.Weight().Float64()
				}
				allWeight += weights[i]
			}
			leads, wantLeads := map[string]int{}, map[string]float64{}
			both, wantBoth := map[string]int{}, map[string]float64{}
			verifies, wantVerifies := make([]int, len(members)), make([]float64, len(members))
			for leader, weight := range weights {
				if weight == 0 {
					continue
				}
				wantLeads[fmt.Sprint(leader)] = weight / allWeight
				committees := map[string]float64{}
				enumerate(members, []int{leader}, tt.total, weight/allWeight, committees)
				for seats, probability := range committees {
					wantBoth[fmt.Sprint(leader, " of ", seats)] = probability
					for i := range members {
						if i != leader && slices.Contains(positions(seats), i) {
							wantVerifies[i] += probability
						}
					}
				}
			}
			for n := range uint64(draws) {
				seed := seedOf(n)
				leader, err := selection.Leader(seed, tt.candidates)
				if err != nil {
					t.Fatal(err)
				}
				seats, err := selection.Committee(seed, members, leader, tt.total)
				if err != nil {
					t.Fatal(err)
				}
				leads[fmt.Sprint(leader)]++
				both[fmt.Sprint(leader, " of ", seats)]++
				for _, seat := range seats {
					if seat != leader {
						verifies[seat]++
					}
				}
			}
			requireFrequencies(t, leads, wantLeads, draws)
			requireFrequencies(t, both, wantBoth, draws)
			for i, probability := range wantVerifies {
				// Four standard deviations of a count.
				expected := draws * probability
				if most := 4 * math.Sqrt(expected*(1-probability)); math.Abs(float64(verifies[i])-expected) > most {
					t.Errorf("member %d verifies %d times, expected %.0f ± %.0f", i, verifies[i], expected, most)
				}
			}
		})
	}
}

// positions reads seats as fmt prints them.
func positions(text string) []int {
	var result []int
	at := -1
	for _, c := range text {
		switch {
		case c >= '0' && c <= '9':
			at = max(at, 0)*10 + int(c-'0')
		case at >= 0:
			result = append(result, at)
			at = -1
		}
	}
	return result
}

// TestLoadFollowsStake takes a set of the size and spread of a real one. Drawn without replacement a member cannot sit
// twice, so that the largest carry a little less than their part and the smallest a little more, never the other way
// round; and the load is what a sampler that knows nothing of the chain's hashes gives.
func TestLoadFollowsStake(t *testing.T) {
	const draws = 20_000
	var powers []int64
	var total int64
	for i := range int64(50) {
		power := 100 + 40*i // 100 to 2,060
		powers = append(powers, power)
		total += power
	}
	load, plain := make([]float64, len(powers)), make([]float64, len(powers))
	random := rand.New(rand.NewPCG(1, 2))
	var all float64
	for n := range uint64(draws) {
		seed := seedOf(n)
		candidates := make([]selection.Candidate, len(powers))
		for i, power := range powers {
			candidates[i] = selection.Candidate{Power: power, Reliability: 10_000, Free: 100}
		}
		leader, err := selection.Leader(seed, candidates)
		if err != nil {
			t.Fatal(err)
		}
		seats, err := selection.Committee(seed, oneClass(powers...), leader, total)
		if err != nil {
			t.Fatal(err)
		}
		for _, seat := range seats {
			load[seat]++
			all++
		}
		for _, seat := range sample(random, powers, total) {
			plain[seat]++
		}
	}
	for i := range powers {
		ratio := load[i] / all / (float64(powers[i]) / float64(total))
		if ratio < 0.8 || ratio > 1.25 {
			t.Errorf("member %d with stake %d: load over stake is %.3f of the mean", i, powers[i], ratio)
		}
		probability := plain[i] / draws
		if most := 4.5 * math.Sqrt(2*draws*probability*(1-probability)); math.Abs(load[i]-plain[i]) > most {
			t.Errorf("member %d has %.0f seats, expected %.0f ± %.0f", i, load[i], plain[i], most)
		}
	}
}

// sample draws a committee with a pseudo-random generator: the leader by stake, as all weights are alike, and the rest
// by trying until one without a seat comes up.
func sample(random *rand.Rand, powers []int64, total int64) []int {
	var seats []int
	var held int64
	for 3*held <= total || len(seats) < 2 {
		point := random.Int64N(total)
		position := 0
		for ; point >= powers[position]; position++ {
			point -= powers[position]
		}
		if !slices.Contains(seats, position) {
			seats = append(seats, position)
			held += powers[position]
		}
	}
	return seats
}
