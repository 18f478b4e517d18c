package keeper

import (
	"context"

	sdk "github.com/cosmos/cosmos-sdk/types"
)

// EndBlock moves on the rounds whose timer has come, settles what is due, ends what has run out of time, drops inputs
// that need not be kept, and assigns what waits, in this order: a timer may still bring a verdict before the deadline, a
// settled round frees nothing that an assignment needs, and an attempt that ends now can begin again in the same block.
func (k Keeper) EndBlock(goCtx context.Context) error {
	ctx := sdk.UnwrapSDKContext(goCtx)
	if err := k.advance(ctx); err != nil {
		return err
	}
	if err := k.settle(ctx); err != nil {
		return err
	}
	if err := k.expire(ctx); err != nil {
		return err
	}
	if err := k.pruneInputs(ctx); err != nil {
		return err
	}
	return k.assign(ctx)
}
