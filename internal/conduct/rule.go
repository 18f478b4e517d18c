// Package conduct holds the rule by which the rounds of an operator become its reliability and, when too many of them
// went wrong, an inference-jail: a window of the outcomes that were counted last.
//
// The package is pure: standard library only, no clock, no randomness, no map order. The rule is part of consensus.
package conduct

import (
	"errors"
	"fmt"
)

// MaxWindow is the most rounds that a window remembers.
const MaxWindow = 1000

// ErrRule reports a rule out of bounds.
var ErrRule = errors.New("conduct rule")

// Outcome is how a counted round went for an operator.
type Outcome uint8

const (
	// Met: it attested what the round decided, within the tolerance.
	Met Outcome = iota
	// Missed: others decided the round without it although it had its chances.
	Missed
	// Contradicted: what it attested is beyond twice the tolerance from what the round decided.
	Contradicted
)

// String gives the outcome's name in lower case.
func (o Outcome) String() string {
	switch o {
	case Met:
		return "met"
	case Missed:
		return "missed"
	case Contradicted:
		return "contradicted"
	default:
		return fmt.Sprintf("outcome(%d)", uint8(o))
	}
}

// Verdict is what counting an outcome comes to.
type Verdict uint8

const (
	// Keep: the operator goes on.
	Keep Verdict = iota
	// JailMissed: more rounds of the window are missed than the rule allows.
	JailMissed
	// JailContradicted: more rounds of the window are contradicted than the rule allows.
	JailContradicted
)

// String gives the verdict's name in lower case.
func (v Verdict) String() string {
	switch v {
	case Keep:
		return "keep"
	case JailMissed:
		return "jail for missed rounds"
	case JailContradicted:
		return "jail for contradicted rounds"
	default:
		return fmt.Sprintf("verdict(%d)", uint8(v))
	}
}

// Rule says how many rounds are remembered and how many of them may go wrong.
type Rule struct {
	// Window is the number of rounds that are remembered, from 1 to MaxWindow.
	Window uint32
	// MaxMissed and MaxContradicted are the most rounds of the window that do not jail, each below Window.
	MaxMissed, MaxContradicted uint32
}

// Validate fails with ErrRule when a bound does not hold.
func (r Rule) Validate() error {
	if r.Window < 1 || r.Window > MaxWindow {
		return fmt.Errorf("%w: expected a window of 1 to %d rounds, got %d", ErrRule, MaxWindow, r.Window)
	}
	if r.MaxMissed >= r.Window || r.MaxContradicted >= r.Window {
		return fmt.Errorf("%w: expected fewer missed and contradicted rounds to be allowed than the window's %d, got %d and %d",
			ErrRule, r.Window, r.MaxMissed, r.MaxContradicted)
	}
	return nil
}
