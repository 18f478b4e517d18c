package agreement

import (
	"bytes"
	"math/big"

	"github.com/opengradient/opengradient/internal/tensor"
)

// oracleCourt rules on a record by the words of the design, in fractions, and looks everything up anew each time. The
// only thing it keeps, apart from the height of its first try of tolerance, are comparisons it made before.
type oracleCourt struct {
	since     int
	decoded   map[int][]tensor.Tensor
	relations map[[2]int]Relation
}

func newOracleCourt() *oracleCourt {
	return &oracleCourt{since: -1, decoded: map[int][]tensor.Tensor{}, relations: map[[2]int]Relation{}}
}

// power is that of the seated members whose choice satisfies a condition.
func (r *record) power(condition func(choice int) bool) *big.Rat {
	sum := new(big.Rat)
	for i, choice := range r.choices {
		if r.seated[i] && condition(choice) {
			sum.Add(sum, new(big.Rat).SetInt64(r.powers[i]))
		}
	}
	return sum
}

func (r *record) standsFor(outcome int) *big.Rat {
	return r.power(func(choice int) bool { return choice == outcome })
}

// sound gives the tensors of a published outcome, nil when its bytes are no canonical output.
func (o *oracleCourt) sound(r *record, outcome int) []tensor.Tensor {
	ts, known := o.decoded[outcome]
	if !known {
		var err error
		if ts, err = tensor.Decode(r.outcomes[outcome].bytes, tensor.DefaultLimits); err != nil {
			ts = nil
		}
		o.decoded[outcome] = ts
	}
	return ts
}

func (o *oracleCourt) relation(r *record, candidate, other int) Relation {
	pair := [2]int{candidate, other}
	if _, known := o.relations[pair]; !known {
		a, b := o.sound(r, candidate), o.sound(r, other)
		switch {
		case b == nil:
			o.relations[pair] = Incomparable
		default:
			o.relations[pair] = oracleRelation(a, b, r.taus)
		}
	}
	return o.relations[pair]
}

func (o *oracleCourt) rule(r *record) ruling {
	silent := r.power(func(choice int) bool { return choice < 0 })
	plus := func(a, b *big.Rat) *big.Rat { return new(big.Rat).Add(a, b) }
	pending, impossible := ruling{State: Pending, Outcome: -1}, ruling{State: Impossible, Outcome: -1}

	// Exact first: the threshold shares an outcome, and bytes hashing to a root are in state.
	open := r.wins(silent) // an outcome nobody has named yet
	for i, outcome := range r.outcomes {
		power := r.standsFor(i)
		if r.wins(power) && (outcome.failed || r.published[i]) {
			return ruling{State: Agreed, Outcome: i}
		}
		open = open || r.wins(plus(power, silent))
	}
	if r.committee && r.height >= r.soft && silent.Sign() > 0 {
		return impossible
	}

	// Tolerance second, once no outcome can still win exactly or at the soft deadline, if it can help at all.
	var roots []int
	reach := new(big.Rat).Set(silent)
	for i, outcome := range r.outcomes {
		if power := r.standsFor(i); !outcome.failed && power.Sign() > 0 {
			roots, reach = append(roots, i), plus(reach, power)
		}
	}
	last := r.height == r.deadline
	if o.since < 0 && (!open || r.height >= r.soft || last) && len(roots) >= 2 && o.enough(r, reach) {
		o.since = r.height
	}
	switch {
	case o.since < 0 && (!open || last):
		return impossible
	case o.since < 0:
		return pending
	}
	return o.tolerate(r, o.strongest(r, roots), silent, last || r.height >= o.since+r.patience)
}

// enough: a power that wins, or more.
func (o *oracleCourt) enough(r *record, power *big.Rat) bool {
	return r.wins(power) || (r.committee && power.Cmp(new(big.Rat).SetInt64(r.eligible)) > 0)
}

// before says that a root is preferred to another: the measure, then its exact power, then the leader's, then the smaller.
func (o *oracleCourt) before(r *record, a, b int, measure func(int) *big.Rat) bool {
	if by := measure(a).Cmp(measure(b)); by != 0 {
		return by > 0
	}
	if by := r.standsFor(a).Cmp(r.standsFor(b)); by != 0 {
		return by > 0
	}
	if leads := r.choices[r.leader]; leads == a || leads == b {
		return leads == a
	}
	return bytes.Compare(r.outcomes[a].root[:], r.outcomes[b].root[:]) < 0
}

func nothing(int) *big.Rat { return new(big.Rat) }

// strongest leaves eight roots: again and again the best of those that remain.
func (o *oracleCourt) strongest(r *record, roots []int) []int {
	var chosen []int
	taken := map[int]bool{}
	for len(chosen) < min(len(roots), 8) {
		best := -1
		for _, root := range roots {
			if !taken[root] && (best < 0 || o.before(r, root, best, nothing)) {
				best = root
			}
		}
		taken[best] = true
		chosen = append(chosen, best)
	}
	return chosen
}

// tolerate compares the roots: first all with the strongest one, then all with the medoid.
func (o *oracleCourt) tolerate(r *record, roots []int, silent *big.Rat, closed bool) ruling {
	pending, impossible := ruling{State: Pending, Outcome: -1}, ruling{State: Impossible, Outcome: -1}
	var possible, known []int // roots that may be the result now or later, and those whose bytes are known
	reach := new(big.Rat)
	if !closed {
		reach.Set(silent)
	}
	for _, root := range roots {
		sound := r.published[root] && o.sound(r, root) != nil
		if sound {
			known = append(known, root)
		}
		if sound || (!r.published[root] && !closed) {
			possible, reach = append(possible, root), reach.Add(reach, r.standsFor(root))
		}
	}
	if !o.enough(r, reach) {
		return impossible
	}
	if len(possible) == 0 {
		return pending
	}
	around := func(candidate int) *big.Rat {
		power := new(big.Rat)
		for _, root := range known {
			if o.relation(r, candidate, root) == Within {
				power.Add(power, r.standsFor(root))
			}
		}
		return power
	}
	first := o.best(r, possible, nothing)
	if !r.published[first] {
		return pending
	}
	if r.wins(around(first)) {
		return o.agreed(r, roots, first)
	}
	if len(known) < len(possible) {
		return pending
	}
	if medoid := o.best(r, known, around); r.wins(around(medoid)) {
		return o.agreed(r, roots, medoid)
	}
	if !closed && silent.Sign() > 0 {
		return pending
	}
	return impossible
}

func (o *oracleCourt) best(r *record, roots []int, measure func(int) *big.Rat) int {
	best := roots[0]
	for _, root := range roots[1:] {
		if o.before(r, root, best, measure) {
			best = root
		}
	}
	return best
}

func (o *oracleCourt) agreed(r *record, roots []int, candidate int) ruling {
	out := ruling{State: Agreed, Outcome: candidate, Tolerant: true, Standings: make([]Standing, len(r.outcomes))}
	for _, root := range roots {
		if !r.published[root] {
			continue
		}
		switch o.relation(r, candidate, root) {
		case Within:
			out.Standings[root] = StandingAgrees
		case Beyond:
			out.Standings[root] = StandingDiffers
		default:
			out.Standings[root] = StandingContradicts
		}
	}
	return out
}
