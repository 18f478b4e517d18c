package executor

import (
	"bytes"
	"context"
	"errors"
	"slices"
	"time"

	"github.com/opengradient/opengradient/app/voteext"
)

// judge is the standing of a duty with what the outbox holds for it.
func (l *loop) judge(d Duty) standing {
	self := Self{Operator: l.operator, Height: l.height, Key: l.opts.SealKey}
	if entry, ok := l.opts.Outbox.Get(d.Key()); ok {
		if !belongs(entry, d) {
			// The outcome of another request, which the disk did not let go: nothing may be said of this one until it is gone.
			return standing{}
		}
		return judge(d, &entry, self)
	}
	return judge(d, nil, self)
}

// plan lists the duties that need an outcome and stops a run that none of them
// needs.
func (l *loop) plan() {
	l.wanted = l.wanted[:0]
	for key, d := range l.duties {
		if !l.opts.Outbox.Quarantined(key) && l.judge(d).run {
			l.wanted = append(l.wanted, d)
		}
	}
	slices.SortFunc(l.wanted, func(a, b Duty) int { return compareUrgency(a, b, l.operator, l.height) })
	if l.active == nil || l.active.unwanted || l.active.warm != nil {
		return
	}
	if !slices.ContainsFunc(l.wanted, func(d Duty) bool { return d.Key() == l.active.duty.Key() }) {
		l.active.unwanted = true
		l.active.cancel()
		l.opts.Metrics.Count(EventCancelled)
	}
}

// startNext begins the most urgent run that may begin. It tells whether an
// outcome was at hand without a run, so that there may be more to begin.
func (l *loop) startNext() (again bool) {
	if l.active != nil || len(l.wanted) == 0 {
		return false
	}
	now := l.opts.Clock.Now()
	class, err := l.class()
	if l.explain(err); err != nil {
		// The next block, or the engine, changes this.
		l.arm(now, firstRetry)
		return false
	}
	wait := time.Duration(0)
	for _, d := range l.wanted {
		if l.retries[d.Key()].over {
			continue
		}
		if left := l.retries[d.Key()].notBefore.Sub(now); left > 0 {
			if wait == 0 || left < wait {
				wait = left
			}
			continue
		}
		if result, ok := l.cache.get(computationKey(d, class)); ok {
			l.opts.Metrics.Count(EventCacheHit)
			if l.store(d, result, class) {
				return true
			}
			continue
		}
		l.begin(d, class)
		return false
	}
	if wait > 0 {
		l.arm(now, wait)
	}
	return false
}

// explain reports why no run may begin, once for each reason.
func (l *loop) explain(reason error) {
	if reason == nil {
		l.idle = ""
		return
	}
	if l.idle == reason.Error() {
		return
	}
	l.idle = reason.Error()
	l.opts.Metrics.Count(EventIdle)
	l.opts.Logger.Info("no model is run", "reason", reason)
}

// class is the index of the environment class that the node is registered in and
// the engine is in.
func (l *loop) class() (uint32, error) {
	status := l.opts.Engine.Status()
	switch {
	case !status.Ready:
		return 0, errors.New("the engine is not ready")
	case !l.hasNode || l.node.EnvironmentClass == 0 || l.node.Status == nil || l.node.Status.Environment == nil:
		return 0, errors.New("the node has no environment class in committed state")
	case !voteext.SameEnvironment(l.node.Status.Environment, status.Environment):
		return 0, errEnvironment
	}
	return l.node.EnvironmentClass, nil
}

// arm wakes the loop in a while, or earlier when that is planned already.
func (l *loop) arm(now time.Time, wait time.Duration) {
	at := now.Add(wait)
	if l.timer == nil || at.Before(l.timerAt) {
		l.timer, l.timerAt = l.opts.Clock.After(wait), at
	}
}

// begin runs a duty in a goroutine of its own.
func (l *loop) begin(d Duty, class uint32) {
	ctx, cancel := context.WithCancel(l.ctx)
	l.active = &activeRun{duty: d, class: class, cancel: cancel}
	environment, evict := *l.node.Status.Environment, l.roomFor(d.Model)
	l.shelf.used(d.Model, l.opts.Clock.Now())
	go func() {
		defer cancel()
		result, err := l.runner.compute(ctx, d, environment, evict)
		l.results <- runResult{result, err}
	}()
}

// beginWarm loads a model in a goroutine of its own.
func (l *loop) beginWarm(m listed, evict []ModelID) {
	ctx, cancel := context.WithCancel(l.ctx)
	l.active = &activeRun{warm: &m, cancel: cancel}
	go func() {
		defer cancel()
		l.results <- runResult{err: l.runner.warm(ctx, m.id, evict)}
	}()
}

// finish takes the result of the run under way.
func (l *loop) finish(r runResult) {
	active := l.active
	l.active = nil
	if active.warm != nil {
		l.finishWarm(*active.warm, r.err)
		return
	}
	key := active.duty.Key()
	if r.err != nil {
		if errors.Is(r.err, errNoFile) {
			l.fetching.lost(active.duty.Model)
		}
		if active.unwanted {
			return
		}
		l.postpone(key, r.err)
		return
	}
	l.opts.Metrics.Count(EventRun)
	l.cache.put(computationKey(active.duty, active.class), r.result)
	if d, open := l.duties[key]; open && bytes.Equal(d.Digest, active.duty.Digest) {
		l.store(d, r.result, active.class)
	}
}

// postpone keeps a duty back for a while after a failure of the infrastructure, or
// for good when it is of no use to try again.
func (l *loop) postpone(key voteext.Key, err error) {
	failures := l.retries[key].failures + 1
	delay := retryDelay(failures)
	over := errors.Is(err, ErrTooSlow)
	l.retries[key] = retry{failures: failures, notBefore: l.opts.Clock.Now().Add(delay), over: over}
	if over {
		l.opts.Metrics.Count(EventGivenUp)
		l.opts.Logger.Error("a run took too long; the attempt is given up", "attempt", key.String(), "error", err)
		return
	}
	l.opts.Metrics.Count(EventRetry)
	l.opts.Logger.Error("a run failed; it is tried again while its deadline lasts",
		"attempt", key.String(), "failures", failures, "delay", delay.String(), "error", err)
}

// store puts the outcome of a duty in the outbox.
func (l *loop) store(d Duty, result computed, class uint32) bool {
	entry := outboxEntry(d, result, class)
	if err := l.opts.Outbox.Put(entry); err != nil {
		l.opts.Metrics.Count(EventStoreError)
		l.postpone(d.Key(), err)
		return false
	}
	delete(l.retries, d.Key())
	l.sighted[d.Key()] = struct{}{}
	l.opts.Metrics.Count(EventStored)
	if entry.Outcome.Failed() {
		l.opts.Metrics.Count(EventFailure)
	}
	return true
}
