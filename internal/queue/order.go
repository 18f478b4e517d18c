package queue

import "cmp"

// Class is the fee class of a task.
type Class uint8

// Fee classes, ascending: a higher one has the longer head start.
const (
	Economy Class = iota
	Standard
	Priority
)

// String is the word for the class.
func (c Class) String() string {
	switch c {
	case Economy:
		return "economy"
	case Standard:
		return "standard"
	case Priority:
		return "priority"
	default:
		return "unknown"
	}
}

// HeadStarts are the head starts over economy, in blocks: a task is treated as if it had been accepted so much earlier.
type HeadStarts struct {
	Standard, Priority uint32
}

// Of is the head start of a class.
func (h HeadStarts) Of(c Class) uint32 {
	switch c {
	case Standard:
		return h.Standard
	case Priority:
		return h.Priority
	default:
		return 0
	}
}

// Overtaken is the number of blocks during which tasks accepted later can still come before one of the class.
func (h HeadStarts) Overtaken(c Class) uint32 {
	longest := max(h.Standard, h.Priority)
	return longest - min(longest, h.Of(c))
}

// Lines of the queue. All that waits in a lower one comes first.
const (
	// RetryLine holds tasks that have had an attempt, by final deadline.
	RetryLine uint32 = 0
	// NewLine holds the others, by position.
	NewLine uint32 = 1
)

// Key is a place in the queue. Of two tasks the one with the lesser key is looked at first.
type Key struct {
	Line     uint32
	Position int64
	// ID is the request id: of two tasks alike in the rest the older one comes first.
	ID uint64
}

// Position is the place in the new line of a task of a class accepted at a height. It never moves, so ageing costs
// nothing: a task is overtaken only by those of higher classes that are accepted within the difference of the head
// starts, and by none after that (ADR 0032).
func Position(height int64, h HeadStarts, c Class) int64 { return height - int64(h.Of(c)) }

// Compare orders keys: -1, 0 or +1.
func (k Key) Compare(other Key) int {
	return cmp.Or(cmp.Compare(k.Line, other.Line), cmp.Compare(k.Position, other.Position), cmp.Compare(k.ID, other.ID))
}
