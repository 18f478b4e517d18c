package types

import (
	"context"

	"github.com/opengradient/opengradient/internal/selection"
)

// Workers are the nodes that take work in a block. What the nodes lead is kept up by who draws from them.
type Workers struct {
	// Operators are ascending by address bytes. Nodes are the same nodes as the draws see them, in the same order.
	Operators []string
	Nodes     []selection.Node
	// TotalPower is the power of all bonded validators.
	TotalPower int64
	// Able tells which of them can run a model now, in the same order, by its SHA-256 of 32 bytes.
	Able func(ctx context.Context, model []byte) ([]bool, error)
}

// CanBegin tells whether an attempt of a task could begin: those that are eligible, and able to run its model, hold more
// than half of all power.
func (w Workers) CanBegin(t Task, able []bool) bool {
	_, power := selection.Members(w.Nodes, selection.Task{
		Class: uint8(t.TaskClass), Memory: t.MemoryBytes, Able: func(node int) bool { return able[node] },
	})
	return power > w.TotalPower-power
}
