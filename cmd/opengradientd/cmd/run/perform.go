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
		return r.unsent(ctx, err)
	}
	for e, err := range j.chain.Watch(ctx, r.submission.RequestID) {
		if e.Status.Request.Id != 0 {
			r.status = e.Status
		}
		if err != nil {
			return r.unfinished(ctx, err)
		}
		j.show.event(i, r, e)
		if e.Stage >= j.until {
			break
		}
	}
	return nil
}

// unsent says how to go on after a submission that was not seen in a block: it may be executed yet.
func (r *oneRun) unsent(ctx context.Context, err error) error {
	if ctx.Err() == nil {
		return err
	}
	return fmt.Errorf("%w; nothing is charged twice when you run it again with --idempotency-key %s", err, r.request.IdempotencyKey)
}

// unfinished says how to go on after a request that was not waited for to the end.
func (r *oneRun) unfinished(ctx context.Context, err error) error {
	var failed *client.FailedError
	if errors.As(err, &failed) || ctx.Err() == nil {
		return err
	}
	id := r.submission.RequestID
	return fmt.Errorf("request %d goes on without being waited for, \"opengradientd query inference wait %d\" shows its answer: %w", id, id, err)
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
