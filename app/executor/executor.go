package executor

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"

	"cosmossdk.io/log/v2"
	sdk "github.com/cosmos/cosmos-sdk/types"

	"github.com/opengradient/opengradient/app/nodeapi"
	"github.com/opengradient/opengradient/app/voteext"
)

// Options are what an executor works with.
type Options struct {
	// Operator is the operator address of the validator; empty means that it is
	// looked up by Consensus, again with every block until it is found.
	Operator string
	// Consensus is the address of the node's consensus key.
	Consensus sdk.ConsAddress

	Committed Committed
	Engine    Engine
	Outbox    *Outbox
	// Provers are the engines on which models are tried, in the order of precedence: first the one in the class of Engine. None
	// means that the node vouches for no model.
	Provers []Prover
	// Files has the files of models by reference; nil means that the node keeps none.
	Files Files
	// SealKey is the secret behind the node's commitments.
	SealKey SealKey

	// Syncing is true while the node fetches old blocks; nothing is run then.
	// Nil means never.
	Syncing func() bool
	// Clock paces retries; nil means the machine's.
	Clock Clock
	// Metrics counts events; nil means nobody does.
	Metrics Metrics
	// Logger may be nil.
	Logger log.Logger
}

// Executor is the inference duty of one node. It implements [voteext.Source].
type Executor struct {
	opts    Options
	wake    chan struct{}
	pending atomic.Pointer[voteext.Pending]
	asks    chan chan nodeapi.Models

	start  sync.Once
	cancel context.CancelFunc
	ctx    context.Context
	loops  sync.WaitGroup
}

// New checks the options and returns an executor that is not yet at work.
func New(opts Options) (*Executor, error) {
	switch {
	case opts.Committed == nil:
		return nil, errors.New("executor: expected committed state, got none")
	case opts.Engine == nil:
		return nil, errors.New("executor: expected an engine, got none")
	case opts.Outbox == nil:
		return nil, errors.New("executor: expected an outbox, got none")
	case opts.SealKey == SealKey{}:
		return nil, errors.New("executor: expected a seal key, got none")
	case opts.Operator == "" && len(opts.Consensus) == 0:
		return nil, errors.New("executor: expected an operator or a consensus address, got neither")
	}
	if opts.Operator != "" {
		if _, err := sdk.ValAddressFromBech32(opts.Operator); err != nil {
			return nil, fmt.Errorf("executor: expected an operator address, got %q: %w", opts.Operator, err)
		}
	}
	if opts.Syncing == nil {
		opts.Syncing = func() bool { return false }
	}
	if opts.Files == nil {
		opts.Files = noFiles{}
	}
	if opts.Clock == nil {
		opts.Clock = systemClock{}
	}
	if opts.Metrics == nil {
		opts.Metrics = noMetrics{}
	}
	if opts.Logger == nil {
		opts.Logger = log.NewNopLogger()
	}
	e := &Executor{opts: opts, wake: make(chan struct{}, 1), asks: make(chan chan nodeapi.Models)}
	e.ctx, e.cancel = context.WithCancel(context.Background())
	e.pending.Store(&voteext.Pending{})
	return e, nil
}

// Start begins the work with a scan of committed state. Only the first call
// counts, and none after Close.
func (e *Executor) Start() {
	e.start.Do(func() {
		for _, err := range e.opts.Outbox.Reports() {
			e.opts.Metrics.Count(EventQuarantined)
			e.opts.Logger.Error("a record of the outbox is in quarantine: its attempt is left alone", "error", err)
		}
		e.loops.Add(1)
		go func() {
			defer e.loops.Done()
			newLoop(e).run()
		}()
		e.Wake()
	})
}

// Wake tells the executor that a block was committed. It never blocks: signals
// that come while one waits are one.
func (e *Executor) Wake() {
	select {
	case e.wake <- struct{}{}:
	default:
	}
}

// Pending implements [voteext.Source]: it reads one pointer.
func (e *Executor) Pending() voteext.Pending { return *e.pending.Load() }

// Close stops the work, waits until it has ended and leaves the outbox as it is.
// It may be called more than once, and without Start.
func (e *Executor) Close() error {
	e.start.Do(func() {})
	e.cancel()
	e.loops.Wait()
	e.pending.Store(&voteext.Pending{})
	return nil
}
