package sim

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"math"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	rule "github.com/opengradient/opengradient/internal/conduct"
	"github.com/opengradient/opengradient/internal/queue"
	"github.com/opengradient/opengradient/internal/selection"
)

// TestParametersAreTheChains reads the defaults of the modules from their sources: the simulator does not link them.
func TestParametersAreTheChains(t *testing.T) {
	p := DefaultParams()
	scheduling := defaults(t, "../../../x/scheduling/types/params.go")
	inference := defaults(t, "../../../x/inference/types/params.go")
	verification := defaults(t, "../../../x/verification/types/params.go")
	executor := defaults(t, "../../../app/executor/status.go")
	for _, c := range []struct {
		of   map[string]string
		name string
		got  any
	}{
		{scheduling, "BlockComputeUnits", p.Rule.Limits.Units},
		{scheduling, "BlockOutputBytes", p.Rule.Limits.Bytes},
		{scheduling, "MaxAssignmentsPerBlock", p.Rule.Limits.Tasks},
		{scheduling, "MaxQueueDepth", p.Rule.MaxTasks},
		{scheduling, "QueueBlocks", p.Rule.MaxBlocks},
		{scheduling, "StandardHeadStart", p.Rule.HeadStarts.Standard},
		{scheduling, "PriorityHeadStart", p.Rule.HeadStarts.Priority},
		{scheduling, "AttemptBlocks", p.AttemptBlocks},
		{scheduling, "MaxAttempts", p.MaxAttempts},
		{scheduling, "DeadlineQuota", p.DeadlineQuota},
		{scheduling, "HeartbeatWindow", p.HeartbeatWindow},
		{scheduling, "UnprovenCapacity", p.UnprovenCapacity},
		{scheduling, "MinBasePrice", fmt.Sprintf("math.NewInt(%d)", p.Market.Min)},
		{scheduling, "MaxBasePrice", fmt.Sprintf("math.NewIntWithDecimal(1, %d)", len(p.Market.Max.String())-1)},
		{scheduling, "TargetUtilisation", p.Market.Target},
		{scheduling, "MaxPriceFall", p.Market.MaxFall},
		{inference, "MinEligiblePower", p.MinEligiblePower},
		{inference, "BytePrice", fmt.Sprintf("math.NewInt(%d)", p.BytePrice)},
		{inference, "QuorumMultiplier", "pricing.BasisPoints"},
		{inference, "CommitteeMultiplier", "pricing.BasisPoints / 2"},
		{inference, "EconomyMultiplier", p.Economy},
		{inference, "PriorityMultiplier", p.Priority},
		{verification, "DefaultSoftBlocks", p.SoftBlocks},
		{verification, "DefaultSettleBlocks", p.SettleBlocks},
		{verification, "DefaultPublisherTurnBlocks", p.TurnBlocks},
		{verification, "DefaultConductWindow", p.Window},
		{verification, "DefaultMaxMissed", p.MaxMissed},
		{verification, "DefaultConductJailBlocks", p.JailBlocks},
		{executor, "heartbeatBlocks", heartbeatBlocks},
	} {
		if want, got := c.of[c.name], fmt.Sprint(c.got); want != got {
			t.Errorf("%s: expected %q as in the module, got %q", c.name, want, got)
		}
	}
	if p.Quorum != 10_000 || p.Committee != 5_000 || p.Standard != 10_000 {
		t.Errorf("expected the multipliers 10,000, 5,000 and 10,000, got %d, %d and %d", p.Quorum, p.Committee, p.Standard)
	}
}

// defaults are the constants of a file and the fields of the parameters that DefaultParams returns, without underscores.
func defaults(t *testing.T, path string) map[string]string {
	t.Helper()
	files := token.NewFileSet()
	file, err := parser.ParseFile(files, path, nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	found := make(map[string]string)
	ast.Inspect(file, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.KeyValueExpr:
			if key, ok := n.Key.(*ast.Ident); ok {
				found[key.Name] = source(n.Value)
			}
		case *ast.ValueSpec:
			for i, name := range n.Names {
				if i < len(n.Values) {
					found[name.Name] = source(n.Values[i])
				}
			}
		}
		return true
	})
	return found
}

// source writes an expression of numbers, names and calls.
func source(e ast.Expr) string {
	switch e := e.(type) {
	case *ast.BasicLit:
		return strings.ReplaceAll(e.Value, "_", "")
	case *ast.Ident:
		return e.Name
	case *ast.SelectorExpr:
		return source(e.X) + "." + e.Sel.Name
	case *ast.BinaryExpr:
		return source(e.X) + " " + e.Op.String() + " " + source(e.Y)
	case *ast.CallExpr:
		var arguments []string
		for _, argument := range e.Args {
			arguments = append(arguments, source(argument))
		}
		return source(e.Fun) + "(" + strings.Join(arguments, ", ") + ")"
	default:
		return ""
	}
}

// TestConductIsTheChains compares the window with that of internal/conduct.
func TestConductIsTheChains(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		size := rapid.Int64Range(1, 120).Draw(t, "size")
		most := rapid.Int64Range(0, size-1).Draw(t, "most")
		chains := rule.Rule{Window: uint32(size), MaxMissed: uint32(most)}
		var ours conduct
		var theirs rule.Window
		for range rapid.IntRange(0, 400).Draw(t, "rounds") {
			missed := rapid.IntRange(0, 3).Draw(t, "round") == 0
			outcome := rule.Met
			if missed {
				outcome = rule.Missed
			}
			var verdict rule.Verdict
			theirs, verdict = theirs.Count(chains, outcome)
			if jailed := ours.count(missed, size, most); jailed != (verdict == rule.JailMissed) {
				t.Fatalf("expected %s, got jailed: %t", verdict, jailed)
			}
			if got, want := ours.reliability(size), rule.Reliability(chains, theirs); got != want {
				t.Fatalf("expected a reliability of %d, got %d", want, got)
			}
		}
	})
}

// TestQueueIsInOrder: what is taken from the head is what a sort puts first, and the load is that of what is left.
func TestQueueIsInOrder(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w := waiting{heads: queue.HeadStarts{Standard: 10, Priority: 30}}
		var tasks []*task
		for id := range rapid.Uint64Range(0, 40).Draw(t, "tasks") {
			one := &task{
				id: id, class: queue.Class(rapid.Uint8Range(0, 2).Draw(t, "class")), accepted: rapid.Int64Range(1, 60).Draw(t, "accepted"),
				finalDeadline: rapid.Int64Range(1, 60).Draw(t, "deadline"), attempts: rapid.Int64Range(0, 1).Draw(t, "attempts"),
				need: queue.Need{Units: 1 + id, Bytes: 1},
			}
			tasks = append(tasks, one)
			w.push(one)
		}
		slices.SortFunc(tasks, func(a, b *task) int { return a.key(w.heads).Compare(b.key(w.heads)) })
		most := rapid.IntRange(0, 50).Draw(t, "most")
		head := w.pop(most)
		if want := tasks[:min(most, len(tasks))]; !slices.Equal(head, want) {
			t.Fatalf("expected the first %d in order", len(want))
		}
		var left queue.Load
		for _, one := range tasks[len(head):] {
			left = left.With(one.need)
		}
		if w.load != left {
			t.Fatalf("expected %+v to wait, got %+v", left, w.load)
		}
	})
}

// TestPoliciesSeatEnough: the baselines give a committee what the chain's does, and lead as their names say.
func TestPoliciesSeatEnough(t *testing.T) {
	var d Draw
	for id, power := range []int64{10, 20, 30, 40, 50, 60} {
		d.Nodes = append(d.Nodes, selection.Node{Power: power, Reliability: 10_000, Memory: nodeMemory, Classes: nodeClasses})
		d.IDs = append(d.IDs, 3*id)
		d.Total += power
	}
	d.Task = selection.Task{Class: taskClass, Memory: nodeMemory, Committee: true}
	uniform, robin := NewUniform(1), &RoundRobin{leader: -1, seat: -1}
	leads := make(map[string][6]int)
	for range 6_000 {
		for _, p := range []Policy{uniform, robin} {
			a, err := p.Assign(d)
			if err != nil {
				t.Fatal(err)
			}
			var held int64
			for _, seat := range a.Seats {
				held += d.Nodes[seat].Power
			}
			if 3*held <= d.Total || len(a.Seats) < 2 || !slices.IsSorted(a.Seats) || !slices.Contains(a.Seats, a.Leader) {
				t.Fatalf("%s: expected ascending seats with the leader and more than a third of %d, got %v with leader %d", p.Name(), d.Total, a.Seats, a.Leader)
			}
			counts := leads[p.Name()]
			counts[a.Leader]++
			leads[p.Name()] = counts
		}
	}
	for node, count := range leads[uniform.Name()] {
		if count < 850 || count > 1150 {
			t.Errorf("random: expected node %d to lead about 1,000 times, got %d", node, count)
		}
	}
	if leads[robin.Name()] != [6]int{1000, 1000, 1000, 1000, 1000, 1000} {
		t.Errorf("round robin: expected each to lead 1,000 times, got %v", leads[robin.Name()])
	}
}

func TestDistributions(t *testing.T) {
	p := Pareto{Low: 120, High: 5_000, Shape: 1.1}
	const steps = 1_000_000
	sum := 0.0
	for i := range steps {
		value := p.Quantile((float64(i) + 0.5) / steps)
		if value < p.Low || value > p.High {
			t.Fatalf("expected a value from %g to %g, got %g", p.Low, p.High, value)
		}
		sum += value
	}
	if mean := sum / steps; math.Abs(mean/p.Mean()-1) > 1e-4 {
		t.Errorf("expected a mean of %g, got %g", p.Mean(), mean)
	}
	l := Lognormal{Median: 40_000, Sigma: 0.5}
	for u, want := range map[float64]float64{0.5: 40_000, 0.841344746: 40_000 * math.Exp(0.5), 0.158655254: 40_000 * math.Exp(-0.5)} {
		if got := l.Quantile(u); math.Abs(got/want-1) > 1e-6 {
			t.Errorf("quantile %g: expected %g, got %g", u, want, got)
		}
	}
	random, arrivals := stream(1, 1), 0
	for range 20_000 {
		arrivals += poisson(random, 43)
	}
	if mean := float64(arrivals) / 20_000; math.Abs(mean-43) > 0.2 { // four standard deviations of the mean
		t.Errorf("expected 43 arrivals in the mean, got %g", mean)
	}
}

func TestStatisticsByHand(t *testing.T) {
	var h Histogram
	for blocks, count := range map[int64]int{0: 10, 2: 80, 3: 8, 7: 2} {
		for range count {
			h.Add(blocks)
		}
	}
	if h.Median() != 2 || math.Abs(h.Quantile(0.9)-2) > 1e-9 || math.Abs(h.Quantile(0.94)-2.5) > 1e-9 || math.Abs(h.Quantile(0.99)-6.5) > 1e-9 {
		t.Errorf("expected 2, 2, 2.5 and 6.5, got %d, %g, %g and %g", h.Median(), h.Quantile(0.9), h.Quantile(0.94), h.Quantile(0.99))
	}
	if h.Above(2) != 0.1 || h.Mean() != 1.98 {
		t.Errorf("expected a tenth above 2 and a mean of 1.98, got %g and %g", h.Above(2), h.Mean())
	}

	r := &Result{measured: 10, Nodes: []NodeResult{
		{Eligible: 10, Led: 3, Entitled: [measures]float64{1, 1, 1}},
		{Eligible: 10, Led: 1, Entitled: [measures]float64{1, 1, 1}, Liar: true},
		{Eligible: 4, Led: 9, Entitled: [measures]float64{1, 1, 1}}, // away for most of the time
	}}
	if got := r.Jain(Useful); got != 0.8 { // (3 + 1)² / (2 × (9 + 1))
		t.Errorf("expected a Jain index of 0.8, got %g", got)
	}
	if led, entitled := r.Liars(True); led != 1./13 || math.Abs(entitled-1./3) > 1e-9 {
		t.Errorf("expected a liar with 1/13 of the work for 1/3, got %g for %g", led, entitled)
	}
}
