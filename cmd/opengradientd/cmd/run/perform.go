package run

import (
	"context"
	"errors"
	"fmt"

	"golang.org/x/sync/errgroup"

	"github.com/opengradient/opengradient/client"
)

// sideBySide bounds the requests that are under way at one time.
const sideBySide = 64

// perform submits every request and waits for it. What becomes of one is no concern of the others.
func (j *job) perform(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, j.timeout)
	defer cancel()
	defer j.show.end()
	var group errgroup.Group
	group.SetLimit(sideBySide)
	for i, r := range j.runs {
		group.Go(func() error {
			r.err = j.one(ctx, i, r)
			return nil
		})
	}
	_ = group.Wait() // the errors are kept with their requests
}

func (j *job) one(ctx context.Context, i int, r *oneRun) error {
	var err error
	j.show.stage(i, "signing and sending", 0)
	if r.submission, err = j.account.Submit(ctx, r.request); err != nil {
		return r.unsent(err)
	}
	for e, err := range j.chain.Watch(ctx, r.submission.RequestID) {
		if e.Status.Request.Id != 0 {
			r.status = e.Status
		}
		if err != nil {
			return r.unfinished(ctx, err, sameNode(j.cmd))
		}
		j.show.event(i, r, e)
		if e.Stage >= j.until {
			break
		}
	}
	return nil
}

// unsent says how to go on after a submission that was not seen in a block: it may be executed yet.
func (r *oneRun) unsent(err error) error {
	var pending *client.PendingError
	switch {
	case errors.As(err, &pending):
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return fmt.Errorf("nothing was signed: %w", err)
	default:
		return err
	}
	return fmt.Errorf("the request is signed and may still be executed: give the same command with --idempotency-key %s to follow it, nothing is charged twice: %w",
		pending.Key, pending.Err)
}

// unfinished says how to go on after a request that was not waited for to the end.
func (r *oneRun) unfinished(ctx context.Context, err error, node string) error {
	var failed *client.FailedError
	if errors.As(err, &failed) || ctx.Err() == nil {
		return err
	}
	id := r.submission.RequestID
	return fmt.Errorf("request %d goes on without being waited for, \"opengradientd query inference wait %d%s\" shows its answer: %w", id, id, node, err)
}

// finish prints the answers. It fails when one of the requests has none.
func (j *job) finish() error {
	var problems []error
	for i, r := range j.runs {
		if r.err != nil {
			problems = append(problems, j.about(i, r.err))
		}
	}
	if err := j.print(); err != nil {
		problems = append(problems, err)
	}
	return errors.Join(problems...)
}
