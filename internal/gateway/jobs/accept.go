package jobs

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"

	"github.com/opengradient/opengradient/internal/gateway/chain"
	"github.com/opengradient/opengradient/internal/gateway/keys"
	"github.com/opengradient/opengradient/internal/gateway/ledger"
	"github.com/opengradient/opengradient/internal/gateway/store"
	"github.com/opengradient/opengradient/internal/tensor"
)

// Bounds of what a client chooses.
const (
	// MaxIdempotencyKey is that of its idempotency key, in bytes.
	MaxIdempotencyKey = 255
	// MaxID is that of its identifier, in bytes.
	MaxID = 1024
	// MaxMaxFee is that of its maximum fee, in uopg: no sum over the jobs of a key comes near the end of the numbers.
	MaxMaxFee = 1 << 62
)

// Errors of Accept, beside those of chain.Check, ledger.ErrQuota and those of a key that is no longer good.
var (
	// ErrConflict is an idempotency key that was used with other content.
	ErrConflict = errors.New("idempotency key was used with other content")
	// ErrBusy is a gateway with as many open jobs as it may have.
	ErrBusy = errors.New("too many open jobs")
	// ErrConcurrency is a caller with as many requests without an answer as it may have.
	ErrConcurrency = errors.New("too many requests of this API key without an answer")
	// ErrWaiting is a caller with as many calls that wait for jobs as it may have.
	ErrWaiting = errors.New("too many calls of this API key that wait for jobs")
	// ErrChain is a chain that cannot be asked.
	ErrChain = errors.New("the chain cannot be reached")
	// ErrStopping is a gateway that ends.
	ErrStopping = errors.New("the gateway is stopping")
)

// Accept checks a request, reserves what it may cost and writes it to disk as a job, which is then carried to its end
// whatever becomes of the caller. A request that repeats an idempotency key with the same content gives the job that the
// first one made. found tells so.
func (e *Engine) Accept(ctx context.Context, caller *keys.Caller, ask Ask) (j Job, found bool, err error) {
	if err := ask.bounds(); err != nil {
		return Job{}, false, err
	}
	if caller, err = e.current(caller); err != nil {
		return Job{}, false, err
	}
	content, err := ask.content()
	if err != nil {
		return Job{}, false, err
	}
	idem := ""
	if ask.IdempotencyKey != "" {
		if idem, err = idemKey(caller.ID, ask.IdempotencyKey); err != nil {
			return Job{}, false, err
		}
		var again Job
		err := e.book.db.View(func(tx *store.Tx) (err error) {
			again, found, err = repeated(tx, idem, content)
			return err
		})
		if err != nil || found {
			return again, found, err
		}
	}
	if e.stopping() {
		return Job{}, false, ErrStopping
	}
	leave, ok := caller.Enter()
	if !ok {
		return Job{}, false, fmt.Errorf("%w: expected at most %d", ErrConcurrency, caller.Concurrency())
	}
	j, found, err = e.create(ctx, caller.ID, ask, idem, content)
	if err != nil || found {
		leave()
		return j, found, err
	}
	e.start(j, ask.Inputs, leave)
	return j, false, nil
}

// current is a caller as its key is now.
func (e *Engine) current(caller *keys.Caller) (*keys.Caller, error) {
	now, ok := e.cfg.Callers(caller.ID)
	switch {
	case !ok:
		return nil, keys.ErrUnknown
	case now.Revoked != nil:
		return nil, keys.ErrRevoked
	default:
		return now, nil
	}
}

// create makes a job unless another call has just made it.
func (e *Engine) create(ctx context.Context, key string, ask Ask, idem, content string) (Job, bool, error) {
	checked, err := e.chain.Check(ctx, chain.Request{
		Model: Reference(ask.Model, ask.Version), Inputs: ask.Inputs, Outputs: ask.Outputs, Tier: ask.Tier, Sealing: ask.Sealing,
		FeeClass: ask.FeeClass, MaxFee: ask.MaxFee, ReuseBlocks: ask.ReuseBlocks,
	})
	if err != nil {
		if refuses(err) || ctx.Err() != nil {
			return Job{}, false, err
		}
		return Job{}, false, fmt.Errorf("%w: %w", ErrChain, err)
	}
	inputs, err := tensor.Encode(ask.Inputs)
	if err != nil {
		return Job{}, false, err
	}
	random := make([]byte, 16)
	if _, err := rand.Read(random); err != nil {
		return Job{}, false, err
	}
	now := e.book.now()
	job := Job{
		ID: hex.EncodeToString(random), Key: key, Created: now.UTC(), Day: ledger.Day(now),
		Model: ask.Model, Name: checked.Model.Name, Version: fmt.Sprint(checked.Model.Version), SHA256: checked.Model.SHA256, ClientID: ask.ID,
		Outputs: ask.Outputs, Tier: ask.Tier, Sealing: ask.Sealing, FeeClass: ask.FeeClass, MaxFee: checked.Request.MaxFee,
		FixedMaxFee: ask.MaxFee != 0, ReuseBlocks: ask.ReuseBlocks, Idempotency: idem, Watched: ask.Watched,
		Gas: gas{Budget: checked.GasFee},
	}
	job.step(StageAccepted, now, 0)
	var again Job
	found := false
	if !e.book.enter(e.cfg.MaxOpen) {
		return e.full(idem, content)
	}
	defer e.book.entered()
	err = e.book.db.Do(func(tx *store.Tx) error {
		if idem != "" {
			var err error
			if again, found, err = repeated(tx, idem, content); err != nil || found {
				return err
			}
			if err := set(tx, idem, idemRecord{Job: job.ID, Content: content}); err != nil {
				return err
			}
		}
		tx.Set(inPrefix+job.ID, inputs)
		return e.book.put(tx, nil, &job, within)
	})
	if err != nil || found {
		return again, found, err
	}
	e.book.publish(job)
	return job, false, nil
}

// full is the answer of a gateway without room: the job that another call has just made with the idempotency key, or ErrBusy.
func (e *Engine) full(idem, content string) (j Job, found bool, err error) {
	if idem != "" {
		err = e.book.db.View(func(tx *store.Tx) (err error) {
			j, found, err = repeated(tx, idem, content)
			return err
		})
	}
	if err == nil && !found {
		err = fmt.Errorf("%w: expected at most %d", ErrBusy, e.cfg.MaxOpen)
	}
	return j, found, err
}

// refuses tells whether a check has said no, rather than failed.
func refuses(err error) bool {
	return errors.As(err, new(*chain.InvalidError)) || errors.As(err, new(*chain.UnavailableError)) || errors.Is(err, chain.ErrNotFound)
}

// bounds refuses what the chain would not see, or not refuse.
func (a Ask) bounds() error {
	if len(a.ID) > MaxID {
		return &chain.InvalidError{Field: "id", Expected: fmt.Sprintf("at most %d bytes", MaxID), Got: fmt.Sprint(len(a.ID))}
	}
	if a.MaxFee > MaxMaxFee {
		return &chain.InvalidError{Field: "parameters.max_fee", Expected: fmt.Sprintf("at most %duopg", uint64(MaxMaxFee)), Got: fmt.Sprintf("%duopg", a.MaxFee)}
	}
	return nil
}

// idemKey is the record of a client's idempotency key.
func idemKey(key, idempotency string) (string, error) {
	if len(idempotency) > MaxIdempotencyKey {
		return "", &chain.InvalidError{Field: "idempotency_key", Expected: fmt.Sprintf("at most %d bytes", MaxIdempotencyKey), Got: fmt.Sprint(len(idempotency))}
	}
	hash := sha256.Sum256([]byte(idempotency))
	return idemPrefix + key + "/" + hex.EncodeToString(hash[:]), nil
}

// repeated finds the job that an idempotency key made. One that the chain never accepted is forgotten when it may be tried
// again.
func repeated(tx *store.Tx, idem, content string) (Job, bool, error) {
	record, found, err := get[idemRecord](tx, idem)
	if err != nil || !found {
		return Job{}, false, err
	}
	j, err := load(tx, record.Job)
	switch {
	case errors.Is(err, ErrNoJob):
		return Job{}, false, nil
	case err != nil:
		return Job{}, false, err
	case j.Done != nil && j.Failure != nil && j.Failure.Again:
		return Job{}, false, nil
	case record.Content != content:
		return Job{}, false, ErrConflict
	default:
		return j, true, nil
	}
}
