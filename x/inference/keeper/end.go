package keeper

import (
	"errors"
	"slices"

	sdk "github.com/cosmos/cosmos-sdk/types"

	"github.com/opengradient/opengradient/x/inference/types"
)

// retryOrFail ends the attempt under way: the request goes back to the queue, or ends with a refund when it has had
// its attempts. Spared are those who are not passed over although they were silent; nil spares nobody.
func (k Keeper) retryOrFail(ctx sdk.Context, r types.Request, spared func(operator string) bool) error {
	passOver, err := k.verification.Abandon(ctx, r.Id)
	if err != nil {
		return err
	}
	if spared != nil {
		passOver = slices.DeleteFunc(slices.Clone(passOver), spared)
	}
	again, err := k.scheduling.Retry(ctx, r.Id, passOver)
	if err != nil {
		return err
	}
	if !again {
		return k.failRefunded(ctx, r, types.FAILURE_REASON_NO_AGREEMENT)
	}
	r.Status = types.REQUEST_STATUS_RETRYING
	if err := k.updateRequest(ctx, r); err != nil {
		return err
	}
	return k.emitRetrying(ctx, r)
}

// failRefunded ends an open request without a verdict and refunds its escrow.
func (k Keeper) failRefunded(ctx sdk.Context, r types.Request, reason types.FailureReason) error {
	if err := k.scheduling.Complete(ctx, r.Id); err != nil {
		return err
	}
	return k.endRefunded(ctx, r, reason)
}

func (k Keeper) endRefunded(ctx sdk.Context, r types.Request, reason types.FailureReason) error {
	refunded, err := k.refund(ctx, &r)
	if err != nil {
		return err
	}
	r.Status, r.FailureReason, r.FinalHeight = types.REQUEST_STATUS_FAILED, reason, ctx.BlockHeight()
	if err := k.updateRequest(ctx, r); err != nil {
		return err
	}
	if err := k.expireInputs(ctx, r); err != nil {
		return err
	}
	return k.emitFailed(ctx, r, refunded)
}

// abort ends a request whose next step failed, so that one request cannot stop the chain: it is FAILED(INTERNAL) and
// refunded, its round and its task are dropped. An id without a request has nothing to end. The error returned is one
// that no request is to blame for: the module account could not pay.
func (k Keeper) abort(ctx sdk.Context, id uint64, cause error) error {
	k.logger(ctx).Error("request aborted", "id", id, "cause", cause)
	for _, drop := range []func(ctx sdk.Context) error{
		func(ctx sdk.Context) error { _, err := k.verification.Abandon(ctx, id); return err },
		func(ctx sdk.Context) error { return k.scheduling.Complete(ctx, id) },
	} {
		// What is not there needs no dropping; the outcome that counts is written below.
		if err := atomically(ctx, drop); err != nil {
			k.logger(ctx).Error("request aborted in part", "id", id, "cause", err)
		}
	}
	r, err := k.Request(ctx, id)
	if errors.Is(err, types.ErrRequestNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	if !r.Status.Open() {
		return nil
	}
	return atomically(ctx, func(ctx sdk.Context) error { return k.endRefunded(ctx, r, types.FAILURE_REASON_INTERNAL) })
}
