package keeper

import (
	"context"

	sdk "github.com/cosmos/cosmos-sdk/types"
)

// EndBlock settles what is due, ends what has run out of time, and assigns what waits, in this order: a settled round
// frees nothing that an assignment needs, and an attempt that ends now can begin again in the same block.
func (k Keeper) EndBlock(goCtx context.Context) error {
	ctx := sdk.UnwrapSDKContext(goCtx)
	if err := k.settle(ctx); err != nil {
		return err
	}
	if err := k.expire(ctx); err != nil {
		return err
	}
	return k.assign(ctx)
}
