package types

import (
	"errors"

	schedulingtypes "github.com/opengradient/opengradient/x/scheduling/types"
)

// Words that say why a run of a schedule was missed.
const (
	// MissedMaxFee: the run would have cost more than the owner allows.
	MissedMaxFee = "max_fee"
	// MissedDeposit: too little was left of the deposit.
	MissedDeposit = "deposit"
	// MissedEligiblePower: too little power was eligible.
	MissedEligiblePower = "eligible_power"
	// MissedModel: the model took no requests.
	MissedModel = "model"
	// MissedQueueFull: the queue took no more requests of the fee class.
	MissedQueueFull = "queue_full"
	// MissedDeadlineSlot: too many requests have to end in the same block.
	MissedDeadlineSlot = "deadline_slot"
	// MissedLimits: the parameters no longer allow a run of this size.
	MissedLimits = "limits"
	// MissedInternal: the chain could not place the run.
	MissedInternal = "internal"
)

// missedReasons are the words for the errors that a run can be refused with.
var missedReasons = []struct {
	err  error
	word string
}{
	{ErrMaxFee, MissedMaxFee},
	{ErrDeposit, MissedDeposit},
	{ErrEligiblePower, MissedEligiblePower},
	{ErrModelNotUsable, MissedModel},
	{schedulingtypes.ErrQueueFull, MissedQueueFull},
	{schedulingtypes.ErrNoDeadlineSlot, MissedDeadlineSlot},
	{schedulingtypes.ErrTaskTooLarge, MissedLimits},
	{ErrInputTooLarge, MissedLimits},
	{ErrOutputTooLarge, MissedLimits},
	{ErrComputeTooLarge, MissedLimits},
	{nil, MissedInternal},
}

// MissedReason is the word for why a run was missed.
func MissedReason(err error) string {
	for _, r := range missedReasons {
		if r.err != nil && errors.Is(err, r.err) {
			return r.word
		}
	}
	return MissedInternal
}

func isMissedReason(word string) bool {
	for _, r := range missedReasons {
		if r.word == word {
			return true
		}
	}
	return false
}
