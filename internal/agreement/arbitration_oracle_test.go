package agreement

import (
	"math/big"

	"github.com/opengradient/opengradient/internal/tensor"
)

// oracleArbitration follows the description of the rule for a closed case: first the strongest sound contender, then
// the one with the most power around it. It gives the position of the result, -1 for none.
func oracleArbitration(s seats, c Case, taus Taus) int {
	sound := map[int][]tensor.Tensor{}
	for i, contender := range c.Contenders {
		if ts, err := tensor.Decode(contender.Output, tensor.DefaultLimits); err == nil && contender.Published {
			if again, err := tensor.EncodeOutputs(ts); err == nil && string(again) == string(contender.Output) {
				sound[i] = ts
			}
		}
	}
	around := func(candidate int) *big.Rat {
		power := new(big.Rat)
		for i, ts := range sound {
			if oracleRelation(sound[candidate], ts, taus) == Within {
				power.Add(power, new(big.Rat).SetInt64(c.Contenders[i].Power))
			}
		}
		return power
	}
	// preferred: by a measure, then power, then the leader, then the smaller root.
	preferred := func(measure func(int) *big.Rat) int {
		best := -1
		for i := range c.Contenders {
			if sound[i] == nil {
				continue
			}
			if best < 0 {
				best = i
				continue
			}
			by := measure(i).Cmp(measure(best))
			if by == 0 {
				by = int(min(1, max(-1, c.Contenders[i].Power-c.Contenders[best].Power)))
			}
			if by == 0 && i == c.Leader {
				by = 1
			}
			if by == 0 && best != c.Leader && string(c.Contenders[i].Root[:]) < string(c.Contenders[best].Root[:]) {
				by = 1
			}
			if by > 0 {
				best = i
			}
		}
		return best
	}
	first := preferred(func(i int) *big.Rat { return new(big.Rat) })
	if first < 0 {
		return -1
	}
	if s.wins(around(first)) {
		return first
	}
	if medoid := preferred(around); s.wins(around(medoid)) {
		return medoid
	}
	return -1
}
