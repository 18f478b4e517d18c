package worker

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/opengradient/opengradient/internal/tensor"
)

// Supervisor keeps a worker process running and is the Engine in front of it. A worker that ends is restarted, one that
// does not answer its health checks is killed and restarted, with a growing pause in between.
type Supervisor struct {
	cfg       Config
	ownFolder bool // the socket's folder is ours to remove
	stop      context.CancelFunc
	stopped   chan struct{}
	indexing  sync.Mutex // held while the list of models is read anew
	logging   sync.Mutex // held while a line is logged

	mu      sync.Mutex
	status  Status
	current *generation   // nil while not ready
	changed chan struct{} // closed and replaced when readiness changes
}

var _ Engine = (*Supervisor)(nil)

// sockets counts the sockets of this process, so that no two workers share one.
var sockets atomic.Int64

// NewSupervisor starts the worker in the background and returns at once; see WaitReady. Close must be called.
func NewSupervisor(cfg Config) (*Supervisor, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	s := &Supervisor{cfg: cfg, stopped: make(chan struct{}), changed: make(chan struct{})}
	if cfg.SocketDir == "" {
		folder, err := os.MkdirTemp("", "og-worker-")
		if err != nil {
			return nil, fmt.Errorf("worker socket: %w", err)
		}
		s.cfg.SocketDir, s.ownFolder = folder, true
	}
	ctx, stop := context.WithCancel(context.Background())
	s.stop = stop
	go s.supervise(ctx)
	return s, nil
}

// Close ends the worker and waits until it is gone. Further calls and calls under way fail with ErrNotReady.
func (s *Supervisor) Close() {
	s.stop()
	<-s.stopped
}

// Status implements Engine.
func (s *Supervisor) Status() Status {
	s.mu.Lock()
	defer s.mu.Unlock()
	status := s.status
	status.LoadedModels = slices.Clone(status.LoadedModels)
	return status
}

// WaitReady waits until the worker is ready. It fails when ctx is done, with the worker's last error, and when the
// supervisor is closed.
func (s *Supervisor) WaitReady(ctx context.Context) error {
	for {
		s.mu.Lock()
		ready, changed, last := s.current != nil, s.changed, s.status.LastError
		s.mu.Unlock()
		if ready {
			return nil
		}
		select {
		case <-changed:
		case <-s.stopped:
			return fmt.Errorf("%w: the supervisor is closed", ErrNotReady)
		case <-ctx.Done():
			return fmt.Errorf("%w: %w: last error: %s", ErrNotReady, ctx.Err(), last)
		}
	}
}

// Load implements Engine.
func (s *Supervisor) Load(ctx context.Context, sha256hex string, onnx []byte) error {
	g, err := s.generation()
	if err != nil {
		return err
	}
	if err := g.client.load(ctx, sha256hex, onnx); err != nil {
		return g.explain(ctx, err)
	}
	return g.explain(ctx, s.index(ctx, g))
}

// LoadFile implements Engine.
func (s *Supervisor) LoadFile(ctx context.Context, sha256hex, path string) error {
	within, err := filepath.Rel(s.cfg.ModelFolder, path)
	if err != nil || s.cfg.ModelFolder == "" || !filepath.IsLocal(within) {
		return fmt.Errorf("%w: expected a file in the model folder %q, got %q", ErrInvalid, s.cfg.ModelFolder, path)
	}
	g, err := s.generation()
	if err != nil {
		return err
	}
	if err := g.client.loadPath(ctx, sha256hex, within); err != nil {
		return g.explain(ctx, err)
	}
	return g.explain(ctx, s.index(ctx, g))
}

// Unload implements Engine.
func (s *Supervisor) Unload(ctx context.Context, sha256hex string) error {
	g, err := s.generation()
	if err != nil {
		return err
	}
	if err := g.client.unload(ctx, sha256hex); err != nil {
		return g.explain(ctx, err)
	}
	return g.explain(ctx, s.index(ctx, g))
}

// Infer implements Engine.
func (s *Supervisor) Infer(ctx context.Context, sha256hex string, inputs []tensor.Tensor, outputs []string) (Outcome, error) {
	g, err := s.generation()
	if err != nil {
		return Outcome{}, err
	}
	outcome, err := g.client.infer(ctx, sha256hex, inputs, outputs)
	if errors.Is(err, ErrNotLoaded) {
		_ = s.index(ctx, g) // what is known of the models is out of date
	}
	return outcome, g.explain(ctx, err)
}

func (s *Supervisor) generation() (*generation, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.current == nil {
		if s.status.LastError == "" {
			return nil, ErrNotReady
		}
		return nil, fmt.Errorf("%w: %s", ErrNotReady, s.status.LastError)
	}
	return s.current, nil
}

// index reads anew which models the worker holds.
func (s *Supervisor) index(ctx context.Context, g *generation) error {
	s.indexing.Lock() // an older list must not overwrite a newer one
	defer s.indexing.Unlock()
	models, err := g.client.models(ctx)
	if err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.current == g {
		s.status.LoadedModels = models
	}
	return nil
}

// offer makes a worker the current one.
func (s *Supervisor) offer(g *generation, class EnvironmentClass, version string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.current = g
	s.status.Ready, s.status.Environment, s.status.WorkerVersion = true, class, version
	s.status.LoadedModels = nil
	s.announce()
}

// fail takes the current worker back.
func (s *Supervisor) fail(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.current = nil
	s.status.Ready, s.status.LoadedModels = false, nil
	s.status.LastError = err.Error()
	s.announce()
}

// announce wakes those who wait for a change. The lock must be held.
func (s *Supervisor) announce() {
	close(s.changed)
	s.changed = make(chan struct{})
}

func (s *Supervisor) note(line string) {
	if s.cfg.Log == nil {
		return
	}
	s.logging.Lock()
	defer s.logging.Unlock()
	s.cfg.Log(line)
}
