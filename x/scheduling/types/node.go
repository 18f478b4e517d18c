package types

import (
	errorsmod "cosmossdk.io/errors"
)

const (
	// MaxReliability is the reliability of a node that never missed, and of a new one.
	MaxReliability uint32 = 10_000
	// MaxCapacity bounds the capacity a node advertises, in compute units per block.
	MaxCapacity uint64 = 1_000_000_000
	// MinMemoryBytes is the least memory a node gives to models.
	MinMemoryBytes uint64 = 64 << 20
	// MaxMemoryBytes bounds the memory a node advertises.
	MaxMemoryBytes uint64 = 1 << 50
	// MaxWorkerVersionLength bounds NodeStatus.WorkerVersion, in bytes.
	MaxWorkerVersionLength = 64
)

// Validate checks the syntax of a status from a vote extension. A ready node names its environment; one that is not
// ready may not know it. It returns ErrInvalidStatus with the first field that is wrong.
func (s NodeStatus) Validate() error {
	if s.FreeCapacity > MaxCapacity {
		return errorsmod.Wrapf(ErrInvalidStatus, "free_capacity: expected at most %d, got %d", MaxCapacity, s.FreeCapacity)
	}
	if err := validateLabel("worker_version", s.WorkerVersion, 0, MaxWorkerVersionLength); err != nil {
		return err
	}
	if s.Environment == nil {
		if s.Ready {
			return errorsmod.Wrap(ErrInvalidStatus, "environment: expected the class of a ready node, got none")
		}
		return nil
	}
	return s.Environment.Validate()
}

// ValidateAdvertised checks what a node advertises: capacity, memory and the classes it serves, which must be known,
// ascending and without repeats. It returns ErrInvalidNode with the first that is wrong.
func ValidateAdvertised(capacity, memoryBytes uint64, classes []TaskClass) error {
	if capacity == 0 || capacity > MaxCapacity {
		return errorsmod.Wrapf(ErrInvalidNode, "capacity: expected 1 to %d compute units, got %d", MaxCapacity, capacity)
	}
	if memoryBytes < MinMemoryBytes || memoryBytes > MaxMemoryBytes {
		return errorsmod.Wrapf(ErrInvalidNode, "memory: expected %d to %d bytes, got %d", MinMemoryBytes, MaxMemoryBytes, memoryBytes)
	}
	if len(classes) == 0 {
		return errorsmod.Wrap(ErrInvalidNode, "task classes: expected at least one, got none")
	}
	last := TASK_CLASS_UNSPECIFIED
	for i, class := range classes {
		if !class.IsKnown() {
			return errorsmod.Wrapf(ErrInvalidNode, "task classes: expected a known class at position %d, got %s", i, class)
		}
		if class <= last {
			return errorsmod.Wrapf(ErrInvalidNode, "task classes: expected ascending classes, got %s after %s", class, last)
		}
		last = class
	}
	return nil
}

// Serves reports whether the node takes tasks of the class.
func (n Node) Serves(class TaskClass) bool {
	for _, served := range n.TaskClasses {
		if served == class {
			return true
		}
	}
	return false
}

// IsFresh reports whether the node's status is younger than window blocks at height.
func (n Node) IsFresh(height int64, window uint32) bool {
	return n.Status != nil && height-n.StatusHeight < int64(window)
}

// Shifted returns the node with every height moved by blocks. A node without a status has no status height, and one that
// is not jailed has no height in jail.
func (n Node) Shifted(blocks int64) Node {
	n.RegisteredHeight += blocks
	if n.Status != nil {
		n.StatusHeight += blocks
	}
	if n.IsJailed() {
		n.JailedUntil += blocks
	}
	return n
}
