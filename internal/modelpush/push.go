package modelpush

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// Options say how a push goes on.
type Options struct {
	// Window is the number of transactions in flight, at least 1.
	Window int
	// Lifetime is the number of blocks in which a transaction can be executed after it was sent.
	Lifetime int64
	// Stall is the number of blocks without a new chunk after which the push gives up. It can be resumed.
	Stall int64
	// Retries is how often in a row the connection may fail.
	Retries int
	// Pause waits before another try, the first of which is 1. It fails when ctx is done.
	Pause func(ctx context.Context, try int) error
	// Progress is told the number of chunks that are still missing, at least once. It may be nil.
	Progress func(missing int)
}

// DefaultOptions suit blocks that have room for about a dozen chunks.
func DefaultOptions() Options {
	return Options{Window: 12, Lifetime: 30, Stall: 120, Retries: 10, Pause: Backoff}
}

// Backoff pauses for 0.25 s, doubled with every try up to 8 s.
func Backoff(ctx context.Context, try int) error {
	timer := time.NewTimer(min(250*time.Millisecond<<min(try-1, 10), 8*time.Second))
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}

// Run sends chunks until the chain misses none. It can be interrupted at any point and run again.
func Run(ctx context.Context, chain Chain, o Options) error {
	p := pusher{chain: chain, options: o, slots: newSlots(o.Window, o.Lifetime)}
	for {
		done, err := p.look(ctx)
		if done || err != nil {
			return err
		}
		if err := p.send(ctx); err != nil {
			return err
		}
		if err := p.wait(ctx); err != nil {
			return err
		}
	}
}

// RefusedError is a transaction that was refused and would be again.
type RefusedError struct {
	Chunk   uint32
	InBlock bool // a block has it, and its gas is paid
	Detail  string
}

// Error implements error.
func (e *RefusedError) Error() string {
	if e.InBlock {
		return fmt.Sprintf("chunk %d: the chain refused it: %s", e.Chunk, e.Detail)
	}
	return fmt.Sprintf("chunk %d: the node refused its transaction: %s", e.Chunk, e.Detail)
}

type pusher struct {
	chain   Chain
	options Options
	slots   *slots

	failures int   // of the connection, in a row
	least    int   // the fewest chunks that were ever missing
	since    int64 // the height at which that was first seen; 0 before the first look
}

// failed notes a failure of the connection, and gives it back when there were too many.
func (p *pusher) failed(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if p.failures++; p.failures > p.options.Retries {
		return fmt.Errorf("expected the node to answer, got %d failures in a row; what the chain holds is kept, run the command again: %w", p.failures, err)
	}
	return p.options.Pause(ctx, p.failures)
}

// look reads the chain, and settles what was under way. It gives true when nothing is missing.
func (p *pusher) look(ctx context.Context) (bool, error) {
	var view View
	for {
		var err error
		if view, err = p.chain.View(ctx); err == nil {
			break
		}
		if errors.Is(err, ErrEnded) {
			return false, err
		}
		if err := p.failed(ctx, err); err != nil {
			return false, err
		}
	}
	if view.Height < p.slots.view.Height {
		return false, nil // a node that is behind the one asked before
	}
	if view.Height > p.slots.view.Height {
		p.failures = 0
	}
	if p.since == 0 || len(view.Missing) < p.least {
		p.least, p.since = len(view.Missing), view.Height
		if p.options.Progress != nil {
			p.options.Progress(p.least)
		}
	}
	for _, lost := range p.slots.observe(view) {
		done, err := p.examine(ctx, lost)
		if err != nil {
			return false, err
		}
		if done {
			p.slots.exclude(lost.chunk)
		}
	}
	if p.slots.complete() {
		return true, nil
	}
	if view.Height-p.since >= p.options.Stall {
		return false, fmt.Errorf("expected a chunk to be taken within %d blocks, got none at height %d, %d are missing; "+
			"what the chain holds is kept, run the command again", p.options.Stall, view.Height, p.least)
	}
	return false, nil
}

// examine finds out why a sequence number was used and its chunk is still missing. Another process may have used the
// number: then the chunk is sent again. A transaction that failed would fail again.
func (p *pusher) examine(ctx context.Context, lost passed) (bool, error) {
	for {
		result, err := p.chain.Result(ctx, lost.hash, lost.sent)
		switch {
		case err != nil:
			if err := p.failed(ctx, err); err != nil {
				return false, err
			}
			continue
		case result.Kind == ResultFailed:
			return false, &RefusedError{Chunk: lost.chunk, InBlock: true, Detail: result.Detail}
		default:
			return result.Kind == ResultDone, nil
		}
	}
}

// send hands over what the window has room for.
func (p *pusher) send(ctx context.Context) error {
	// A node and its chain can disagree on what is next only so often between two blocks.
	for tries := 4 * p.options.Window; tries > 0; tries-- {
		seq, slot, ok := p.slots.choose()
		if !ok {
			return nil
		}
		answer, err := p.chain.Send(ctx, slot.chunk, seq, slot.expires)
		if errors.Is(err, ErrChanged) {
			return err
		}
		if err != nil {
			if err := p.failed(ctx, err); err != nil {
				return err
			}
			continue // the same bytes again
		}
		p.slots.answered(seq, answer)
		switch answer.Kind {
		case AnswerRefused:
			return &RefusedError{Chunk: slot.chunk, Detail: answer.Detail}
		case AnswerBusy:
			return nil
		}
	}
	return nil
}

func (p *pusher) wait(ctx context.Context) error {
	if err := p.chain.Wait(ctx, p.slots.view.Height); err != nil {
		return p.failed(ctx, err)
	}
	return nil
}
