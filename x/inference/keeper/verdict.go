package keeper

import (
	"context"
	"fmt"

	"cosmossdk.io/math"
	sdk "github.com/cosmos/cosmos-sdk/types"

	"github.com/opengradient/opengradient/x/inference/types"
	verificationtypes "github.com/opengradient/opengradient/x/verification/types"
)

// RecordVotes takes the attestations and outputs of one block's vote extensions, and ends the attempts that they
// decide: with a final result, with a charged failure, or with a further attempt when no agreement is possible any
// more. It is called before the block's transactions.
func (k Keeper) RecordVotes(goCtx context.Context, votes []verificationtypes.OperatorVotes) error {
	ctx := sdk.UnwrapSDKContext(goCtx)
	recorded, err := k.verification.Record(ctx, votes)
	if err != nil {
		return fmt.Errorf("record votes: %w", err)
	}
	return k.decideAll(ctx, recorded.Decisions)
}

// advance ends the attempts that a timer decides.
func (k Keeper) advance(ctx sdk.Context) error {
	decisions, err := k.verification.Advance(ctx)
	if err != nil {
		return fmt.Errorf("advance rounds: %w", err)
	}
	return k.decideAll(ctx, decisions)
}

func (k Keeper) decideAll(ctx sdk.Context, decisions []verificationtypes.Decision) error {
	for _, d := range decisions {
		err := atomically(ctx, func(ctx sdk.Context) error { return k.decide(ctx, d) })
		if err == nil {
			continue
		}
		if err := k.abort(ctx, d.RequestID, err); err != nil {
			return fmt.Errorf("decision of request %d: %w", d.RequestID, err)
		}
	}
	return nil
}

func (k Keeper) decide(ctx sdk.Context, d verificationtypes.Decision) error {
	r, err := k.Request(ctx, d.RequestID)
	if err != nil {
		return err
	}
	if r.Status != types.REQUEST_STATUS_ASSIGNED || r.Attempt != d.Attempt {
		return types.ErrUnexpectedStatus.Wrapf("decision of attempt %d: expected it to be %s, got %s at attempt %d",
			d.Attempt, types.REQUEST_STATUS_ASSIGNED, r.Status, r.Attempt)
	}
	switch d.Kind {
	case verificationtypes.DecisionFinal:
		if d.Outcome.Failed() {
			return k.failCharged(ctx, r, d.Outcome.Failure)
		}
		return k.finalize(ctx, r, d)
	case verificationtypes.DecisionImpossible:
		return k.retryOrFail(ctx, r, nil)
	default:
		return fmt.Errorf("decision of request %d: unknown kind %d", d.RequestID, d.Kind)
	}
}

// finalize stores the result that the quorum agreed on. The escrow stays until the round is settled.
func (k Keeper) finalize(ctx sdk.Context, r types.Request, d verificationtypes.Decision) error {
	if err := k.scheduling.Complete(ctx, r.Id); err != nil {
		return err
	}
	result := types.Result{RequestId: r.Id, Output: d.Output, OutputRoot: d.Outcome.OutputRoot}
	if err := k.Results.Set(ctx, r.Id, result); err != nil {
		return err
	}
	r.Status, r.FinalHeight = types.REQUEST_STATUS_FINALIZED, ctx.BlockHeight()
	if err := k.updateRequest(ctx, r); err != nil {
		return err
	}
	return k.emitFinalized(ctx, r, d.Outcome.OutputRoot, d.Publisher)
}

// failCharged ends a request that the quorum says fails on every node. The fee is charged when the round is settled.
func (k Keeper) failCharged(ctx sdk.Context, r types.Request, failure verificationtypes.Failure) error {
	switch failure {
	case verificationtypes.FAILURE_EXECUTION:
		r.FailureReason = types.FAILURE_REASON_EXECUTION
	case verificationtypes.FAILURE_OUTPUT_LIMIT:
		r.FailureReason = types.FAILURE_REASON_OUTPUT_LIMIT
	default:
		return fmt.Errorf("request %d: unknown failure %s", r.Id, failure)
	}
	if err := k.scheduling.Complete(ctx, r.Id); err != nil {
		return err
	}
	r.Status, r.FinalHeight = types.REQUEST_STATUS_FAILED, ctx.BlockHeight()
	if err := k.updateRequest(ctx, r); err != nil {
		return err
	}
	return k.emitFailed(ctx, r, math.ZeroInt())
}
