package sim

import (
	"testing"

	"github.com/opengradient/opengradient/internal/pricing"
	"github.com/opengradient/opengradient/internal/queue"
	"github.com/opengradient/opengradient/internal/selection"
)

// tiny is a network of four equal nodes without trouble, to which nobody submits.
func tiny(speed float64) Spec {
	s := DefaultSpec(4, 0, 1)
	s.Nodes.Stake, s.Nodes.Capacity = Pareto{Low: 100, High: 100, Shape: 2}, Lognormal{Median: speed}
	s.Nodes.Liars, s.Nodes.Calm = 0, 0
	s.Load.Offered = 1e-9
	s.Blocks, s.WarmUp = 1, 0
	return s
}

// fixed makes every attempt with the same leader and the same seats, by position.
type fixed struct {
	leader int
	seats  []int
}

func (fixed) Name() string { return "fixed" }

func (f fixed) Assign(d Draw) (selection.Attempt, error) {
	a, _, err := members(d)
	a.Leader = f.leader
	if d.Task.Committee {
		a.Seats = f.seats
	}
	return a, err
}

// started is a network in the block 1 with one request that needs so many units.
func started(t *testing.T, s Spec, p Policy, units uint64, committee bool) *network {
	t.Helper()
	n := newNetwork(s, p)
	n.height = 1
	err := n.accept(wish{class: queue.Standard, committee: committee, work: pricing.Work{Units: units, OutputBytes: 1}})
	if err != nil {
		t.Fatal(err)
	}
	n.arriving = false
	n.height = 0
	return n
}

// finish runs blocks until every request has ended.
func finish(t *testing.T, n *network) {
	t.Helper()
	for n.open > 0 {
		n.height++
		if n.height > 1_000 {
			t.Fatalf("expected an end within 1,000 blocks, %d requests are open", n.open)
		}
		if err := n.block(); err != nil {
			t.Fatal(err)
		}
	}
}

// small is a stormy network under load, quick to run.
func small(seed uint64) Spec {
	s := DefaultSpec(10, 3_000, seed)
	s.WarmUp = 20
	s.Nodes.Calm, s.Nodes.Trouble = 60, 15
	return s
}
