// Command schedsim runs the scheduling rules of the chain over synthetic networks and compares them with simpler ways to
// assign work. It prints tables, and with flags writes them into a document, draws plots, and fails when a figure is not
// what the chain promises.
package main

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"runtime/debug"
	"strconv"
	"strings"

	"github.com/opengradient/opengradient/testutil/schedsim/sim"
)

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "schedsim:", err)
		os.Exit(1)
	}
}

// settings are the flags.
type settings struct {
	sizes    []int
	requests int
	seed     uint64
	load     float64
	swing    float64
	document string
	plots    string
	check    bool
}

func parse(args []string) (s settings, err error) {
	flags := flag.NewFlagSet("schedsim", flag.ContinueOnError)
	sizes := flags.String("nodes", "10,100,1000", "`SIZES` of the networks")
	flags.IntVar(&s.requests, "requests", 1_000_000, "`NUMBER` of requests submitted to each network under the steady load")
	flags.Uint64Var(&s.seed, "seed", 1, "`SEED` of everything random")
	flags.Float64Var(&s.load, "load", 0.9, "`PART` of the budget that is offered at the reference price")
	flags.Float64Var(&s.swing, "swing", 0, "`PART` by which the load rises and falls, over 2,000 blocks")
	flags.StringVar(&s.document, "o", "", "`FILE` to write the tables into, between its markers")
	flags.StringVar(&s.plots, "plots", "", "`DIR` to write the plots into, as SVG")
	flags.BoolVar(&s.check, "check", false, "fail when a figure is not what the chain promises")
	if err := flags.Parse(args); err != nil {
		return s, err
	}
	for text := range strings.SplitSeq(*sizes, ",") {
		size, err := strconv.Atoi(strings.TrimSpace(text))
		if err != nil || size < 2 {
			return s, fmt.Errorf("-nodes: expected sizes from 2, got %q", text)
		}
		s.sizes = append(s.sizes, size)
	}
	if s.requests < 1 || s.load <= 0 {
		return s, fmt.Errorf("expected at least 1 request and a load above 0, got %d and %g", s.requests, s.load)
	}
	return s, nil
}

// swingBlocks is the period of the swing.
const swingBlocks = 2_000

// steady is the spec of the main runs.
func (s settings) steady(size int) sim.Spec {
	spec := sim.DefaultSpec(size, s.requests, s.seed)
	spec.Load.Offered = s.load
	spec.Load.Swing, spec.Load.SwingBlocks = s.swing, swingBlocks
	return spec
}

// comparison is one network under each policy, the chain's first.
type comparison []*sim.Result

// compare runs a spec under all policies, over the same blocks: the same requesters come, and the nodes do the same.
func compare(spec sim.Spec) (comparison, error) {
	var c comparison
	for _, policy := range []sim.Policy{sim.Chain{}, sim.NewUniform(spec.Seed), &sim.RoundRobin{}} {
		result, err := sim.Run(spec, policy)
		if err != nil {
			return nil, err
		}
		spec.Blocks = result.LastBlock
		c = append(c, result)
	}
	return c, nil
}

// figures are all results.
type figures struct {
	steady                 []comparison // by size
	overload, flood, burst *sim.Result
}

// scenarioRequests are submitted in the overload and in the flood: fewer do not get beyond the rush at the beginning.
const scenarioRequests = 100_000

func (s settings) simulate() (f figures, err error) {
	for _, size := range s.sizes {
		c, err := compare(s.steady(size))
		if err != nil {
			return f, err
		}
		f.steady = append(f.steady, c)
	}
	for _, one := range []struct {
		spec   sim.Spec
		result **sim.Result
	}{
		{sim.Overload(scenarioRequests, s.seed), &f.overload},
		{sim.Flood(scenarioRequests, s.seed), &f.flood},
		{sim.Burst(s.seed), &f.burst},
	} {
		if *one.result, err = sim.Run(one.spec, sim.Chain{}); err != nil {
			return f, err
		}
	}
	return f, nil
}

func run(args []string) error {
	s, err := parse(args)
	if errors.Is(err, flag.ErrHelp) {
		return nil
	}
	if err != nil {
		return err
	}
	// A run makes much that lives for a few blocks only.
	debug.SetGCPercent(800)
	f, err := s.simulate()
	if err != nil {
		return err
	}
	sections := f.sections()
	for _, section := range sections {
		fmt.Print(section.text)
		if err := insert(s.document, section.name, section.text); err != nil {
			return err
		}
	}
	if s.plots != "" {
		if err := f.plot(s.plots); err != nil {
			return err
		}
	}
	if s.check {
		return failures(f.checks())
	}
	return nil
}
