package main

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/opengradient/opengradient/internal/queue"
	"github.com/opengradient/opengradient/internal/selection"
	"github.com/opengradient/opengradient/testutil/schedsim/sim"
)

// result is one in which every promise is kept, with a p99 of the delay to the verdict.
func result(spec sim.Spec, policy string, p99 int64) *sim.Result {
	r := &sim.Result{
		Spec: spec, Policy: policy, Submitted: 1_000, Accepted: 1_000, Verdicts: 1_000, Used: 0.9, LastBlock: 1_000, Committees: 500,
		Refused: [3]int{1, 0, 0}, Refusal: "no room",
		BurstAccepted: spec.Load.Burst, BurstVerdicts: spec.Load.Burst,
		Nodes: []sim.NodeResult{{Led: 2, Entitled: [3]float64{2, 2, 2}}, {Led: 1, Entitled: [3]float64{1, 1, 1}, Liar: true}},
	}
	for i := range 1_000 {
		price := 1_000.0
		if i >= 500 && i < 600 {
			price += 50 * float64(600-i) // a burst has come
		}
		if spec.Load.Burst == 0 {
			price = 1_000 + float64(i%5)
		}
		r.Prices, r.Depth = append(r.Prices, price), append(r.Depth, i%7)
		delay := int64(2)
		if i%50 == 0 {
			delay = p99
		}
		r.Queue.Add(0)
		r.Verdict.Add(delay)
		r.End.Add(delay)
	}
	return r
}

// kept are figures in which every promise is kept.
func kept() figures {
	steady := sim.DefaultSpec(10, 1_000, 1)
	return figures{
		steady:   []comparison{{result(steady, "chain", 3), result(steady, "random", 5), result(steady, "round robin", 4)}},
		overload: result(sim.Overload(1_000, 1), "chain", 3), flood: result(sim.Flood(1_000, 1), "chain", 3), burst: result(sim.Burst(1), "chain", 3),
	}
}

// TestChecksCanFail breaks one promise at a time.
func TestChecksCanFail(t *testing.T) {
	if err := failures(kept().checks()); err != nil {
		t.Fatalf("expected every promise to be kept, got %v", err)
	}
	for name, tt := range map[string]struct {
		spoil func(f figures)
		want  string
	}{
		"blocks half empty":          {func(f figures) { f.steady[0][0].Used = 0.84 }, "a use of at least 85 %"},
		"a request that never began": {func(f figures) { f.steady[0][0].NeverBegan = 1 }, "never began"},
		"a request that ends twice":  {func(f figures) { f.steady[0][0].Failed = 1 }, "end once"},
		"a wait too long":            {func(f figures) { f.flood.LongestWait[queue.Economy] = 101 }, "at most 100 blocks in class economy"},
		"a standard wait too long":   {func(f figures) { f.flood.LongestWait[queue.Standard] = 91 }, "at most 90 blocks in class standard"},
		"a priority wait too long":   {func(f figures) { f.flood.LongestWait[queue.Priority] = 71 }, "at most 70 blocks in class priority"},
		"leadership as it comes":     {func(f figures) { f.steady[0][0].Nodes[1].Led = 4 }, "Jain index"},
		"leadership by hearsay":      {func(f figures) { f.steady[0][0].Nodes[1].Entitled[sim.Delivered] = 0.3 }, "delivered capacity, by a Jain index"},
		"a price that never moved": {func(f figures) {
			for i := range f.overload.Prices {
				f.overload.Prices[i] = float64(f.overload.Spec.StartPrice)
			}
		}, "away from its start"},
		"a price that runs away":    {func(f figures) { f.overload.Prices[990] = 1e9 }, "a base price that settles"},
		"no faster than at random":  {func(f figures) { f.steady[0][1] = f.steady[0][0] }, "a p99 of the delay"},
		"no refusals in a flood":    {func(f figures) { f.flood.Refused = [3]int{} }, "refusals that say why"},
		"a burst that is refused":   {func(f figures) { f.burst.BurstAccepted-- }, "accepted"},
		"a burst that does not end": {func(f figures) { f.burst.BurstVerdicts-- }, "a verdict for every"},
		"a burst in disorder":       {func(f figures) { f.burst.BurstDisorder++ }, "in order"},
		"a price deaf to the burst": {func(f figures) { clear(f.burst.Prices[500:600]) }, "rises and falls back"},
		"a price that stays up": {func(f figures) {
			for i := 520; i < 1_000; i++ {
				f.burst.Prices[i] = 5_000
			}
		}, "rises and falls back"},
	} {
		t.Run(name, func(t *testing.T) {
			f := kept()
			tt.spoil(f)
			if err := failures(f.checks()); err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Fatalf("expected a failure that names %q, got %v", tt.want, err)
			}
		})
	}
}

// nobody never begins anything.
type nobody struct{}

func (nobody) Name() string { return "nobody" }

func (nobody) Assign(sim.Draw) (selection.Attempt, error) {
	return selection.Attempt{}, selection.ErrNoMajority
}

// laziest always lets the node lead that delivers least.
type laziest struct{}

func (laziest) Name() string { return "laziest" }

func (laziest) Assign(d sim.Draw) (selection.Attempt, error) {
	a, err := selection.Assign(d.Seed, d.Nodes, selection.Task{Class: d.Task.Class, Memory: d.Task.Memory}, d.Total)
	for position, at := range a.Members {
		if d.Nodes[at].Observed < d.Nodes[a.Members[a.Leader]].Observed {
			a.Leader = position
		}
	}
	return a, err
}

// stakeOnly draws leaders by stake, whatever the nodes deliver.
type stakeOnly struct{}

func (stakeOnly) Name() string { return "stake only" }

func (stakeOnly) Assign(d sim.Draw) (selection.Attempt, error) {
	alike := slices.Clone(d.Nodes)
	for i := range alike {
		alike[i].Reliability, alike[i].Capacity, alike[i].Reported, alike[i].Observed, alike[i].Leading = 10_000, 1, 1, 1, 0
	}
	return selection.Assign(d.Seed, alike, d.Task, d.Total)
}

// TestChecksCatchBrokenPolicies runs policies that break a promise.
func TestChecksCatchBrokenPolicies(t *testing.T) {
	for _, tt := range []struct {
		want            string
		policy          sim.Policy
		nodes, requests int
		committee       float64
	}{
		{"never began", nobody{}, 10, 3_000, 0.5},
		{"a wait of at most", nobody{}, 10, 3_000, 0.5},
		{"useful capacity, by a Jain index", laziest{}, 10, 3_000, 0}, // it gives no seats
		{"delivered capacity, by a Jain index", stakeOnly{}, 100, 30_000, 0.5},
	} {
		want, policy := tt.want, tt.policy
		spec := sim.DefaultSpec(tt.nodes, tt.requests, 1)
		spec.WarmUp, spec.Load.Committee = 20, tt.committee
		r, err := sim.Run(spec, policy)
		if err != nil {
			t.Fatal(err)
		}
		if err := failures(comparison{r}.checks()); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: expected a failure that names %q, got %v", policy.Name(), want, err)
		}
	}
}

// TestTheChainIsFairWhereStakeAloneIsNot: the run that catches a draw by stake alone is long enough for the chain.
func TestTheChainIsFairWhereStakeAloneIsNot(t *testing.T) {
	spec := sim.DefaultSpec(100, 30_000, 1)
	spec.WarmUp = 20
	r, err := sim.Run(spec, sim.Chain{})
	if err != nil {
		t.Fatal(err)
	}
	if err := failures([]check{fair(r, sim.Useful, "useful"), fair(r, sim.Delivered, "delivered")}); err != nil {
		t.Error(err)
	}
}

func TestTablesHaveAColumnForEachResult(t *testing.T) {
	for _, section := range kept().sections() {
		columns := 0
		for line := range strings.Lines(section.text) {
			if !strings.HasPrefix(line, "|") {
				columns = 0
				continue
			}
			if columns == 0 {
				columns = strings.Count(line, "|")
			}
			if got := strings.Count(line, "|"); got != columns {
				t.Errorf("%s: expected %d bars, got %q", section.name, columns, line)
			}
		}
	}
	for n, want := range map[int]string{0: "0", 999: "999", 1_000: "1,000", 1_234_567: "1,234,567"} {
		if got := thousands(n); got != want {
			t.Errorf("expected %s, got %s", want, got)
		}
	}
}

func TestPlotsAreSmallPictures(t *testing.T) {
	dir := t.TempDir()
	if err := kept().plot(dir); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"price", "queue", "burst", "delay", "leadership"} {
		b, err := os.ReadFile(filepath.Join(dir, "scheduling-"+name+".svg"))
		if err != nil {
			t.Fatal(err)
		}
		if len(b) > 100_000 || !strings.Contains(string(b), "<svg") {
			t.Errorf("%s: expected a picture of at most 100 kB, got %d bytes", name, len(b))
		}
	}
}

func TestReplaceSection(t *testing.T) {
	const document = "a\n<!-- begin x: written by schedsim -->\nold\n<!-- end x -->\nb\n"
	got, err := replaceSection(document, "x", "new\n")
	if want := "a\n<!-- begin x: written by schedsim -->\nnew\n<!-- end x -->\nb\n"; err != nil || got != want {
		t.Errorf("expected %q, got %q and %v", want, got, err)
	}
	if got, err := replaceSection(document, "y", "new\n"); err == nil {
		t.Errorf("a section that is not there: expected an error, got %q", got)
	}
}

func TestFlags(t *testing.T) {
	s, err := parse([]string{"-nodes", "4, 6", "-requests", "20"})
	if err != nil || len(s.sizes) != 2 || s.sizes[1] != 6 || s.requests != 20 {
		t.Errorf("expected two sizes and 20 requests, got %+v, %v", s, err)
	}
	for _, args := range [][]string{{"-nodes", "1"}, {"-nodes", "ten"}, {"-requests", "0"}, {"-load", "0"}} {
		if _, err := parse(args); err == nil {
			t.Errorf("%v: expected a refusal", args)
		}
	}
}
