package queue

import (
	"errors"
	"fmt"
	"math/bits"
)

// ErrFull is returned when one more task would wait too long, or too many wait.
var ErrFull = errors.New("no room in the queue")

// Load is what waits, together.
type Load struct {
	Tasks, Units, Bytes uint64
}

// With returns the load with one task more. Sums stay at the largest number instead of passing it.
func (l Load) With(n Need) Load {
	return Load{Tasks: sum(l.Tasks, 1), Units: sum(l.Units, n.Units), Bytes: sum(l.Bytes, n.Bytes)}
}

// Without returns the load with one task less. No part goes below zero.
func (l Load) Without(n Need) Load {
	return Load{Tasks: l.Tasks - min(l.Tasks, 1), Units: l.Units - min(l.Units, n.Units), Bytes: l.Bytes - min(l.Bytes, n.Bytes)}
}

// Blocks is the number of blocks that beginning all of it takes at least: each limit for itself, rounded up. Most blocks
// are filled well, so that it is also what to expect.
func (l Load) Blocks(limits Limits) uint64 {
	return max(ceil(l.Tasks, uint64(limits.Tasks)), ceil(l.Units, limits.Units), ceil(l.Bytes, limits.Bytes))
}

// Longest is a bound of the blocks that end before the last of it begins, while nothing more comes in front:
//
//	⌊(Tasks - 1) / limit⌋ + ⌊2 × Units / limit⌋ + ⌊2 × Bytes / limit⌋
//
// A block that leaves a task waiting has begun as many attempts as it may, or used up its units, all of them of tasks in
// front. Or a first one, that task or one in front of it, did not fit: its units, or its bytes, and those of what had begun
// by then are more than the limit. That one has the first claim on the next block and begins in it. So each task counts at
// most once among those begun and once as the first that did not fit. The worst orders come close: what is large by number,
// by bytes and by units one after the other, each a little more than half a block.
func (l Load) Longest(limits Limits) uint64 {
	inFront := l.Tasks - min(l.Tasks, 1)
	return sum(inFront/uint64(limits.Tasks), sum(sum(l.Units, l.Units)/limits.Units, sum(l.Bytes, l.Bytes)/limits.Bytes))
}

// Rule says how much may wait.
type Rule struct {
	Limits Limits
	// MaxTasks bounds the waiting tasks.
	MaxTasks uint64
	// MaxBlocks bounds the wait of a task that is accepted, in blocks.
	MaxBlocks uint32
	// HeadStarts are those of the fee classes, at most MaxBlocks.
	HeadStarts HeadStarts
}

// Admit decides whether one more task of a class may wait. It fails with ErrFull. The Longest of what waits, with it, may
// be MaxBlocks less the longest head start and less the blocks during which higher classes can overtake it: when little
// room is left, the lower class is refused first.
//
// Every task accepted by the rule begins within MaxBlocks. Nothing overtakes it: it begins within its Longest. Or tasks do:
// the last of them came before the longest head start was over, and by the rule what waited then, the task included, begins
// within MaxBlocks less the longest head start.
//
// That is as long as the limits stay and what is in front has the power to begin. Retries come first and are never refused:
// those that begin in the meantime add to what waits, as if they had been there from the beginning.
func (r Rule) Admit(waiting Load, n Need, class Class) error {
	if waiting.Tasks >= r.MaxTasks {
		return fmt.Errorf("%w: expected fewer than %d waiting tasks, got %d", ErrFull, r.MaxTasks, waiting.Tasks)
	}
	allowed := r.Room(class)
	// A task that nothing stands in front of is never refused: it begins in this block.
	if blocks := waiting.With(n).Longest(r.Limits); waiting.Tasks > 0 && blocks > allowed {
		return fmt.Errorf("%w: expected what waits to begin within %d blocks for the fee class %s, got %d", ErrFull, allowed, class, blocks)
	}
	return nil
}

// Room is the Longest that what waits may have with a new task of a class.
func (r Rule) Room(class Class) uint64 {
	longest := r.HeadStarts.Overtaken(Economy)
	reserved := uint64(longest) + uint64(r.HeadStarts.Overtaken(class))
	return uint64(r.MaxBlocks) - min(uint64(r.MaxBlocks), reserved)
}

func sum(a, b uint64) uint64 {
	s, carry := bits.Add64(a, b, 0)
	if carry != 0 {
		return ^uint64(0)
	}
	return s
}

// ceil is a / b rounded up; b is at least 1.
func ceil(a, b uint64) uint64 {
	q := a / b
	if a%b != 0 {
		q++
	}
	return q
}

// share is part / whole in basis points, rounded down; part is at most whole, which is at least 1.
func share(part, whole uint64) uint32 {
	hi, lo := bits.Mul64(part, basisPoints)
	q, _ := bits.Div64(hi, lo, whole)
	return uint32(q)
}
