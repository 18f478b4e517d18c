// Package jobs keeps the jobs of a gateway on disk and carries each to its end. A job that was accepted is on disk before
// anything is signed for it; the process may be killed at any moment: the next one goes on with what it finds.
package jobs

import (
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/opengradient/opengradient/internal/gateway/keys"
	"github.com/opengradient/opengradient/internal/gateway/ledger"
	"github.com/opengradient/opengradient/internal/gateway/store"
)

// The records of the database:
//
//	job/<id>                    the job
//	in/<id>, out/<id>           its inputs until it is submitted, its outputs once it is final
//	open/<id>                   an empty record for each job that is not done
//	end/<nanoseconds>/<id>      an empty record for each that is, by the time of its end
//	idem/<key>/<hash>           the job that a client's idempotency key made
//	spend/<key>/<day or total>  the balance of an API key
//	tx/<id>                     the transaction under way for a job
//	owner                       the account that signs, and its chain
const (
	jobPrefix   = "job/"
	inPrefix    = "in/"
	outPrefix   = "out/"
	openPrefix  = "open/"
	endPrefix   = "end/"
	idemPrefix  = "idem/"
	spendPrefix = "spend/"
	txPrefix    = "tx/"
	ownerKey    = "owner"
)

// ErrNoJob is an id without a job, or one of another API key.
var ErrNoJob = errors.New("no such job")

// errRecord is a record that cannot be read.
var errRecord = errors.New("unreadable record")

// Quotas tells the limits that hold for an API key now; false when it is gone.
type Quotas func(key string) (keys.Limits, bool)

// Book keeps jobs, balances and transactions. It is safe for concurrent use.
type Book struct {
	db     *store.Store
	quotas Quotas
	now    func() time.Time

	mu   sync.Mutex
	live map[string]*live // jobs that are not done
	// entering counts jobs that are on their way to disk.
	entering int
	// promises are the outcomes of transactions of live jobs that are not on disk yet.
	promises map[string]*promise
}

// live is the newest revision of a job that is not done.
type live struct {
	job     Job
	changed chan struct{} // closed by the next revision
}

// NewBook is the book in a database.
func NewBook(db *store.Store, quotas Quotas, now func() time.Time) *Book {
	return &Book{db: db, quotas: quotas, now: now, live: make(map[string]*live), promises: make(map[string]*promise)}
}

// idemRecord is the content of an idem record.
type idemRecord struct {
	Job     string `json:"job"`
	Content string `json:"content"`
}

func get[T any](tx *store.Tx, key string) (value T, found bool, err error) {
	b, found, err := tx.Get(key)
	if err != nil || !found {
		return value, false, err
	}
	if err := json.Unmarshal(b, &value); err != nil {
		return value, false, fmt.Errorf("%w: %s: %w", errRecord, key, err)
	}
	return value, true, nil
}

func set(tx *store.Tx, key string, value any) error {
	b, err := json.Marshal(value)
	if err != nil {
		return fmt.Errorf("record %s: %w", key, err)
	}
	tx.Set(key, b)
	return nil
}

func load(tx *store.Tx, id string) (Job, error) {
	j, found, err := get[Job](tx, jobPrefix+id)
	if err == nil && !found {
		err = fmt.Errorf("%w: %.64q", ErrNoJob, id)
	}
	return j, err
}

// grant says what a change of a job is.
type grant uint8

const (
	// within: it has to fit the quota.
	within grant = iota
	// happened: it records what has happened.
	happened
)

// put writes a job and brings the balances of its API key in line. before is nil for a new job.
func (b *Book) put(tx *store.Tx, before *Job, after *Job, g grant) error {
	var from ledger.Amounts
	if before != nil {
		from = before.Amounts()
	}
	to := after.Amounts()
	limits, known := b.quotas(after.Key)
	for _, period := range []string{string(ledger.Total), after.Day} {
		key := spendPrefix + after.Key + "/" + period
		balance, _, err := get[ledger.Balance](tx, key)
		if err != nil {
			return err
		}
		checked := (limits.Per == ledger.Total) == (period == string(ledger.Total))
		if more := to.Used() - min(to.Used(), from.Used()); more > 0 && g == within {
			switch {
			case !known:
				return fmt.Errorf("%w: the API key is gone", ledger.ErrQuota)
			case checked:
				if err := balance.Room(limits.Quota, limits.Per, more); err != nil {
					return err
				}
			}
		}
		if balance, err = balance.Change(from, to); err != nil {
			return err
		}
		if before == nil {
			balance.Jobs++
		}
		if err := set(tx, key, balance); err != nil {
			return err
		}
	}
	after.Revision++
	if before == nil || before.Done == nil {
		switch {
		case after.Done != nil:
			tx.Delete(openPrefix + after.ID)
			tx.Set(endKey(*after.Done, after.ID), nil)
		case before == nil:
			tx.Set(openPrefix+after.ID, nil)
		}
	}
	return set(tx, jobPrefix+after.ID, after)
}

func endKey(t time.Time, id string) string {
	return fmt.Sprintf("%s%020d/%s", endPrefix, t.UnixNano(), id)
}

// update changes a job on disk and then tells those who wait for it. change may write other records in the same transaction.
func (b *Book) update(id string, g grant, change func(*store.Tx, *Job) error) (Job, error) {
	var after Job
	write := b.db.Note // what has happened on the chain can be found out again
	if g != happened {
		write = b.db.Do
	}
	err := write(func(tx *store.Tx) error {
		before, err := load(tx, id)
		if err != nil {
			return err
		}
		after = before
		after.Events = append([]Event(nil), before.Events...)
		if err := change(tx, &after); err != nil {
			return err
		}
		return b.put(tx, &before, &after, g)
	})
	if err != nil {
		return Job{}, err
	}
	b.publish(after)
	return after, nil
}

// publish makes a revision known. Revisions may come out of their order.
func (b *Book) publish(j Job) {
	b.mu.Lock()
	defer b.mu.Unlock()
	l, ok := b.live[j.ID]
	if !ok {
		if j.Done != nil {
			return
		}
		b.live[j.ID] = &live{job: j, changed: make(chan struct{})}
		return
	}
	if j.Revision <= l.job.Revision {
		return
	}
	close(l.changed)
	if j.Done != nil {
		delete(b.live, j.ID)
		return
	}
	b.live[j.ID] = &live{job: j, changed: make(chan struct{})}
}

// current gives the newest revision of a job, and a channel that closes with the next; nil when there will be none.
func (b *Book) current(id string) (Job, <-chan struct{}, error) {
	b.mu.Lock()
	if l, ok := b.live[id]; ok {
		defer b.mu.Unlock()
		return l.job, l.changed, nil
	}
	b.mu.Unlock()
	var j Job
	err := b.db.View(func(tx *store.Tx) (err error) {
		j, err = load(tx, id)
		return err
	})
	return j, nil, err
}

// Open is the number of jobs that are not done.
func (b *Book) Open() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return len(b.live)
}

// enter makes room for a job that is about to be written; false when there are as many open jobs as may be. With true, entered
// has to follow once the job is published or was not made.
func (b *Book) enter(most int) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(b.live)+b.entering >= most {
		return false
	}
	b.entering++
	return true
}

func (b *Book) entered() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.entering--
}

// Usage is what an API key has used.
type Usage struct {
	Day   string         `json:"day"` // UTC
	Today ledger.Balance `json:"today"`
	Total ledger.Balance `json:"total"`
}

// Usage gives the balances of an API key.
func (b *Book) Usage(key string) (Usage, error) {
	u := Usage{Day: ledger.Day(b.now())}
	err := b.db.View(func(tx *store.Tx) (err error) {
		if u.Today, _, err = get[ledger.Balance](tx, spendPrefix+key+"/"+u.Day); err != nil {
			return err
		}
		u.Total, _, err = get[ledger.Balance](tx, spendPrefix+key+"/"+string(ledger.Total))
		return err
	})
	return u, err
}
