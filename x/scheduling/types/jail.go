package types

import (
	"slices"

	errorsmod "cosmossdk.io/errors"
)

// Reasons for which a node is jailed. They are stable words: clients act on them.
const (
	// JailReasonFault: the operator contradicted itself or the result, and it is proven.
	JailReasonFault = "fault"
	// JailReasonMissed: the node missed too many rounds.
	JailReasonMissed = "missed"
	// JailReasonContradicted: the node's outcomes contradicted too many results.
	JailReasonContradicted = "contradicted"
)

// MaxJailBlocks bounds the time a node is jailed for, in blocks from the current height.
const MaxJailBlocks = maxHeight

// IsJailed reports whether the node is kept out of every new round. It stays so when its time is over, until its
// operator brings it back. The reason tells, and not the height: heights of an imported state can be zero.
func (n Node) IsJailed() bool { return n.JailReason != "" }

// Jailed returns the node in jail until a height. Of two times the later one counts, with its reason; the second
// result is false when that is the one the node had. It returns ErrInvalidNode for an unknown reason.
func (n Node) Jailed(until int64, reason string) (Node, bool, error) {
	if !isJailReason(reason) {
		return Node{}, false, errorsmod.Wrapf(ErrInvalidNode, "jail_reason: expected %s, %s or %s, got %q",
			JailReasonFault, JailReasonMissed, JailReasonContradicted, reason)
	}
	if n.IsJailed() && n.JailedUntil >= until {
		return n, false, nil
	}
	n.JailedUntil, n.JailReason = until, reason
	return n, true, nil
}

// Unjailed returns the node out of jail at a height. It returns ErrNotJailed when it is not in jail, and ErrJailTime
// before its time is over.
func (n Node) Unjailed(height int64) (Node, error) {
	if !n.IsJailed() {
		return Node{}, errorsmod.Wrapf(ErrNotJailed, "expected the operator of a jailed node, got %s", n.Operator)
	}
	if height < n.JailedUntil {
		return Node{}, errorsmod.Wrapf(ErrJailTime, "expected height %d or later for %s, got %d", n.JailedUntil, n.Operator, height)
	}
	n.JailedUntil, n.JailReason = 0, ""
	return n, nil
}

func isJailReason(reason string) bool {
	return slices.Contains([]string{JailReasonFault, JailReasonMissed, JailReasonContradicted}, reason)
}

// validateJail checks the jail of a node in a genesis state. A time that is over, or was never to come, is no error: the
// node stays in jail until its operator brings it back.
func (n Node) validateJail() error {
	if !n.IsJailed() {
		if n.JailedUntil != 0 {
			return errorsmod.Wrapf(ErrInvalidGenesis, "node %s: expected no jailed_until without a jail_reason, got %d", n.Operator, n.JailedUntil)
		}
		return nil
	}
	if !isJailReason(n.JailReason) {
		return errorsmod.Wrapf(ErrInvalidGenesis, "node %s: expected jail_reason %s, %s or %s, got %q",
			n.Operator, JailReasonFault, JailReasonMissed, JailReasonContradicted, n.JailReason)
	}
	if n.JailedUntil > MaxJailBlocks || n.JailedUntil < -maxHeight {
		return errorsmod.Wrapf(ErrInvalidGenesis, "node %s: expected a jailed_until from %d to %d, got %d", n.Operator, -maxHeight, MaxJailBlocks, n.JailedUntil)
	}
	return nil
}
