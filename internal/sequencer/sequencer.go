package sequencer

import (
	"bytes"
	"context"
	"sync"
	"time"
)

// Options say how a sequencer goes on.
type Options struct {
	// Window is the number of transactions in flight, at least 1.
	Window int
	// Lifetime is the number of blocks in which a transaction can be executed after it was signed.
	Lifetime int64
	// Patience is the number of transactions of a job that may expire in a row; with one more the job ends with ErrLapsed.
	Patience int
	// Pause waits before another try after a failure of the connection, the first of which is 1. It fails when ctx is done.
	Pause func(ctx context.Context, try int) error
}

// Backoff pauses for 0.1 s, doubled with every try up to 3 s.
func Backoff(ctx context.Context, try int) error {
	timer := time.NewTimer(min(100*time.Millisecond<<min(try-1, 10), 3*time.Second))
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}

// Sequencer sends jobs for one account. Its methods are safe for concurrent use.
type Sequencer struct {
	chain   Chain
	journal Journal
	options Options
	wake    chan struct{} // told of new jobs

	mu      sync.Mutex
	machine *machine
	waiting map[string]map[*Ticket]struct{}
	ended   map[string]func() // called when a job ends
	closed  bool
	trouble error // what keeps it from going on now
}

// Ticket waits for the outcome of a job.
type Ticket struct {
	// Done is told the outcome once.
	Done <-chan Outcome
	done chan Outcome
	key  string
}

// New makes a sequencer that goes on with the transactions that an earlier one has signed. Run makes it work.
func New(chain Chain, journal Journal, o Options, signed []Tx) *Sequencer {
	s := &Sequencer{
		chain: chain, journal: journal, options: o, wake: make(chan struct{}, 1),
		machine: newMachine(o.Window, o.Lifetime, o.Patience), waiting: make(map[string]map[*Ticket]struct{}), ended: make(map[string]func()),
	}
	for _, tx := range signed {
		s.machine.restore(tx)
	}
	return s
}

// Add gives a job. When one with its key is under way, the ticket is for that one: same tells whether a message means the same.
// ended, which may be nil, is called once: when the job ends, or now when it is another one. It fails with ErrKeyInUse when the
// messages differ, and with ErrClosed.
func (s *Sequencer) Add(key string, message []byte, same func(a, b []byte) bool, ended func()) (*Ticket, error) {
	if ended == nil {
		ended = func() {}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	t, found, err := s.attach(key, message, same)
	if found || err != nil {
		ended()
		return t, err
	}
	s.machine.add(Job{Key: key, Message: message})
	s.ended[key] = ended
	select {
	case s.wake <- struct{}{}:
	default:
	}
	t, _, err = s.attach(key, message, same)
	return t, err
}

// Attach gives a ticket for the job with a key, when one is under way. It fails as Add does.
func (s *Sequencer) Attach(key string, message []byte, same func(a, b []byte) bool) (t *Ticket, found bool, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.attach(key, message, same)
}

// attach is Attach for a caller that holds the lock.
func (s *Sequencer) attach(key string, message []byte, same func(a, b []byte) bool) (t *Ticket, found bool, err error) {
	if s.closed {
		return nil, false, ErrClosed
	}
	e, there := s.machine.entries[key]
	if !there {
		return nil, false, nil
	}
	if !bytes.Equal(e.job.Message, message) && !same(e.job.Message, message) {
		return nil, true, ErrKeyInUse
	}
	t = &Ticket{done: make(chan Outcome, 1), key: key}
	t.Done = t.done
	if s.waiting[key] == nil {
		s.waiting[key] = make(map[*Ticket]struct{})
	}
	s.waiting[key][t] = struct{}{}
	return t, true, nil
}

// Trouble is the failure of the connection or the journal that keeps it from going on; nil when it goes on.
func (s *Sequencer) Trouble() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.trouble
}

// Leave gives up a ticket. It tells whether the job goes on: it does when it was signed, or others wait for it.
func (s *Sequencer) Leave(t *Ticket) (goesOn bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.waiting[t.key], t)
	if len(s.waiting[t.key]) > 0 {
		return true
	}
	delete(s.waiting, t.key)
	dropped := s.machine.drop(t.key)
	if dropped {
		s.finish(t.key)
	}
	return !dropped
}

// Run works until the context ends, which it returns.
func (s *Sequencer) Run(ctx context.Context) error {
	r := runner{Sequencer: s}
	for {
		if err := r.step(ctx); err != nil {
			s.shut()
			return err
		}
	}
}

// shut ends every job that was never signed; the others are for the journal.
func (s *Sequencer) shut() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closed = true
	for _, key := range s.machine.keys() {
		e := s.machine.entries[key]
		s.tell(key, Outcome{Tx: e.tx, Signed: e.ever, Paid: e.job.Paid, Err: ErrClosed})
	}
}

// tell gives an outcome to everybody who waits for a job. The caller holds the lock.
func (s *Sequencer) tell(key string, o Outcome) {
	for t := range s.waiting[key] {
		t.done <- o
	}
	delete(s.waiting, key)
	s.finish(key)
}

// finish frees what a job has taken. The caller holds the lock.
func (s *Sequencer) finish(key string) {
	if ended, there := s.ended[key]; there {
		delete(s.ended, key)
		ended()
	}
}

// runner is the one goroutine that talks to the chain.
type runner struct {
	*Sequencer
	failures int  // of the connection, in a row
	looked   bool // the chain was looked at
}

// failed pauses after a failure of the connection or the journal. Nothing is signed until it is over.
func (r *runner) failed(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	r.mu.Lock()
	r.trouble = err
	r.mu.Unlock()
	r.failures++
	return r.options.Pause(ctx, r.failures)
}

// step looks at the chain, settles what it has passed, sends what the window has room for, and waits.
func (r *runner) step(ctx context.Context) error {
	r.mu.Lock()
	idle, height := r.machine.idle(), r.machine.view.Height
	r.mu.Unlock()
	if idle {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-r.wake:
		}
	}
	if !r.looked || !r.chain.Fresh(height) {
		if err := r.look(ctx); err != nil {
			return r.failed(ctx, err)
		}
		r.looked = true
	}
	if err := r.settle(ctx); err != nil {
		return r.failed(ctx, err)
	}
	busy, err := r.send(ctx)
	if err != nil {
		r.looked = false
		return r.failed(ctx, err)
	}
	r.failures = 0
	r.mu.Lock()
	r.trouble = nil
	idle, height = r.machine.idle(), r.machine.view.Height
	r.mu.Unlock()
	if idle {
		return nil
	}
	wake := r.wake
	if busy {
		wake = nil // new jobs have to wait for the next block as well
	}
	if err := r.chain.Wait(ctx, height, wake); err != nil {
		return r.failed(ctx, err)
	}
	return nil
}

func (r *runner) look(ctx context.Context) error {
	view, err := r.chain.View(ctx)
	if err != nil {
		return err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.machine.observe(view)
	return nil
}

// settle finds out what became of the jobs whose number the chain has passed.
func (r *runner) settle(ctx context.Context) error {
	r.mu.Lock()
	passed, lapsed, height := r.machine.passed(), r.machine.lapsed, r.machine.view.Height
	r.machine.lapsed = nil
	r.mu.Unlock()
	for _, e := range lapsed {
		if err := r.end(ctx, e, Outcome{Tx: e.tx, Signed: true, Paid: e.job.Paid, Err: ErrLapsed}); err != nil {
			return err
		}
	}
	for _, e := range passed {
		result, err := r.chain.Find(ctx, e.tx, e.after, height)
		if err != nil {
			return err
		}
		switch result.Kind {
		case ResultDone, ResultFailed, ResultUnknown:
			o := Outcome{Tx: e.tx, Signed: true, Result: result, Paid: e.job.Paid, Err: result.Err}
			if result.Kind != ResultUnknown {
				o.Paid += e.tx.Fee
			}
			if err := r.journal.Settled(ctx, e.job.Key, o); err != nil {
				return err
			}
			r.mu.Lock()
			r.machine.resolve(e, result.Kind)
			r.tell(e.job.Key, o)
			r.mu.Unlock()
		default:
			r.mu.Lock()
			r.machine.resolve(e, result.Kind)
			r.mu.Unlock()
		}
	}
	return nil
}

// send hands over what the window has room for. It tells whether the node takes no more at the moment.
func (r *runner) send(ctx context.Context) (busy bool, err error) {
	// A node and its chain can disagree on what is next only so often between two blocks.
	for tries := 4 * r.options.Window; tries > 0; tries-- {
		r.mu.Lock()
		e, seq := r.machine.choose()
		r.mu.Unlock()
		if e == nil {
			return false, nil
		}
		if !e.signed {
			ready, err := r.sign(ctx, e, seq)
			if err != nil {
				return false, err
			}
			if !ready {
				continue
			}
		}
		answer, err := r.chain.Hand(ctx, e.tx.Raw)
		r.mu.Lock()
		if err != nil {
			r.machine.lost(e)
			r.mu.Unlock()
			return false, err // the same bytes again
		}
		r.failures = 0
		goOn, ended := r.machine.answered(e, answer)
		r.mu.Unlock()
		if ended {
			if err := r.end(ctx, e, Outcome{Tx: e.tx, Signed: true, Paid: e.job.Paid, Err: answer.Err}); err != nil {
				return false, err
			}
		}
		if !goOn {
			return true, nil
		}
	}
	return true, nil
}

// sign makes the transaction of a job and puts it in the journal. It is false when the job ended instead.
func (r *runner) sign(ctx context.Context, e *entry, seq uint64) (bool, error) {
	signature, err := r.chain.Sign(ctx, e.job, seq, e.tx.Expires)
	if ctx.Err() != nil {
		r.mu.Lock()
		defer r.mu.Unlock()
		r.machine.release(e)
		return false, ctx.Err()
	}
	if err != nil {
		ever := e.ever
		r.mu.Lock()
		r.machine.withdraw(e)
		r.mu.Unlock()
		return false, r.endUnsigned(ctx, e, ever, err)
	}
	tx := e.tx
	tx.Signature = signature
	if err := r.journal.Signed(ctx, tx); err != nil {
		r.mu.Lock()
		defer r.mu.Unlock()
		r.machine.release(e)
		return false, err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.machine.sign(e, signature)
	return true, nil
}

// endUnsigned ends a job that could not be signed.
func (r *runner) endUnsigned(ctx context.Context, e *entry, ever bool, err error) error {
	o := Outcome{Tx: Tx{Job: e.job}, Signed: ever, Paid: e.job.Paid, Err: err}
	if ever {
		return r.end(ctx, e, o)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.machine.forget(e)
	r.tell(e.job.Key, o)
	return nil
}

// end tells the journal, then everybody who waits.
func (r *runner) end(ctx context.Context, e *entry, o Outcome) error {
	for try := 1; ; try++ {
		err := r.journal.Settled(ctx, e.job.Key, o)
		if err == nil {
			break
		}
		if err := r.options.Pause(ctx, try); err != nil {
			return err
		}
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.machine.forget(e)
	r.tell(e.job.Key, o)
	return nil
}
