package keeper

import (
	"context"
	"fmt"

	"github.com/opengradient/opengradient/x/verification/types"
)

// Health judges the round of a request by which operators are healthy. It returns ErrRoundNotFound for a request without a
// round.
func (k Keeper) Health(ctx context.Context, requestID uint64, healthy func(operator string) bool) (types.Health, error) {
	round, err := k.Round(ctx, requestID)
	if err != nil {
		return types.Health{}, err
	}
	snapshot, err := k.Snapshot(ctx, round.SnapshotId)
	if err != nil {
		return types.Health{}, err
	}
	return round.Health(snapshot, healthy), nil
}

// ReplaceLeader lets the round of a request go on under another leader, which is a member with a seat. What was said
// stays. It returns ErrRoundNotFound, and ErrInvalidRound when the operator cannot lead it.
func (k Keeper) ReplaceLeader(ctx context.Context, requestID uint64, leader string) error {
	round, err := k.Round(ctx, requestID)
	if err != nil {
		return err
	}
	snapshot, err := k.Snapshot(ctx, round.SnapshotId)
	if err != nil {
		return err
	}
	position := snapshot.Position(leader)
	if round.Phase == types.PHASE_SETTLING || position < 0 || !round.HasSeat(position) {
		return types.ErrInvalidRound.Wrapf("expected a member with a seat in an open round of request %d as leader, got %q in %s", requestID, leader, round.Phase)
	}
	round.Leader = leader
	if err := k.Rounds.Set(ctx, requestID, round); err != nil {
		return fmt.Errorf("round of request %d: %w", requestID, err)
	}
	return nil
}
