package agreement

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/opengradient/opengradient/internal/tensor"
)

// A whole round in small: members attest and publish block by block, and after every block the rules of this package,
// put together as a chain does it, are held against the oracle's reading of the same record.

// said is an outcome that some member stands for: a root with its bytes, or a failure.
type said struct {
	failed bool
	bytes  []byte
	root   tensor.Root
}

// deed is what a member does in a block: it attests, or it publishes the bytes of what it attested before.
type deed struct {
	member    int
	publishes bool
}

// record is all that is known of a round at some height.
type record struct {
	seats
	taus      Taus
	powers    []int64 // per member
	seated    []bool  // per member; a member without a seat has no say
	leader    int
	outcomes  []said
	choices   []int  // per member: the outcome it attested, -1 while silent
	published []bool // per outcome
	height    int
	soft      int // the height from which tolerance is tried even if exact agreement could still come
	patience  int // blocks from the first try of tolerance to its last
	deadline  int // the last height
}

// script is a record before its first block, with what happens in each block.
type script struct {
	record
	wants []int // per member: what it attests when it does
	deeds [][]deed
}

// ruling is what a record comes to.
type ruling struct {
	State     State
	Outcome   int // -1 unless agreed
	Tolerant  bool
	Standings []Standing // per outcome, when the ruling is tolerant and agreed
}

func (r ruling) String() string {
	return fmt.Sprintf("%v, outcome %d, tolerant %v, standings %v", r.State, r.Outcome, r.Tolerant, r.Standings)
}

// court keeps what the rules remember between blocks: the height of the first try of tolerance, -1 before.
type court struct{ since int }

// rule puts Tally, SelectContenders and Arbitrate together.
func (c *court) rule(r *record) (ruling, error) {
	powers := make([]int64, len(r.outcomes))
	var silent, able, rooted int64
	for i, choice := range r.choices {
		switch {
		case !r.seated[i]:
			continue
		case choice < 0:
			silent += r.powers[i]
		default:
			powers[choice] += r.powers[i]
		}
		if choice < 0 || !r.outcomes[choice].failed {
			able += r.powers[i]
		}
	}
	var roots []RootPower
	var at []int
	leader := -1
	for i, power := range powers {
		if power == 0 || r.outcomes[i].failed {
			continue
		}
		if r.seated[r.leader] && r.choices[r.leader] == i {
			leader = len(roots)
		}
		roots, at, rooted = append(roots, RootPower{r.outcomes[i].root, power}), append(at, i), rooted+power
	}
	threshold, last := r.threshold(), r.height == r.deadline
	exact := Tally(threshold, powers, silent)
	if w := exact.Candidate; exact.State == Agreed && (r.outcomes[w].failed || r.published[w]) {
		return ruling{State: Agreed, Outcome: w}, nil
	}
	if c.since < 0 && len(roots) > 1 && rooted+silent >= threshold && (exact.State == Impossible || r.height >= r.soft || last) {
		c.since = r.height
	}
	impossible, pending := ruling{State: Impossible, Outcome: -1}, ruling{State: Pending, Outcome: -1}
	if r.committee && r.height >= r.soft && silent > 0 {
		return impossible, nil
	}
	if c.since < 0 {
		if exact.State == Impossible || last {
			return impossible, nil
		}
		return pending, nil
	}
	order := SelectContenders(roots, leader)
	kase := Case{Leader: slices.Index(order, leader), Threshold: threshold, Eligible: able, Silent: silent}
	kase.Closed = last || r.height >= c.since+r.patience
	for _, i := range order {
		contender := Contender{RootPower: roots[i], Published: r.published[at[i]]}
		if contender.Published {
			contender.Output = r.outcomes[at[i]].bytes
		}
		kase.Contenders = append(kase.Contenders, contender)
	}
	result, err := Arbitrate(kase, r.taus, ArbitrationCost(kase.Contenders))
	if err != nil {
		return ruling{}, err
	}
	switch result.State {
	case ArbitrationPending:
		return pending, nil
	case ArbitrationNoVerdict:
		return impossible, nil
	default:
	}
	out := ruling{State: Agreed, Outcome: at[order[result.Candidate]], Tolerant: true, Standings: make([]Standing, len(r.outcomes))}
	for i, finding := range result.Findings {
		out.Standings[at[order[i]]] = finding.Standing
	}
	return out, nil
}

// play runs the script and gives the last ruling of both sides, with an error at the first height at which they differ.
func (s script) play() (ruling, error) {
	r := s.record
	r.choices, r.published = slices.Repeat([]int{-1}, len(r.powers)), make([]bool, len(r.outcomes))
	chain, oracle := &court{since: -1}, newOracleCourt()
	var got ruling
	for height, deeds := range s.deeds {
		r.height = height
		for _, d := range deeds {
			if !d.publishes && r.choices[d.member] < 0 {
				r.choices[d.member] = s.wants[d.member]
			}
		}
		for _, d := range deeds {
			if choice := r.choices[d.member]; d.publishes && r.seated[d.member] && choice >= 0 && !r.outcomes[choice].failed {
				r.published[choice] = true
			}
		}
		var err error
		if got, err = chain.rule(&r); err != nil {
			return got, err
		}
		if want := oracle.rule(&r); got.String() != want.String() {
			return got, fmt.Errorf("height %d: expected %v, got %v", height, want, got)
		}
		if got.State != Pending {
			break
		}
	}
	return got, nil
}

// genScript draws a round. It takes a generator of its own because a round has some fifty draws and there are to be a
// million rounds.
func genScript(rng *rand.Rand) script {
	var s script
	n := 1 + rng.IntN(6)
	if rng.IntN(10) == 0 {
		n = 12 // more roots than may contend
	}
	s.committee = rng.IntN(3) == 0
	s.leader = rng.IntN(n)
	most := []int64{1, 3, 20, maxPower / 16}[rng.IntN(4)]
	for i := range n {
		power := 1 + rng.Int64N(most)
		seated := !s.committee || i == s.leader || rng.IntN(3) > 0
		if seated {
			s.eligible += power
		}
		s.total += power
		s.powers, s.seated = append(s.powers, power), append(s.seated, seated)
	}
	if rng.IntN(4) == 0 {
		s.total += rng.Int64N(s.total) + 1
	}
	s.soft, s.patience, s.deadline = rng.IntN(6), rng.IntN(3), 5
	// A tolerance of 2^-10 keeps edges representable in every datatype but the narrowest.
	tau := Tau(TauUnit / 1024)
	s.taus = Taus{tau, tau, tau, tau}
	datatype := []tensor.Datatype{tensor.FP16, tensor.BF16, tensor.FP32, tensor.FP32, tensor.FP64, tensor.Int8}[rng.IntN(6)]
	variety := 1 + rng.IntN(n)
	steps := []int{0, 1, 4, 7, 8, 9, 12, 15, 16, 17, 24, 40}
	if rng.IntN(2) == 0 {
		steps = []int{0, 1, 4, 8, 9} // mostly near
	}
	for range variety {
		s.outcomes = append(s.outcomes, genSaid(rng, datatype, steps))
	}
	s.dedupe()
	s.deeds = make([][]deed, s.deadline+1)
	punctual := rng.IntN(2) == 0
	for i := range n {
		s.wants = append(s.wants, min(rng.IntN(len(s.outcomes)), rng.IntN(len(s.outcomes))))
		attests, publishes := rng.IntN(8), rng.IntN(9)
		if punctual {
			attests, publishes = rng.IntN(2), rng.IntN(2)
		}
		for _, d := range []struct {
			height int
			deed
		}{{attests, deed{i, false}}, {attests + publishes, deed{i, true}}} {
			if d.height < len(s.deeds) {
				s.deeds[d.height] = append(s.deeds[d.height], d.deed)
			}
		}
	}
	return s
}

// genSaid draws an outcome, mostly a number of steps, of an eighth of the tolerance each, from the others.
func genSaid(rng *rand.Rand, datatype tensor.Datatype, steps []int) said {
	const step = 0x1p-13
	var encoding []byte
	switch rng.IntN(24) {
	case 0:
		return said{failed: true, root: tensor.Root{byte(rng.IntN(2))}}
	case 1:
		encoding = []byte("no output")
	case 2:
		encoding = mustEncode(narrowed(datatype, 1))
	case 3:
		encoding = mustEncode(narrowed(datatype, 1, []float64{nan, inf, -inf}[rng.IntN(3)]))
	case 4: // another scale
		encoding = mustEncode(narrowed(datatype, 1+step*float64(rng.IntN(33)-16), 0))
	default:
		encoding = mustEncode(narrowed(datatype, 1, step*float64(steps[rng.IntN(len(steps))])))
	}
	return said{bytes: encoding, root: tensor.MerkleRoot(encoding)}
}

// dedupe leaves one of equal outcomes.
func (s *script) dedupe() {
	var distinct []said
	for _, o := range s.outcomes {
		if !slices.ContainsFunc(distinct, func(d said) bool { return d.root == o.root && d.failed == o.failed }) {
			distinct = append(distinct, o)
		}
	}
	s.outcomes = distinct
}

// A hundred rounds for each case of rapid: thousands by default, a million by `make test-long`.
func TestVerdictAgreesWithOracle(t *testing.T) {
	const rounds = 100
	seen := map[string]int{}
	rapid.Check(t, func(rt *rapid.T) {
		rng := rand.New(rand.NewPCG(rapid.Uint64().Draw(rt, "seed"), 0))
		for range rounds {
			s := genScript(rng)
			got, err := s.play()
			if err != nil {
				rt.Fatalf("%v\n%+v", err, s)
			}
			seen[s.kind(got)]++
		}
	})
	for _, kind := range []string{
		"agreed", "agreed within tolerance", "agreed on a medoid", "agreed on a failure", "impossible",
		"committee agreed", "committee agreed within tolerance", "committee agreed on a medoid", "committee agreed on a failure",
		"committee impossible",
	} {
		if seen[kind] == 0 {
			t.Errorf("expected some rounds of the kind %q, got %v", kind, seen)
		}
	}
	t.Log(seen)
}

// kind names the way in which a round ended.
func (s script) kind(got ruling) string {
	kind := got.State.String()
	if s.committee {
		kind = "committee " + kind
	}
	switch {
	case got.State != Agreed:
		return kind
	case s.outcomes[got.Outcome].failed:
		return kind + " on a failure"
	case got.Tolerant && s.strongest() != got.Outcome:
		return kind + " on a medoid"
	case got.Tolerant:
		return kind + " within tolerance"
	default:
		return kind
	}
}

// strongest is the root that most power wants.
func (s script) strongest() int {
	powers := make([]int64, len(s.outcomes))
	for i, want := range s.wants {
		if s.seated[i] && !s.outcomes[want].failed {
			powers[want] += s.powers[i]
		}
	}
	return slices.Index(powers, slices.Max(powers))
}
