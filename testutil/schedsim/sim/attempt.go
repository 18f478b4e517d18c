package sim

import "github.com/opengradient/opengradient/internal/queue"

// task is a request that was accepted.
type task struct {
	id            uint64
	class         queue.Class
	committee     bool
	need          queue.Need
	accepted      int64
	finalDeadline int64
	attempts      int64
	began         int64 // the first attempt; 0 when none did
	ended         bool
	burst         bool
	passed        []uint64 // bit for each node that was silent in an attempt; nil when none was
	current       *attempt
}

// key is the place of a waiting task in the queue.
func (t *task) key(h queue.HeadStarts) queue.Key {
	if t.attempts > 0 {
		return queue.Key{Line: queue.RetryLine, Position: t.finalDeadline, ID: t.id}
	}
	return queue.Key{Line: queue.NewLine, Position: queue.Position(t.accepted, h, t.class), ID: t.id}
}

// pass notes a node that was silent.
func (t *task) pass(node int, count int) {
	if t.passed == nil {
		t.passed = make([]uint64, (count+63)/64)
	}
	t.passed[node/64] |= 1 << (node % 64)
}

func (t *task) hasPassed(node int) bool {
	return t.passed != nil && t.passed[node/64]>>(node%64)&1 == 1
}

// phase is how far an attempt is.
type phase uint8

const (
	// open: it looks for its verdict.
	open phase = iota
	// settled: it has its verdict and goes on taking attestations for a while.
	settled
	// over: nothing is taken any more.
	over
)

// longest bounds the blocks from the beginning of an attempt to its settlement.
const longest = 64

// attempt is an attempt and its round.
type attempt struct {
	task             *task
	opened, deadline int64
	committee        bool
	// seats are the nodes that make it, ascending; leader is one of their positions.
	seats     []int32
	leader    int
	replaced  int64 // the block in which the leader was; 0 for the first one
	threshold int64
	// heard is when each seat was counted, in blocks after opened; 0 for not yet. What is to come within two blocks is noted
	// already. arriving is the power that each of these blocks counts, counted their sum so far.
	heard    []uint8
	arriving [longest]int64
	counted  int64

	phase   phase
	decided int64 // the block with which the threshold was reached; 0 before
	bytes   int64 // the block that carries the bytes, once somebody sent them
	final   int64
	settles int64
}

// attest notes the word of a seat for the block that counts it.
func (a *attempt) attest(seat int, power int64, height int64) {
	at := height - a.opened
	if at >= longest {
		return
	}
	a.heard[seat] = uint8(at)
	a.arriving[at] += power
}

// lastUse is the last block that can count a word of the attempt.
func (a *attempt) lastUse() int64 {
	switch a.phase {
	case open:
		return a.deadline
	case settled:
		return a.settles
	default:
		return -1
	}
}

// isHeard tells whether a seat was counted by a block.
func (a *attempt) isHeard(seat int, height int64) bool {
	return a.heard[seat] > 0 && int64(a.heard[seat]) <= height-a.opened
}

// record counts what a block carries, and tells whether it brings the verdict: the threshold is reached and the bytes are
// published. attends tells of a node whether its next vote will be heard.
func (a *attempt) record(height, turnBlocks int64, attends func(node int) bool) (verdict bool) {
	if at := height - a.opened; at < longest {
		a.counted += a.arriving[at]
	}
	if a.decided == 0 && a.counted >= a.threshold {
		a.decided = height
		// The leader publishes with its attestation, also in the block after the decision: it could not know of it. One that
		// took over publishes with its next vote, when it has attested already.
		if heard := int64(a.heard[a.leader]); heard > 0 {
			if publishes := max(a.opened+heard, a.replaced+2); publishes <= height+1 {
				a.bytes = max(height, publishes)
			}
		}
	}
	if a.decided == 0 {
		return false
	}
	if a.bytes == 0 {
		if turn := a.turn(height, turnBlocks); attends(turn) {
			a.bytes = height + 2
		}
	}
	return a.bytes <= height
}

// turn is the node that publishes in its vote on the block after a height: those heard so far take turns, beginning with
// the leader and going round.
func (a *attempt) turn(height, turnBlocks int64) int {
	var order []int32
	for i := range a.seats {
		if seat := (a.leader + i) % len(a.seats); a.isHeard(seat, height) {
			order = append(order, a.seats[seat])
		}
	}
	return int(order[(height+1-a.decided)/turnBlocks%int64(len(order))])
}
