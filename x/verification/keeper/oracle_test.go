package keeper_test

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math"
	"math/big"
	"slices"

	"github.com/opengradient/opengradient/internal/tensor"
	"github.com/opengradient/opengradient/x/verification/types"
)

// variant is an outcome that random members choose: a single number, or a failure.
type variant struct {
	outcome types.Outcome
	value   float32
	output  []byte
}

// variants are numbers around 1 at distances within the tolerance of 10^-5, between once and twice that, and far
// beyond, and both failures. A round has room for all of them.
var variants = func() []variant {
	var list []variant
	for _, value := range []float32{1, 1.000002, 1.000008, 1.000015, 1.5} {
		output := number(value)
		list = append(list, variant{outcome: types.NewRootOutcome(tensor.MerkleRoot(output)), value: value, output: output})
	}
	return append(list,
		variant{outcome: types.NewFailureOutcome(types.FAILURE_EXECUTION)},
		variant{outcome: types.NewFailureOutcome(types.FAILURE_OUTPUT_LIMIT)})
}()

// number is the canonical output of one 32-bit float.
func number(value float32) []byte {
	data := binary.LittleEndian.AppendUint32(nil, math.Float32bits(value))
	encoded, err := tensor.EncodeOutputs([]tensor.Tensor{{Name: "y", Datatype: tensor.FP32, Shape: []int64{1}, Data: data}})
	if err != nil {
		panic(fmt.Sprintf("a sound tensor: %v", err))
	}
	return encoded
}

// within tells whether other is within so many tolerances of one, in fractions.
func within(one, other int, times int64) bool {
	a, b := new(big.Rat).SetFloat64(float64(variants[one].value)), new(big.Rat).SetFloat64(float64(variants[other].value))
	limit := new(big.Rat).Mul(a, big.NewRat(times, 100_000))
	return new(big.Rat).Abs(new(big.Rat).Sub(a, b)).Cmp(limit) <= 0
}

// promise is what a member's commitment is made of: which salt, and which variant. The zero salt stands for no commitment.
type promise struct {
	salt    byte
	variant int
}

func salt(i byte) []byte { return bytes.Repeat([]byte{i}, types.SaltSize) }

// utterance is what one member says of one round in a block; negative numbers and zero salts say nothing.
type utterance struct {
	commit   promise
	attest   int
	reveal   promise
	publish  int // 99 stands for bytes that are nothing
	class    uint32
	position int
}

// oracle is a second, plain statement of what a round is. It has no candidates, numbers or sums: only what every member
// said first, and whose bytes came first.
type oracle struct {
	opening  types.RoundOpening
	params   types.Params
	phase    types.Phase
	opened   int64
	base     int64 // when outcomes could be attested, but for one block
	arbited  int64
	promises map[int]promise
	said     map[int]int // member -> variant
	class    map[int]uint32
	unopened map[int]promise
	faults   map[[2]int]bool // member, kind
	bytesOf  map[int]int     // variant -> member
	winner   int             // variant, -1 without
	compared bool            // the winner was found by comparison
	settle   int64
}

func newOracle(o types.RoundOpening, params types.Params, height int64) *oracle {
	r := &oracle{
		opening: o, params: params, phase: types.PHASE_OPEN, opened: height, base: height, winner: -1,
		promises: map[int]promise{}, said: map[int]int{}, class: map[int]uint32{}, unopened: map[int]promise{},
		faults: map[[2]int]bool{}, bytesOf: map[int]int{},
	}
	if o.Sealed {
		r.phase = types.PHASE_COMMITTING
	}
	return r
}

func (r *oracle) seats() []int {
	if r.opening.Rule == types.RULE_COMMITTEE {
		return r.opening.Seats
	}
	all := make([]int, len(r.opening.Members))
	for i := range all {
		all[i] = i
	}
	return all
}

func (r *oracle) power(chosen func(member int) bool) *big.Int {
	sum := new(big.Int)
	for _, i := range r.seats() {
		if chosen(i) {
			sum.Add(sum, big.NewInt(r.opening.Members[i].Power))
		}
	}
	return sum
}

// wins applies the rule of the round to power.
func (r *oracle) wins(power *big.Int) bool {
	all := r.power(func(int) bool { return true })
	if r.opening.Rule == types.RULE_COMMITTEE {
		return power.Cmp(all) == 0
	}
	triple, double := new(big.Int).Mul(power, big.NewInt(3)), new(big.Int).Mul(power, big.NewInt(2))
	return triple.Cmp(all.Mul(all, big.NewInt(2))) > 0 && double.Cmp(big.NewInt(r.opening.TotalPower)) > 0
}

func (r *oracle) behind(v int) *big.Int {
	return r.power(func(i int) bool { said, ok := r.said[i]; return ok && said == v })
}

func (r *oracle) isSilent(i int) bool {
	_, spoke := r.said[i]
	return !spoke && (!r.opening.Sealed || r.promises[i].salt > 0)
}

// known are the variants that somebody stands for, by ascending number.
func (r *oracle) known() []int {
	var list []int
	for v := range variants {
		if r.behind(v).Sign() > 0 {
			list = append(list, v)
		}
	}
	return list
}

func (r *oracle) roots() []int {
	return slices.DeleteFunc(r.known(), func(v int) bool { return variants[v].outcome.Failed() })
}

func (r *oracle) fault(member int, kind types.FaultKind) { r.faults[[2]int{member, int(kind)}] = true }

// hear takes what the members with a seat say in a block.
func (r *oracle) hear(said []utterance) {
	for _, u := range said {
		if !slices.Contains(r.seats(), u.position) {
			continue
		}
		if u.commit.salt > 0 && r.phase == types.PHASE_COMMITTING && r.promises[u.position].salt == 0 {
			r.promises[u.position] = u.commit
		}
		if r.phase == types.PHASE_COMMITTING {
			continue
		}
		if u.attest >= 0 {
			r.word(u, u.attest, 0)
		}
		if u.reveal.salt > 0 {
			r.word(u, u.reveal.variant, u.reveal.salt)
		}
	}
	for member, tried := range r.unopened {
		made := r.promises[member]
		spoken := variants[made.variant].outcome.Failed() || slices.Contains(r.known(), made.variant)
		if tried.salt == made.salt && tried.variant != made.variant && spoken {
			r.fault(member, types.FAULT_KIND_REVEAL)
		}
	}
}

// word is an attestation, or with a salt a reveal.
func (r *oracle) word(u utterance, v int, salt byte) {
	if first, spoke := r.said[u.position]; spoke {
		if first != v {
			r.fault(u.position, types.FAULT_KIND_EQUIVOCATION)
		}
		return
	}
	if !r.opening.Sealed {
		if salt == 0 {
			r.said[u.position], r.class[u.position] = v, u.class
		}
		return
	}
	made := r.promises[u.position]
	if made.salt == 0 {
		return
	}
	tried, has := r.unopened[u.position]
	if has && tried.variant != v {
		r.fault(u.position, types.FAULT_KIND_EQUIVOCATION)
	}
	switch {
	case salt == 0:
	case made == promise{salt, v}:
		r.said[u.position], r.class[u.position] = v, u.class
	case !has:
		r.unopened[u.position] = promise{salt, v}
	}
}

// look takes the published bytes, in the order of turns.
func (r *oracle) look(said []utterance) {
	leader := slices.IndexFunc(r.opening.Members, func(m types.Member) bool { return m.Operator == r.opening.Leader })
	n := len(r.opening.Members)
	for _, v := range r.roots() {
		for turn := range n {
			member := (leader + turn) % n
			for _, u := range said {
				stands, spoke := r.said[member]
				if _, have := r.bytesOf[v]; have || u.position != member || u.publish < 0 || !spoke || stands != v {
					continue
				}
				if r.winner >= 0 && variants[r.winner].outcome.Failed() {
					continue
				}
				if u.publish == v {
					r.bytesOf[v] = member
				} else {
					r.fault(member, types.FAULT_KIND_OUTPUT)
				}
			}
		}
	}
}

// block applies what is said in a block and tells how the round ended, if it did.
func (r *oracle) block(height int64, said []utterance) types.DecisionKind {
	before := r.phase
	r.hear(said)
	if before == types.PHASE_COMMITTING {
		return r.afterCommitments(height)
	}
	for _, v := range r.known() {
		if r.winner < 0 && r.wins(r.behind(v)) {
			r.winner = v
		}
	}
	r.look(said)
	switch {
	case before == types.PHASE_SETTLING:
		return types.DecisionUnspecified
	case r.winner >= 0:
		if _, have := r.bytesOf[r.winner]; have || variants[r.winner].outcome.Failed() {
			return r.final(height)
		}
		return types.DecisionUnspecified
	}
	if r.phase == types.PHASE_OPEN {
		if kind := r.afterWords(height); kind != types.DecisionUnspecified {
			return kind
		}
	}
	if r.phase != types.PHASE_ARBITRATING {
		return types.DecisionUnspecified
	}
	return r.compare(height, height >= r.arbited+int64(r.params.ArbitrationBlocks))
}

func (r *oracle) final(height int64) types.DecisionKind {
	r.phase, r.settle = types.PHASE_SETTLING, height+int64(r.params.SettleBlocks)
	return types.DecisionFinal
}

func (r *oracle) afterCommitments(height int64) types.DecisionKind {
	committed := func(i int) bool { return r.promises[i].salt > 0 }
	all := !slices.ContainsFunc(r.seats(), func(i int) bool { return !committed(i) })
	due := height >= r.opened+1+int64(r.params.SealBlocks)
	switch {
	case all, due && r.opening.Rule == types.RULE_QUORUM && r.wins(r.power(committed)):
		r.phase, r.base = types.PHASE_OPEN, height
	case due && r.opening.Rule == types.RULE_COMMITTEE:
		return types.DecisionImpossible
	}
	return types.DecisionUnspecified
}

func (r *oracle) afterWords(height int64) types.DecisionKind {
	silent := r.power(r.isSilent)
	plus := func(power *big.Int) *big.Int { return new(big.Int).Add(power, silent) }
	possible := r.wins(silent)
	for _, v := range r.known() {
		possible = possible || r.wins(plus(r.behind(v)))
	}
	due := height >= r.base+1+int64(r.params.SoftBlocks)
	near := r.power(func(i int) bool { v, spoke := r.said[i]; return spoke && !variants[v].outcome.Failed() })
	switch {
	case due && r.opening.Rule == types.RULE_COMMITTEE && silent.Sign() > 0:
		return types.DecisionImpossible
	case len(r.roots()) > 1 && (due && r.wins(near) || !possible && r.wins(plus(near))):
		r.phase, r.arbited = types.PHASE_ARBITRATING, height
	case !possible:
		return types.DecisionImpossible
	}
	return types.DecisionUnspecified
}

// compare looks for the winner among the published roots.
func (r *oracle) compare(height int64, closed bool) types.DecisionKind {
	var choices []int
	reachable, waiting := new(big.Int), false
	for _, v := range r.roots() {
		_, have := r.bytesOf[v]
		if !have && closed {
			continue
		}
		waiting = waiting || !have
		choices = append(choices, v)
		reachable.Add(reachable, r.behind(v))
	}
	silent := r.power(r.isSilent)
	if !closed {
		reachable.Add(reachable, silent)
	}
	if !r.wins(reachable) {
		return types.DecisionImpossible
	}
	leader := slices.IndexFunc(r.opening.Members, func(m types.Member) bool { return m.Operator == r.opening.Leader })
	slices.SortFunc(choices, func(a, b int) int {
		if c := r.behind(b).Cmp(r.behind(a)); c != 0 {
			return c
		}
		if said, spoke := r.said[leader]; spoke && (said == a || said == b) {
			if said == a {
				return -1
			}
			return 1
		}
		return bytes.Compare(variants[a].outcome.OutputRoot, variants[b].outcome.OutputRoot)
	})
	ball := func(center int) *big.Int {
		return r.power(func(i int) bool {
			v, spoke := r.said[i]
			_, have := r.bytesOf[v]
			return spoke && have && within(center, v, 1)
		})
	}
	if _, have := r.bytesOf[choices[0]]; !have {
		return types.DecisionUnspecified
	}
	best := choices[0]
	if !r.wins(ball(best)) {
		if waiting {
			return types.DecisionUnspecified
		}
		for _, v := range choices {
			if ball(v).Cmp(ball(best)) > 0 {
				best = v
			}
		}
	}
	switch {
	case r.wins(ball(best)):
		r.winner, r.compared = best, true
		return r.final(height)
	case !closed && silent.Sign() > 0:
		return types.DecisionUnspecified
	default:
		return types.DecisionImpossible
	}
}

// conclude is what is left to find when the attempt is over.
func (r *oracle) conclude(height int64) types.DecisionKind {
	if r.phase == types.PHASE_COMMITTING || r.winner >= 0 || len(r.roots()) < 2 {
		return types.DecisionImpossible
	}
	if r.compare(height, true) == types.DecisionFinal {
		return types.DecisionFinal
	}
	return types.DecisionImpossible
}

// passedOver are the operators that did nothing with their seat, or are at fault.
func (r *oracle) passedOver() []string {
	var list []string
	for _, i := range r.seats() {
		_, spoke := r.said[i]
		idle := !spoke && (r.phase != types.PHASE_COMMITTING || r.promises[i].salt == 0)
		for kind := range types.FaultKind_name {
			idle = idle || r.faults[[2]int{i, int(kind)}]
		}
		if idle {
			list = append(list, r.opening.Members[i].Operator)
		}
	}
	return list
}

// standing is how a variant stands to the winner.
func (r *oracle) standing(v int) types.Standing {
	_, have := r.bytesOf[v]
	switch {
	case v == r.winner:
		return types.STANDING_AGREES
	case variants[v].outcome.Failed() || variants[r.winner].outcome.Failed():
		return types.STANDING_CONTRADICTS
	case !have:
		return types.STANDING_NEUTRAL
	case within(r.winner, v, 1):
		return types.STANDING_AGREES
	case within(r.winner, v, 2):
		return types.STANDING_DIFFERS
	default:
		return types.STANDING_CONTRADICTS
	}
}

// conduct is what each member did, and who agreed within the tolerance only.
func (r *oracle) conduct() (outcomes []types.MemberOutcome, tolerated []int) {
	for i := range r.opening.Members {
		v, spoke := r.said[i]
		outcome := types.MEMBER_OUTCOME_NEUTRAL
		switch {
		case !slices.Contains(r.seats(), i):
		case !spoke:
			outcome = types.MEMBER_OUTCOME_MISSING
		case r.standing(v) == types.STANDING_AGREES:
			outcome = types.MEMBER_OUTCOME_AGREED
			if v != r.winner {
				tolerated = append(tolerated, i)
			}
		case r.standing(v) == types.STANDING_CONTRADICTS:
			outcome = types.MEMBER_OUTCOME_DISAGREED
		}
		outcomes = append(outcomes, outcome)
	}
	return outcomes, tolerated
}

// contradictions adds the faults that only the verdict proves.
func (r *oracle) contradictions() {
	if r.opening.Rule != types.RULE_QUORUM || variants[r.winner].outcome.Failed() {
		return
	}
	for i, v := range r.said {
		if _, have := r.bytesOf[v]; !have || r.standing(v) != types.STANDING_CONTRADICTS {
			continue
		}
		peers := r.power(func(j int) bool {
			said, spoke := r.said[j]
			return spoke && said == r.winner && r.class[j] == r.class[i]
		})
		needed := new(big.Int).Mul(big.NewInt(r.opening.TotalPower), big.NewInt(int64(r.params.CorroborationPower)))
		if peers.Mul(peers, big.NewInt(10_000)).Cmp(needed) >= 0 {
			r.fault(i, types.FAULT_KIND_CONTRADICTION)
		}
	}
}
