package types

import (
	"bytes"

	errorsmod "cosmossdk.io/errors"
)

// validateTasks checks the tasks and returns the compute units that each leader leads.
func (g GenesisState) validateTasks() (map[string]uint64, error) {
	var quota uint32
	for _, version := range g.Params {
		quota = max(quota, version.Params.DeadlineQuota)
	}
	leading := make(map[string]uint64)
	counts := make(map[int64]uint32)
	var last uint64
	for _, task := range g.Tasks {
		if err := task.ValidateNeeds(); err != nil {
			return nil, errorsmod.Wrapf(ErrInvalidGenesis, "task %d: %v", task.RequestId, err)
		}
		if task.RequestId <= last {
			return nil, errorsmod.Wrapf(ErrInvalidGenesis, "tasks: expected ascending ids, got %d after %d", task.RequestId, last)
		}
		last = task.RequestId
		if task.ParamsVersion == 0 || task.ParamsVersion > uint64(len(g.Params)) {
			return nil, errorsmod.Wrapf(ErrInvalidGenesis, "task %d: expected a params_version from 1 to %d, got %d", task.RequestId, len(g.Params), task.ParamsVersion)
		}
		params := g.Params[task.ParamsVersion-1].Params
		if err := task.validateTiming(params); err != nil {
			return nil, err
		}
		if err := task.validateAttempts(params); err != nil {
			return nil, err
		}
		if counts[task.FinalDeadline]++; counts[task.FinalDeadline] > quota {
			return nil, errorsmod.Wrapf(ErrInvalidGenesis, "task %d: expected at most %d tasks with final deadline %d, got one more", task.RequestId, quota, task.FinalDeadline)
		}
		if task.Assignment != nil {
			leading[task.Assignment.Leader] += task.ComputeUnits
		}
	}
	return leading, nil
}

// validateTiming checks the size and the heights of a task against the parameters it was accepted under.
func (t Task) validateTiming(params Params) error {
	if t.ComputeUnits > params.BlockComputeUnits || t.OutputBytes > params.BlockOutputBytes {
		return errorsmod.Wrapf(ErrInvalidGenesis, "task %d: expected at most %d compute units and %d output bytes, got %d and %d",
			t.RequestId, params.BlockComputeUnits, params.BlockOutputBytes, t.ComputeUnits, t.OutputBytes)
	}
	if t.QueuedHeight > 0 || t.QueuedHeight < -maxHeight {
		return errorsmod.Wrapf(ErrInvalidGenesis, "task %d: expected a queued_height from %d to 0, got %d", t.RequestId, -maxHeight, t.QueuedHeight)
	}
	if ahead := t.QueuedHeight - t.QueuePosition; ahead != int64(params.HeadStarts().Of(t.FeeClass.Class())) {
		return errorsmod.Wrapf(ErrInvalidGenesis, "task %d: expected a queue_position %d before its queued_height, got %d",
			t.RequestId, params.HeadStarts().Of(t.FeeClass.Class()), ahead)
	}
	if want := t.QueuedHeight + params.Lifetime(); t.FinalDeadline != want || want <= 0 {
		return errorsmod.Wrapf(ErrInvalidGenesis, "task %d: expected final_deadline %d, and above 0, got %d", t.RequestId, want, t.FinalDeadline)
	}
	return nil
}

// validateAttempts checks the attempts of a task: their number, their leaders and the one under way.
func (t Task) validateAttempts(params Params) error {
	if t.Attempts > params.MaxAttempts {
		return errorsmod.Wrapf(ErrInvalidGenesis, "task %d: expected at most %d attempts, got %d", t.RequestId, params.MaxAttempts, t.Attempts)
	}
	ended := t.Attempts
	if t.Assignment != nil {
		if t.Attempts == 0 || t.Assignment.Attempt != t.Attempts {
			return errorsmod.Wrapf(ErrInvalidGenesis, "task %d: expected the assignment of attempt %d, got %d", t.RequestId, t.Attempts, t.Assignment.Attempt)
		}
		if err := t.validateAssignment(params); err != nil {
			return err
		}
		ended--
	} else if t.Attempts == params.MaxAttempts {
		return errorsmod.Wrapf(ErrInvalidGenesis, "task %d: expected a waiting task to have fewer than %d attempts, got %d", t.RequestId, params.MaxAttempts, t.Attempts)
	}
	if ended == 0 && len(t.PassedOver) > 0 {
		return errorsmod.Wrapf(ErrInvalidGenesis, "task %d: expected nobody to be passed over before an attempt has ended, got %d", t.RequestId, len(t.PassedOver))
	}
	return t.validatePassedOver()
}

// validatePassedOver checks the spelling and the order of those that are passed over.
func (t Task) validatePassedOver() error {
	var last []byte
	for _, operator := range t.PassedOver {
		address, err := canonicalOperator(operator)
		if err != nil {
			return errorsmod.Wrapf(ErrInvalidGenesis, "task %d: passed over: %v", t.RequestId, err)
		}
		if bytes.Compare(address, last) <= 0 {
			return errorsmod.Wrapf(ErrInvalidGenesis, "task %d: expected those passed over ascending by address bytes without repeats, got %s", t.RequestId, operator)
		}
		last = address
	}
	return nil
}

func (t Task) validateAssignment(params Params) error {
	a := t.Assignment
	if _, err := canonicalOperator(a.Leader); err != nil {
		return errorsmod.Wrapf(ErrInvalidGenesis, "task %d: leader: %v", t.RequestId, err)
	}
	if a.AssignedHeight < t.QueuedHeight || a.AssignedHeight > 0 {
		return errorsmod.Wrapf(ErrInvalidGenesis, "task %d: expected an assigned_height from %d to 0, got %d", t.RequestId, t.QueuedHeight, a.AssignedHeight)
	}
	// Who took the lead over did so later than the attempt began, and the deadline stayed.
	least, most := min(t.QueuedHeight+int64(params.AttemptBlocks), t.FinalDeadline), min(a.AssignedHeight+int64(params.AttemptBlocks), t.FinalDeadline)
	if a.Deadline < least || a.Deadline > most {
		return errorsmod.Wrapf(ErrInvalidGenesis, "task %d: expected an attempt deadline from %d to %d, got %d", t.RequestId, least, most, a.Deadline)
	}
	return nil
}
