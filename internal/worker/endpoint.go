package worker

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"os"
	"slices"
	"sync"
	"time"

	"google.golang.org/grpc/credentials"

	"github.com/opengradient/opengradient/internal/tensor"
)

// EndpointConfig describes an inference server that runs already.
type EndpointConfig struct {
	// Target is where the server listens, as gRPC names it: host:port, or unix:/path.
	Target string
	// TLS secures the connection; nil leaves it open, which suits this machine only.
	TLS *tls.Config
	// Environment is the class the operator states for a server that does not state its own. The zero value leaves it
	// unknown, and such a server cannot attest.
	Environment EnvironmentClass

	MaxModelBytes, MaxOutputBytes int64         // bytes of one model, and of the outputs of one request
	PollInterval                  time.Duration // between health checks
	PollTimeout                   time.Duration // of one health check
}

// Validate checks that every required field is set and in range.
func (c EndpointConfig) Validate() error {
	switch {
	case c.Target == "":
		return errors.New("inference endpoint: expected a target such as host:port")
	case c.MaxModelBytes <= 0 || c.MaxOutputBytes <= 0:
		return fmt.Errorf("inference endpoint: expected limits above 0, got %d and %d", c.MaxModelBytes, c.MaxOutputBytes)
	case c.PollInterval <= 0 || c.PollTimeout <= 0:
		return fmt.Errorf("inference endpoint: expected intervals above 0, got %s and %s", c.PollInterval, c.PollTimeout)
	case c.Environment != EnvironmentClass{}:
		return c.Environment.Validate()
	}
	return nil
}

// Endpoint is the Engine in front of a server it does not start: another worker, or any server of the Open Inference
// Protocol with the model repository extension that takes a model's bytes. Models are named by their SHA-256 there too.
// Deterministic failures are known only from servers that mark them; from others they are errors.
type Endpoint struct {
	cfg     EndpointConfig
	client  *client
	stop    context.CancelFunc
	stopped chan struct{}

	mu     sync.Mutex
	status Status
	seen   bool // the endpoint was ready before
}

var _ Engine = (*Endpoint)(nil)

// Dial makes an Endpoint and starts to watch the server; it returns before the server is known to be ready. Close must be
// called.
func Dial(cfg EndpointConfig) (*Endpoint, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	var secure credentials.TransportCredentials
	if cfg.TLS != nil {
		secure = credentials.NewTLS(cfg.TLS)
	}
	c, err := dial(cfg.Target, secure, cfg.MaxModelBytes, cfg.MaxOutputBytes)
	if err != nil {
		return nil, err
	}
	ctx, stop := context.WithCancel(context.Background())
	e := &Endpoint{cfg: cfg, client: c, stop: stop, stopped: make(chan struct{})}
	go e.watch(ctx)
	return e, nil
}

// Close ends the connection. The server is left running.
func (e *Endpoint) Close() {
	e.stop()
	<-e.stopped
	e.client.close()
}

// Status implements Engine. It is as old as the last health check.
func (e *Endpoint) Status() Status {
	e.mu.Lock()
	defer e.mu.Unlock()
	status := e.status
	status.LoadedModels = slices.Clone(status.LoadedModels)
	return status
}

// Load implements Engine.
func (e *Endpoint) Load(ctx context.Context, sha256hex string, onnx []byte) error {
	if err := e.client.load(ctx, sha256hex, onnx); err != nil {
		return err
	}
	e.index(ctx)
	return nil
}

// LoadFile implements Engine. The server may be anywhere: it is sent the bytes.
func (e *Endpoint) LoadFile(ctx context.Context, sha256hex, path string) error {
	info, err := os.Stat(path)
	if err != nil {
		return fmt.Errorf("model file: %w", err)
	}
	if limit := min(e.cfg.MaxModelBytes, maxMessage); info.Size() > limit {
		return fmt.Errorf("%w: %w: expected a file of at most %d bytes, got %d", ErrResources, ErrTooLarge, limit, info.Size())
	}
	onnx, err := os.ReadFile(path)
	if err != nil {
		return fmt.Errorf("model file: %w", err)
	}
	return e.Load(ctx, sha256hex, onnx)
}

// Unload implements Engine.
func (e *Endpoint) Unload(ctx context.Context, sha256hex string) error {
	if err := e.client.unload(ctx, sha256hex); err != nil {
		return err
	}
	e.index(ctx)
	return nil
}

// index reads anew which models the server holds. When it does not say, the next health check tells.
func (e *Endpoint) index(ctx context.Context) {
	models, err := e.client.models(ctx)
	if err != nil {
		return
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	e.status.LoadedModels = models
}

// Infer implements Engine. The server may have been replaced since the last health check; an outcome counts only when the
// server is still in the class that Status gave before the run.
func (e *Endpoint) Infer(ctx context.Context, sha256hex string, inputs []tensor.Tensor, outputs []string) (Outcome, error) {
	before := e.Status().Environment
	outcome, err := e.client.infer(ctx, sha256hex, inputs, outputs)
	if err != nil {
		return Outcome{}, err
	}
	class, _, err := e.class(ctx)
	if err != nil {
		return Outcome{}, err
	}
	if class != before {
		return Outcome{}, fmt.Errorf("%w: expected a server in environment class %s, got %s", ErrNotReady, before, class)
	}
	return outcome, nil
}

// class is the environment class of the server, as it states it or else as the operator does, and its version.
func (e *Endpoint) class(ctx context.Context) (class EnvironmentClass, version string, err error) {
	class, found, version, err := e.client.describe(ctx)
	if err == nil && !found {
		class = e.cfg.Environment
	}
	return class, version, err
}

// watch checks the server's health until ctx is done.
func (e *Endpoint) watch(ctx context.Context) {
	defer close(e.stopped)
	ticker := time.NewTicker(e.cfg.PollInterval)
	defer ticker.Stop()
	for {
		e.poll(ctx)
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
	}
}

func (e *Endpoint) poll(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, e.cfg.PollTimeout)
	defer cancel()
	class, version, models, err := e.ask(ctx)
	e.mu.Lock()
	defer e.mu.Unlock()
	if err != nil {
		e.status.Ready, e.status.LoadedModels = false, nil
		e.status.LastError = err.Error()
		return
	}
	if !e.status.Ready && e.seen {
		e.status.Restarts++
	}
	e.seen = true
	e.status.Ready, e.status.Environment, e.status.WorkerVersion, e.status.LoadedModels = true, class, version, models
}

func (e *Endpoint) ask(ctx context.Context) (class EnvironmentClass, version string, models []string, err error) {
	if err := e.client.ready(ctx, false); err != nil {
		return EnvironmentClass{}, "", nil, err
	}
	if class, version, err = e.class(ctx); err != nil {
		return EnvironmentClass{}, "", nil, err
	}
	models, err = e.client.models(ctx)
	return class, version, models, err
}
