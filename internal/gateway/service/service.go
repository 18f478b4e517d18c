// Package service is what the two protocols of the gateway have in common: who calls, what is asked for, and what becomes of
// it.
package service

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"golang.org/x/sync/semaphore"

	"github.com/opengradient/opengradient/internal/gateway/binary"
	"github.com/opengradient/opengradient/internal/gateway/chain"
	"github.com/opengradient/opengradient/internal/gateway/jobs"
	"github.com/opengradient/opengradient/internal/gateway/keys"
	"github.com/opengradient/opengradient/internal/tensor"
)

// Name is what the server calls itself.
const Name = "opengradient-gateway"

// Extensions are those of the protocol that the server supports.
var Extensions = []string{"binary_tensor_data", "model_configuration", "model_repository", "statistics", "parameters"}

// Config says how a service works.
type Config struct {
	Version string
	Chain   chain.Chain
	Engine  *jobs.Engine
	Ring    *keys.Ring
	Stats   *Stats
	Log     *slog.Logger
	// Patience is how long a synchronous request waits for its answer.
	Patience time.Duration
	// BodyMemory bounds the bytes of the requests that are under way together.
	BodyMemory int64
	// Failed is closed when nothing can be written to disk any more; it may be nil.
	Failed <-chan struct{}
}

// Service answers for the gateway. It is safe for concurrent use.
type Service struct {
	Config
	draining atomic.Bool
	drained  chan struct{}
	bodies   *semaphore.Weighted
}

// New is a service that is ready as soon as its chain is.
func New(c Config) *Service {
	return &Service{Config: c, drained: make(chan struct{}), bodies: semaphore.NewWeighted(c.BodyMemory)}
}

// Drain makes the service say that it is not ready and take no new requests.
func (s *Service) Drain() {
	if !s.draining.Swap(true) {
		close(s.drained)
	}
}

// Draining is closed by Drain.
func (s *Service) Draining() <-chan struct{} { return s.drained }

// Ready returns an error while requests cannot be taken.
func (s *Service) Ready(ctx context.Context) error {
	select {
	case <-s.Failed:
		return Errorf(Unavailable, "the gateway cannot write to its disk")
	default:
	}
	if s.draining.Load() {
		return Errorf(Unavailable, "%s", jobs.ErrStopping)
	}
	if err := s.Chain.Ready(ctx); err != nil {
		s.Log.Debug("not ready", "error", err)
		return Errorf(Unavailable, "%s", jobs.ErrChain)
	}
	return nil
}

// Caller finds out who calls, by the value of an Authorization header.
func (s *Service) Caller(authorization string) (*keys.Caller, error) {
	text := ""
	if authorization != "" {
		scheme, value, _ := strings.Cut(authorization, " ")
		if !strings.EqualFold(scheme, "Bearer") || strings.TrimSpace(value) == "" {
			return nil, Errorf(Unauthenticated, "authorization: expected Bearer KEY, got another scheme")
		}
		text = strings.TrimSpace(value)
	}
	c, err := s.Ring.Lookup(text)
	if text == "" && errors.Is(err, keys.ErrUnknown) {
		return nil, Errorf(Unauthenticated, "expected an API key (Authorization: Bearer ogk_...), got none")
	}
	if err != nil {
		return nil, AsError(err)
	}
	return c, nil
}

// Model finds a model as clients name it. Errors: *Error.
func (s *Service) Model(ctx context.Context, name, version string) (chain.Model, error) {
	m, err := s.Chain.Model(ctx, jobs.Reference(name, version))
	var invalid *chain.InvalidError
	switch {
	case errors.Is(err, chain.ErrNotFound), errors.As(err, &invalid):
		if version != "" {
			return m, Errorf(NotFound, "Request for unknown model: '%.128s' version %.64s is not found", name, version)
		}
		return m, Errorf(NotFound, "Request for unknown model: '%.128s' is not found", name)
	case err != nil:
		s.Log.Warn("model not read", "model", name, "error", err)
		return m, Errorf(Unavailable, "%s", jobs.ErrChain)
	}
	return m, nil
}

// Answer is a job and, when it is final, its outputs.
type Answer struct {
	jobs.Job
	Tensors []tensor.Tensor
}

// Infer takes a request and waits for its answer unless the options say otherwise: Tensors is nil then. Errors: *Error.
func (s *Service) Infer(ctx context.Context, caller *keys.Caller, ask jobs.Ask, p Parameters) (Answer, Options, error) {
	o, err := readOptions(p, &ask)
	if err != nil {
		return Answer{}, o, AsError(err)
	}
	if s.draining.Load() {
		return Answer{}, o, AsError(jobs.ErrStopping)
	}
	ask.Watched = o.Async
	j, found, err := s.Engine.Accept(ctx, caller, ask)
	if err != nil {
		s.Stats.Refused(AsError(err).HTTP)
		return Answer{}, o, s.tell("request not taken", err)
	}
	if found {
		s.Stats.Repeated()
	}
	if o.Async {
		return Answer{Job: j}, o, nil
	}
	if found {
		leave, err := s.Waits(caller)
		if err != nil {
			return Answer{Job: j}, o, err
		}
		defer leave()
	}
	patience := s.Patience
	if o.Timeout > 0 {
		patience = min(patience, o.Timeout)
	}
	waiting, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	j, err = s.Engine.Wait(waiting, caller.ID, j.ID, jobs.Job.Answered)
	switch {
	case errors.Is(err, context.DeadlineExceeded):
		return Answer{Job: j}, o, &Error{
			Code: Timeout, Job: j.ID,
			Message: fmt.Sprintf("expected an answer within %s, the request is %s: it goes on as job %s", patience, j.Stage, j.ID),
		}
	case err != nil:
		told := s.tell("job not read", err)
		told.Job = j.ID
		return Answer{Job: j}, o, told
	}
	a, err := s.answer(j)
	return a, o, err
}

// answer reads the outputs of a job that is answered.
func (s *Service) answer(j jobs.Job) (Answer, error) {
	if j.Failure != nil {
		return Answer{Job: j}, failed(j)
	}
	tensors, err := s.Engine.Outputs(j.ID)
	if err != nil {
		return Answer{Job: j}, s.tell("outputs not read", err)
	}
	return Answer{Job: j, Tensors: tensors}, nil
}

// tell classifies an error, and logs what the client is not told.
func (s *Service) tell(what string, err error) *Error {
	told := AsError(err)
	if told.Code == Internal || errors.Is(err, jobs.ErrChain) {
		s.Log.Error(what, "error", err)
	}
	var unavailable *chain.UnavailableError
	if errors.As(err, &unavailable) && unavailable.Detail != "" {
		s.Log.Warn(what, "error", unavailable.Detail)
	}
	return told
}

// Job reads a job of a caller, after waiting at most so long for it to be answered, or done when settled is set. Tensors are
// those of a job that is final. Errors: *Error.
func (s *Service) Job(ctx context.Context, caller *keys.Caller, id string, wait time.Duration, settled bool) (Answer, error) {
	until := jobs.Job.Answered
	if settled {
		until = func(j jobs.Job) bool { return j.Done != nil }
	}
	waiting, cancel := context.WithTimeout(ctx, wait)
	defer cancel()
	j, err := s.Engine.Wait(waiting, caller.ID, id, until)
	if err != nil && !errors.Is(err, context.DeadlineExceeded) {
		return Answer{}, s.tell("job not read", err)
	}
	if j.Answered() && j.Failure == nil {
		return s.answer(j)
	}
	return Answer{Job: j}, nil
}

// Parameters are what a response tells of the job behind it, under names that do not change.
func (a Answer) Parameters() []binary.Parameter {
	return []binary.Parameter{
		{Name: "gateway_job", Value: a.ID},
		{Name: "request_id", Value: number(a.RequestID)},
		{Name: "tx_hash", Value: a.TxHash},
		{Name: "submitted_height", Value: a.Height},
		{Name: "height", Value: a.FinalHeight},
		{Name: "model_sha256", Value: a.SHA256},
		{Name: "output_root", Value: a.OutputRoot},
		{Name: "request_digest", Value: a.RequestDigest},
		{Name: "fee", Value: number(a.Fee)},
		{Name: "gas_fee", Value: number(a.GasFee())},
		{Name: "reused", Value: a.Reused},
	}
}

// number is a count as the protocols have it: signed.
func number(n uint64) int64 { return int64(min(n, math.MaxInt64)) }

// Version is a model's version as the protocols have it.
func Version(m chain.Model) string { return strconv.FormatUint(uint64(m.Version), 10) }
