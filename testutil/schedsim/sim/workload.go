package sim

import (
	"math"
	"math/big"
	"math/rand/v2"

	"github.com/opengradient/opengradient/internal/pricing"
	"github.com/opengradient/opengradient/internal/queue"
)

// wish is a request that somebody would submit.
type wish struct {
	class     queue.Class
	committee bool
	work      pricing.Work
	// limit is the largest fee as a multiple of the fee at the reference price; +Inf for any.
	limit float64
	burst bool
}

// workload makes the wishes of each block. It depends on the spec alone, and so is the same under every policy.
type workload struct {
	spec   Spec
	random *rand.Rand
}

func newWorkload(s Spec) *workload { return &workload{spec: s, random: stream(s.Seed, 2)} }

// inputPerOutput is the size of inputs over that of outputs.
const inputPerOutput = 4

// burstOutput is the size of the output of a request of a burst.
const burstOutput = 128

// next makes the wishes of a block. It must be called for every block in turn.
func (w *workload) next(height int64) []wish {
	load := w.spec.Load
	mean := w.spec.Rate()
	if load.Swing > 0 {
		mean *= 1 + load.Swing*math.Sin(2*math.Pi*float64(height)/load.SwingBlocks)
	}
	var wishes []wish
	if load.Burst > 0 && height == load.BurstBlock {
		for range load.Burst {
			wishes = append(wishes, wish{
				class: queue.Standard, limit: math.Inf(1), burst: true,
				work: pricing.Work{Units: load.BurstUnits, InputBytes: inputPerOutput * burstOutput, OutputBytes: burstOutput},
			})
		}
	}
	for range poisson(w.random, mean) {
		wishes = append(wishes, w.draw())
	}
	return wishes
}

func (w *workload) draw() wish {
	load, random := w.spec.Load, w.random
	output := uint64(load.Output.Quantile(random.Float64()))
	one := wish{
		class: queue.Standard, limit: math.Inf(1),
		work: pricing.Work{
			Units: uint64(math.Round(load.Units.Quantile(random.Float64()))), InputBytes: inputPerOutput * output, OutputBytes: output,
		},
	}
	switch u := random.Float64(); {
	case u < load.Economy:
		one.class = queue.Economy
	case u < load.Economy+load.Priority:
		one.class = queue.Priority
	}
	one.committee = random.Float64() < load.Committee
	if load.Limit.Median > 0 {
		one.limit = load.Limit.Draw(random)
	}
	return one
}

// quote is the fee of a wish at a base price.
func (p Params) quote(w wish, base *big.Int) (*big.Int, error) {
	fee, err := pricing.Quote(w.work, pricing.Prices{
		Base: base, Byte: p.BytePrice, Tier: p.TierMultiplier(w.committee), Class: p.ClassMultiplier(w.class), Royalty: new(big.Int),
	})
	return fee.Total, err
}

// affords tells whether the fee of a wish at the base price is within its limit.
func (w *workload) affords(one wish, base *big.Int) (bool, error) {
	if math.IsInf(one.limit, 1) {
		return true, nil
	}
	reference, err := w.spec.Params.quote(one, big.NewInt(w.spec.Load.Reference))
	if err != nil {
		return false, err
	}
	asked, err := w.spec.Params.quote(one, base)
	if err != nil {
		return false, err
	}
	most, _ := new(big.Float).Mul(big.NewFloat(one.limit), new(big.Float).SetInt(reference)).Int(nil)
	return asked.Cmp(most) <= 0, nil
}
