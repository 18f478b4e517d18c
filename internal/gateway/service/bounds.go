package service

import (
	"fmt"
	"time"

	"github.com/opengradient/opengradient/internal/gateway/jobs"
	"github.com/opengradient/opengradient/internal/gateway/keys"
)

// errMemory is a server whose memory for requests is in use.
var errMemory = &Error{Code: Unavailable, Message: "too many requests are being received: expected memory for one more, got none", RetryAfter: time.Second}

// Held are bytes of one request that count against the memory of the server. It is not safe for concurrent use.
type Held struct {
	service *Service
	n       int64
}

// Hold begins with no bytes.
func (s *Service) Hold() *Held { return &Held{service: s} }

// Grow counts n bytes more, before they are taken. Errors: *Error.
func (h *Held) Grow(n int64) error {
	if !h.service.bodies.TryAcquire(n) {
		return errMemory
	}
	h.n += n
	return nil
}

// Release counts all of them off.
func (h *Held) Release() {
	h.service.bodies.Release(h.n)
	h.n = 0
}

// Receives counts a request of a caller that is being received, until leave. Errors: *Error.
func (s *Service) Receives(caller *keys.Caller) (leave func(), err error) {
	leave, ok := caller.Read()
	if !ok {
		return nil, AsError(fmt.Errorf("%w: expected at most %d", jobs.ErrConcurrency, caller.Concurrency()))
	}
	return leave, nil
}

// Waits counts a call of a caller that waits for a job made before, until leave. Errors: *Error.
func (s *Service) Waits(caller *keys.Caller) (leave func(), err error) {
	leave, ok := caller.Wait()
	if !ok {
		return nil, AsError(fmt.Errorf("%w: expected at most %d", jobs.ErrWaiting, caller.Waits()))
	}
	return leave, nil
}
