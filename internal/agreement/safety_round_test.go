package agreement

import (
	"math"
	"math/big"

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
	seats
	datatype tensor.Datatype
	tau      Tau
	leader   int // position of the member that leads
	members  []roundMember
	scale    float64
}

func (r *toleranceRound) taus() Taus { return Taus{r.tau, r.tau, r.tau, r.tau} }

// vector rounds values to the round's datatype.
func (r *toleranceRound) vector(values []float64) tensor.Tensor {
	return narrowed(r.datatype, values...)
}

// toward gives the next number of the round's datatype after x in the direction of another.
func (r *toleranceRound) toward(x, target float64) float64 {
	bits, sign := narrow(r.datatype, x), uint64(1)<<(8*r.datatype.Size()-1)
	switch {
	case !(math.Abs(x-target) > 0): // also where one is NaN or both the same infinity
	case x == 0 && target < 0:
		bits = sign | 1
	case x == 0:
		bits = 1
	case (x > target) == (x > 0):
		bits--
	default:
		bits++
	}
	return values(floats(r.datatype, bits))[0]
}

// state is the case as the chain sees it.
func (r *toleranceRound) state(closed bool) Case {
	c := Case{Leader: -1, Threshold: r.threshold(), Eligible: r.eligible, Closed: closed}
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
		if n.special != numbers[i].special {
			return false
		}
		if n.special != "" {
			continue
		}
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

// sizes are the magnitudes of outputs in rounds: one, and the ends of each datatype, where numbers lose their last
// places or overflow.
var sizes = map[tensor.Datatype][]float64{
	tensor.FP16: {1, 0x1p-21, 600}, tensor.BF16: {1, 0x1p-131, 0x1p121}, tensor.FP32: {1, 0x1p-140, 0x1p121},
	tensor.FP64: {1, 0x1p-1066, 0x1p1017},
}

// genRound draws members and the outputs of the honest ones: near one true output, or anywhere about it.
func genRound(rt *rapid.T, committee, near bool) *toleranceRound {
	r := &toleranceRound{
		seats:    seats{committee: committee},
		datatype: rapid.SampledFrom(floatDatatypes).Draw(rt, "datatype"),
		tau:      rapid.SampledFrom([]Tau{TauUnit / 100_000, TauUnit / 1000, TauUnit / 64, TauUnit / 37, MaxTau}).Draw(rt, "tau"),
	}
	n := rapid.IntRange(1, MaxContenders).Draw(rt, "members")
	most := rapid.SampledFrom([]int64{1, 20}).Draw(rt, "most")
	for range n {
		m := roundMember{power: rapid.Int64Range(1, most).Draw(rt, "power"), honest: true}
		r.members = append(r.members, m)
		r.eligible += m.power
	}
	r.total = r.eligible + rapid.Int64Range(0, r.eligible/4).Draw(rt, "others")
	r.leader = rapid.IntRange(0, n-1).Draw(rt, "leader")
	honest := r.eligible
	for i := range r.members {
		m := &r.members[i]
		rest := honest - m.power
		if r.mayLose(rest, near) && rapid.Bool().Draw(rt, "byzantine") {
			m.honest, honest = false, rest
		}
	}
	truth := r.genTruth(rt)
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
		moved := make([]float64, len(truth))
		for j := range moved {
			edge := rapid.SampledFrom([]float64{-1, -0.999999, 0, 0.5, 0.999999, 1}).Draw(rt, "edge")
			moved[j] = values(r.vector([]float64{truth[j] + edge*spread*r.scale}))[0]
		}
		// Rounding may have put a number just beyond the distance: the ones before it are the knife's edge.
		for step := 0; near && !isWithin(reference, r.vector(moved), part); step++ {
			for j := range moved {
				if moved[j] = r.toward(moved[j], truth[j]); step > 2 {
					moved[j] = truth[j]
				}
			}
		}
		r.members[i].output = encode(rt, r.vector(moved))
	}
	return r
}

// mayLose says whether the honest members may be left with this power: in a committee somebody must be honest, otherwise
// more than two thirds, and the threshold where a verdict is expected.
func (r *toleranceRound) mayLose(rest int64, near bool) bool {
	if r.committee {
		return rest > 0 && !near
	}
	return 3*(r.eligible-rest) < r.eligible && (!near || rest >= r.threshold())
}

// genTruth draws the true output, of numbers of the datatype: some zero, some not finite, some halfway to the next number
// of a narrower type, some at the ends of the datatype.
func (r *toleranceRound) genTruth(rt *rapid.T) []float64 {
	size := rapid.SampledFrom(sizes[r.datatype]).Draw(rt, "size")
	truth := make([]float64, 3)
	for i := range truth {
		switch rapid.IntRange(0, 11).Draw(rt, "kind") {
		case 0:
			truth[i] = 0
		case 1:
			truth[i] = rapid.SampledFrom([]float64{nan, inf, -inf}).Draw(rt, "special")
		case 2:
			truth[i] = size
		default:
			truth[i] = size * rapid.Float64Range(-100, 100).Draw(rt, "truth")
		}
	}
	truth = values(r.vector(truth))
	for _, x := range truth {
		if finite(x) {
			r.scale = max(r.scale, math.Abs(x))
		}
	}
	return truth
}
