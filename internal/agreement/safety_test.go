package agreement

import (
	"bytes"
	"math"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/opengradient/opengradient/internal/tensor"
)

// malice draws what a byzantine member attests: a copy, a push of an honest output to the edges of tolerance in one
// direction for all elements or for each its own, something far away, or something that is no such output.
func (r *toleranceRound) malice(rt *rapid.T) []byte {
	victim := r.members[rapid.IntRange(0, len(r.members)-1).Draw(rt, "victim")]
	for !victim.honest {
		victim = r.members[rapid.IntRange(0, len(r.members)-1).Draw(rt, "victim")]
	}
	values := slices.Clone(mustParse(rt, victim.output).tensors[0].values)
	one := float64(r.tau) / TauUnit * r.scale
	step := rapid.SampledFrom([]float64{0, 0.5, 0.9, 0.99999, 1, 1.00001, 1.5, 1.99999, 2, 2.00001, 3, 50})
	size, together := step.Draw(rt, "push"), rapid.Bool().Draw(rt, "together")
	sign := rapid.SampledFrom([]float64{-1, 1}).Draw(rt, "sign")
	for i := range values {
		if !together {
			size, sign = step.Draw(rt, "push"), -sign
		}
		from := values[i]
		values[i] += sign * size * one
		for range rapid.IntRange(0, 2).Draw(rt, "steps back") {
			values[i] = r.toward(values[i], from)
		}
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
		worse := r.harm(rt)
		// Of equal harm the smaller root, which wins ties: the adversary grinds for it.
		root, chosen := tensor.MerkleRoot(m.output), tensor.MerkleRoot(choice)
		if worse > best || (worse == best && bytes.Compare(root[:], chosen[:]) < 0) {
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
	if r.committee {
		if honest := r.honestPower(); support != honest {
			rt.Fatalf("the result %v of the committee is within the tolerance of honest power %d of %d only", candidate, support, honest)
		}
		return
	}
	if 3*support <= r.eligible {
		rt.Fatalf("the result %v is within the tolerance of honest power %d of %d only", candidate, support, r.eligible)
	}
}

func (r *toleranceRound) honestPower() int64 {
	var power int64
	for _, m := range r.members {
		if m.honest {
			power += m.power
		}
	}
	return power
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
		r := genRound(rt, false, false)
		r.play(rt, func(c Case, result Arbitration) { r.checkResult(rt, c, result) })
	})
}

// Honest members within τ/(2+3τ) of one true output come to a verdict whatever the others do, near each of them: none
// is beyond twice the tolerance of the result. No edge splits them, as nothing is rounded before it is compared.
func TestHonestMembersAreNotSplit(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		r := genRound(rt, false, true)
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

// A committee in which anyone but one member may do whatever it likes: what is agreed is within the tolerance of every
// honest member's output.
func TestCommitteeResultIsNearEveryHonestOutput(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		r := genRound(rt, true, false)
		r.play(rt, func(c Case, result Arbitration) { r.checkResult(rt, c, result) })
	})
}

// A committee of honest members near one true output comes to a verdict.
func TestHonestCommitteeIsNotSplit(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		r := genRound(rt, true, true)
		if result := r.play(rt, func(c Case, result Arbitration) { r.checkResult(rt, c, result) }); result.State != ArbitrationAgreed {
			rt.Fatalf("expected a verdict, got %+v", result)
		}
	})
}
