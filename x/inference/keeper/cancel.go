package keeper

import (
	"cosmossdk.io/math"
	sdk "github.com/cosmos/cosmos-sdk/types"

	"github.com/opengradient/opengradient/x/inference/types"
)

// CancelRequest takes a request out of the queue before its first attempt and refunds its escrow; the byte fee is
// spent. It returns what was refunded, in uopg.
func (k Keeper) CancelRequest(ctx sdk.Context, requester sdk.AccAddress, id uint64) (refunded math.Int, err error) {
	err = atomically(ctx, func(ctx sdk.Context) error {
		r, err := k.Request(ctx, id)
		if err != nil {
			return err
		}
		if r.Requester != requester.String() {
			return types.ErrNotRequester.Wrapf("expected %s, got %s", r.Requester, requester)
		}
		if r.Status != types.REQUEST_STATUS_SUBMITTED {
			return types.ErrNotCancellable.Wrapf("expected %s, got %s", types.REQUEST_STATUS_SUBMITTED, r.Status)
		}
		if err := k.scheduling.Cancel(ctx, id); err != nil {
			return types.ErrNotCancellable.Wrap(err.Error())
		}
		if refunded, err = k.refund(ctx, &r); err != nil {
			return err
		}
		r.Status, r.FinalHeight = types.REQUEST_STATUS_CANCELLED, ctx.BlockHeight()
		if err := k.updateRequest(ctx, r); err != nil {
			return err
		}
		if err := k.expireInputs(ctx, r); err != nil {
			return err
		}
		return k.emitCancelled(ctx, r, refunded)
	})
	return refunded, err
}
