package server

import (
	"context"
	"fmt"
	"time"

	"google.golang.org/grpc/status"
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

// deadline ends the process with code unless the function it returns is called within timeout. What the runtime does
// cannot be stopped in any other way.
func (s *Server) deadline(timeout time.Duration, code int, what string) (done func()) {
	timer := time.AfterFunc(timeout, func() {
		s.cfg.Exit(code, fmt.Sprintf("%s exceeded its deadline of %s", what, timeout))
	})
	return func() { timer.Stop() }
}
