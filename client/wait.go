package client

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"math/rand/v2"
	"strings"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/opengradient/opengradient/internal/sequencer"
	inferencetypes "github.com/opengradient/opengradient/x/inference/types"
)

const (
	// maxLooks is the number of requests that are looked at in one moment, whoever waits for them.
	maxLooks = 16
	// safetyInterval is the time after which a request is looked at although no block said anything of it. It is drawn between
	// this and twice as much, so that not all look at once.
	safetyInterval = 10 * time.Second
	// lookRetry is the pause after a failure of the connection.
	lookRetry = time.Second
)

// ErrClosed is the use of a client or an account that was closed.
var ErrClosed = sequencer.ErrClosed

// Wait returns once a request has reached a stage, or a later one. It fails with a *FailedError when the request ends without an
// answer, with ErrClosed when the client is closed, and with the context's error. While the node is away it goes on waiting.
// Any number of goroutines may wait at one time: the node is asked for a request when a block says something of it.
func (c *Client) Wait(ctx context.Context, id uint64, until Stage) (Status, error) {
	w := c.follower.watch(id)
	defer c.follower.leave(id, w)
	for {
		s, err := c.look(ctx, id, until)
		if err == nil && s.Stage >= until || err != nil && !passing(err) {
			return s, err
		}
		if err := c.pause(ctx, w, err); err != nil {
			return s, fmt.Errorf("request %d: waiting for it to be %s: %w", id, until, err)
		}
	}
}

// pause waits until a request is worth another look.
func (c *Client) pause(ctx context.Context, w *waiter, failure error) error {
	pause := safetyInterval + rand.N(safetyInterval)
	if failure != nil {
		pause = lookRetry
	}
	timer := time.NewTimer(pause)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return errors.Join(ctx.Err(), failure)
	case <-c.closed.Done():
		return ErrClosed
	case <-w.wake:
	case <-timer.C:
	}
	return nil
}

// look reads where a request stands, and what belongs to the stage that is asked for.
func (c *Client) look(ctx context.Context, id uint64, until Stage) (Status, error) {
	select {
	case c.looks <- struct{}{}:
		defer func() { <-c.looks }()
	case <-ctx.Done():
		return Status{}, ctx.Err()
	}
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	res, err := c.Inference.Request(ctx, &inferencetypes.QueryRequestRequest{Id: id})
	if err != nil {
		return Status{}, fmt.Errorf("request %d: %w", id, err)
	}
	s := Status{Request: res.Request, Stage: StageAccepted}
	switch res.Request.Status {
	case inferencetypes.REQUEST_STATUS_FAILED, inferencetypes.REQUEST_STATUS_CANCELLED:
		return s, &FailedError{Request: res.Request}
	case inferencetypes.REQUEST_STATUS_FINALIZED:
		s.Stage = StageFinal
		return s, c.readAnswer(ctx, &s, until)
	case inferencetypes.REQUEST_STATUS_ASSIGNED, inferencetypes.REQUEST_STATUS_RETRYING:
		s.Stage = StageAssigned
	}
	return s, nil
}

// readAnswer reads the answer of a final request, and its receipt when that is asked for.
func (c *Client) readAnswer(ctx context.Context, s *Status, until Stage) error {
	id := s.Request.Id
	res, err := c.Inference.Result(ctx, &inferencetypes.QueryResultRequest{Id: id})
	if err != nil {
		return fmt.Errorf("result of request %d: %w", id, err)
	}
	s.OutputRoot, s.Outputs = res.Result.OutputRoot, make([]Tensor, len(res.Outputs))
	for i, t := range res.Outputs {
		if s.Outputs[i], err = t.Tensor(); err != nil {
			return fmt.Errorf("result of request %d: %w: %w", id, errMalformed, err)
		}
	}
	if until < StageSettled {
		return nil
	}
	receipt, err := c.Inference.Receipt(ctx, &inferencetypes.QueryReceiptRequest{Id: id})
	switch {
	case notSettled(err):
		return nil
	case err != nil:
		return fmt.Errorf("receipt of request %d: %w", id, err)
	}
	s.Receipt, s.Stage = receipt, StageSettled
	return nil
}

// notSettled tells whether a receipt is not sealed yet. The RPC of a node does not keep that code, only the text.
func notSettled(err error) bool {
	return status.Code(err) == codes.FailedPrecondition || err != nil && strings.Contains(err.Error(), inferencetypes.ErrNotSettled.Error())
}

// WaitReceipt returns once the receipt of a request is sealed, a few blocks after it became final. A request that failed has one
// when validators agreed that the model fails on its inputs. It fails as Wait does, and when the chain does not know the request.
func (c *Client) WaitReceipt(ctx context.Context, id uint64) (inferencetypes.Receipt, error) {
	w := c.follower.watch(id)
	defer c.follower.leave(id, w)
	for {
		receipt, err := c.receipt(ctx, id)
		if err == nil {
			return receipt.Receipt, nil
		}
		switch {
		case notSettled(err):
			err = nil
		case !passing(err):
			return inferencetypes.Receipt{}, err
		}
		if err := c.pause(ctx, w, err); err != nil {
			return inferencetypes.Receipt{}, fmt.Errorf("request %d: waiting for its receipt: %w", id, err)
		}
	}
}

// receipt reads a receipt.
func (c *Client) receipt(ctx context.Context, id uint64) (*inferencetypes.QueryReceiptResponse, error) {
	select {
	case c.looks <- struct{}{}:
		defer func() { <-c.looks }()
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	res, err := c.Inference.Receipt(ctx, &inferencetypes.QueryReceiptRequest{Id: id})
	if err != nil {
		return nil, fmt.Errorf("receipt of request %d: %w", id, err)
	}
	return res, nil
}

// Status reads where a request stands now. A request that ended without an answer is a *FailedError.
func (c *Client) Status(ctx context.Context, id uint64) (Status, error) {
	return c.look(ctx, id, StageSettled)
}

// Event is a stage that a request has reached.
type Event struct {
	Stage Stage
	// Height is the block of it.
	Height int64
	// Attempt counts from 1, at StageAssigned.
	Attempt uint32
	// Status is the request as it was when the stage was noticed.
	Status Status
}

// Watch gives the stages of a request as they come, each once, those before the call first; every attempt is a StageAssigned. It
// ends after StageSettled, or with an error as Wait does.
func (c *Client) Watch(ctx context.Context, id uint64) iter.Seq2[Event, error] {
	return func(yield func(Event, error) bool) {
		w := c.follower.watch(id)
		defer c.follower.leave(id, w)
		var seen seen
		for {
			s, err := c.look(ctx, id, StageSettled)
			if err == nil {
				for _, e := range seen.news(s) {
					if !yield(e, nil) {
						return
					}
				}
				if s.Stage == StageSettled {
					return
				}
			} else if !passing(err) {
				yield(Event{Status: s}, err)
				return
			}
			if err := c.pause(ctx, w, err); err != nil {
				yield(Event{Status: s}, fmt.Errorf("request %d: watching it: %w", id, err))
				return
			}
		}
	}
}

// seen is what a watcher was told.
type seen struct {
	stage   Stage
	attempt uint32
}

// news are the stages of a status that were not told yet.
func (n *seen) news(s Status) []Event {
	var events []Event
	r := s.Request
	tell := func(e Event) {
		e.Status = s
		events = append(events, e)
		n.stage = max(n.stage, e.Stage)
	}
	if n.stage < StageAccepted {
		tell(Event{Stage: StageAccepted, Height: r.SubmittedHeight})
	}
	if r.AssignedHeight > 0 && r.Attempt > n.attempt && s.Stage >= StageAssigned {
		n.attempt = r.Attempt
		tell(Event{Stage: StageAssigned, Height: r.AssignedHeight, Attempt: r.Attempt})
	}
	if s.Stage >= StageFinal && n.stage < StageFinal {
		tell(Event{Stage: StageFinal, Height: r.FinalHeight})
	}
	if s.Stage >= StageSettled && n.stage < StageSettled {
		tell(Event{Stage: StageSettled, Height: s.Receipt.Receipt.SettledHeight})
	}
	return events
}
