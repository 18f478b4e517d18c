package types

import (
	"crypto/sha256"

	errorsmod "cosmossdk.io/errors"

	"github.com/opengradient/opengradient/internal/queue"
)

// Expiry is a deadline that has come.
type Expiry struct {
	// RequestID is the id of the request.
	RequestID uint64
	// Final is true for the final deadline: the task must end now. Otherwise the attempt under way is over.
	Final bool
	// Attempts is the number of attempts begun so far.
	Attempts uint32
}

// PowerMember is one member of a new round.
type PowerMember struct {
	// Operator is the validator's operator address.
	Operator string
	// Power is its consensus power.
	Power int64
}

// Placement is an attempt that begins: the task with its assignment set, and the electorate of its round.
type Placement struct {
	// Task is the task as stored; its Assignment is never nil.
	Task Task
	// Members are the eligible operators, ordered by operator address bytes.
	Members []PowerMember
	// Seats are the positions in Members, ascending, of the committee that makes the attempt; nil when all of them do.
	Seats []int
	// TotalPower is the consensus power of all bonded validators, eligible or not.
	TotalPower int64
}

// IsKnown reports whether the class is one that a task can have.
func (c TaskClass) IsKnown() bool {
	_, named := TaskClass_name[int32(c)]
	return named && c != TASK_CLASS_UNSPECIFIED
}

// IsKnown reports whether the class is one that a task can have.
func (c FeeClass) IsKnown() bool {
	_, named := FeeClass_name[int32(c)]
	return named
}

// Class is the class in the queue's order; an unknown one is the lowest.
func (c FeeClass) Class() queue.Class {
	switch c {
	case FEE_CLASS_PRIORITY:
		return queue.Priority
	case FEE_CLASS_STANDARD:
		return queue.Standard
	default:
		return queue.Economy
	}
}

// Need is what an attempt of the task takes of a block.
func (t Task) Need() queue.Need { return queue.Need{Units: t.ComputeUnits, Bytes: t.OutputBytes} }

// QueueKey is the place of a waiting task in the queue.
func (t Task) QueueKey() queue.Key {
	if t.Attempts > 0 {
		return queue.Key{Line: queue.RetryLine, Position: t.FinalDeadline, ID: t.RequestId}
	}
	return queue.Key{Line: queue.NewLine, Position: t.QueuePosition, ID: t.RequestId}
}

// Load is what waits, for the rules of the queue.
func (l QueueLoad) Load() queue.Load {
	return queue.Load{Tasks: l.Tasks, Units: l.ComputeUnits, Bytes: l.OutputBytes}
}

// NewQueueLoad is the load as it is stored.
func NewQueueLoad(l queue.Load) QueueLoad {
	return QueueLoad{Tasks: l.Tasks, ComputeUnits: l.Units, OutputBytes: l.Bytes}
}

// ValidateNeeds checks what the caller sets: the id, the digest and the model of 32 bytes each, the classes, and a cost of
// at least one compute unit. It returns ErrInvalidTask with the first field that is wrong.
func (t Task) ValidateNeeds() error {
	switch {
	case t.RequestId == 0:
		return errorsmod.Wrap(ErrInvalidTask, "request_id: expected at least 1, got 0")
	case len(t.Digest) != sha256.Size:
		return errorsmod.Wrapf(ErrInvalidTask, "digest: expected %d bytes, got %d", sha256.Size, len(t.Digest))
	case !t.TaskClass.IsKnown():
		return errorsmod.Wrapf(ErrInvalidTask, "task_class: expected a known class, got %s", t.TaskClass)
	case t.ComputeUnits == 0:
		return errorsmod.Wrap(ErrInvalidTask, "compute_units: expected at least 1, got 0")
	case !t.FeeClass.IsKnown():
		return errorsmod.Wrapf(ErrInvalidTask, "fee_class: expected a known class, got %s", t.FeeClass)
	case len(t.Model) != sha256.Size:
		return errorsmod.Wrapf(ErrInvalidTask, "model: expected the %d bytes of a SHA-256, got %d", sha256.Size, len(t.Model))
	}
	return nil
}

// Shifted returns the task with every height moved by blocks.
func (t Task) Shifted(blocks int64) Task {
	t.QueuedHeight += blocks
	t.QueuePosition += blocks
	t.FinalDeadline += blocks
	if t.Assignment != nil {
		assignment := *t.Assignment
		assignment.AssignedHeight += blocks
		assignment.Deadline += blocks
		t.Assignment = &assignment
	}
	return t
}
