package jobs

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/opengradient/opengradient/internal/gateway/chain"
	"github.com/opengradient/opengradient/internal/gateway/ledger"
	"github.com/opengradient/opengradient/internal/gateway/store"
)

// chainPrefix begins the idempotency key, on the chain, of every job.
const chainPrefix = "gw-"

// chainKey is the idempotency key of a job on the chain. No two jobs of any gateway have the same.
func chainKey(id string) string { return chainPrefix + id }

// Journal gives the journal of transactions. It counts their gas to their jobs.
func (b *Book) Journal() chain.Journal { return journal{b} }

type journal struct{ *Book }

// Claim implements chain.Journal.
func (b journal) Claim(owner string) error {
	return b.db.Do(func(tx *store.Tx) error {
		known, found, err := get[string](tx, ownerKey)
		switch {
		case err != nil:
			return err
		case !found:
			return set(tx, ownerKey, owner)
		case known != owner:
			return fmt.Errorf("the gateway's folder: expected that of %s, got that of %s: use another --home, or the key it was made with", owner, known)
		default:
			return nil
		}
	})
}

// Signed implements chain.Journal.
func (b journal) Signed(t chain.Transaction) error {
	id, ok := strings.CutPrefix(t.Key, chainPrefix)
	if !ok {
		return fmt.Errorf("%w: journal: expected the idempotency key of a job, got %.64q", chain.ErrDenied, t.Key)
	}
	_, err := b.update(id, within, func(tx *store.Tx, j *Job) error {
		j.Gas.Signed, j.Gas.Live = true, t.GasFee
		j.Gas.Budget = max(j.Gas.Budget, ledger.Add(j.Gas.Paid, j.Gas.Live))
		return set(tx, txPrefix+id, t)
	})
	if err != nil && b.db.Err() == nil && !errors.Is(err, store.ErrClosed) {
		return fmt.Errorf("%w: %w", chain.ErrDenied, err) // it is the job's, not the disk's
	}
	return err
}

// Settled implements chain.Journal. The runner of the job writes the outcome to disk, in one piece with what follows from it,
// and then the transaction is forgotten; until then a new process finds the transaction and its outcome again.
func (b journal) Settled(key string, o chain.Outcome) error {
	id := strings.TrimPrefix(key, chainPrefix)
	j, _, err := b.current(id)
	if err != nil && !errors.Is(err, ErrNoJob) && !errors.Is(err, errRecord) {
		return err
	}
	if err == nil && j.Stage == StageAccepted {
		p := b.promise(id)
		b.mu.Lock()
		defer b.mu.Unlock()
		if !p.kept {
			p.kept, p.outcome = true, o
			close(p.done)
		}
		return nil
	}
	if err != nil {
		return b.db.Note(func(tx *store.Tx) error { tx.Delete(txPrefix + id); return nil })
	}
	gasFee := o.Submission.GasFee
	if o.Refused != nil {
		gasFee = o.Refused.GasFee
	}
	_, err = b.update(id, happened, func(tx *store.Tx, j *Job) error {
		if _, found, err := tx.Get(txPrefix + id); err != nil || !found {
			return err // its runner has counted it
		}
		settle(tx, j, gasFee)
		return nil
	})
	return err
}

// Unsettled implements chain.Journal.
func (b journal) Unsettled() ([]chain.Transaction, error) {
	var list []chain.Transaction
	err := b.db.View(func(tx *store.Tx) error {
		var bad error
		err := tx.Scan(txPrefix, "", func(key string, _ []byte) bool {
			var t chain.Transaction
			if t, _, bad = get[chain.Transaction](tx, key); bad != nil {
				return false
			}
			list = append(list, t)
			return true
		})
		return errors.Join(bad, err)
	})
	return list, err
}

// promise is the outcome of the transactions of a job, once the journal is told of it.
type promise struct {
	done    chan struct{} // closed then
	kept    bool
	outcome chain.Outcome
}

// promise gives that of a job.
func (b *Book) promise(id string) *promise {
	b.mu.Lock()
	defer b.mu.Unlock()
	p, ok := b.promises[id]
	if !ok {
		p = &promise{done: make(chan struct{})}
		b.promises[id] = p
	}
	return p
}

// outcome waits for what the journal is told of the end of a job's transactions.
func (b *Book) outcome(ctx context.Context, id string) (chain.Outcome, error) {
	p := b.promise(id)
	select {
	case <-ctx.Done():
		return chain.Outcome{}, ctx.Err()
	case <-p.done:
		return p.outcome, nil
	}
}

// settle writes to a job what its transactions have cost, and forgets them.
func settle(tx *store.Tx, j *Job, gasFee uint64) {
	j.Gas.Paid = ledger.Add(j.Gas.Paid, gasFee)
	j.Gas.Signed, j.Gas.Live = false, 0
	j.Gas.Budget = max(j.Gas.Budget, j.Gas.Paid)
	tx.Delete(txPrefix + j.ID)
}

// settled drops the outcome that is on disk now.
func (b *Book) settled(id string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	delete(b.promises, id)
}
