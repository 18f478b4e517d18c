package jobs

import (
	"encoding/hex"
	"errors"
	"fmt"
	"runtime/debug"
	"time"

	"github.com/opengradient/opengradient/internal/gateway/chain"
	"github.com/opengradient/opengradient/internal/gateway/ledger"
	"github.com/opengradient/opengradient/internal/gateway/store"
	"github.com/opengradient/opengradient/internal/tensor"
)

const (
	// maxAttempts bounds the transactions of one job that the chain refuses: each costs gas.
	maxAttempts = 4
	// firstPause and longestPause are between tries while the chain cannot be asked.
	firstPause, longestPause = 250 * time.Millisecond, 15 * time.Second
)

// runner carries one job to its end.
type runner struct {
	engine *Engine
	job    Job
	inputs []tensor.Tensor
	leave  func() // counts the request of the caller off
	pause  time.Duration
}

// run goes on until the job is done or the engine ends. An error is one of the connection or of the disk: the next try may
// do better, and what is on disk is true in any case.
func (r *runner) run() {
	for r.job.Done == nil {
		err := r.guarded()
		if r.engine.stopping() {
			return
		}
		if err == nil {
			r.pause = 0
			continue
		}
		r.engine.cfg.Log.Warn("job waits", "job", r.job.ID, "stage", r.job.Stage, "error", err)
		r.pause = min(max(2*r.pause, firstPause), longestPause)
		if !r.rest(r.pause) {
			return
		}
	}
}

// rest waits; false when the engine ends.
func (r *runner) rest(pause time.Duration) bool {
	timer := time.NewTimer(pause)
	defer timer.Stop()
	select {
	case <-r.engine.ctx.Done():
		return false
	case <-timer.C:
		return true
	}
}

// guarded takes a step. A defect in it holds up this job only.
func (r *runner) guarded() (err error) {
	defer func() {
		if p := recover(); p != nil {
			r.engine.cfg.Log.Error("job panicked", "job", r.job.ID, "panic", p, "stack", string(debug.Stack()))
			err = fmt.Errorf("panic: %v", p)
		}
	}()
	return r.step()
}

// step takes the job one stage on.
func (r *runner) step() error {
	switch r.job.Stage {
	case StageAccepted:
		return r.submit()
	case StageSubmitted:
		if r.job.Watched && !r.job.Reused {
			return r.await(chain.StageAssigned)
		}
		return r.await(chain.StageFinal)
	case StageAssigned:
		return r.await(chain.StageFinal)
	default:
		return r.await(chain.StageSettled)
	}
}

// change writes what has happened to the job.
func (r *runner) change(g grant, change func(*store.Tx, *Job, time.Time) error) error {
	answered := r.job.Answered()
	after, err := r.engine.book.update(r.job.ID, g, func(tx *store.Tx, j *Job) error { return change(tx, j, r.engine.book.now()) })
	if err != nil {
		return err
	}
	r.job = after
	if !answered && after.Answered() {
		r.leave()
		r.engine.cfg.Answered(after)
	}
	return nil
}

// submit brings the request into a block.
func (r *runner) submit() error {
	sub, err := r.signAndSend()
	var refused *chain.RefusedError
	switch {
	case errors.As(err, &refused):
		return r.refused(refused)
	case err != nil:
		return err
	}
	reuseFee := r.job.MaxFee // for want of knowledge
	if sub.Reused {
		fee, known, err := r.engine.chain.ReuseFee(r.engine.ctx, sub)
		if err != nil {
			return err
		}
		if known {
			reuseFee = fee
		}
	}
	err = r.change(happened, func(tx *store.Tx, j *Job, now time.Time) error {
		settle(tx, j, sub.GasFee)
		j.RequestID, j.TxHash, j.Height, j.Reused = sub.RequestID, sub.TxHash, sub.Height, sub.Reused
		if j.Reused {
			j.Fee, j.Charged = reuseFee, true
		}
		j.step(StageSubmitted, now, sub.Height)
		tx.Delete(inPrefix + j.ID)
		return nil
	})
	if err == nil {
		r.inputs = nil
		r.engine.book.settled(r.job.ID)
	}
	return err
}

// signAndSend gives what became of the request. When a transaction of it is under way, here or by a process before, its end is
// waited for: only the journal is told what it has cost.
func (r *runner) signAndSend() (chain.Submission, error) {
	now, _, err := r.engine.book.current(r.job.ID)
	if err != nil {
		return chain.Submission{}, err
	}
	if !now.Gas.Signed {
		sub, err := r.engine.chain.Submit(r.engine.ctx, r.request(chainKey(r.job.ID), r.job.MaxFee))
		now, _, unread := r.engine.book.current(r.job.ID)
		certain := err == nil || errors.As(err, new(*chain.RefusedError))
		if unread != nil || !now.Gas.Signed || !certain {
			return sub, errors.Join(err, unread)
		}
	}
	o, err := r.engine.book.outcome(r.engine.ctx, r.job.ID)
	if err != nil {
		return chain.Submission{}, err
	}
	if o.Refused != nil {
		return chain.Submission{}, o.Refused
	}
	return o.Submission, nil
}

// request is what the chain is asked for.
func (r *runner) request(key string, maxFee uint64) chain.Request {
	return chain.Request{
		Model: r.job.SHA256, Inputs: r.inputs, Outputs: r.job.Outputs, Tier: r.job.Tier, Sealing: r.job.Sealing, FeeClass: r.job.FeeClass,
		MaxFee: maxFee, ReuseBlocks: r.job.ReuseBlocks, IdempotencyKey: key,
	}
}

// refused goes on after the chain has refused a request: with a higher maximum fee when the gateway chose it, later when
// that may help, or not at all.
func (r *runner) refused(refused *chain.RefusedError) error {
	if refused.Detail != "" {
		r.engine.cfg.Log.Warn("request refused", "job", r.job.ID, "error", refused.Detail)
	}
	f := Failure{Reason: "refused", Message: "the chain refused the request: " + refused.Reason, Again: true}
	switch {
	case refused.Denied:
		f.Reason, f.Message = "quota", refused.Reason
		return r.fail(f, refused.GasFee)
	case refused.Unknown:
		// It may have been accepted: the fee is taken for charged, and the request is not made again.
		f.Reason, f.Again = "unknown", false
		return r.fail(f, refused.GasFee)
	case refused.Price && r.job.FixedMaxFee:
		f.Reason = "price"
		return r.fail(f, refused.GasFee)
	case !refused.Price && !refused.Temporary:
		return r.fail(f, refused.GasFee)
	}
	f.Reason = "unavailable"
	if r.job.Attempts+1 >= maxAttempts {
		return r.fail(f, refused.GasFee)
	}
	if !refused.Price && !r.rest(time.Second<<r.job.Attempts) {
		return r.engine.ctx.Err()
	}
	checked, err := r.engine.chain.Check(r.engine.ctx, r.request("", 0))
	switch {
	case err != nil && refuses(err):
		f.Message = err.Error()
		return r.fail(f, refused.GasFee)
	case err != nil:
		return err
	}
	err = r.change(within, func(tx *store.Tx, j *Job, _ time.Time) error {
		settle(tx, j, refused.GasFee)
		j.Attempts++
		j.Gas.Budget = ledger.Add(j.Gas.Paid, checked.GasFee)
		if refused.Price {
			j.MaxFee = max(j.MaxFee, checked.Request.MaxFee)
		}
		return nil
	})
	if errors.Is(err, ledger.ErrQuota) {
		return r.fail(Failure{Reason: "quota", Message: err.Error(), Again: true}, refused.GasFee)
	}
	if err == nil {
		r.engine.book.settled(r.job.ID)
	}
	return err
}

// fail ends a job that the chain has not accepted, whose transactions since the last attempt have cost gasFee.
func (r *runner) fail(f Failure, gasFee uint64) error {
	err := r.change(happened, func(tx *store.Tx, j *Job, now time.Time) error {
		settle(tx, j, gasFee)
		j.Failure, j.Charged = &f, true
		if f.Reason == "unknown" {
			j.Fee = j.MaxFee
		}
		j.step(StageFailed, now, 0)
		j.end(now)
		tx.Delete(inPrefix + j.ID)
		return nil
	})
	if err == nil {
		r.engine.book.settled(r.job.ID)
	}
	return err
}

// await waits for a stage on the chain and writes what was found, which may be more.
func (r *runner) await(until chain.Stage) error {
	s, err := r.engine.chain.Wait(r.engine.ctx, r.job.RequestID, until)
	if err != nil {
		return err
	}
	if s.Failure == nil && s.Stage < until {
		return fmt.Errorf("request %d: expected stage %d, got %d", r.job.RequestID, until, s.Stage)
	}
	var outputs []byte
	if s.Failure == nil && s.Stage >= chain.StageFinal && !r.job.Answered() {
		if outputs, err = tensor.Encode(s.Outputs); err != nil {
			return fmt.Errorf("outputs of request %d: %w", r.job.RequestID, err)
		}
	}
	return r.change(happened, func(tx *store.Tx, j *Job, now time.Time) error {
		if !j.Charged {
			j.Fee, j.Charged = s.Fee, true
		}
		switch {
		case s.Failure != nil && !j.Answered():
			j.assigned(s.AssignedHeight, s.FinalHeight, now)
			j.Failure = &Failure{Reason: s.Failure.Reason, Message: s.Failure.Detail}
			j.FinalHeight = s.FinalHeight
			j.step(StageFailed, now, s.FinalHeight)
		case s.Failure == nil && s.Stage == chain.StageAssigned && j.Stage == StageSubmitted:
			j.step(StageAssigned, now, s.Height)
		case s.Stage >= chain.StageFinal && !j.Answered():
			j.assigned(s.AssignedHeight, s.FinalHeight, now)
			tx.Set(outPrefix+j.ID, outputs)
			j.OutputRoot, j.RequestDigest = hex.EncodeToString(s.OutputRoot), hex.EncodeToString(s.RequestDigest)
			j.FinalHeight = s.FinalHeight
			j.step(StageFinal, now, s.FinalHeight)
		}
		// A receipt that was there before pays nothing back.
		if s.Stage == chain.StageSettled || (j.Reused && j.Stage == StageFinal) {
			if !j.Reused {
				j.Refunded = s.Refunded
			}
			if j.Refunded > j.Fee {
				return fmt.Errorf("request %d: expected a refund of at most the fee of %d uopg, got %d", j.RequestID, j.Fee, j.Refunded)
			}
			j.step(StageSettled, now, s.Height)
			j.end(now)
		}
		return nil
	})
}
