package sim

import (
	"reflect"
	"testing"
)

func policies() []Policy { return []Policy{Chain{}, NewUniform(1), &RoundRobin{}} }

func TestRunIsDeterministic(t *testing.T) {
	for i := range policies() {
		a, err := Run(small(7), policies()[i])
		if err != nil {
			t.Fatal(err)
		}
		b, err := Run(small(7), policies()[i])
		if err != nil {
			t.Fatal(err)
		}
		if !reflect.DeepEqual(a, b) {
			t.Errorf("%s: expected the same again", a.Policy)
		}
		other, err := Run(small(8), policies()[i])
		if err != nil {
			t.Fatal(err)
		}
		if other.Arrived == a.Arrived && other.End.sum == a.End.sum {
			t.Errorf("%s: expected another seed to give another run", a.Policy)
		}
	}
}

// TestEveryRequestEndsOnce: in storms and floods as well, every requester is counted once, every accepted request ends
// once, and nothing is left over.
func TestEveryRequestEndsOnce(t *testing.T) {
	storm := small(3)
	storm.Nodes.Calm, storm.Nodes.Mix = 20, [3]float64{0.2, 0.2, 0.2}
	flood := small(4)
	flood.Load.Offered, flood.Load.Limit = 3, Lognormal{}
	narrow := small(5)
	narrow.Params.DeadlineQuota, narrow.Params.Rule.MaxBlocks = 20, 60
	swing := small(6)
	swing.Load.Swing, swing.Load.SwingBlocks = 0.9, 30
	for name, s := range map[string]Spec{"calm": small(1), "storm": storm, "flood": flood, "narrow": narrow, "swing": swing} {
		for _, p := range policies() {
			n := newNetwork(s, p)
			for n.arriving || n.open > 0 || len(n.settling) > 0 {
				n.height++
				if err := n.block(); err != nil {
					t.Fatal(err)
				}
			}
			r := n.result
			refused := r.NoSlot + r.NoPower
			for _, count := range r.Refused {
				refused += count
			}
			if r.Arrived != r.PricedOut+r.Submitted || r.Submitted != refused+r.Accepted || r.Accepted != r.Verdicts+r.Failed {
				t.Errorf("%s, %s: expected every requester once, got %+v", name, r.Policy, r)
			}
			var led uint64
			for _, one := range n.nodes {
				led += one.leading
			}
			if led != 0 || n.waiting.load.Tasks != 0 || len(n.slots) != 0 {
				t.Errorf("%s, %s: expected nothing left, got %d units led, %+v waiting, %d slots", name, r.Policy, led, n.waiting.load, len(n.slots))
			}
		}
	}
}

// TestPoliciesMeetTheSame: the same requesters come, and the nodes go through the same, whoever assigns.
func TestPoliciesMeetTheSame(t *testing.T) {
	s := small(2)
	s.Blocks = 60
	var arrived []int
	var troubles [][]trouble
	for _, p := range policies() {
		n := newNetwork(s, p)
		var seen []trouble
		for n.height < s.Blocks {
			n.height++
			if err := n.block(); err != nil {
				t.Fatal(err)
			}
			for _, one := range n.nodes {
				seen = append(seen, one.trouble)
			}
		}
		arrived, troubles = append(arrived, n.result.Arrived), append(troubles, seen)
	}
	if arrived[0] != arrived[1] || arrived[0] != arrived[2] {
		t.Errorf("expected the same requesters, got %v", arrived)
	}
	if !reflect.DeepEqual(troubles[0], troubles[1]) || !reflect.DeepEqual(troubles[0], troubles[2]) {
		t.Error("expected the same troubles under every policy")
	}
}

// TestOverloadIsRefusedByClass: when all pay any price, the queue refuses, the lowest class most, and nobody who was
// accepted waits longer than was promised.
func TestOverloadIsRefusedByClass(t *testing.T) {
	s := DefaultSpec(10, 8_000, 1)
	s.Load.Offered, s.Load.Limit = 1.5, Lognormal{}
	s.Nodes.Calm = 0
	r, err := Run(s, Chain{})
	if err != nil {
		t.Fatal(err)
	}
	parts := [classes]float64{s.Load.Economy, 1 - s.Load.Economy - s.Load.Priority, s.Load.Priority}
	for class := 1; class < classes; class++ {
		if float64(r.Refused[class])/parts[class] > float64(r.Refused[class-1])/parts[class-1] {
			t.Errorf("expected a lower class to be refused more often, got %v", r.Refused)
		}
	}
	if r.Refused[0] == 0 || r.Refusal == "" {
		t.Errorf("expected refusals that say why, got %v, %q", r.Refused, r.Refusal)
	}
	for class, wait := range r.LongestWait {
		if wait > int64(s.Params.Rule.MaxBlocks) {
			t.Errorf("class %d: expected at most %d blocks, got %d", class, s.Params.Rule.MaxBlocks, wait)
		}
	}
}

// TestBurstBeginsInOrder is a small burst: 300 at once, 100 a block.
func TestBurstBeginsInOrder(t *testing.T) {
	s := Burst(1)
	s.Nodes.Count, s.Blocks, s.WarmUp = 10, 80, 0
	s.Load.Burst, s.Load.BurstBlock = 300, 40
	r, err := Run(s, Chain{})
	if err != nil {
		t.Fatal(err)
	}
	if r.BurstAccepted != 300 || r.BurstVerdicts != 300 || r.BurstDisorder != 0 {
		t.Errorf("expected 300 accepted and ended in order, got %d, %d, %d out of order", r.BurstAccepted, r.BurstVerdicts, r.BurstDisorder)
	}
}
