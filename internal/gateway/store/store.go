// Package store is a small database on disk with serial transactions. A transaction is a function; transactions run one
// after the other, so that each sees what those before it wrote, and their writes are synced to disk together: many callers
// share one sync. When Do returns without an error, the writes are on disk, and the next process finds them.
package store

import (
	"bytes"
	"errors"
	"fmt"
	"sync"
	"time"

	dbm "github.com/cosmos/cosmos-db"
)

const (
	// maxBatch bounds the transactions whose writes are synced together.
	maxBatch = 512
	// maxBatchBytes ends a batch that has grown large.
	maxBatchBytes = 8 << 20
)

// ErrClosed is returned once the store is closed.
var ErrClosed = errors.New("store closed")

// Observer is told of every batch: its transactions and how long it took to write and sync it.
type Observer func(transactions int, took time.Duration)

// Store is open until Close. It is safe for concurrent use.
type Store struct {
	db      dbm.DB
	observe Observer
	queue   chan *call
	closing chan struct{}
	stopped chan struct{}
	once    sync.Once
	failed  chan struct{}
	failure error
}

// call is a transaction that waits for its turn.
type call struct {
	run  func(*Tx) error
	sync bool
	err  error
	done chan struct{}
}

// Open opens the database with a name in a folder. It is locked: no other process can open it. observe may be nil.
func Open(name, folder string, observe Observer) (*Store, error) {
	db, err := dbm.NewGoLevelDB(name, folder, nil)
	if err != nil {
		return nil, fmt.Errorf("database %s in %s: %w", name, folder, err)
	}
	return New(db, observe), nil
}

// New is a store on a database, which it closes in the end.
func New(db dbm.DB, observe Observer) *Store {
	if observe == nil {
		observe = func(int, time.Duration) {}
	}
	s := &Store{
		db: db, observe: observe, queue: make(chan *call, maxBatch),
		closing: make(chan struct{}), stopped: make(chan struct{}), failed: make(chan struct{}),
	}
	go s.write()
	return s
}

// Do runs a transaction and returns once its writes are on disk. When run fails nothing of it is written and its error is
// returned. run must not call the store and must not take long: all others wait.
func (s *Store) Do(run func(*Tx) error) error { return s.do(run, true) }

// Note is Do for what can be found out again: when it returns, the writes outlive the process, but are synced to disk with
// the next that need it. A machine that loses its power may lose them; what was synced after them is lost only with them.
func (s *Store) Note(run func(*Tx) error) error { return s.do(run, false) }

func (s *Store) do(run func(*Tx) error, sync bool) error {
	c := &call{run: run, sync: sync, done: make(chan struct{})}
	select {
	case <-s.closing:
		return ErrClosed
	case s.queue <- c:
	}
	select {
	case <-c.done:
		return c.err
	case <-s.stopped:
	}
	// The writer may have come to it before it stopped.
	select {
	case <-c.done:
		return c.err
	default:
		return ErrClosed
	}
}

// View runs a transaction that writes nothing, on what is on disk. It waits for nobody.
func (s *Store) View(run func(*Tx) error) error { return run(&Tx{db: s.db}) }

// Failed is closed when a write to disk has failed. The store takes no more writes then; Err tells why.
func (s *Store) Failed() <-chan struct{} { return s.failed }

// Err is the reason of Failed; nil before.
func (s *Store) Err() error {
	select {
	case <-s.failed:
		return s.failure
	default:
		return nil
	}
}

// Close waits for the transactions that were accepted and closes the database.
func (s *Store) Close() error {
	s.once.Do(func() { close(s.closing) })
	<-s.stopped
	return s.db.Close()
}

// write is the one writer.
func (s *Store) write() {
	defer close(s.stopped)
	for {
		select {
		case c := <-s.queue:
			s.batch(c)
		case <-s.closing:
			for {
				select {
				case c := <-s.queue:
					s.batch(c)
				default:
					return
				}
			}
		}
	}
}

// batch runs the first transaction and all that wait, and syncs their writes together.
func (s *Store) batch(first *call) {
	began := time.Now()
	overlay := make(map[string][]byte)
	size, sync := 0, false
	var done []*call
	for c, more := first, true; more; {
		if s.failure != nil {
			c.err = s.failure
			close(c.done)
		} else {
			tx := &Tx{db: s.db, below: overlay, writes: make(map[string][]byte)}
			if c.err = runSafely(c.run, tx); c.err != nil {
				close(c.done)
			} else {
				for key, value := range tx.writes {
					overlay[key] = value
					size += len(key) + len(value)
				}
				done = append(done, c)
				sync = sync || c.sync
			}
		}
		more = false
		if len(done) < maxBatch && size < maxBatchBytes {
			select {
			case c = <-s.queue:
				more = true
			default:
			}
		}
	}
	if len(done) == 0 {
		return
	}
	if err := s.put(overlay, sync); err != nil {
		s.failure = fmt.Errorf("write to the gateway's database: %w", err)
		close(s.failed)
		for _, c := range done {
			c.err = s.failure
		}
	}
	s.observe(len(done), time.Since(began))
	for _, c := range done {
		close(c.done)
	}
}

// runSafely keeps a defect in one transaction from ending the writer.
func runSafely(run func(*Tx) error, tx *Tx) (err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("transaction panicked: %v", r)
		}
	}()
	return run(tx)
}

func (s *Store) put(writes map[string][]byte, sync bool) error {
	if len(writes) == 0 {
		return nil
	}
	b := s.db.NewBatch()
	defer b.Close()
	for key, value := range writes {
		var err error
		if value == nil {
			err = b.Delete([]byte(key))
		} else {
			err = b.Set([]byte(key), value)
		}
		if err != nil {
			return err
		}
	}
	if sync {
		return b.WriteSync()
	}
	return b.Write()
}

// Tx is one transaction, valid while its function runs.
type Tx struct {
	db     dbm.DB
	below  map[string][]byte // writes of this batch that came before; nil values are deletions
	writes map[string][]byte // nil in a view
}

// Get gives the value of a key; found is false when there is none. The value must not be changed.
func (t *Tx) Get(key string) (value []byte, found bool, err error) {
	for _, layer := range []map[string][]byte{t.writes, t.below} {
		if value, ok := layer[key]; ok {
			return value, value != nil, nil
		}
	}
	value, err = t.db.Get([]byte(key))
	return value, value != nil, err
}

// Set writes a value, which must not be changed afterwards.
func (t *Tx) Set(key string, value []byte) {
	if value == nil {
		value = []byte{}
	}
	t.writes[key] = value
}

// Delete removes a key.
func (t *Tx) Delete(key string) { t.writes[key] = nil }

// Scan hands the keys that begin with prefix and come after the key after, ascending, to take, until it returns false.
// It sees what is on disk: not what the transactions of the same batch have written.
func (t *Tx) Scan(prefix, after string, take func(key string, value []byte) bool) error {
	start := []byte(prefix)
	if after != "" {
		start = append([]byte(after), 0)
	}
	it, err := t.db.Iterator(start, end([]byte(prefix)))
	if err != nil {
		return err
	}
	defer it.Close()
	for ; it.Valid(); it.Next() {
		if !take(string(it.Key()), bytes.Clone(it.Value())) {
			break
		}
	}
	return it.Error()
}

// end is the first key after all that begin with prefix; nil when there is none.
func end(prefix []byte) []byte {
	out := bytes.Clone(prefix)
	for i := len(out) - 1; i >= 0; i-- {
		if out[i] < 255 {
			out[i]++
			return out[:i+1]
		}
	}
	return nil
}
