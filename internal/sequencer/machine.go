package sequencer

import (
	"cmp"
	"maps"
	"slices"
)

// stall is the number of blocks without a transaction of the account after which the node is asked again.
const stall = 2

// entry is a job on its way.
type entry struct {
	job Job
	// tx is its last transaction; signed tells that it can still be executed, as far as is known.
	tx     Tx
	signed bool
	// ever tells that the job was signed at some time.
	ever bool
	// exposed tells that somebody may have the transaction; held that the node said so last.
	exposed, held bool
	// after is the last height at which the chain is known not to have passed its number.
	after int64
	// lapses counts the transactions of the job in a row that expired.
	lapses int
	// passed tells that the chain has passed its number, and that what became of it is not known yet.
	passed bool
}

// machine decides which job goes with which sequence number, and what is to be done next. It does no I/O.
//
// Invariants: a number is bound to one job at most. A job is in exactly one of these states: it waits in the queue; a number is
// bound to it; its number was passed. It leaves the second one only when the chain has passed the number or the height, or when
// nobody can have its transaction.
type machine struct {
	window   int
	lifetime int64
	patience int // transactions of a job that may expire in a row

	view    View
	entries map[string]*entry
	queue   []*entry // in the order in which they get numbers
	bound   map[uint64]*entry
	next    uint64 // the number to send next
	// moved is the height at which the sequence number last changed, or at which the node was last asked about it.
	moved int64
	// lapsed are jobs that end, as too many of their transactions have expired.
	lapsed []*entry
}

func newMachine(window int, lifetime int64, patience int) *machine {
	return &machine{window: window, lifetime: lifetime, patience: patience, entries: make(map[string]*entry), bound: make(map[uint64]*entry)}
}

// add puts a job at the end of the queue.
func (m *machine) add(j Job) {
	e := &entry{job: j}
	m.entries[j.Key] = e
	m.queue = append(m.queue, e)
}

// restore takes a transaction that an earlier process has signed. It is called before the first view.
func (m *machine) restore(tx Tx) {
	e := &entry{job: tx.Job, tx: tx, signed: true, ever: true, exposed: true, after: tx.Sent}
	m.entries[tx.Key] = e
	if other, taken := m.bound[tx.Sequence]; !taken || other.tx.Sent < tx.Sent {
		m.bound[tx.Sequence] = e
	}
}

// drop takes out a job that was never signed. It is false when it was, or is not there.
func (m *machine) drop(key string) bool {
	e, ok := m.entries[key]
	if !ok || e.ever {
		return false
	}
	at := slices.Index(m.queue, e)
	if at < 0 {
		return false // a number is bound to it: it is being signed
	}
	m.queue = slices.Delete(m.queue, at, at+1)
	delete(m.entries, key)
	return true
}

// observe takes a new view.
func (m *machine) observe(v View) {
	if v.Height < m.view.Height || v.Sequence < m.view.Sequence {
		return // a node that is behind the one asked before
	}
	if v.Sequence != m.view.Sequence {
		m.moved = v.Height
	}
	m.view = v
	var back []*entry
	lowest := m.next
	for _, e := range m.entries {
		switch {
		case !e.signed:
		case e.tx.Sequence < v.Sequence:
			e.signed, e.passed = false, true
			m.unbind(e)
		case v.Height >= e.tx.Expires:
			e.signed = false
			m.unbind(e)
			lowest = min(lowest, e.tx.Sequence)
			if e.lapses++; e.lapses > m.patience {
				m.lapsed = append(m.lapsed, e)
				continue
			}
			back = append(back, e)
		default:
			e.after = v.Height
		}
	}
	slices.SortFunc(back, bySequence)
	m.queue = append(back, m.queue...)
	m.next = max(lowest, v.Sequence)
	if v.Height >= m.moved+stall {
		// What was handed over may have been dropped. Asking again with the same bytes costs nothing.
		m.moved = v.Height
		m.next = v.Sequence
		if e, ok := m.bound[v.Sequence]; ok {
			e.held = false
		}
	}
}

func bySequence(a, b *entry) int { return cmp.Compare(a.tx.Sequence, b.tx.Sequence) }

// unbind frees the number of a job, unless another one has it.
func (m *machine) unbind(e *entry) {
	if m.bound[e.tx.Sequence] == e {
		delete(m.bound, e.tx.Sequence)
	}
}

// passed are the jobs whose number the chain has passed and of which it is not known what became of them, by number.
func (m *machine) passed() []*entry {
	var list []*entry
	for _, e := range m.entries {
		if e.passed {
			list = append(list, e)
		}
	}
	slices.SortFunc(list, bySequence)
	return list
}

// resolve takes what became of a transaction whose number was passed: the job has ended, or goes back to the head of the queue.
func (m *machine) resolve(e *entry, kind ResultKind) {
	e.passed, e.lapses = false, 0
	switch kind {
	case ResultAgain:
		e.job.Attempt++
		e.job.Paid += e.tx.Fee
	case ResultAbsent:
	default:
		delete(m.entries, e.job.Key)
		return
	}
	m.queue = slices.Insert(m.queue, 0, e)
}

// idle tells that nothing is under way.
func (m *machine) idle() bool { return len(m.entries) == 0 }

// choose gives the job to send next and its number, which is bound to it, or nil. When it is not signed, it has to be first.
func (m *machine) choose() (*entry, uint64) {
	for ; ; m.next++ {
		e, ok := m.bound[m.next]
		if !ok {
			break
		}
		if !e.held {
			return e, m.next
		}
	}
	if len(m.queue) == 0 || len(m.bound) >= m.window {
		return nil, 0
	}
	e := m.queue[0]
	m.queue = m.queue[1:]
	e.tx = Tx{Job: e.job, Sequence: m.next, Sent: m.view.Height, Expires: m.view.Height + m.lifetime}
	e.exposed, e.held = false, false
	m.bound[m.next] = e
	return e, m.next
}

// sign takes the transaction of a job with a number.
func (m *machine) sign(e *entry, s Signature) {
	e.tx.Signature = s
	e.signed, e.ever, e.after = true, true, m.view.Height
}

// release frees the number of a job whose transaction nobody can have, and puts the job back at the head of the queue.
func (m *machine) release(e *entry) {
	e.signed = false
	m.unbind(e)
	m.queue = slices.Insert(m.queue, 0, e)
}

// withdraw frees the number of a job that ends, as nobody can have its transaction. The job itself is there until forget.
func (m *machine) withdraw(e *entry) {
	e.signed = false
	m.unbind(e)
}

// forget takes out a job that has ended.
func (m *machine) forget(e *entry) { delete(m.entries, e.job.Key) }

// lost notes that it is open whether the node has the transaction.
func (m *machine) lost(e *entry) { e.exposed = true }

// answered takes what the node said of a transaction. goOn tells that more can be handed over, ended that the job is refused for
// good.
func (m *machine) answered(e *entry, a Answer) (goOn, ended bool) {
	seq := e.tx.Sequence
	switch a.Kind {
	case AnswerAccepted:
		// New to the node: it can hold none that comes after.
		m.dropHeld(seq)
		e.exposed, e.held = true, true
		m.next = seq + 1
		return true, false
	case AnswerHeld:
		e.exposed, e.held = true, true
		m.next = seq + 1
		return true, false
	case AnswerSequence:
		return m.expected(e, a.Expected), false
	case AnswerRefused:
		if e.exposed {
			return false, false // a copy that was handed over before may still be executed
		}
		m.withdraw(e)
		return true, true
	case AnswerAnew:
		if e.exposed {
			return false, false
		}
		m.release(e)
		return true, false
	default:
		return false, false
	}
}

// dropHeld notes that the node holds nothing from a sequence number on.
func (m *machine) dropHeld(seq uint64) {
	for n, e := range m.bound {
		if n >= seq {
			e.held = false
		}
	}
}

// expected notes that the node expects the number want in the place of that of a job. It holds those before: ours, or another
// process's; which of them, the chain will say.
func (m *machine) expected(e *entry, want uint64) bool {
	seq := e.tx.Sequence
	if want == seq || want < m.view.Sequence {
		return false // the node is behind
	}
	for n, other := range m.bound {
		if n < want {
			other.held = true
		}
	}
	m.dropHeld(want)
	if !e.exposed {
		m.release(e)
	}
	m.next = want
	return true
}

// keys are those of all jobs.
func (m *machine) keys() []string { return slices.Sorted(maps.Keys(m.entries)) }
