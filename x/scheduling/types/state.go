package types

import errorsmod "cosmossdk.io/errors"

// Paused returns the node out of new work. It returns ErrNodeState unless it is active.
func (n Node) Paused() (Node, error) {
	if n.State != NODE_STATE_ACTIVE {
		return Node{}, errorsmod.Wrapf(ErrNodeState, "expected %s, got %s", NODE_STATE_ACTIVE, n.State)
	}
	n.State = NODE_STATE_PAUSED
	return n, nil
}

// Resumed returns the node back at work. It returns ErrNodeState unless it is paused or leaving.
func (n Node) Resumed() (Node, error) {
	if n.State != NODE_STATE_PAUSED && n.State != NODE_STATE_LEAVING {
		return Node{}, errorsmod.Wrapf(ErrNodeState, "expected %s or %s, got %s", NODE_STATE_PAUSED, NODE_STATE_LEAVING, n.State)
	}
	n.State, n.DrainedHeight = NODE_STATE_ACTIVE, 0
	return n, nil
}

// Leaving returns the node on its way out: it has left at the end of the block of a height, when everything it takes part
// in has ended. It returns ErrNodeState unless it is active or paused.
func (n Node) Leaving(drained int64) (Node, error) {
	if n.State != NODE_STATE_ACTIVE && n.State != NODE_STATE_PAUSED {
		return Node{}, errorsmod.Wrapf(ErrNodeState, "expected %s or %s, got %s", NODE_STATE_ACTIVE, NODE_STATE_PAUSED, n.State)
	}
	n.State, n.DrainedHeight = NODE_STATE_LEAVING, drained
	return n, nil
}

// Left returns the node without a duty. Its jail, its reliability and what was observed of it stay: a node that registers
// again is not a new one.
func (n Node) Left() Node {
	n.State, n.DrainedHeight = NODE_STATE_LEFT, 0
	n.Status, n.StatusHeight, n.EnvironmentClass = nil, 0, 0
	return n
}

// validateState checks the state of a node in a genesis state, whose heights are relative to its last block.
func (n Node) validateState() error {
	if _, known := NodeState_name[int32(n.State)]; !known {
		return errorsmod.Wrapf(ErrInvalidGenesis, "node %s: expected a known state, got %s", n.Operator, n.State)
	}
	if leaving := n.State == NODE_STATE_LEAVING; leaving != (n.DrainedHeight != 0) || n.DrainedHeight < 0 || n.DrainedHeight > maxHeight {
		return errorsmod.Wrapf(ErrInvalidGenesis, "node %s: expected a drained_height from 1 to %d while it is leaving, and 0 otherwise, got %d as %s",
			n.Operator, maxHeight, n.DrainedHeight, n.State)
	}
	if n.State == NODE_STATE_LEFT && (n.Status != nil || n.LeadingUnits != 0) {
		return errorsmod.Wrapf(ErrInvalidGenesis, "node %s: expected no status and nothing it leads once it has left", n.Operator)
	}
	return nil
}
