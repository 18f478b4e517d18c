package modelpush

import (
	"maps"
	"slices"
)

// slot is a sequence number that was signed for a chunk.
type slot struct {
	chunk   uint32
	expires int64 // the last height at which it can be executed
	sent    int64 // the height of the chain when it was first sent
	held    bool  // a node said that it holds it, and none has said otherwise since
	hash    string
}

// slots keeps which chunk goes with which sequence number. It does no I/O.
//
// Invariant: a chunk has at most one slot. It loses it only when the chain has passed the sequence number or the height.
type slots struct {
	window   int
	lifetime int64

	view    View
	missing map[uint32]bool
	bound   map[uint64]*slot
	taken   map[uint32]bool // chunks with a slot
	done    map[uint32]bool // chunks that count as there whatever the view says
	next    uint64          // the sequence number to send next
	// settled is the first sequence number beyond what a node held when this process began, settle the height by which
	// all of that has expired. Before either is reached nothing is sent: it may be chunks of a process that was killed.
	settled uint64
	settle  int64
	// moved is the height at which the sequence number last changed, or at which the node was last asked about it.
	moved     int64
	contacted bool // what the node held when this process began is known
}

// patience is the number of blocks without a transaction of the account after which the node is asked again.
const patience = 2

func newSlots(window int, lifetime int64) *slots {
	return &slots{window: window, lifetime: lifetime, bound: make(map[uint64]*slot), taken: make(map[uint32]bool), done: make(map[uint32]bool)}
}

// passed is a slot that the chain has passed.
type passed struct {
	chunk uint32
	hash  string
	sent  int64
}

// observe takes a new view. It returns the slots whose number was used, but whose chunk is missing still, by number.
func (s *slots) observe(v View) []passed {
	if v.Sequence != s.view.Sequence {
		s.moved = v.Height
	}
	stalled := v.Height >= s.moved+patience
	s.view = v
	s.missing = make(map[uint32]bool, len(v.Missing))
	for _, c := range v.Missing {
		s.missing[c] = !s.done[c]
	}
	var lost []passed
	for _, seq := range slices.Sorted(maps.Keys(s.bound)) {
		b := s.bound[seq]
		switch {
		case seq < v.Sequence:
			if s.missing[b.chunk] {
				lost = append(lost, passed{chunk: b.chunk, hash: b.hash, sent: b.sent})
			}
			s.release(seq)
		case v.Height >= b.expires:
			s.release(seq)
		}
	}
	s.next = max(s.next, v.Sequence)
	if stalled {
		// What was handed over may have been dropped. Asking again with the same bytes costs nothing.
		s.moved = v.Height
		s.next = v.Sequence
		if b, ok := s.bound[v.Sequence]; ok {
			b.held = false
		}
	}
	return lost
}

func (s *slots) release(seq uint64) {
	delete(s.taken, s.bound[seq].chunk)
	delete(s.bound, seq)
}

// drop notes that the node holds nothing from a sequence number on.
func (s *slots) drop(seq uint64) {
	for n, b := range s.bound {
		if n >= seq {
			b.held = false
		}
	}
}

// exclude takes a chunk as there although the view says that it is missing.
func (s *slots) exclude(chunk uint32) {
	s.done[chunk] = true
	s.missing[chunk] = false
}

// complete says that nothing is missing.
func (s *slots) complete() bool {
	for _, c := range s.view.Missing {
		if s.missing[c] {
			return false
		}
	}
	return true
}

// waiting says that nothing may be sent until the chain moves on.
func (s *slots) waiting() bool { return s.view.Sequence < s.settled && s.view.Height < s.settle }

// choose gives the next number to send with its slot, and binds a chunk to it when it is free. It gives false when there is
// nothing to send.
func (s *slots) choose() (uint64, *slot, bool) {
	if s.waiting() {
		return 0, nil, false
	}
	for ; ; s.next++ {
		b, ok := s.bound[s.next]
		switch {
		case ok && b.held:
			continue
		case ok && s.missing[b.chunk]:
			return s.next, b, true
		case ok:
			s.release(s.next) // somebody else brought it
		}
		break
	}
	if len(s.bound) >= s.window {
		return 0, nil, false
	}
	for _, c := range s.view.Missing {
		if s.missing[c] && !s.taken[c] {
			b := &slot{chunk: c, expires: s.view.Height + s.lifetime, sent: s.view.Height}
			s.bound[s.next], s.taken[c] = b, true
			return s.next, b, true
		}
	}
	return 0, nil, false
}

// answered takes what the node said of the transaction with number seq.
func (s *slots) answered(seq uint64, a Answer) {
	b := s.bound[seq]
	b.hash = a.Hash
	switch a.Kind {
	case AnswerAccepted:
		// New to the node: it can hold none that comes after.
		s.drop(seq)
		b.held = true
		s.next = seq + 1
	case AnswerHeld:
		b.held = true
		s.next = seq + 1
	case AnswerSequence:
		s.expected(seq, a.Expected)
	}
	// A transaction that the node holds already says nothing of what it holds beyond: it may be of a process that was killed.
	s.contacted = s.contacted || a.Kind == AnswerAccepted || a.Kind == AnswerSequence
}

// expected notes that the node expects the number want in the place of seq. It holds those before: ours, or another
// process's; which of them, the chain will say.
func (s *slots) expected(seq, want uint64) {
	if !s.contacted && want > seq {
		s.settled, s.settle = want, s.view.Height+s.lifetime
	}
	for n, b := range s.bound {
		if n > seq && n < want {
			b.held = true
		}
	}
	s.drop(want)
	s.next = max(want, s.view.Sequence)
}
