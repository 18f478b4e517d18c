package keeper

import (
	"context"
	"errors"
	"fmt"

	"cosmossdk.io/collections"

	"github.com/opengradient/opengradient/x/verification/types"
)

// OpenRound opens the round of an attempt: the electorate is fixed, every member is silent. It returns ErrRoundExists
// when the request has a round, ErrInvalidRound or ErrInvalidSnapshot when the opening is not well-formed, and
// ErrNoQuorum when the members together do not hold the threshold.
func (k Keeper) OpenRound(ctx context.Context, opening types.RoundOpening) error {
	if opening.RequestID == 0 || opening.Attempt == 0 || opening.MaxOutputBytes == 0 {
		return types.ErrInvalidRound.Wrapf("expected request id, attempt and output limit from 1, got %d, %d and %d",
			opening.RequestID, opening.Attempt, opening.MaxOutputBytes)
	}
	exists, err := k.Rounds.Has(ctx, opening.RequestID)
	if err != nil {
		return fmt.Errorf("round of request %d: %w", opening.RequestID, err)
	}
	if exists {
		return types.ErrRoundExists.Wrapf("expected no round of request %d, got one", opening.RequestID)
	}
	if err := opening.Validate(); err != nil {
		return err
	}
	snapshot := types.Snapshot{Members: opening.Members, TotalPower: opening.TotalPower}
	if snapshot.Position(opening.Leader) < 0 {
		return types.ErrInvalidRound.Wrapf("expected a member as leader, got %q", opening.Leader)
	}
	// Members that do not hold the threshold together can never reach a verdict.
	if eligible, threshold := snapshot.EligiblePower(), snapshot.Threshold(); eligible < threshold {
		return types.ErrNoQuorum.Wrapf("expected members with power of at least %d, got %d", threshold, eligible)
	}
	params, version, err := k.CurrentParams(ctx)
	if err != nil {
		return err
	}
	if snapshot.Id, err = k.acquireSnapshot(ctx, snapshot); err != nil {
		return err
	}
	round := types.NewRound(opening, snapshot.Id, version, params, blockHeight(ctx))
	if err := k.Rounds.Set(ctx, opening.RequestID, round); err != nil {
		return err
	}
	if err := k.Timers.Set(ctx, collections.Join(round.TimerHeight, round.RequestId)); err != nil {
		return err
	}
	return emitRoundOpened(ctx, round)
}

// Abandon drops the round of a request with its outputs and its reference to the snapshot. It returns the operators that
// had a seat and were silent or at fault, in snapshot order. A request without a round is no error.
func (k Keeper) Abandon(ctx context.Context, requestID uint64) (passOver []string, err error) {
	round, err := k.Round(ctx, requestID)
	if errors.Is(err, types.ErrRoundNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	snapshot, err := k.Snapshot(ctx, round.SnapshotId)
	if err != nil {
		return nil, err
	}
	if round.Phase == types.PHASE_SETTLING {
		err = k.SettleQueue.Remove(ctx, collections.Join(round.SettleHeight, requestID))
	} else {
		err = k.setTimer(ctx, &round, 0)
	}
	if err != nil {
		return nil, err
	}
	if err := k.clearOutputs(ctx, round); err != nil {
		return nil, err
	}
	if err := k.Rounds.Remove(ctx, requestID); err != nil {
		return nil, err
	}
	return round.PassedOver(snapshot), k.ReleaseSnapshot(ctx, round.SnapshotId)
}

// Round gives the round of a request that is open or settling, or ErrRoundNotFound.
func (k Keeper) Round(ctx context.Context, requestID uint64) (types.Round, error) {
	round, err := k.Rounds.Get(ctx, requestID)
	if errors.Is(err, collections.ErrNotFound) {
		return types.Round{}, types.ErrRoundNotFound.Wrapf("expected a round of request %d, got none", requestID)
	}
	if err != nil {
		return types.Round{}, fmt.Errorf("round of request %d: %w", requestID, err)
	}
	return round, nil
}

// HasOpenRound tells whether a request has a round that still looks for its verdict.
func (k Keeper) HasOpenRound(ctx context.Context, requestID uint64) (bool, error) {
	round, err := k.Round(ctx, requestID)
	if errors.Is(err, types.ErrRoundNotFound) {
		return false, nil
	}
	return err == nil && round.Phase != types.PHASE_SETTLING, err
}

// clearOutputs removes the published bytes of a round: there are some for each candidate with a publisher.
func (k Keeper) clearOutputs(ctx context.Context, round types.Round) error {
	for i, candidate := range round.Candidates {
		if candidate.Publisher == "" {
			continue
		}
		if err := k.Outputs.Remove(ctx, collections.Join(round.RequestId, uint32(i)+1)); err != nil {
			return err
		}
	}
	return nil
}
