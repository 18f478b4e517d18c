package types

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"slices"

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
	// MaxHardwareLength bounds Node.Hardware, in bytes.
	MaxHardwareLength = 128
	// MaxNodeModels bounds the models that a node reports as loaded.
	MaxNodeModels = 256
	// MaxModelDeltas bounds each list of models in one status.
	MaxModelDeltas = 32
)

// Validate checks the syntax of a status from a vote extension. A ready node names its environment; one that is not
// ready may not know it. Any node may name the environment that it prepares. It returns ErrInvalidStatus with the first field that is wrong.
func (s NodeStatus) Validate() error {
	if s.FreeCapacity > MaxCapacity {
		return errorsmod.Wrapf(ErrInvalidStatus, "free_capacity: expected at most %d, got %d", MaxCapacity, s.FreeCapacity)
	}
	if err := validateLabel("worker_version", s.WorkerVersion, 0, MaxWorkerVersionLength); err != nil {
		return err
	}
	if err := s.validateModels(); err != nil {
		return err
	}
	if s.NextEnvironment != nil {
		if err := s.NextEnvironment.Validate(); err != nil {
			return fmt.Errorf("next_environment: %w", err)
		}
	}
	if s.Environment == nil {
		if s.Ready {
			return errorsmod.Wrap(ErrInvalidStatus, "environment: expected the class of a ready node, got none")
		}
		return nil
	}
	return s.Environment.Validate()
}

// validateModels checks the lists of models: SHA-256 sums, ascending, and none in both.
func (s NodeStatus) validateModels() error {
	for _, list := range []struct {
		name   string
		models [][]byte
	}{{"models_ready", s.ModelsReady}, {"models_dropped", s.ModelsDropped}} {
		if len(list.models) > MaxModelDeltas {
			return errorsmod.Wrapf(ErrInvalidStatus, "%s: expected at most %d, got %d", list.name, MaxModelDeltas, len(list.models))
		}
		if err := ValidateModels(list.models); err != nil {
			return errorsmod.Wrapf(ErrInvalidStatus, "%s: %s", list.name, err)
		}
	}
	for _, model := range s.ModelsDropped {
		if _, both := slices.BinarySearchFunc(s.ModelsReady, model, bytes.Compare); both {
			return errorsmod.Wrapf(ErrInvalidStatus, "models_dropped: expected none of models_ready, got %x", model)
		}
	}
	return nil
}

// ValidateModels checks that models are SHA-256 sums, ascending and without repeats.
func ValidateModels(models [][]byte) error {
	var last []byte
	for _, model := range models {
		if len(model) != sha256.Size {
			return fmt.Errorf("expected sums of %d bytes, got %d", sha256.Size, len(model))
		}
		if last != nil && bytes.Compare(model, last) <= 0 {
			return fmt.Errorf("expected ascending sums, got %x after %x", model, last)
		}
		last = model
	}
	return nil
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

// IsFresh reports whether the node's status is younger than window blocks at height.
func (n Node) IsFresh(height int64, window uint32) bool {
	return n.Status != nil && height-n.StatusHeight < int64(window)
}

// ValidateHardware checks the description of the machine: printable ASCII, at most MaxHardwareLength bytes. It returns
// ErrInvalidNode.
func ValidateHardware(hardware string) error {
	if len(hardware) > MaxHardwareLength {
		return errorsmod.Wrapf(ErrInvalidNode, "hardware: expected at most %d bytes, got %d", MaxHardwareLength, len(hardware))
	}
	for i := range len(hardware) {
		if c := hardware[i]; c < ' ' || c > '~' {
			return errorsmod.Wrapf(ErrInvalidNode, "hardware: expected printable ASCII, got %q at %d", c, i)
		}
	}
	return nil
}

// Shifted returns the node with every height moved by blocks. A node without a status has no status height, and one that
// is not jailed or leaving has no height for it.
func (n Node) Shifted(blocks int64) Node {
	if n.State == NODE_STATE_LEAVING {
		n.DrainedHeight += blocks
	}
	n.RegisteredHeight += blocks
	if n.Status != nil {
		n.StatusHeight += blocks
	}
	if n.IsJailed() {
		n.JailedUntil += blocks
	}
	return n
}
