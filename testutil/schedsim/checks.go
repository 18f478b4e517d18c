package main

import (
	"errors"
	"fmt"

	"github.com/opengradient/opengradient/internal/queue"
	"github.com/opengradient/opengradient/testutil/schedsim/sim"
)

// What the chain promises at an offered load of 90 %.
const (
	leastUse  = 0.85
	leastJain = 0.95
)

// check is one promise: what it says, what was measured, and whether it holds.
type check struct {
	what, got string
	holds     bool
}

// failures is an error that names the checks that do not hold; nil when all do.
func failures(checks []check) error {
	var errs []error
	for _, c := range checks {
		if !c.holds {
			errs = append(errs, fmt.Errorf("expected %s, got %s", c.what, c.got))
		}
	}
	return errors.Join(errs...)
}

func (f figures) checks() []check {
	var checks []check
	for _, c := range f.steady {
		checks = append(checks, c.checks()...)
	}
	for _, r := range []*sim.Result{f.overload, f.flood} {
		checks = append(checks, underLoad(r)...)
		checks = append(checks, use(r))
	}
	checks = append(checks,
		settles(f.overload),
		check{"flood: refusals that say why", fmt.Sprintf("%d, the first: %q", refused(f.flood), f.flood.Refusal), refused(f.flood) > 0 && f.flood.Refusal != ""})
	return append(checks, burst(f.burst)...)
}

// checks are those of a steady load: the chain by itself, and against the others.
func (c comparison) checks() []check {
	chain := c[0]
	checks := append(underLoad(chain), use(chain), fair(chain, sim.Useful, "useful"), fair(chain, sim.Delivered, "delivered"), settles(chain))
	p99 := chain.Verdict.Quantile(0.99)
	for _, other := range c[1:] {
		if q := other.Verdict.Quantile(0.99); q <= p99 {
			checks = append(checks, check{name(chain) + "a p99 of the delay from the first attempt to the verdict below that of " + other.Policy, fmt.Sprintf("%.2f against %.2f", p99, q), false})
		}
	}
	return checks
}

// fair is the promise that nodes lead as they are entitled to by a measure.
func fair(r *sim.Result, m sim.Measure, capacity string) check {
	jain := r.Jain(m)
	return check{
		fmt.Sprintf("%sleadership as stake × %s capacity, by a Jain index of at least %.2f", name(r), capacity, leastJain), fmt.Sprintf("%.3f", jain),
		jain >= leastJain,
	}
}

// settles is the promise that the price comes to rest, away from where it began.
func settles(r *sim.Result) check {
	price := r.Price()
	return check{
		name(r) + "a base price that settles, away from its start",
		fmt.Sprintf("a variation of %.1f %% and a drift of %.1f %% around %.0f, from %d", 100*price.Variation, 100*price.Drift, price.Median, r.Spec.StartPrice),
		price.Settles() && price.Min > float64(r.Spec.StartPrice),
	}
}

// underLoad are the checks that hold whatever the load is: requests are kept count of, none starves, none waits longer
// than it was accepted for.
func underLoad(r *sim.Result) []check {
	checks := []check{
		{name(r) + "every accepted request to end once", fmt.Sprintf("%d of %d", r.Verdicts+r.Failed, r.Accepted), r.Verdicts+r.Failed == r.Accepted},
		{name(r) + "no accepted request that never began", fmt.Sprint(r.NeverBegan), r.NeverBegan == 0},
	}
	rule := r.Spec.Params.Rule
	for _, class := range classes {
		// While a task can be overtaken the queue may be filled again, as far as that is allowed to the highest class.
		bound := int64(rule.Room(queue.Priority)) + int64(rule.HeadStarts.Overtaken(class))
		if wait := r.LongestWait[class]; wait > bound {
			checks = append(checks, check{fmt.Sprintf("%sa wait of at most %d blocks in class %s", name(r), bound, class), fmt.Sprint(wait), false})
		}
	}
	return checks
}

func use(r *sim.Result) check {
	return check{name(r) + "a use of at least 85 % of the scarcest budget", fmt.Sprintf("%.1f %%", 100*r.Used), r.Used >= leastUse}
}

// burst are the checks of the burst: all end, in order, and the price answers and forgets.
func burst(r *sim.Result) []check {
	before, peak, back := r.PriceResponse()
	size := r.Spec.Load.Burst
	return append(underLoad(r),
		check{name(r) + "every request of it accepted", fmt.Sprintf("%d of %d", r.BurstAccepted, size), r.BurstAccepted == size},
		check{name(r) + "a verdict for every request of it", fmt.Sprintf("%d of %d", r.BurstVerdicts, size), r.BurstVerdicts == size},
		check{name(r) + "its requests to begin in order", fmt.Sprintf("%d out of order", r.BurstDisorder), r.BurstDisorder == 0},
		check{name(r) + "a base price that rises and falls back", fmt.Sprintf("%.0f, then %.0f, and back after %d blocks", before, peak, back), peak > 1.5*before && back > 0},
	)
}

func name(r *sim.Result) string {
	return fmt.Sprintf("%s, %d nodes: ", r.Spec.Name, r.Spec.Nodes.Count)
}

func refused(r *sim.Result) int {
	sum := 0
	for _, count := range r.Refused {
		sum += count
	}
	return sum
}
