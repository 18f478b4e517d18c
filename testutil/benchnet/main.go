// Command benchnet measures a network of four validators with their workers on this machine, and writes what it
// measured into docs/benchmarks.md.
//
//	benchnet throughput   finalized inferences per second against bank sends per second
//	benchnet stall        block interval while one node's worker is stopped against an undisturbed network
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
	"time"

	"github.com/opengradient/opengradient/testutil/chainclient"
	"github.com/opengradient/opengradient/testutil/iris"
	"github.com/opengradient/opengradient/testutil/irisclient"
	"github.com/opengradient/opengradient/testutil/localnet"
	schedulingtypes "github.com/opengradient/opengradient/x/scheduling/types"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, os.Args[1:])
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "benchnet:", err)
		os.Exit(1)
	}
}

// settings are the flags.
type settings struct {
	doc      string
	runs     int
	duration time.Duration
	blocks   int
}

func run(ctx context.Context, args []string) error {
	if len(args) == 0 {
		return errors.New("expected a subcommand: throughput or stall")
	}
	var s settings
	flags := flag.NewFlagSet(args[0], flag.ContinueOnError)
	flags.StringVar(&s.doc, "o", filepath.Join(localnet.Root(), "docs", "benchmarks.md"), "`FILE` to write the figures into; none when empty")
	switch args[0] {
	case "throughput":
		flags.IntVar(&s.runs, "runs", 3, "`NUMBER` of runs of each load, interleaved")
		flags.DurationVar(&s.duration, "duration", 40*time.Second, "`TIME` that one run is measured")
	case "stall":
		flags.IntVar(&s.runs, "runs", 5, "`NUMBER` of runs with and without a stopped worker, interleaved")
		flags.IntVar(&s.blocks, "blocks", 15, "`NUMBER` of blocks of one run")
	default:
		return fmt.Errorf("expected the subcommand throughput or stall, got %q", args[0])
	}
	if err := flags.Parse(args[1:]); err != nil {
		if errors.Is(err, flag.ErrHelp) {
			return nil
		}
		return err
	}
	if args[0] == "stall" {
		return stall(ctx, s)
	}
	return throughput(ctx, s)
}

// bench is a running network with the model.
type bench struct {
	*irisclient.Classifier
	net   *localnet.Network
	local *iris.Network
	rows  []iris.Row
}

// open starts a network; close must be called to end it.
func open(ctx context.Context, opts localnet.Options) (b *bench, closeAll func() error, err error) {
	dir, err := os.MkdirTemp("", "benchnet-")
	if err != nil {
		return nil, nil, err
	}
	net, err := localnet.Make(dir, opts)
	if err != nil {
		return nil, nil, errors.Join(err, os.RemoveAll(dir))
	}
	closeAll = func() error {
		net.Stop()
		return os.RemoveAll(dir)
	}
	if b, err = prepare(ctx, net); err != nil {
		return nil, nil, errors.Join(err, closeAll())
	}
	return b, closeAll, nil
}

// pprofPort is the port of node0's profiles.
const pprofPort = 26_661

func prepare(ctx context.Context, net *localnet.Network) (*bench, error) {
	if err := net.Nodes[0].SetCometConfig("rpc", "pprof_laddr", fmt.Sprintf("%q", fmt.Sprintf("localhost:%d", pprofPort))); err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, 2*time.Minute)
	defer cancel()
	if err := net.Start(ctx); err != nil {
		return nil, err
	}
	local, onnx, data, err := irisclient.Train()
	if err != nil {
		return nil, err
	}
	b := &bench{net: net, local: local, rows: append(data.HeldOut, data.Train...)}
	client := net.Nodes[0].Client()
	err = chainclient.Until(ctx, "every node to be eligible", func() (bool, error) {
		resp, err := client.Scheduling.Nodes(ctx, &schedulingtypes.QueryNodesRequest{})
		if err != nil {
			return false, err
		}
		for _, n := range resp.Nodes {
			if !n.Eligible {
				return false, nil
			}
		}
		return true, nil
	})
	if err != nil {
		return nil, err
	}
	b.Classifier, err = irisclient.Register(ctx, client, net.Faucet, onnx)
	return b, err
}
