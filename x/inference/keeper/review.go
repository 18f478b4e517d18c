package keeper

import (
	"fmt"

	sdk "github.com/cosmos/cosmos-sdk/types"

	"github.com/opengradient/opengradient/x/inference/types"
	schedulingtypes "github.com/opengradient/opengradient/x/scheduling/types"
	verificationtypes "github.com/opengradient/opengradient/x/verification/types"
)

// review helps the attempts that a node which turned unhealthy would hold up: they go on under another leader, or end at
// once when no verdict is to be expected and another attempt can follow and begin.
func (k Keeper) review(ctx sdk.Context) error {
	review, err := k.scheduling.Review(ctx)
	if err != nil {
		return fmt.Errorf("review of attempts: %w", err)
	}
	healthy := func(operator string) bool { return review.Healthy[operator] }
	for _, attempt := range review.Attempts {
		err := atomically(ctx, func(ctx sdk.Context) error { return k.reviewOne(ctx, attempt, review.Workers, healthy) })
		if err == nil {
			continue
		}
		if err := k.abort(ctx, attempt.RequestID, err); err != nil {
			return fmt.Errorf("review of request %d: %w", attempt.RequestID, err)
		}
	}
	return nil
}

// reviewOne looks at one attempt.
func (k Keeper) reviewOne(
	ctx sdk.Context, attempt schedulingtypes.ReviewedAttempt, workers schedulingtypes.Workers, healthy func(operator string) bool,
) error {
	r, err := k.Request(ctx, attempt.RequestID)
	if err != nil {
		return err
	}
	if r.Status != types.REQUEST_STATUS_ASSIGNED {
		return types.ErrUnexpectedStatus.Wrapf("review: expected %s, got %s", types.REQUEST_STATUS_ASSIGNED, r.Status)
	}
	health, err := k.verification.Health(ctx, r.Id, healthy)
	if err != nil {
		return err
	}
	switch health.Kind {
	case verificationtypes.HealthHopeless:
		if !attempt.Again {
			return nil // its members have until its deadline to come back
		}
		// Its time is not over: those who are at work have left nothing.
		return k.endAttempt(ctx, r, healthy)
	case verificationtypes.HealthLeaderless:
		leader, err := k.scheduling.ReplaceLeader(ctx, workers, r.Id, health.Candidates, health.Silent)
		if err != nil || leader == "" {
			return err
		}
		return k.verification.ReplaceLeader(ctx, r.Id, leader)
	default:
		return nil
	}
}
