package jobs

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"reflect"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"pgregory.net/rapid"

	dbm "github.com/cosmos/cosmos-db"

	"github.com/opengradient/opengradient/internal/gateway/chain"
	"github.com/opengradient/opengradient/internal/gateway/gatewaytest"
	"github.com/opengradient/opengradient/internal/gateway/keys"
	"github.com/opengradient/opengradient/internal/gateway/ledger"
	"github.com/opengradient/opengradient/internal/gateway/store"
	"github.com/opengradient/opengradient/internal/tensor"
)

// perJob is what a job costs in the end.
const perJob = gatewaytest.Fee + gatewaytest.GasFee - gatewaytest.Refund

// disk outlives processes. A process that was killed writes nothing more to it.
type disk struct{ dbm.DB }

func (d disk) Close() error { return nil }

type mortal struct {
	disk
	alive func() bool
}

func (m mortal) NewBatch() dbm.Batch { return mortalBatch{m.disk.NewBatch(), m.alive} }

type mortalBatch struct {
	dbm.Batch
	alive func() bool
}

func (b mortalBatch) WriteSync() error {
	if !b.alive() {
		return errors.New("killed")
	}
	return b.Batch.WriteSync()
}

func (b mortalBatch) Write() error { return b.WriteSync() }

// process is one life of a gateway.
type process struct {
	*Engine
	book   *Book
	ring   *keys.Ring
	caller *keys.Caller
	db     *store.Store
}

type world struct {
	t     rapid.TB
	disk  disk
	chain *gatewaytest.Chain
	quota uint64
	now   atomic.Int64
	dir   string
}

func newWorld(t rapid.TB, dir string, quota uint64) *world {
	w := &world{t: t, disk: disk{dbm.NewMemDB()}, chain: gatewaytest.New(), quota: quota, dir: dir}
	w.now.Store(time.Date(2026, 11, 27, 12, 0, 0, 0, time.UTC).UnixNano())
	return w
}

func (w *world) clock() time.Time { return time.Unix(0, w.now.Load()).UTC() }

func (w *world) start(alive func() bool) *process {
	w.t.Helper()
	if alive == nil {
		alive = func() bool { return true }
	}
	ring, err := keys.Open(w.dir, keys.Defaults{Rate: 1e6, Concurrency: 1000, Anonymous: &keys.Limits{Quota: w.quota, Per: ledger.Total}})
	if err != nil {
		w.t.Fatal(err)
	}
	p := &process{ring: ring}
	if p.caller, err = ring.Lookup(""); err != nil {
		w.t.Fatal(err)
	}
	p.db = store.New(mortal{w.disk, alive}, nil)
	p.book = NewBook(p.db, func(id string) (keys.Limits, bool) {
		c, ok := ring.ByID(id)
		if !ok {
			return keys.Limits{}, false
		}
		return c.Limits, true
	}, w.clock)
	c, err := w.chain.Process(p.book.Journal(), alive)
	if err != nil && alive() {
		w.t.Fatal(err)
	}
	p.Engine, err = Start(Config{MaxOpen: 10_000, Retention: time.Hour, Callers: ring.ByID, Log: slog.New(slog.DiscardHandler)}, p.book, c)
	if err != nil {
		w.t.Fatal(err)
	}
	return p
}

func (p *process) stop(t rapid.TB) {
	t.Helper()
	if err := errors.Join(p.Close(), p.db.Close()); err != nil {
		t.Fatal(err)
	}
}

func ask(v float32, idempotency string) Ask {
	return Ask{Model: "iris", Inputs: []tensor.Tensor{gatewaytest.X(v, 1)}, IdempotencyKey: idempotency}
}

func (p *process) accept(t rapid.TB, a Ask) Job {
	t.Helper()
	j, _, err := p.Accept(context.Background(), p.caller, a)
	if err != nil {
		t.Fatal(err)
	}
	return j
}

func done(j Job) bool { return j.Done != nil }

func (p *process) wait(t rapid.TB, id string, until func(Job) bool) Job {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	j, err := p.Wait(ctx, keys.Anonymous, id, until)
	if err != nil {
		t.Fatalf("job %s is %s: %v", id, j.Stage, err)
	}
	return j
}

func (p *process) used(t rapid.TB) uint64 {
	t.Helper()
	u, err := p.Usage(keys.Anonymous)
	if err != nil {
		t.Fatal(err)
	}
	return u.Total.Used()
}

func TestJobGoesThroughItsStages(t *testing.T) {
	w := newWorld(t, t.TempDir(), 1e6)
	w.chain.Reach(0)
	p := w.start(nil)
	defer p.stop(t)
	a := ask(3, "")
	a.Watched = true
	j := p.accept(t, a)
	p.wait(t, j.ID, func(j Job) bool { return j.Stage == StageSubmitted })
	if got := p.used(t); got != 1250+gatewaytest.GasFee {
		t.Errorf("while the fee is not known: expected the maximum to be reserved, got %d", got)
	}
	w.chain.Reach(chain.StageAssigned)
	p.wait(t, j.ID, func(j Job) bool { return j.Stage == StageAssigned })
	w.chain.Reach(chain.StageFinal)
	p.wait(t, j.ID, Job.Answered)
	outputs, err := p.Outputs(j.ID)
	if err != nil || !reflect.DeepEqual(outputs, []tensor.Tensor{gatewaytest.Y(3, 1)}) {
		t.Errorf("expected the outputs, got %v, %v", outputs, err)
	}
	if got := p.used(t); got != gatewaytest.Fee+gatewaytest.GasFee {
		t.Errorf("expected fee and gas, got %d", got)
	}
	w.chain.Reach(chain.StageSettled)
	j = p.wait(t, j.ID, done)
	stages := ""
	for i, e := range j.Events {
		stages += string(e.Stage) + " "
		if e.N != i+1 {
			t.Errorf("expected event %d, got %d", i+1, e.N)
		}
	}
	if stages != "accepted submitted assigned final settled " {
		t.Errorf("got stages %q", stages)
	}
	if got := p.used(t); got != perJob || got != w.chain.Spent() {
		t.Errorf("expected %d as on the chain (%d), got %d", perJob, w.chain.Spent(), got)
	}
	if _, err := p.Get("another key", j.ID); !errors.Is(err, ErrNoJob) {
		t.Errorf("another key: expected ErrNoJob, got %v", err)
	}
}

// Who only waits for the answer is told the assignment with it.
func TestUnwatchedJobHasTheSameStages(t *testing.T) {
	w := newWorld(t, t.TempDir(), 1e6)
	p := w.start(nil)
	defer p.stop(t)
	j := p.wait(t, p.accept(t, ask(3, "")).ID, done)
	stages := ""
	for i, e := range j.Events {
		stages += fmt.Sprint(e.Stage, " ", e.Height, " ")
		if i > 0 && (e.Time.Before(j.Events[i-1].Time) || e.Height < j.Events[i-1].Height) {
			t.Errorf("expected event %d after the one before it, got %+v", i, j.Events)
		}
	}
	if stages != "accepted 0 submitted 11 assigned 13 final 14 settled 15 " {
		t.Errorf("got %q", stages)
	}
}

func TestIdempotencyKeys(t *testing.T) {
	w := newWorld(t, t.TempDir(), 1e6)
	p := w.start(nil)
	first := p.accept(t, ask(1, "k"))
	p.wait(t, first.ID, done)
	for range 2 {
		again, found, err := p.Accept(t.Context(), p.caller, ask(1, "k"))
		if err != nil || !found || again.ID != first.ID {
			t.Errorf("expected job %s, got %s, %t, %v", first.ID, again.ID, found, err)
		}
		if _, _, err := p.Accept(t.Context(), p.caller, ask(2, "k")); !errors.Is(err, ErrConflict) {
			t.Errorf("other content: expected ErrConflict, got %v", err)
		}
		p.stop(t)
		p = w.start(nil)
	}
	defer p.stop(t)
	// Calls that come at one time make one job: none of them finds the job of another before all are checked.
	var wg, checks sync.WaitGroup
	ids := make([]string, 50)
	checks.Add(len(ids))
	w.chain.Checking(func() { checks.Done(); checks.Wait() })
	for i := range ids {
		wg.Go(func() { ids[i] = p.accept(t, ask(1, "together")).ID })
	}
	wg.Wait()
	for _, id := range ids {
		if id != ids[0] {
			t.Fatalf("expected one job, got %s and %s", ids[0], id)
		}
		p.wait(t, id, done)
	}
	if n := w.chain.Requests(); n != 2 {
		t.Errorf("expected 2 requests, got %d", n)
	}
}

func TestRefusals(t *testing.T) {
	price := chain.RefusedError{Reason: "maximum fee below the quote", Price: true}
	full := chain.RefusedError{Reason: "queue full", Temporary: true}
	gone := chain.RefusedError{Reason: "model takes no requests"}
	for name, c := range map[string]struct {
		refusals []chain.RefusedError
		maxFee   uint64
		reason   string // of the failure; empty for an answer
		spent    uint64
	}{
		"the price rose, and the gateway chose the maximum": {refusals: []chain.RefusedError{price}, spent: perJob + gatewaytest.GasFee},
		"the price rose above the client's maximum":         {refusals: []chain.RefusedError{price}, maxFee: 1100, reason: "price", spent: gatewaytest.GasFee},
		"the queue was full for a moment":                   {refusals: []chain.RefusedError{full}, spent: perJob + gatewaytest.GasFee},
		"refused for good":                                  {refusals: []chain.RefusedError{gone}, reason: "refused", spent: gatewaytest.GasFee},
		"the price rises and rises":                         {refusals: []chain.RefusedError{price, price, price, price}, reason: "unavailable", spent: 4 * gatewaytest.GasFee},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, t.TempDir(), 1e6)
			w.chain.Refuse(c.refusals...)
			p := w.start(nil)
			defer p.stop(t)
			a := ask(1, "k")
			a.MaxFee = c.maxFee
			j := p.wait(t, p.accept(t, a).ID, done)
			switch {
			case c.reason == "" && j.Failure != nil, c.reason != "" && (j.Failure == nil || j.Failure.Reason != c.reason):
				t.Errorf("expected failure %q, got %+v", c.reason, j.Failure)
			}
			if got := p.used(t); got != c.spent || got != w.chain.Spent() {
				t.Errorf("expected %d as on the chain (%d), got %d", c.spent, w.chain.Spent(), got)
			}
			if c.reason == "" {
				return
			}
			// What the chain never accepted may be tried again with the same key.
			again, found, err := p.Accept(t.Context(), p.caller, a)
			if err != nil || found || again.ID == j.ID {
				t.Fatalf("expected a new job, got %t, %v", found, err)
			}
			if j = p.wait(t, again.ID, done); j.Failure != nil {
				t.Errorf("expected an answer, got %+v", j.Failure)
			}
		})
	}
}

func TestReusedReceipt(t *testing.T) {
	w := newWorld(t, t.TempDir(), 1e6)
	p := w.start(nil)
	defer p.stop(t)
	p.wait(t, p.accept(t, ask(1, "")).ID, done)
	a := ask(1, "")
	a.ReuseBlocks = 10
	j := p.wait(t, p.accept(t, a).ID, done)
	if !j.Reused || j.Fee != gatewaytest.ReuseFee || j.Refunded != 0 || j.RequestID != 1 {
		t.Errorf("expected the first request's receipt, got %+v", j)
	}
	if outputs, err := p.Outputs(j.ID); err != nil || len(outputs) != 1 {
		t.Errorf("expected its outputs, got %v, %v", outputs, err)
	}
	if got, want := p.used(t), uint64(perJob+gatewaytest.ReuseFee+gatewaytest.GasFee); got != want || got != w.chain.Spent() {
		t.Errorf("expected %d as on the chain (%d), got %d", want, w.chain.Spent(), got)
	}
}

func TestFailedRequestIsAnswered(t *testing.T) {
	w := newWorld(t, t.TempDir(), 1e6)
	w.chain.Fail(&chain.Failure{Reason: "execution", Detail: "the model fails on these inputs"})
	p := w.start(nil)
	defer p.stop(t)
	j := p.wait(t, p.accept(t, ask(1, "k")).ID, done)
	if j.Failure == nil || j.Failure.Reason != "execution" || j.Stage != StageSettled {
		t.Errorf("expected a failure that is settled, got %+v", j)
	}
	if got := p.used(t); got != perJob {
		t.Errorf("expected %d, got %d", perJob, got)
	}
	if again, found, err := p.Accept(t.Context(), p.caller, ask(1, "k")); err != nil || !found || again.ID != j.ID {
		t.Errorf("expected the same job, got %s, %t, %v", again.ID, found, err)
	}
}

func TestRevokedKeyMakesNoJob(t *testing.T) {
	dir := t.TempDir()
	k, text, err := keys.Generate("alice", keys.Limits{Quota: 1e9, Per: ledger.Total}, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	write := func(list ...keys.Key) {
		t.Helper()
		if err := keys.Edit(dir, func([]keys.Key) ([]keys.Key, error) { return list, nil }); err != nil {
			t.Fatal(err)
		}
	}
	write(k)
	w := newWorld(t, dir, 1e9)
	p := w.start(nil)
	defer p.stop(t)
	caller, err := p.ring.Lookup(text)
	if err != nil {
		t.Fatal(err)
	}
	revoked := k
	now := time.Now()
	revoked.Revoked = &now
	for want, list := range map[error][]keys.Key{keys.ErrRevoked: {revoked}, keys.ErrUnknown: nil} {
		write(list...)
		if p.ring, err = keys.Open(dir, keys.Defaults{Rate: 1, Concurrency: 1}); err != nil {
			t.Fatal(err)
		}
		p.cfg.Callers = p.ring.ByID
		if _, _, err := p.Accept(t.Context(), caller, ask(1, "")); !errors.Is(err, want) {
			t.Errorf("expected %v, got %v", want, err)
		}
	}
	if n := w.chain.Requests(); n != 0 {
		t.Errorf("expected no request, got %d", n)
	}
}

// However many come at one time, no more is granted than the quota allows, and what is granted is used as it is counted.
func TestQuotaUnderConcurrency(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		const reserved = 1250 + gatewaytest.GasFee
		quota := rapid.Uint64Range(0, 12*reserved).Draw(rt, "quota")
		callers := rapid.IntRange(1, 30).Draw(rt, "callers")
		w := newWorld(rt, t.TempDir(), quota)
		w.chain.Reach(0)
		p := w.start(nil)
		defer p.stop(rt)
		var wg sync.WaitGroup
		var granted atomic.Uint64
		for i := range callers {
			wg.Go(func() {
				_, _, err := p.Accept(context.Background(), p.caller, ask(float32(i), ""))
				switch {
				case err == nil:
					granted.Add(1)
				case !errors.Is(err, ledger.ErrQuota):
					rt.Errorf("expected ErrQuota, got %v", err)
				}
				if used := p.used(rt); used > quota {
					rt.Errorf("%d of %d used", used, quota)
				}
			})
		}
		wg.Wait()
		if want := min(uint64(callers), quota/reserved); granted.Load() != want {
			rt.Fatalf("expected %d of %d requests to be granted, got %d", want, callers, granted.Load())
		}
		w.chain.Reach(chain.StageSettled)
		for range callers {
			if err := settled(p); err != nil {
				rt.Fatal(err)
			}
		}
		if got, want := p.used(rt), granted.Load()*perJob; got != want || got != w.chain.Spent() {
			rt.Fatalf("expected %d as on the chain (%d), got %d", want, w.chain.Spent(), got)
		}
	})
}

// settled waits until no job is open.
func settled(p *process) error {
	deadline := time.Now().Add(20 * time.Second)
	for _, id := range openJobs(p) {
		ctx, cancel := context.WithDeadline(context.Background(), deadline)
		_, err := p.Wait(ctx, keys.Anonymous, id, done)
		cancel()
		if err != nil {
			return err
		}
	}
	return nil
}

func openJobs(p *process) []string {
	p.book.mu.Lock()
	defer p.book.mu.Unlock()
	var ids []string
	for id := range p.book.live {
		ids = append(ids, id)
	}
	return ids
}

// A gateway is killed at any point, again and again, while clients repeat their calls until they have an answer. Every call
// ends in one request and the right answer, and what was counted is what the account has paid.
func TestKilledAtAnyPoint(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		clients := rapid.IntRange(1, 8).Draw(rt, "clients")
		lives := rapid.SliceOfN(rapid.Int64Range(1, 60), 1, 5).Draw(rt, "lives")
		w := newWorld(rt, t.TempDir(), 1e9)
		if rapid.Bool().Draw(rt, "refusals") {
			w.chain.Refuse(chain.RefusedError{Reason: "price", Price: true}, chain.RefusedError{Reason: "price", Price: true})
		}
		for _, life := range lives {
			var points atomic.Int64
			alive := func() bool { return points.Add(1) <= life }
			p := w.start(alive)
			var wg sync.WaitGroup
			for i := range clients {
				wg.Go(func() {
					j, _, err := p.Accept(context.Background(), p.caller, ask(float32(i), fmt.Sprint("call ", i)))
					if err != nil {
						return // the connection broke
					}
					ctx, cancel := context.WithTimeout(context.Background(), 20*time.Millisecond)
					defer cancel()
					_, _ = p.Wait(ctx, keys.Anonymous, j.ID, Job.Answered)
				})
			}
			wg.Wait()
			points.Store(life) // dead in any case
			p.stop(rt)
		}
		p := w.start(nil)
		defer p.stop(rt)
		for i := range clients {
			j := p.wait(rt, p.accept(rt, ask(float32(i), fmt.Sprint("call ", i))).ID, done)
			outputs, err := p.Outputs(j.ID)
			if err != nil || !reflect.DeepEqual(outputs, []tensor.Tensor{gatewaytest.Y(float32(i), 1)}) {
				rt.Fatalf("client %d: got %v, %v", i, outputs, err)
			}
		}
		if err := settled(p); err != nil {
			rt.Fatal(err)
		}
		if n := w.chain.Requests(); n != clients {
			rt.Fatalf("expected %d requests, got %d", clients, n)
		}
		if got := p.used(rt); got != w.chain.Spent() {
			rt.Fatalf("expected %d to be counted as on the chain, got %d", w.chain.Spent(), got)
		}
	})
}

func TestOldJobsAreDropped(t *testing.T) {
	w := newWorld(t, t.TempDir(), 1e9)
	p := w.start(nil)
	defer p.stop(t)
	for i := range pruneJobs + 5 {
		p.wait(t, p.accept(t, ask(1, fmt.Sprint(i))).ID, done)
	}
	w.now.Add(int64(30 * time.Minute))
	young := p.wait(t, p.accept(t, ask(1, "young")).ID, done)
	w.now.Add(int64(31 * time.Minute))
	for _, want := range []int{pruneJobs, 5, 0} {
		if n, err := p.book.prune(w.clock().Add(-time.Hour)); err != nil || n != want {
			t.Fatalf("expected %d, got %d, %v", want, n, err)
		}
	}
	records := 0
	it, err := w.disk.Iterator(nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer it.Close()
	for ; it.Valid(); it.Next() {
		if !strings.HasPrefix(string(it.Key()), spendPrefix) {
			records++
		}
	}
	if records != 4 { // job, outputs, end and idempotency key of the young one
		t.Errorf("expected 4 records, got %d", records)
	}
	if _, err := p.Get(keys.Anonymous, young.ID); err != nil {
		t.Error(err)
	}
	if got := p.used(t); got != (pruneJobs+6)*perJob {
		t.Errorf("expected the balance to stay, got %d", got)
	}
}
