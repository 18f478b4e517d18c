// Command benchstability runs models, as they are and prepared, in one worker for each of several processors, and writes
// into docs/model-stability.md how far the outputs are apart. It fails when a promise about prepared models breaks.
//
//	benchstability -cpu NAME,WORKER,LIBRARY -cpu ...
//
// The first processor is the reference. scripts/bench-stability.sh makes the workers: this machine's, and emulated ones.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"regexp"
	"strings"
	"syscall"
	"time"

	"github.com/opengradient/opengradient/internal/modelcompare"
	"github.com/opengradient/opengradient/internal/worker"
	"github.com/opengradient/opengradient/testutil/localnet"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, os.Args[1:])
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "benchstability:", err)
		os.Exit(1)
	}
}

// processor is one column of the table.
type processor struct {
	name            string
	worker, library string

	isa    string
	runner modelcompare.Runner
}

// processors is a flag that may be given several times.
type processors []*processor

// String implements flag.Value.
func (p *processors) String() string { return fmt.Sprint(len(*p), " processors") }

// Set implements flag.Value.
func (p *processors) Set(s string) error {
	parts := strings.Split(s, ",")
	if len(parts) != 3 {
		return fmt.Errorf("expected NAME,WORKER,LIBRARY, got %q", s)
	}
	*p = append(*p, &processor{name: parts[0], worker: parts[1], library: parts[2]})
	return nil
}

func run(ctx context.Context, args []string) error {
	var all processors
	flags := flag.NewFlagSet("benchstability", flag.ContinueOnError)
	flags.Var(&all, "cpu", "`NAME,WORKER,LIBRARY` of a processor; the first is the reference")
	samples := flags.Int("samples", 3, "`NUMBER` of inputs to run each model on; large models run on one")
	document := flags.String("o", localnet.Root()+"/docs/model-stability.md", "`FILE` to write the table into; none when empty")
	only := flags.String("only", "", "`REGEXP` of the names of models to run; the document is then left as it is")
	if err := flags.Parse(args); err != nil {
		if errors.Is(err, flag.ErrHelp) {
			return nil
		}
		return err
	}
	if len(all) < 2 || *samples < 1 {
		return errors.New("expected at least two processors and one sample")
	}
	names, err := regexp.Compile(*only)
	if err != nil {
		return fmt.Errorf("-only: %w", err)
	}
	if *only != "" {
		*document = ""
	}
	for _, p := range all {
		stop, err := p.start(ctx)
		if err != nil {
			return fmt.Errorf("%s: %w", p.name, err)
		}
		defer stop()
		fmt.Printf("%s: instruction set class %s\n", p.name, p.isa)
	}
	var rows []row
	for _, m := range models() {
		if !names.MatchString(m.name) {
			continue
		}
		n, err := m.samples(*samples)
		if err != nil {
			return fmt.Errorf("%s: %w", m.name, err)
		}
		r, err := measure(ctx, all, m, n)
		if err != nil {
			return fmt.Errorf("%s: %w", m.name, err)
		}
		fmt.Println(r.text())
		rows = append(rows, r)
	}
	if err := insert(*document, render(all, rows, *samples)); err != nil {
		return err
	}
	return check(all, rows)
}

// start starts the worker of a processor. Emulation is slow: deadlines are long.
func (p *processor) start(ctx context.Context) (stop func(), err error) {
	cfg := worker.DefaultConfig()
	cfg.BinaryPath, cfg.LibraryPath = p.worker, p.library
	cfg.StartTimeout, cfg.HealthTimeout = 5*time.Minute, 5*time.Minute
	cfg.LoadTimeout, cfg.RunTimeout = 10*time.Minute, 10*time.Minute
	cfg.ModelBudget, cfg.Nice = 2<<30, 0
	var last string
	cfg.Log = func(line string) { last = line }
	supervisor, err := worker.NewSupervisor(cfg)
	if err != nil {
		return nil, err
	}
	wait, cancel := context.WithTimeout(ctx, cfg.StartTimeout)
	defer cancel()
	if err := supervisor.WaitReady(wait); err != nil {
		supervisor.Close()
		return nil, fmt.Errorf("%w (the worker's last line: %s)", err, last)
	}
	p.isa = supervisor.Status().Environment.ISA
	p.runner = modelcompare.On(supervisor)
	return supervisor.Close, nil
}
