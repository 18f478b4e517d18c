package jobs

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/opengradient/opengradient/internal/gateway/chain"
)

// flawed is a chain whose code panics a few times.
type flawed struct {
	chain.Chain
	left atomic.Int64
}

func (f *flawed) Wait(ctx context.Context, id uint64, until chain.Stage) (chain.Status, error) {
	if f.left.Add(-1) >= 0 {
		panic("a defect")
	}
	return f.Chain.Wait(ctx, id, until)
}

// A defect that one job meets is met again later, and ends neither the process nor the job.
func TestPanicOfAJob(t *testing.T) {
	w := newWorld(t, t.TempDir(), 1e9)
	p := w.start(nil)
	defer p.stop(t)
	f := &flawed{Chain: p.chain}
	f.left.Store(2)
	p.chain = f
	if j := p.wait(t, p.accept(t, ask(1, "")).ID, done); j.Failure != nil {
		t.Errorf("expected an answer, got %+v", j.Failure)
	}
}

// What cannot be read of one job keeps the gateway from neither its start nor the other jobs.
func TestUnreadableJobIsSetAside(t *testing.T) {
	w := newWorld(t, t.TempDir(), 1e9)
	w.chain.Reach(0)
	p := w.start(nil)
	var ids []string
	for i := range 3 {
		j := p.accept(t, ask(float32(i), fmt.Sprint(i)))
		ids = append(ids, p.wait(t, j.ID, func(j Job) bool { return j.Stage == StageSubmitted }).ID)
	}
	used := p.used(t)
	p.stop(t)
	if err := errors.Join(w.disk.Set([]byte(jobPrefix+ids[0]), []byte("{")), w.disk.Delete([]byte(jobPrefix+ids[1]))); err != nil {
		t.Fatal(err)
	}
	w.chain.Reach(chain.StageSettled)
	p = w.start(nil)
	defer p.stop(t)
	if j := p.wait(t, ids[2], done); j.Failure != nil {
		t.Errorf("expected the other job to go on, got %+v", j.Failure)
	}
	if got := p.used(t); got >= used || got <= used/2 {
		t.Errorf("expected what was set aside to stay reserved, got %d of %d", got, used)
	}
	if err := p.book.Journal().Settled(chainKey(ids[0]), chain.Outcome{}); err != nil {
		t.Errorf("expected the journal to be told its end, got %v", err)
	}
}

// There are never more open jobs than may be, also when many are made in one write.
func TestOpenJobsAreBounded(t *testing.T) {
	const most, callers = 7, 60
	w := newWorld(t, t.TempDir(), 1e9)
	w.chain.Reach(0)
	p := w.start(nil)
	defer p.stop(t)
	p.cfg.MaxOpen = most
	var checks, wg sync.WaitGroup
	checks.Add(callers)
	w.chain.Checking(func() { checks.Done(); checks.Wait() })
	var made atomic.Int64
	for i := range callers {
		wg.Go(func() {
			_, _, err := p.Accept(context.Background(), p.caller, ask(float32(i), ""))
			switch {
			case err == nil:
				made.Add(1)
			case !errors.Is(err, ErrBusy) || !strings.Contains(err.Error(), "at most 7"):
				t.Errorf("expected ErrBusy, got %v", err)
			}
		})
	}
	wg.Wait()
	if made.Load() != most || p.Open() != most {
		t.Errorf("expected %d jobs, got %d, of which %d are open", most, made.Load(), p.Open())
	}
	w.chain.Checking(nil)
	w.chain.Reach(chain.StageSettled)
	if err := settled(p); err != nil {
		t.Fatal(err)
	}
	if j := p.wait(t, p.accept(t, ask(1, "")).ID, done); j.Failure != nil {
		t.Errorf("expected room again, got %+v", j.Failure)
	}
}
