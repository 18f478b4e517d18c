package jobs

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/opengradient/opengradient/internal/gateway/chain"
	"github.com/opengradient/opengradient/internal/gateway/keys"
	"github.com/opengradient/opengradient/internal/gateway/store"
	"github.com/opengradient/opengradient/internal/tensor"
)

// Config says how an engine works.
type Config struct {
	// MaxOpen bounds the jobs that are not done.
	MaxOpen int
	// Retention is how long a job that is done can be read, and its idempotency key is known.
	Retention time.Duration
	// Callers finds the API keys of jobs that an earlier process has left.
	Callers func(key string) (*keys.Caller, bool)
	// Log takes what is worth telling.
	Log *slog.Logger
	// Answered is told of each job once its outputs are there or will never be; it may be nil.
	Answered func(Job)
}

// Engine carries jobs to their end. It is safe for concurrent use.
type Engine struct {
	cfg   Config
	book  *Book
	chain chain.Chain

	ctx    context.Context
	cancel context.CancelFunc
	mu     sync.Mutex // guards the start of runners against the end
	ended  bool
	wg     sync.WaitGroup
}

// Start takes up the jobs that an earlier process has left, and serves until Close.
func Start(cfg Config, book *Book, c chain.Chain) (*Engine, error) {
	if cfg.Answered == nil {
		cfg.Answered = func(Job) {}
	}
	ctx, cancel := context.WithCancel(context.Background())
	e := &Engine{cfg: cfg, book: book, chain: c, ctx: ctx, cancel: cancel}
	if err := e.resume(); err != nil {
		return nil, errors.Join(err, e.Close())
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	e.wg.Go(e.pruneEvery)
	return e, nil
}

// resume starts a runner for each open job on disk. One that cannot be read stays there, and what it reserves stays reserved.
func (e *Engine) resume() error {
	type left struct {
		job    Job
		inputs []byte
	}
	var jobs []left
	aside := func(id string, err error) {
		e.cfg.Log.Error("open job set aside: it cannot be read", "job", id, "error", err)
	}
	err := e.book.db.View(func(tx *store.Tx) error {
		var bad error
		err := tx.Scan(openPrefix, "", func(key string, _ []byte) bool {
			var l left
			id := key[len(openPrefix):]
			if l.job, bad = load(tx, id); errors.Is(bad, errRecord) || errors.Is(bad, ErrNoJob) {
				aside(id, bad)
				bad = nil
				return true
			}
			if bad != nil {
				return false
			}
			l.inputs, _, bad = tx.Get(inPrefix + l.job.ID)
			jobs = append(jobs, l)
			return bad == nil
		})
		return errors.Join(bad, err)
	})
	if err != nil {
		return fmt.Errorf("open jobs: %w", err)
	}
	for _, l := range jobs {
		var inputs []tensor.Tensor
		if l.job.Stage == StageAccepted {
			if inputs, err = tensor.Decode(l.inputs, tensor.Limits{MaxTensors: len(l.inputs), MaxRank: tensor.MaxRank, MaxBytes: int64(len(l.inputs))}); err != nil {
				aside(l.job.ID, fmt.Errorf("inputs: %w", err))
				continue
			}
		}
		leave := func() {}
		if caller, ok := e.cfg.Callers(l.job.Key); ok && !l.job.Answered() {
			if counted, ok := caller.Enter(); ok {
				leave = counted
			}
		}
		e.book.publish(l.job)
		e.start(l.job, inputs, leave)
	}
	if len(jobs) > 0 {
		e.cfg.Log.Info("open jobs taken up", "jobs", len(jobs))
	}
	return nil
}

// start runs a job. One that is made while the engine ends stays on disk for the next process.
func (e *Engine) start(j Job, inputs []tensor.Tensor, leave func()) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.ended {
		leave()
		return
	}
	e.wg.Go(func() {
		defer leave()
		r := runner{engine: e, job: j, inputs: inputs, leave: leave}
		r.run()
	})
}

func (e *Engine) stopping() bool { return e.ctx.Err() != nil }

// Close stops all work. Open jobs stay on disk.
func (e *Engine) Close() error {
	e.cancel()
	e.mu.Lock()
	e.ended = true
	e.mu.Unlock()
	e.wg.Wait()
	return nil
}

// Open is the number of jobs that are not done.
func (e *Engine) Open() int { return e.book.Open() }

// Usage is what an API key has used.
func (e *Engine) Usage(key string) (Usage, error) { return e.book.Usage(key) }

// Get finds a job of an API key; ErrNoJob when there is none.
func (e *Engine) Get(key, id string) (Job, error) {
	j, _, err := e.watch(key, id)
	return j, err
}

func (e *Engine) watch(key, id string) (Job, <-chan struct{}, error) {
	if len(id) != 32 {
		return Job{}, nil, fmt.Errorf("%w: %.64q", ErrNoJob, id)
	}
	j, changed, err := e.book.current(id)
	if err == nil && j.Key != key {
		err = fmt.Errorf("%w: %.64q", ErrNoJob, id)
	}
	return j, changed, err
}

// Wait returns a job once the condition holds for it or nothing more will happen to it. With an error of the context it
// returns the job as it is then.
func (e *Engine) Wait(ctx context.Context, key, id string, until func(Job) bool) (Job, error) {
	for {
		j, changed, err := e.watch(key, id)
		if err != nil || until(j) || changed == nil {
			return j, err
		}
		select {
		case <-ctx.Done():
			return j, ctx.Err()
		case <-e.ctx.Done():
			return j, ErrStopping
		case <-changed:
		}
	}
}

// Outputs are the output tensors of a job that is final.
func (e *Engine) Outputs(id string) ([]tensor.Tensor, error) {
	var encoded []byte
	err := e.book.db.View(func(tx *store.Tx) (err error) {
		var found bool
		if encoded, found, err = tx.Get(outPrefix + id); err == nil && !found {
			err = fmt.Errorf("%w: outputs of %.64q", ErrNoJob, id)
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	return tensor.Decode(encoded, tensor.Limits{MaxTensors: len(encoded), MaxRank: tensor.MaxRank, MaxBytes: int64(len(encoded))})
}
