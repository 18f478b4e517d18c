package agreement

import (
	"math"
	"math/big"
	"testing"

	"pgregory.net/rapid"

	"github.com/opengradient/opengradient/internal/tensor"
)

// The round of these tests: at most eight members, some of them honest, the others with less than a third of the power
// and with knowledge of everything, of honest outputs even before they are published.

type roundMember struct {
	power     int64
	honest    bool
	output    []byte
	attested  bool
	published bool
}

type toleranceRound struct {
	datatype tensor.Datatype
	tau      Tau
	eligible int64
	total    int64
	leader   int // position of the member that leads
	members  []roundMember
	scale    float64
}

func (r *toleranceRound) taus() Taus { return Taus{FP32: r.tau, FP64: r.tau} }

// vector rounds values to the round's datatype.
func (r *toleranceRound) vector(values []float64) tensor.Tensor {
	if r.datatype == tensor.FP64 {
		return f64(values...)
	}
	narrow := make([]float32, len(values))
	for i, v := range values {
		narrow[i] = float32(v)
	}
	return f32(narrow...)
}

// state is the case as the chain sees it.
func (r *toleranceRound) state(closed bool) Case {
	c := Case{Leader: -1, Threshold: Threshold(r.eligible, r.total), Eligible: r.eligible, Closed: closed}
	for i, m := range r.members {
		if !m.attested {
			c.Silent += m.power
			continue
		}
		root := tensor.MerkleRoot(m.output)
		at := 0
		for at < len(c.Contenders) && c.Contenders[at].Root != root {
			at++
		}
		if at == len(c.Contenders) {
			c.Contenders = append(c.Contenders, Contender{RootPower: RootPower{Root: root}})
		}
		contender := &c.Contenders[at]
		contender.Power += m.power
		if m.published {
			contender.Published, contender.Output = true, m.output
		}
		if i == r.leader {
			c.Leader = at
		}
	}
	return c
}

// isWithin tells whether every element of an output is within a part of the reference's scale, without rounding.
func isWithin(reference, output tensor.Tensor, part *big.Rat) bool {
	numbers := oracleNumbers(reference)
	limit := new(big.Rat).Mul(part, oracleScale(numbers))
	for i, n := range oracleNumbers(output) {
		difference := new(big.Rat).Sub(n.value, numbers[i].value)
		if difference.Abs(difference).Cmp(limit) > 0 {
			return false
		}
	}
	return true
}

// honestPart is τ/(2+3τ).
func honestPart(tau Tau) *big.Rat {
	t := ratTau(tau)
	below := new(big.Rat).Mul(t, big.NewRat(3, 1))
	return t.Quo(t, below.Add(below, big.NewRat(2, 1)))
}

// genRound draws members and the outputs of the honest ones: near one true output, or anywhere about it.
func genRound(rt *rapid.T, near bool) *toleranceRound {
	r := &toleranceRound{
		datatype: rapid.SampledFrom([]tensor.Datatype{tensor.FP32, tensor.FP64}).Draw(rt, "datatype"),
		tau:      rapid.SampledFrom([]Tau{TauUnit / 100_000, TauUnit / 1000, TauUnit / 37, MaxTau}).Draw(rt, "tau"),
	}
	n := rapid.IntRange(1, MaxContenders).Draw(rt, "members")
	for range n {
		m := roundMember{power: rapid.Int64Range(1, 20).Draw(rt, "power"), honest: true}
		r.members = append(r.members, m)
		r.eligible += m.power
	}
	r.total = r.eligible + rapid.Int64Range(0, r.eligible/4).Draw(rt, "others")
	r.leader = rapid.IntRange(0, n-1).Draw(rt, "leader")
	honest := r.eligible
	for i := range r.members {
		m := &r.members[i]
		rest := honest - m.power
		if rest >= Threshold(r.eligible, r.total) && 3*(r.eligible-rest) < r.eligible && rapid.Bool().Draw(rt, "byzantine") {
			m.honest, honest = false, rest
		}
	}
	truth := make([]float64, 3)
	for i := range truth {
		truth[i] = float64(float32(rapid.Float64Range(-100, 100).Draw(rt, "truth")))
		r.scale = max(r.scale, math.Abs(truth[i]))
	}
	reference := r.vector(truth)
	part := honestPart(r.tau)
	spread, _ := part.Float64()
	if !near {
		spread *= 4
	}
	for i := range r.members {
		if !r.members[i].honest {
			continue
		}
		output := reference
		edges := [3]float64{}
		for j := range edges {
			edges[j] = rapid.SampledFrom([]float64{-1, -0.999999, 0, 0.5, 0.999999, 1}).Draw(rt, "edge")
		}
		moved := r.vector([]float64{
			truth[0] + edges[0]*spread*r.scale, truth[1] + edges[1]*spread*r.scale, truth[2] + edges[2]*spread*r.scale,
		})
		if !near || isWithin(reference, moved, part) {
			output = moved
		}
		r.members[i].output = encode(rt, output)
	}
	return r
}

// malice draws what a byzantine member attests: a copy, a push of an honest output to the edges of tolerance in one
// direction for all elements or for each its own, something far away, or something that is no such output.
func (r *toleranceRound) malice(rt *rapid.T) []byte {
	victim := r.members[rapid.IntRange(0, len(r.members)-1).Draw(rt, "victim")]
	for !victim.honest {
		victim = r.members[rapid.IntRange(0, len(r.members)-1).Draw(rt, "victim")]
	}
	values := append([]float64{}, mustParse(rt, victim.output).tensors[0].values...)
	one := float64(r.tau) / TauUnit * r.scale
	step := rapid.SampledFrom([]float64{0, 0.5, 0.9, 0.99999, 1, 1.00001, 1.5, 1.99999, 2, 2.00001, 3, 50})
	size, together := step.Draw(rt, "push"), rapid.Bool().Draw(rt, "together")
	sign := rapid.SampledFrom([]float64{-1, 1}).Draw(rt, "sign")
	for i := range values {
		if !together {
			size, sign = step.Draw(rt, "push"), -sign
		}
		values[i] += sign * size * one
	}
	switch rapid.IntRange(0, 9).Draw(rt, "kind") {
	case 0:
		return []byte("no output")
	case 1:
		return encode(rt, r.vector(values[:2]))
	case 2:
		return encode(rt, r.vector([]float64{values[0], values[1], math.Inf(1)}))
	case 3:
		return encode(rt, r.vector([]float64{values[0], values[1], 1e30}))
	case 4:
		return victim.output
	default:
		return encode(rt, r.vector(values))
	}
}

func mustParse(rt *rapid.T, encoding []byte) output {
	out, err := parseOutput(encoding)
	if err != nil {
		rt.Fatal(err)
	}
	return out
}

// harm measures what a case comes to for the adversary: the largest error of an honest output against the result.
func (r *toleranceRound) harm(rt *rapid.T) float64 {
	c := r.state(true)
	result, err := Arbitrate(c, r.taus(), 1<<20)
	if err != nil {
		rt.Fatal(err)
	}
	if result.State != ArbitrationAgreed {
		return math.MaxFloat64
	}
	candidate := mustParse(rt, c.Contenders[result.Candidate].Output)
	var worst float64
	for _, m := range r.members {
		if m.honest {
			worst = max(worst, float64(compare(candidate, mustParse(rt, m.output), r.taus()).Error))
		}
	}
	return worst
}

// play runs the round. In every block some members attest, and publish then or later; byzantine members choose after
// having seen all honest outputs and, when they are adaptive, keep of several choices the one that does most harm in the
// state they find. It ends with the first verdict.
func (r *toleranceRound) play(rt *rapid.T, check func(Case, Arbitration)) Arbitration {
	const blocks = 4
	adaptive := rapid.Bool().Draw(rt, "adaptive")
	for block := range blocks {
		last := block == blocks-1
		for i := range r.members {
			m := &r.members[i]
			acts := rapid.Bool().Draw(rt, "acts")
			switch {
			case m.honest && (acts || last):
				m.published = last || (m.attested && acts) || rapid.Bool().Draw(rt, "at once")
				m.attested = true
			case !m.honest && acts && m.attested:
				m.published = true
			case !m.honest && acts:
				r.attack(rt, m, adaptive)
			}
		}
		c := r.state(last)
		result, err := Arbitrate(c, r.taus(), ArbitrationCost(c.Contenders))
		if err != nil {
			rt.Fatal(err)
		}
		checkFindings(rt, c, result)
		check(c, result)
		if result.State != ArbitrationPending || last {
			return result
		}
	}
	return Arbitration{}
}

func (r *toleranceRound) attack(rt *rapid.T, m *roundMember, adaptive bool) {
	m.attested, m.published = true, rapid.Bool().Draw(rt, "publishes")
	m.output = r.malice(rt)
	if !adaptive {
		return
	}
	best, choice := r.harm(rt), m.output
	for range 5 {
		m.output = r.malice(rt)
		if worse := r.harm(rt); worse > best {
			best, choice = worse, m.output
		}
	}
	m.output = choice
}

// checkResult fails when the result is not within the tolerance of honest members with more than a third of the power.
func (r *toleranceRound) checkResult(rt *rapid.T, c Case, result Arbitration) {
	if result.State != ArbitrationAgreed {
		return
	}
	candidate, err := tensor.Decode(c.Contenders[result.Candidate].Output, tensor.DefaultLimits)
	if err != nil {
		rt.Fatal(err)
	}
	published := map[tensor.Root]bool{}
	for _, contender := range c.Contenders {
		published[contender.Root] = contender.Published
	}
	var support int64
	for _, m := range r.members {
		if m.honest && m.attested && published[tensor.MerkleRoot(m.output)] && r.relation(rt, candidate, m) == Within {
			support += m.power
		}
	}
	if 3*support <= r.eligible {
		rt.Fatalf("the result %v is within the tolerance of honest power %d of %d only", candidate, support, r.eligible)
	}
}

func (r *toleranceRound) relation(rt *rapid.T, candidate []tensor.Tensor, m roundMember) Relation {
	output, err := tensor.Decode(m.output, tensor.DefaultLimits)
	if err != nil {
		rt.Fatal(err)
	}
	return oracleRelation(candidate, output, r.taus())
}

// Whatever less than a third of the power does, and however far honest outputs are apart, what is agreed is within the
// tolerance of the outputs of honest members with more than a third of the power.
func TestResultIsNearHonestOutputs(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		r := genRound(rt, false)
		r.play(rt, func(c Case, result Arbitration) { r.checkResult(rt, c, result) })
	})
}

// Honest members within τ/(2+3τ) of one true output come to a verdict whatever the others do, near each of them: none
// is beyond twice the tolerance of the result. No edge splits them, as nothing is rounded before it is compared.
func TestHonestMembersAreNotSplit(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		r := genRound(rt, true)
		result := r.play(rt, func(c Case, result Arbitration) {
			r.checkResult(rt, c, result)
			if result.State != ArbitrationAgreed {
				return
			}
			candidate, err := tensor.Decode(c.Contenders[result.Candidate].Output, tensor.DefaultLimits)
			if err != nil {
				rt.Fatal(err)
			}
			for i, m := range r.members {
				if m.honest && r.relation(rt, candidate, m) > Beyond {
					rt.Fatalf("honest member %d is %v of the result %v", i, r.relation(rt, candidate, m), candidate)
				}
			}
		})
		if result.State != ArbitrationAgreed {
			rt.Fatalf("expected a verdict, got %+v", result)
		}
	})
}
