package types

// Eligibility says whether a node would be a member of a round that opened now, or why not.
type Eligibility uint8

const (
	// EligibilityNotRegistered: the operator has no node.
	EligibilityNotRegistered Eligibility = iota
	// EligibilityEligible: the node is a member of every round whose task class and memory it serves.
	EligibilityEligible
	// EligibilityNotBonded: the validator is not bonded or has no power.
	EligibilityNotBonded
	// EligibilityJailed: the validator is jailed.
	EligibilityJailed
	// EligibilityNoStatus: the node has not reported in a vote extension yet.
	EligibilityNoStatus
	// EligibilityNotReady: the node reports that its worker does not run models.
	EligibilityNotReady
	// EligibilityStale: the last report is older than the heartbeat window.
	EligibilityStale
	// EligibilityNoEnvironment: the node has no registered environment class.
	EligibilityNoEnvironment
	// EligibilityConductJailed: the node is jailed, see Node.IsJailed.
	EligibilityConductJailed
	// EligibilityPaused: the operator has paused the node.
	EligibilityPaused
	// EligibilityLeaving: the node is about to leave.
	EligibilityLeaving
	// EligibilityLeft: the node has left.
	EligibilityLeft
)

var eligibilityReasons = map[Eligibility]string{
	EligibilityNotRegistered: "node is not registered",
	EligibilityEligible:      "",
	EligibilityNotBonded:     "validator is not bonded or has no power",
	EligibilityJailed:        "validator is jailed",
	EligibilityNoStatus:      "node has not reported a status",
	EligibilityNotReady:      "node reports that it is not ready",
	EligibilityStale:         "status is older than the heartbeat window",
	EligibilityNoEnvironment: "node has no registered environment class",
	EligibilityConductJailed: "node is jailed by its conduct",
	EligibilityPaused:        "node is paused by its operator",
	EligibilityLeaving:       "node is leaving",
	EligibilityLeft:          "node has left",
}

// Reason says in words why the node is not eligible; it is empty when it is.
func (e Eligibility) Reason() string { return eligibilityReasons[e] }

// Eligibility decides by all but the validator's record. Power is the validator's power as of the last block, window
// the heartbeat window in blocks. What a node reports of its capacity has no part in it.
func (n Node) Eligibility(height int64, window uint32, power int64) Eligibility {
	switch {
	case power <= 0:
		return EligibilityNotBonded
	case n.State == NODE_STATE_LEFT:
		return EligibilityLeft
	case n.State == NODE_STATE_LEAVING:
		return EligibilityLeaving
	case n.State == NODE_STATE_PAUSED:
		return EligibilityPaused
	case n.IsJailed():
		return EligibilityConductJailed
	case n.Status == nil:
		return EligibilityNoStatus
	case !n.Status.Ready:
		return EligibilityNotReady
	case !n.IsFresh(height, window):
		return EligibilityStale
	case n.EnvironmentClass == 0:
		return EligibilityNoEnvironment
	}
	return EligibilityEligible
}
