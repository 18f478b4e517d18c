package types

import "github.com/opengradient/opengradient/internal/selection"

// Delivery is what the rounds settled in one block show of an operator's node.
type Delivery struct {
	Operator string
	selection.Delivery
	// Latencies are the blocks from each assignment to the node's attestation, in the order of the rounds.
	Latencies []int64
}
