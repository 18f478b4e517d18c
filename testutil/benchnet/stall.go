package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"syscall"
	"time"

	cmttypes "github.com/cometbft/cometbft/types"

	"github.com/opengradient/opengradient/testutil/localnet"
)

const (
	// maxStall is how many times longer blocks may take while one worker is stopped.
	maxStall = 1.2
	// stallLoad is the number of requests submitted about once a block.
	stallLoad = 4
)

// stall compares block intervals while node3's worker is stopped with undisturbed ones, under a light load of
// inferences. It fails when the stopped worker slows the chain or keeps its validator from signing.
func stall(ctx context.Context, s settings) (err error) {
	b, closeAll, err := open(ctx, localnet.Options{})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, closeAll()) }()
	node := b.net.Nodes[len(b.net.Nodes)-1]
	address, err := consensusAddress(ctx, node)
	if err != nil {
		return err
	}
	loading, stopLoading := context.WithCancel(ctx)
	loaded := make(chan error, 1)
	go func() { loaded <- b.lightLoad(loading) }()
	defer func() {
		stopLoading()
		err = errors.Join(err, <-loaded)
	}()

	var undisturbed, stopped []float64
	signed := 0
	for run := range s.runs {
		i, _, err := b.intervals(ctx, address, s.blocks)
		if err != nil {
			return err
		}
		undisturbed = append(undisturbed, i...)
		stopping, goOn := context.WithCancel(ctx)
		held := make(chan error, 1)
		go func() { held <- holdWorker(stopping, node) }()
		j, n, err := b.intervals(ctx, address, s.blocks)
		goOn()
		if err = errors.Join(err, <-held); err != nil {
			return err
		}
		stopped = append(stopped, j...)
		signed += n
		fmt.Printf("run %d: median block interval %.3f s, with a stopped worker %.3f s; its validator signed %d of %d blocks\n",
			run+1, median(i), median(j), n, len(j))
	}
	ratio := median(stopped) / median(undisturbed)
	var text strings.Builder
	fmt.Fprintf(&text, "\n| %d runs of %d blocks each, interleaved | undisturbed | one worker stopped |\n|---|---|---|\n", s.runs, s.blocks)
	fmt.Fprintf(&text, "| median block interval, s | %.3f | %.3f |\n", median(undisturbed), median(stopped))
	fmt.Fprintf(&text, "| longest, s | %.3f | %.3f |\n", slices.Max(undisturbed), slices.Max(stopped))
	fmt.Fprintf(&text, "\nThe ratio of the medians is %.3f (at most %.1f is accepted). The validator with the stopped worker signed %d of %d blocks.\n",
		ratio, maxStall, signed, len(stopped))
	fmt.Print(text.String())
	if err := insert(s.doc, "stall", text.String()); err != nil {
		return err
	}
	if ratio > maxStall {
		return fmt.Errorf("expected a ratio of at most %.1f, got %.3f", maxStall, ratio)
	}
	if 10*signed < 9*len(stopped) {
		return fmt.Errorf("expected the validator with the stopped worker to sign at least 9 of 10 blocks, got %d of %d", signed, len(stopped))
	}
	return nil
}

func consensusAddress(ctx context.Context, node *localnet.Node) (cmttypes.Address, error) {
	s, err := node.Client().RPC.Status(ctx)
	if err != nil {
		return nil, err
	}
	return s.ValidatorInfo.Address, nil
}

// holdWorker keeps the node's worker stopped, and every one that the node starts in its place, until ctx is done.
// Then it lets the last one go on and waits until the node has a worker that answers.
func holdWorker(ctx context.Context, node *localnet.Node) error {
	ticker := time.NewTicker(200 * time.Millisecond)
	defer ticker.Stop()
	for {
		if err := node.SignalWorker(syscall.SIGSTOP); err != nil && !gone(err) {
			return err
		}
		select {
		case <-ctx.Done():
			if err := node.SignalWorker(syscall.SIGCONT); err != nil && !gone(err) {
				return err
			}
			return nil
		case <-ticker.C:
		}
	}
}

// gone tells whether there was no worker to send a signal to.
func gone(err error) bool {
	return errors.Is(err, localnet.ErrNoWorker) || errors.Is(err, os.ErrProcessDone) || errors.Is(err, syscall.ESRCH)
}

// lightLoad submits a few requests about once a block. What becomes of them is not asked here.
func (b *bench) lightLoad(ctx context.Context) error {
	for n := 0; ; n++ {
		if _, err := b.Submit(ctx, b.rowsOf(n, stallLoad)...); err != nil {
			if ctx.Err() != nil {
				return nil
			}
			return err
		}
	}
}

// intervals waits for a number of blocks and returns the seconds between them, and how many of them the validator
// signed.
func (b *bench) intervals(ctx context.Context, validator cmttypes.Address, blocks int) (seconds []float64, signed int, err error) {
	// A change of the worker shows one block later.
	first, err := b.Client.Height(ctx)
	if err != nil {
		return nil, 0, err
	}
	first++
	last := first + int64(blocks)
	waiting, cancel := context.WithTimeout(ctx, time.Duration(blocks)*20*time.Second)
	defer cancel()
	if err := b.Client.WaitHeight(waiting, last); err != nil {
		return nil, 0, err
	}
	var before time.Time
	for height := first; height <= last; height++ {
		commit, err := b.Client.RPC.Commit(ctx, &height)
		if err != nil {
			return nil, 0, err
		}
		if height > first {
			seconds = append(seconds, commit.Time.Sub(before).Seconds())
			if signedBy(commit.Commit, validator) {
				signed++
			}
		}
		before = commit.Time
	}
	return seconds, signed, nil
}

func signedBy(commit *cmttypes.Commit, validator cmttypes.Address) bool {
	return slices.ContainsFunc(commit.Signatures, func(s cmttypes.CommitSig) bool {
		return s.BlockIDFlag == cmttypes.BlockIDFlagCommit && slices.Equal(s.ValidatorAddress, validator)
	})
}
