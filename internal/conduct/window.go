package conduct

import (
	"errors"
	"fmt"
	"slices"
)

// FullReliability is the reliability of an operator without a miss or a contradiction in its window.
const FullReliability uint32 = 10_000

// ErrWindow reports a window that no sequence of counted outcomes leaves.
var ErrWindow = errors.New("conduct window")

// Window remembers the outcomes of the rounds counted last. The zero value remembers none.
//
// It is the window of a size that is not written down: when Next equals Length it has not been filled yet, the oldest
// outcome is the first of the ring and any size above Length may be meant; otherwise it is full, its size is Length and
// the oldest outcome is the one at Next. So a rule of another size finds the order of outcomes in it.
type Window struct {
	// Ring holds two bits per outcome, least significant bits first, in as few bytes as Length asks for.
	Ring []byte
	// Length is the number of outcomes remembered.
	Length uint32
	// Next is the position that the next outcome takes.
	Next uint32
	// Missed and Contradicted count these outcomes in the ring.
	Missed, Contradicted uint32
}

// Count adds an outcome to the window, in place of the oldest one when there are as many as the rule remembers. When a
// bound of the rule is exceeded the verdict is to jail, for contradicted rounds if both are, and the window returned is
// empty: after its time in jail an operator starts anew. The window must be valid, and is left as it was. A rule of another
// size than before keeps the newest outcomes. A value that is no outcome counts as nothing.
func (w Window) Count(rule Rule, outcome Outcome) (Window, Verdict) {
	w = w.fit(rule.Window)
	if outcome <= Contradicted && rule.Window > 0 {
		w = w.push(rule.Window, outcome)
	}
	switch {
	case w.Contradicted > rule.MaxContradicted:
		return Window{}, JailContradicted
	case w.Missed > rule.MaxMissed:
		return Window{}, JailMissed
	default:
		return w, Keep
	}
}

// Reliability is 10,000 × (W − missed − contradicted) / W, rounded down, for a rule of W rounds. Rounds that have not
// been yet count as met. The window must be valid; it may be of another size.
func Reliability(rule Rule, w Window) uint32 {
	w = w.fit(rule.Window)
	bad := w.Missed + w.Contradicted // never more than the rule's window after fit
	if rule.Window == 0 || bad == 0 {
		return FullReliability
	}
	return uint32(uint64(FullReliability) * uint64(rule.Window-bad) / uint64(rule.Window))
}

// Validate fails with ErrWindow unless some sequence of outcomes leaves this window under some rule. A window may be
// longer than the rule in force says: it is cut when the next outcome is counted.
func (w Window) Validate() error {
	if w.Length > MaxWindow {
		return fmt.Errorf("%w: expected at most %d outcomes, got %d", ErrWindow, MaxWindow, w.Length)
	}
	if len(w.Ring) != ringSize(w.Length) {
		return fmt.Errorf("%w: expected %d bytes for %d outcomes, got %d", ErrWindow, ringSize(w.Length), w.Length, len(w.Ring))
	}
	if w.Next > w.Length || (w.Next == w.Length && w.Length == MaxWindow) {
		return fmt.Errorf("%w: expected the next position to be within the %d outcomes, or after them while there are fewer than %d, got %d",
			ErrWindow, w.Length, MaxWindow, w.Next)
	}
	var counts [4]uint32
	for i := range w.Length {
		counts[w.at(i)]++
	}
	if counts[3] != 0 {
		return fmt.Errorf("%w: expected outcomes of 0 to %d, got %d times 3", ErrWindow, Contradicted, counts[3])
	}
	if counts[Missed] != w.Missed || counts[Contradicted] != w.Contradicted {
		return fmt.Errorf("%w: expected %d missed and %d contradicted outcomes as in the ring, got %d and %d",
			ErrWindow, counts[Missed], counts[Contradicted], w.Missed, w.Contradicted)
	}
	if used := w.Length % outcomesPerByte; used != 0 && w.Ring[len(w.Ring)-1]>>(outcomeBits*used) != 0 {
		return fmt.Errorf("%w: expected zeros after %d outcomes, got a last byte of %#x", ErrWindow, w.Length, w.Ring[len(w.Ring)-1])
	}
	return nil
}

// Outcomes lists what the window remembers, oldest first.
func (w Window) Outcomes() []Outcome {
	outcomes := make([]Outcome, w.Length)
	for i := range w.Length {
		outcomes[i] = w.at((w.oldest() + i) % w.Length)
	}
	return outcomes
}

const (
	outcomesPerByte = 4
	outcomeBits     = 2
	outcomeMask     = 1<<outcomeBits - 1
)

func ringSize(length uint32) int { return int((length + outcomesPerByte - 1) / outcomesPerByte) }

func (w Window) at(i uint32) Outcome {
	return Outcome(w.Ring[i/outcomesPerByte] >> (outcomeBits * (i % outcomesPerByte)) & outcomeMask)
}

func (w Window) oldest() uint32 {
	if w.Next == w.Length {
		return 0
	}
	return w.Next
}

// fit is the window with a size of its own: unchanged when it already has this size, otherwise with the newest outcomes
// in order from the first position.
func (w Window) fit(size uint32) Window {
	filling, full := w.Length < size && w.Next == w.Length, w.Length == size && w.Next < size
	if filling || full {
		return w
	}
	outcomes := w.Outcomes()
	outcomes = outcomes[len(outcomes)-min(len(outcomes), int(size)):]
	var fitted Window
	for _, outcome := range outcomes {
		fitted = fitted.push(size, outcome)
	}
	return fitted
}

// push adds an outcome to a window that has this size.
func (w Window) push(size uint32, outcome Outcome) Window {
	if w.Length < size {
		w.Length++
		w.Ring = append(slices.Clone(w.Ring), make([]byte, ringSize(w.Length)-len(w.Ring))...)
	} else {
		w.Ring = slices.Clone(w.Ring)
		w.drop(w.at(w.Next))
	}
	shift := outcomeBits * (w.Next % outcomesPerByte)
	element := &w.Ring[w.Next/outcomesPerByte]
	*element = *element&^(outcomeMask<<shift) | byte(outcome)<<shift
	switch outcome {
	case Missed:
		w.Missed++
	case Contradicted:
		w.Contradicted++
	}
	w.Next = (w.Next + 1) % size
	return w
}

// drop takes an outcome out of the counts.
func (w *Window) drop(outcome Outcome) {
	switch outcome {
	case Missed:
		w.Missed--
	case Contradicted:
		w.Contradicted--
	}
}
