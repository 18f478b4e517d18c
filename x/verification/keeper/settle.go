package keeper

import (
	"context"
	"fmt"

	"cosmossdk.io/collections"

	"github.com/opengradient/opengradient/internal/agreement"
	"github.com/opengradient/opengradient/x/verification/types"
)

// Settle takes the rounds whose settle height has come out of the state and gives them with the conduct of their
// members, ordered by (settle height, request id). Their reference to the snapshot passes to the receipt.
func (k Keeper) Settle(ctx context.Context) ([]types.Settlement, error) {
	due, err := k.dueSettlements(ctx, blockHeight(ctx))
	if err != nil {
		return nil, err
	}
	snapshots := make(map[uint64]types.Snapshot)
	settlements := make([]types.Settlement, 0, len(due))
	for _, key := range due {
		round, err := k.Round(ctx, key.K2())
		if err != nil {
			return nil, err
		}
		snapshot, ok := snapshots[round.SnapshotId]
		if !ok {
			if snapshot, err = k.Snapshot(ctx, round.SnapshotId); err != nil {
				return nil, err
			}
			snapshots[round.SnapshotId] = snapshot
		}
		outcomes := round.Conduct()
		bitmap, err := agreement.PackOutcomes(outcomes)
		if err != nil {
			return nil, fmt.Errorf("round of request %d: %w", round.RequestId, err)
		}
		root, err := types.NewEvidence(round, nil).Root()
		if err != nil {
			return nil, err
		}
		if err := k.SettleQueue.Remove(ctx, key); err != nil {
			return nil, err
		}
		if err := k.Rounds.Remove(ctx, round.RequestId); err != nil {
			return nil, err
		}
		settlements = append(settlements, types.Settlement{
			Round:        round,
			Snapshot:     snapshot,
			Outcomes:     outcomes,
			Bitmap:       bitmap,
			EvidenceRoot: root,
		})
	}
	return settlements, nil
}

// dueSettlements collects the keys first: a store must not be changed under its iterator.
func (k Keeper) dueSettlements(ctx context.Context, height int64) ([]settleKey, error) {
	// Everything before the first key of the next height.
	until := new(collections.Range[settleKey]).EndExclusive(collections.Join(height+1, uint64(0)))
	iterator, err := k.SettleQueue.Iterate(ctx, until)
	if err != nil {
		return nil, fmt.Errorf("rounds to settle: %w", err)
	}
	due, err := iterator.Keys()
	if err != nil {
		return nil, fmt.Errorf("rounds to settle: %w", err)
	}
	return due, nil
}
