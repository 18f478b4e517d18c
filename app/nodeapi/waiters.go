package nodeapi

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/opengradient/opengradient/app/nodetypes"
	inferencetypes "github.com/opengradient/opengradient/x/inference/types"
)

// MaxWaiting bounds the calls that wait at a time: far below the connections of a REST server, each of which holds one.
const MaxWaiting = 256

var (
	// ErrTooManyWaiting is the error of one call more than MaxWaiting.
	ErrTooManyWaiting = errors.New("too many calls wait on this node")
	// ErrStopping is the error of a call that waits while the node stops.
	ErrStopping = errors.New("this node is stopping")
)

// Standing is a request in the state of one block.
type Standing struct {
	Request inferencetypes.Request
	Stage   nodetypes.Stage
	Height  int64
}

// Block is the state after one block. It is read by one goroutine.
type Block interface {
	// Request fails with inferencetypes.ErrRequestNotFound.
	Request(id uint64) (Standing, error)
}

// Waiters are the calls that wait for requests. Each commit wakes one reader for all of them: what it costs is one look at
// the state of the block and one read for each request that is waited for. Nothing is done while nobody waits.
type Waiters struct {
	latest func() (Block, error)

	mu      sync.Mutex
	waiting map[uint64]map[*waiter]struct{} // by request
	count   int
	// reading is true while there is a reader, again when it has to look once more.
	reading, again bool
	stopped        bool
	readers        sync.WaitGroup
	stopping       chan struct{}
}

type waiter struct {
	until  nodetypes.Stage
	answer chan Standing // holds one
}

// NewWaiters gives waiters that read the state of the last block with latest.
func NewWaiters(latest func() (Block, error)) *Waiters {
	return &Waiters{latest: latest, waiting: make(map[uint64]map[*waiter]struct{}), stopping: make(chan struct{})}
}

// Wait returns a request once it has reached a stage, or as it is when the time is over or ctx ends before. It fails with
// inferencetypes.ErrRequestNotFound, ErrTooManyWaiting or ErrStopping.
func (w *Waiters) Wait(ctx context.Context, id uint64, until nodetypes.Stage, timeout time.Duration) (Standing, error) {
	if timeout <= 0 {
		return w.look(id)
	}
	// A call is entered before its first look: no commit lies between that and the looks of the reader.
	self, err := w.enter(id, until)
	if err != nil {
		return Standing{}, err
	}
	defer w.leave(id, self)
	standing, err := w.look(id)
	if err != nil || standing.Stage >= until {
		return standing, err
	}
	timer := time.NewTimer(timeout)
	defer timer.Stop()
	select {
	case standing := <-self.answer:
		return standing, nil
	case <-w.stopping:
		return Standing{}, ErrStopping
	case <-timer.C:
	case <-ctx.Done():
	}
	return w.look(id)
}

// look reads a request in the state of the last block. A store that is closed under a read panics: the node is stopping.
func (w *Waiters) look(id uint64) (standing Standing, err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("reading request %d: %v", id, r)
		}
	}()
	block, err := w.latest()
	if err != nil {
		return Standing{}, err
	}
	return block.Request(id)
}

func (w *Waiters) enter(id uint64, until nodetypes.Stage) (*waiter, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.stopped {
		return nil, ErrStopping
	}
	if w.count == MaxWaiting {
		return nil, ErrTooManyWaiting
	}
	self := &waiter{until: until, answer: make(chan Standing, 1)}
	if w.waiting[id] == nil {
		w.waiting[id] = make(map[*waiter]struct{})
	}
	w.waiting[id][self] = struct{}{}
	w.count++
	return self, nil
}

func (w *Waiters) leave(id uint64, self *waiter) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if _, there := w.waiting[id][self]; !there {
		return // answered
	}
	w.remove(id, self)
}

// remove relies on the lock, and on the waiter being there.
func (w *Waiters) remove(id uint64, self *waiter) {
	delete(w.waiting[id], self)
	if len(w.waiting[id]) == 0 {
		delete(w.waiting, id)
	}
	w.count--
}

// Waiting is the number of calls that wait.
func (w *Waiters) Waiting() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.count
}

// Wake has the waiters looked after. It never blocks: it is called within a commit.
func (w *Waiters) Wake() {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.stopped || w.count == 0 {
		return
	}
	if w.reading {
		w.again = true
		return
	}
	w.reading = true
	w.readers.Add(1)
	go w.read()
}

// read answers the calls whose requests have reached their stages, until no commit has come since.
func (w *Waiters) read() {
	defer w.readers.Done()
	for {
		w.answer()
		w.mu.Lock()
		if !w.again || w.stopped {
			w.reading = false
			w.mu.Unlock()
			return
		}
		w.again = false
		w.mu.Unlock()
	}
}

// answer looks once at each request that is waited for. What cannot be read is left to the next commit, or to the end of
// the calls; a panic in a read must not take the node with it.
func (w *Waiters) answer() {
	defer func() { _ = recover() }()
	block, err := w.latest()
	if err != nil {
		return
	}
	for _, id := range w.ids() {
		standing, err := block.Request(id)
		if err == nil {
			w.deliver(id, standing)
		}
	}
}

func (w *Waiters) ids() []uint64 {
	w.mu.Lock()
	defer w.mu.Unlock()
	ids := make([]uint64, 0, len(w.waiting))
	for id := range w.waiting {
		ids = append(ids, id)
	}
	return ids
}

func (w *Waiters) deliver(id uint64, standing Standing) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for self := range w.waiting[id] {
		if standing.Stage >= self.until {
			self.answer <- standing
			w.remove(id, self)
		}
	}
}

// Stop ends all calls with ErrStopping, and returns once nothing is read any more. No call waits from then on.
func (w *Waiters) Stop() {
	w.mu.Lock()
	if !w.stopped {
		w.stopped = true
		close(w.stopping)
	}
	w.mu.Unlock()
	w.readers.Wait()
}
