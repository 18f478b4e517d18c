package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/opengradient/opengradient/testutil/chainclient"
	"github.com/opengradient/opengradient/testutil/iris"
	"github.com/opengradient/opengradient/testutil/irisclient"
	inferencetypes "github.com/opengradient/opengradient/x/inference/types"
)

// runOptions are the flags of the subcommand run.
type runOptions struct {
	home, grpc, rpc, rest string
	model                 string
	requests              int
	killWorkerOf          string
	timeout               time.Duration
}

// minRequests leaves requests for all three parts of the demonstration.
const minRequests = 10

func runCommand() command {
	return command{name: "run", summary: "ask a running network for verified predictions and check all it says", run: runRun}
}

func runRun(ctx context.Context, args []string, out, errOut io.Writer) error {
	o, err := parseRun(args, errOut)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, o.timeout)
	defer cancel()
	d, err := connect(ctx, o, out)
	if err != nil {
		return err
	}
	err = d.run(ctx)
	return errors.Join(err, d.client.Close())
}

func parseRun(args []string, errOut io.Writer) (o runOptions, err error) {
	flags := flag.NewFlagSet("run", flag.ContinueOnError)
	flags.SetOutput(errOut)
	flags.StringVar(&o.home, "home", filepath.Join(".localnet", "node0"), "home `FOLDER` of the node whose keyring holds the key faucet, which pays")
	flags.StringVar(&o.grpc, "grpc", "127.0.0.1:9090", "gRPC `ADDRESS` of the node")
	flags.StringVar(&o.rpc, "rpc", "tcp://127.0.0.1:26657", "RPC `ADDRESS` of the node")
	flags.StringVar(&o.rest, "rest", "http://127.0.0.1:1317", "REST `ADDRESS` of the node")
	flags.StringVar(&o.model, "model", filepath.Join("build", "iris.onnx"), "`FILE` of the model, as the subcommand train writes it")
	flags.IntVar(&o.requests, "requests", 50, "`NUMBER` of requests; the held-out rows are used in turn")
	flags.StringVar(&o.killWorkerOf, "kill-worker-of", "", "home `FOLDER` of a node on this machine whose worker is killed on the way; none when empty")
	flags.DurationVar(&o.timeout, "timeout", 5*time.Minute, "`TIME` after which the demonstration gives up")
	if err := parseFlags(flags, args); err != nil {
		return o, err
	}
	if o.requests < minRequests {
		fmt.Fprintf(errOut, "opengradient-demo run: -requests: expected at least %d, got %d\n", minRequests, o.requests)
		return o, errUsage
	}
	return o, nil
}

// demonstration is one run against a network.
type demonstration struct {
	options runOptions
	out     io.Writer

	client     *chainclient.Client
	codecs     chainclient.Codecs
	classifier *irisclient.Classifier
	network    *iris.Network
	rows       []iris.Row
	next       int
	nodes      int
	started    time.Time

	killedOperator string
	asked          []asked
	checks         []check
}

// connect dials the node, trains the network for comparison and registers the model.
func connect(ctx context.Context, o runOptions, out io.Writer) (*demonstration, error) {
	onnx, err := os.ReadFile(o.model)
	if err != nil {
		return nil, fmt.Errorf("%w; write it with: opengradient-demo train -o %s", err, o.model)
	}
	network, _, data, err := irisclient.Train()
	if err != nil {
		return nil, err
	}
	d := &demonstration{options: o, out: out, network: network, rows: data.HeldOut, started: time.Now()}
	if d.codecs, err = chainclient.LoadCodecs(); err != nil {
		return nil, err
	}
	if d.client, err = chainclient.Dial(o.grpc, o.rpc, d.codecs); err != nil {
		return nil, err
	}
	chainID, err := d.client.ChainID(ctx)
	if err != nil {
		return nil, fmt.Errorf("no answer from %s: %w; start a network with: make localnet-start", o.rpc, err)
	}
	payer, err := chainclient.NewSigner(o.home, "faucet", chainID, d.codecs)
	if err != nil {
		return nil, err
	}
	if err := d.awaitNodes(ctx); err != nil {
		return nil, err
	}
	if d.classifier, err = irisclient.Register(ctx, d.client, payer, onnx); err != nil {
		return nil, err
	}
	d.say("chain %s: model %s registered at height %d, %s uopg a request", chainID, d.classifier.Model, d.classifier.Registered, d.classifier.Price)
	return d, nil
}

// say prints a line with the seconds since the start.
func (d *demonstration) say(format string, args ...any) {
	fmt.Fprintf(d.out, "%6.1fs  %s\n", time.Since(d.started).Seconds(), fmt.Sprintf(format, args...))
}

// run asks in parts - all workers up, one killed, some sealed and some of a committee, all up again - and reports.
func (d *demonstration) run(ctx context.Context) error {
	total := d.options.requests
	during := 0
	if d.options.killWorkerOf != "" {
		during = min(total/5, 10)
	}
	before := (total - during) * 2 / 3
	d.say("all workers up: %d requests", before)
	if err := d.ask(ctx, allUp, before); err != nil {
		return err
	}
	if during > 0 {
		if err := d.killWorker(ctx, during); err != nil {
			return err
		}
	}
	d.say("%d sealed requests, %d for a committee", special, special)
	for _, p := range []part{sealed, committee} {
		if err := d.submit(ctx, p, special); err != nil {
			return err
		}
	}
	d.say("all workers up: %d requests", total-before-during)
	if err := d.ask(ctx, allUp, total-before-during); err != nil {
		return err
	}
	if err := d.collect(ctx); err != nil {
		return err
	}
	if err := d.report(ctx); err != nil {
		return err
	}
	return d.verdict()
}

// part says in which part of the demonstration a request was made.
type part int

const (
	allUp part = iota
	workerKilled
	sealed    // members commit before they reveal
	committee // a committee recomputes, and not every validator
)

// special is the number of requests in each of the parts sealed and committee, beside those asked for.
const special = 2

// asked is a request that was made, with all that is known of it.
type asked struct {
	id   uint64
	row  iris.Row
	part part
	answered
}

// batch is the number of requests in one transaction. Every second transaction carries a single one.
const batch = 5

// ask submits the next n rows, in transactions of batch rows and of single rows, in turn.
func (d *demonstration) ask(ctx context.Context, p part, n int) error {
	for single := false; n > 0; single = !single {
		size := min(batch, n)
		if single {
			size = 1
		}
		if err := d.submit(ctx, p, size); err != nil {
			return err
		}
		n -= size
	}
	return nil
}

// submit submits the next n rows in one transaction.
func (d *demonstration) submit(ctx context.Context, p part, n int) error {
	rows := make([]iris.Row, n)
	for i := range rows {
		rows[i] = d.rows[(d.next+i)%len(d.rows)]
	}
	d.next += n
	tier, sealing := inferencetypes.TIER_QUORUM, inferencetypes.SEALING_OPEN
	switch p {
	case sealed:
		sealing = inferencetypes.SEALING_SEALED
	case committee:
		tier = inferencetypes.TIER_COMMITTEE
	}
	ids, err := d.classifier.SubmitAs(ctx, tier, sealing, rows...)
	if err != nil {
		return err
	}
	for i, id := range ids {
		d.asked = append(d.asked, asked{id: id, row: rows[i], part: p})
	}
	return nil
}

// check is an expectation with what came.
type check struct {
	name string
	ok   bool
	got  string
}

func (d *demonstration) expect(name string, ok bool, format string, args ...any) {
	d.checks = append(d.checks, check{name, ok, fmt.Sprintf(format, args...)})
}

// verdict prints the expectations and fails when one of them was not met.
func (d *demonstration) verdict() error {
	fmt.Fprintln(d.out)
	w := tabwriter.NewWriter(d.out, 0, 0, 2, ' ', 0)
	var failed []string
	for _, c := range d.checks {
		word := "ok"
		if !c.ok {
			word = "FAILED"
			failed = append(failed, c.name)
		}
		fmt.Fprintf(w, "%s\t%s\t%s\n", word, c.name, c.got)
	}
	if err := w.Flush(); err != nil {
		return err
	}
	if len(failed) > 0 {
		return fmt.Errorf("%d of %d expectations were not met: %s", len(failed), len(d.checks), strings.Join(failed, "; "))
	}
	return nil
}

func median(values []int64) int64 {
	if len(values) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(values))
	return sorted[len(sorted)/2]
}
