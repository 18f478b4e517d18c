package worker

import (
	"context"
	"errors"
	"fmt"
	"os"
	"runtime"
	"time"
)

// generation is one life of the worker.
type generation struct {
	client *client
	ended  chan struct{} // closed when the life has ended and cause is set
	cause  error
}

// noticing is how long the end of a process may be noticed after the end of its connection.
const noticing = time.Second

// explain tells why the worker ended if that is what err comes from.
func (g *generation) explain(ctx context.Context, err error) error {
	// A call that the caller did not cancel was cancelled by the end of the connection.
	if err == nil || ctx.Err() != nil || !lost(err) && !errors.Is(err, context.Canceled) {
		return err
	}
	timer := time.NewTimer(noticing)
	defer timer.Stop()
	select {
	case <-g.ended:
		return fmt.Errorf("%w: %w", ErrNotReady, g.cause)
	case <-ctx.Done():
	case <-timer.C:
	}
	return err
}

// supervise runs one worker after the other until ctx is done.
func (s *Supervisor) supervise(ctx context.Context) {
	// The kernel ends the worker when the thread that started it ends.
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	defer close(s.stopped)
	if s.ownFolder {
		defer func() { _ = os.RemoveAll(s.cfg.SocketDir) }()
	}
	pause := s.cfg.Backoff.Initial
	for {
		started := time.Now()
		err := s.live(ctx)
		if ctx.Err() != nil {
			return
		}
		if time.Since(started) >= s.cfg.Backoff.Reset {
			pause = s.cfg.Backoff.Initial
		}
		s.note(fmt.Sprintf("%v; restarting in %s", err, pause))
		timer := time.NewTimer(pause)
		select {
		case <-ctx.Done():
			timer.Stop()
			return
		case <-timer.C:
		}
		pause = min(2*pause, s.cfg.Backoff.Max)
		s.mu.Lock()
		s.status.Restarts++
		s.mu.Unlock()
	}
}

// live runs one worker from its start to its end, and says why it ended.
func (s *Supervisor) live(ctx context.Context) error {
	p, err := startProcess(s.cfg, socketPath(s.cfg.SocketDir, int(sockets.Add(1))), s.note)
	if err != nil {
		s.fail(err)
		return err
	}
	defer p.kill()
	c, err := dial("unix:"+p.socket, nil, s.cfg.MaxModelBytes, s.cfg.MaxOutputBytes)
	if err != nil {
		s.fail(err)
		return err
	}
	defer c.close()
	g := &generation{client: c, ended: make(chan struct{})}
	g.cause = s.attend(ctx, p, g)
	s.fail(g.cause)
	close(g.ended)
	return g.cause
}

// attend waits until the worker is ready, offers it, and watches it until it ends or must be ended.
func (s *Supervisor) attend(ctx context.Context, p *process, g *generation) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	go func() {
		select {
		case <-p.ended:
			cancel()
		case <-ctx.Done():
		}
	}()
	// why prefers the end of the process to the error it caused.
	why := func(err error) error {
		if lost(err) {
			timer := time.NewTimer(noticing)
			defer timer.Stop()
			select {
			case <-p.ended:
			case <-timer.C:
			}
		}
		select {
		case <-p.ended:
			return p.err
		default:
			return err
		}
	}
	class, version, err := s.greet(ctx, g.client)
	if err != nil {
		return why(fmt.Errorf("the worker did not become ready within %s: %w", s.cfg.StartTimeout, err))
	}
	s.offer(g, class, version)
	ticker := time.NewTicker(s.cfg.HealthInterval)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return why(errors.New("the supervisor is closed"))
		case <-ticker.C:
		}
		check, done := context.WithTimeout(ctx, s.cfg.HealthTimeout)
		err := g.client.ready(check, false)
		done()
		if err != nil {
			return why(fmt.Errorf("the worker failed its health check within %s and was killed: %w", s.cfg.HealthTimeout, err))
		}
	}
}

// greet waits until the worker answers, and asks what it is.
func (s *Supervisor) greet(ctx context.Context, c *client) (EnvironmentClass, string, error) {
	ctx, cancel := context.WithTimeout(ctx, s.cfg.StartTimeout)
	defer cancel()
	if err := c.ready(ctx, true); err != nil {
		return EnvironmentClass{}, "", err
	}
	class, found, version, err := c.describe(ctx)
	if err == nil && !found {
		err = fmt.Errorf("%w: the worker states no environment class", ErrProtocol)
	}
	return class, version, err
}
