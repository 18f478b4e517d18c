package keeper

import (
	"context"
	"errors"
	"fmt"

	"cosmossdk.io/collections"

	"github.com/opengradient/opengradient/internal/tensor"
	"github.com/opengradient/opengradient/x/verification/types"
)

// keepEvidence gives the root of the evidence of a settled round, and stores the evidence for the blocks the parameters
// say when deriving the verdict again, or showing a fault, takes more than the receipt.
func (k Keeper) keepEvidence(ctx context.Context, evidence types.Evidence, params types.Params) (tensor.Root, error) {
	encoded, err := evidence.Encode()
	if err != nil {
		return tensor.Root{}, err
	}
	root := tensor.MerkleRoot(encoded)
	if !evidence.Round.NeedsEvidence() {
		return root, nil
	}
	stored := types.StoredEvidence{
		RequestId:    evidence.Round.RequestId,
		Evidence:     encoded,
		ExpiryHeight: blockHeight(ctx) + int64(params.EvidenceBlocks),
	}
	return root, k.storeEvidence(ctx, stored)
}

func (k Keeper) storeEvidence(ctx context.Context, stored types.StoredEvidence) error {
	if err := k.Evidence.Set(ctx, stored.RequestId, stored); err != nil {
		return err
	}
	return k.EvidenceExpiry.Set(ctx, collections.Join(stored.ExpiryHeight, stored.RequestId))
}

// pruneEvidence drops evidence whose time is over, the oldest first, a bounded number of records in each block.
func (k Keeper) pruneEvidence(ctx context.Context) error {
	// Everything before the first key of the next height.
	until := new(collections.Range[expiryKey]).EndExclusive(collections.Join(blockHeight(ctx)+1, uint64(0)))
	var due []expiryKey
	err := k.EvidenceExpiry.Walk(ctx, until, func(key expiryKey) (bool, error) {
		due = append(due, key)
		return len(due) == types.MaxPrunedEvidence, nil
	})
	if err != nil {
		return fmt.Errorf("evidence to drop: %w", err)
	}
	for _, key := range due {
		if err := k.EvidenceExpiry.Remove(ctx, key); err != nil {
			return err
		}
		if err := k.Evidence.Remove(ctx, key.K2()); err != nil {
			return err
		}
	}
	return nil
}

// evidenceOf gives the evidence of a request, or ErrEvidenceNotFound.
func (k Keeper) evidenceOf(ctx context.Context, requestID uint64) (types.StoredEvidence, error) {
	stored, err := k.Evidence.Get(ctx, requestID)
	if errors.Is(err, collections.ErrNotFound) {
		return types.StoredEvidence{}, types.ErrEvidenceNotFound.Wrapf(
			"expected evidence of request %d, got none: its verdict follows from the receipt, or its time is over", requestID)
	}
	if err != nil {
		return types.StoredEvidence{}, fmt.Errorf("evidence of request %d: %w", requestID, err)
	}
	return stored, nil
}
