// Package server is the worker's Open Inference Protocol service: it loads models sent or named to it, keeps their sessions within
// a memory budget and runs one inference at a time. Attested results are made here, so requests are never batched.
//
// A model is named by the SHA-256 of its bytes, in hexadecimal, and has the one version "1". Deterministic failures are
// marked in the trailing metadata (package wire); any other error says nothing about the model. A load or run that
// exceeds its hard deadline ends the process, because the runtime cannot be interrupted.
package server

import (
	"errors"
	"fmt"
	"os"
	"time"

	"google.golang.org/grpc"

	"github.com/opengradient/opengradient/internal/oip"
	"github.com/opengradient/opengradient/internal/tensor"
	"github.com/opengradient/opengradient/internal/worker/backend"
	"github.com/opengradient/opengradient/internal/worker/wire"
)

// SessionFactor is the memory a session is counted with, as a multiple of the model file's size.
const SessionFactor = wire.SessionFactor

// messageOverhead is the room for everything in a message beside model or tensor bytes.
const messageOverhead = 1 << 20

// Signature is what a model's inspection gives the server.
type Signature struct {
	Inputs, Outputs []tensor.Spec
}

// Config is what a Server needs. All fields are required but where they say otherwise.
type Config struct {
	Version     string                // of the worker
	Environment wire.EnvironmentClass // announced in the server's metadata
	Runtime     backend.Runtime
	// Inspect reads a model's signature, or refuses the model with an error. It never panics and is bounded.
	Inspect func(model []byte) (Signature, error)

	ModelBudget    int64 // bytes of memory for sessions, each counted as SessionFactor times its file
	MaxModelBytes  int64 // bytes of one model file; one that is sent has at most maxMessage
	MaxOutputBytes int64 // bytes of the canonical encoding of the outputs of one request

	// ModelFolder is the folder whose files may be loaded by their paths within it; empty when none may.
	ModelFolder string

	LoadTimeout time.Duration // hard deadline of inspecting and loading a model; that of a small one is shorter
	RunTimeout  time.Duration // hard deadline of one run
	// CPUTime is the processor time that the process has used; the deadlines are measured in it. Nil: by the clock.
	CPUTime func() time.Duration

	// Exit ends the process with a code of package wire. It is called when a hard deadline has passed.
	Exit func(code int, reason string)
}

// Validate checks that every field is set and in range.
func (c Config) Validate() error {
	if err := c.Environment.Validate(); err != nil {
		return err
	}
	switch {
	case c.Version == "" || c.Runtime == nil || c.Inspect == nil || c.Exit == nil:
		return errors.New("worker server: version, runtime, inspection and exit are required")
	case c.ModelBudget <= 0 || c.MaxModelBytes <= 0 || c.MaxOutputBytes <= 0:
		return fmt.Errorf("worker server: expected budgets and limits above 0, got %d, %d and %d", c.ModelBudget, c.MaxModelBytes, c.MaxOutputBytes)
	case c.MaxModelBytes > maxModel || c.MaxOutputBytes > maxMessage:
		return fmt.Errorf("worker server: expected limits of at most %d and %d bytes, got %d and %d",
			int64(maxModel), int64(maxMessage), c.MaxModelBytes, c.MaxOutputBytes)
	case c.LoadTimeout <= 0 || c.RunTimeout <= 0:
		return fmt.Errorf("worker server: expected deadlines above 0, got %s and %s", c.LoadTimeout, c.RunTimeout)
	}
	return nil
}

const (
	maxMessage = 1 << 30   // bytes of a model or of outputs that fit one message
	maxModel   = 1<<31 - 1 // bytes of a model: a protobuf message has no more
)

// Server implements the service. Its methods are safe for concurrent use.
type Server struct {
	oip.UnimplementedGRPCInferenceServiceServer

	cfg   Config
	turn  chan struct{} // holds a token while the runtime works
	cache *cache
	files *os.Root // the model folder, or nil
}

// New makes a server.
func New(cfg Config) (*Server, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	s := &Server{cfg: cfg, turn: make(chan struct{}, 1), cache: newCache(cfg.ModelBudget)}
	if cfg.ModelFolder != "" {
		var err error
		if s.files, err = os.OpenRoot(cfg.ModelFolder); err != nil {
			return nil, fmt.Errorf("worker server: model folder: %w", err)
		}
	}
	return s, nil
}

// NewGRPC makes a gRPC server that offers s, with message sizes bound to its limits.
func NewGRPC(s *Server) *grpc.Server {
	g := grpc.NewServer(
		grpc.MaxRecvMsgSize(int(min(s.cfg.MaxModelBytes, maxMessage)+messageOverhead)),
		grpc.MaxSendMsgSize(int(s.cfg.MaxOutputBytes+messageOverhead)),
		grpc.UnaryInterceptor(recoverPanic),
	)
	oip.RegisterGRPCInferenceServiceServer(g, s)
	return g
}

// Close frees the sessions, once the work under way has ended.
func (s *Server) Close() {
	s.turn <- struct{}{}
	defer func() { <-s.turn }()
	s.cache.clear()
	if s.files != nil {
		_ = s.files.Close() // it was only read
		s.files = nil
	}
}
