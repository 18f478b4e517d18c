package keeper

import (
	"context"

	sdk "github.com/cosmos/cosmos-sdk/types"
)

// EndBlock moves on the rounds whose timer has come, settles what is due, ends what has run out of time, helps attempts
// that an unhealthy node holds up, drops what need not be kept, places the runs of schedules, and assigns what waits, in
// this order: a timer may still bring a verdict before the deadline, what is settled corrects the weights of the draws,
// and an attempt that ends now, or a run that comes now, can begin in the same block.
func (k Keeper) EndBlock(goCtx context.Context) error {
	ctx := sdk.UnwrapSDKContext(goCtx)
	for _, step := range []func(sdk.Context) error{
		k.advance, k.settle, k.expire, k.review, k.pruneInputs, k.pruneKeys, k.pruneReusable, k.runSchedules, k.assign,
	} {
		if err := step(ctx); err != nil {
			return err
		}
	}
	return nil
}
