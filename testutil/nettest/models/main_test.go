//go:build nettest

// Package models tests the life of models on a network of real processes: hostile files, uploads that are interrupted, files
// by reference, a node that joins from a snapshot, and a runtime that is replaced everywhere.
package models

import "testing"

// TestModels runs its parts in order on one network.
func TestModels(t *testing.T) {
	b := newBed(t)
	for _, part := range []struct {
		name string
		run  func(*testing.T, *bed)
	}{
		{"hostile files are refused, each with its reason, and stop nobody", hostileFiles},
		{"an upload goes on after it was killed", interruptedUpload},
		{"a file by reference comes from peers, past a corrupted copy", byReference},
		{"a node that joins from a snapshot serves a model without any other source", joiningNode},
		{"no block needed a second round", everyBlockInItsFirstRound},
		// From here on nodes are stopped, and the turns to propose of those that are away are passed over.
		{"a runtime that is replaced everywhere leaves no gap", replacedRuntime},
	} {
		if !t.Run(part.name, func(t *testing.T) { part.run(t, b) }) {
			return
		}
	}
}
