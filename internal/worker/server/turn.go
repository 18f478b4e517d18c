package server

import (
	"context"
	"fmt"
	"time"

	"google.golang.org/grpc/status"

	"github.com/opengradient/opengradient/internal/worker/wire"
)

// begin waits for the turn to use the runtime. Each success must be followed by end.
func (s *Server) begin(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return status.FromContextError(err).Err()
	}
	select {
	case s.turn <- struct{}{}:
		if err := ctx.Err(); err != nil { // both were ready: nobody waits for the answer
			s.end()
			return status.FromContextError(err).Err()
		}
		return nil
	case <-ctx.Done():
		return status.FromContextError(ctx.Err()).Err()
	}
}

func (s *Server) end() { <-s.turn }

const (
	// starved is how many times a deadline in processor time may pass on the clock.
	starved = 10
	// glance is the pause between two looks at the processor time.
	glance = 20 * time.Millisecond

	// A load may take firstLoad, and a second more for each loadRate bytes of the file.
	firstLoad = 10 * time.Second
	loadRate  = 8 << 20
)

// loadTimeout is the deadline of loading a file of a size: what little files take for ever is no reason to wait as long as
// for a large one.
func (s *Server) loadTimeout(size int64) time.Duration {
	return min(s.cfg.LoadTimeout, firstLoad+time.Duration(size/loadRate)*time.Second)
}

// deadline ends the process with code unless the function it returns is called within timeout. What the runtime does
// cannot be stopped in any other way.
//
// With a CPUTime the timeout is in time of the processor. What does not use it up within many times as much of the
// clock is stalled: nothing can be said of the model.
func (s *Server) deadline(timeout time.Duration, code int, what string) (done func()) {
	if s.cfg.CPUTime != nil {
		return s.processorDeadline(timeout, code, what)
	}
	timer := time.AfterFunc(timeout, func() {
		s.cfg.Exit(code, fmt.Sprintf("%s exceeded its deadline of %s", what, timeout))
	})
	return func() { timer.Stop() }
}

func (s *Server) processorDeadline(timeout time.Duration, code int, what string) (done func()) {
	stop := make(chan struct{})
	start := s.cfg.CPUTime()
	go func() {
		ticker := time.NewTicker(min(glance, timeout))
		defer ticker.Stop()
		stalled := time.NewTimer(starved * timeout)
		defer stalled.Stop()
		for {
			select {
			case <-stop:
				return
			case <-stalled.C:
				s.cfg.Exit(wire.ExitStalled, fmt.Sprintf("%s did not get %s of the processor within %s", what, timeout, starved*timeout))
				return
			case <-ticker.C:
				if s.cfg.CPUTime()-start >= timeout {
					s.cfg.Exit(code, fmt.Sprintf("%s exceeded its deadline of %s of the processor", what, timeout))
					return
				}
			}
		}
	}()
	return func() { close(stop) }
}
