package sequencer

import (
	"context"
	"errors"
)

// runner is the one goroutine that talks to the chain.
type runner struct {
	*Sequencer
	failures int  // of the connection, in a row
	looked   bool // the chain was looked at
}

// failed pauses after a failure of the connection or the journal. Nothing is signed until it is over.
func (r *runner) failed(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	r.mu.Lock()
	r.trouble = err
	r.mu.Unlock()
	r.failures++
	return r.options.Pause(ctx, r.failures)
}

// step looks at the chain, settles what it has passed, sends what the window has room for, and waits.
func (r *runner) step(ctx context.Context) error {
	r.mu.Lock()
	idle, height := r.machine.idle(), r.machine.view.Height
	r.mu.Unlock()
	if idle {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-r.wake:
		}
	}
	if !r.looked || !r.chain.Fresh(height) {
		if err := r.look(ctx); err != nil {
			return r.failed(ctx, err)
		}
		r.looked = true
	}
	if err := r.settle(ctx); err != nil {
		return r.failed(ctx, err)
	}
	busy, err := r.send(ctx)
	if err != nil {
		r.looked = false
		return r.failed(ctx, err)
	}
	r.failures = 0
	r.mu.Lock()
	r.trouble = nil
	idle, height = r.machine.idle(), r.machine.view.Height
	r.mu.Unlock()
	if idle {
		return nil
	}
	wake := r.wake
	if busy {
		wake = nil // new jobs have to wait for the next block as well
	}
	if err := r.chain.Wait(ctx, height, wake); err != nil {
		return r.failed(ctx, err)
	}
	return nil
}

func (r *runner) look(ctx context.Context) error {
	view, err := r.chain.View(ctx)
	if err != nil {
		return err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.machine.observe(view)
	return nil
}

// settle finds out what became of the jobs whose number the chain has passed.
func (r *runner) settle(ctx context.Context) error {
	r.mu.Lock()
	passed, lapsed, height := r.machine.passed(), r.machine.lapsed, r.machine.view.Height
	r.machine.lapsed = nil
	r.mu.Unlock()
	for _, e := range lapsed {
		if err := r.end(ctx, e, Outcome{Tx: e.tx, Signed: true, Paid: e.job.Paid, Err: ErrLapsed}); err != nil {
			return err
		}
	}
	for _, e := range passed {
		result, err := r.chain.Find(ctx, e.tx, e.after, height)
		if err != nil {
			return err
		}
		switch result.Kind {
		case ResultDone, ResultFailed, ResultUnknown:
			o := Outcome{Tx: e.tx, Signed: true, Result: result, Paid: e.job.Paid, Err: result.Err}
			if result.Kind != ResultUnknown {
				o.Paid += e.tx.Fee
			}
			if err := r.journal.Settled(ctx, e.job.Key, o); err != nil {
				return err
			}
			r.mu.Lock()
			r.machine.resolve(e, result.Kind)
			r.tell(e.job.Key, o)
			r.mu.Unlock()
		default:
			r.mu.Lock()
			r.machine.resolve(e, result.Kind)
			r.mu.Unlock()
		}
	}
	return nil
}

// send hands over what the window has room for. It tells whether the node takes no more at the moment.
func (r *runner) send(ctx context.Context) (busy bool, err error) {
	// A node and its chain can disagree on what is next only so often between two blocks.
	for tries := 4 * r.options.Window; tries > 0; tries-- {
		r.mu.Lock()
		e, seq := r.machine.choose()
		r.mu.Unlock()
		if e == nil {
			return false, nil
		}
		if !e.signed {
			ready, err := r.sign(ctx, e, seq)
			if err != nil {
				return false, err
			}
			if !ready {
				continue
			}
		}
		answer, err := r.chain.Hand(ctx, e.tx.Raw)
		r.mu.Lock()
		if err != nil {
			r.machine.lost(e)
			r.mu.Unlock()
			return false, err // the same bytes again
		}
		r.failures = 0
		goOn, ended := r.machine.answered(e, answer)
		r.mu.Unlock()
		if ended {
			if err := r.end(ctx, e, Outcome{Tx: e.tx, Signed: true, Paid: e.job.Paid, Err: answer.Err}); err != nil {
				return false, err
			}
		}
		if !goOn {
			return true, nil
		}
	}
	return true, nil
}

// sign makes the transaction of a job and puts it in the journal. It is false when the job ended instead.
func (r *runner) sign(ctx context.Context, e *entry, seq uint64) (bool, error) {
	signature, err := r.chain.Sign(ctx, e.job, seq, e.tx.Expires)
	if ctx.Err() != nil {
		r.mu.Lock()
		defer r.mu.Unlock()
		r.machine.release(e)
		return false, ctx.Err()
	}
	if err != nil {
		return false, r.endUnsigned(ctx, e, err)
	}
	tx := e.tx
	tx.Signature = signature
	if err := r.journal.Signed(ctx, tx); errors.Is(err, ErrRejected) {
		return false, r.endUnsigned(ctx, e, err)
	} else if err != nil {
		r.mu.Lock()
		defer r.mu.Unlock()
		r.machine.release(e)
		return false, err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.machine.sign(e, signature)
	return true, nil
}

// endUnsigned ends a job that could not be signed.
func (r *runner) endUnsigned(ctx context.Context, e *entry, err error) error {
	ever := e.ever
	r.mu.Lock()
	r.machine.withdraw(e)
	r.mu.Unlock()
	o := Outcome{Tx: Tx{Job: e.job}, Signed: ever, Paid: e.job.Paid, Err: err}
	if ever {
		return r.end(ctx, e, o)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.machine.forget(e)
	r.tell(e.job.Key, o)
	return nil
}

// end tells the journal, then everybody who waits.
func (r *runner) end(ctx context.Context, e *entry, o Outcome) error {
	for try := 1; ; try++ {
		err := r.journal.Settled(ctx, e.job.Key, o)
		if err == nil {
			break
		}
		if err := r.options.Pause(ctx, try); err != nil {
			return err
		}
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.machine.forget(e)
	r.tell(e.job.Key, o)
	return nil
}
