package keeper

import (
	"context"

	sdk "github.com/cosmos/cosmos-sdk/types"
)

// EndBlock judges the models of which nodes have news, ends the admissions whose deadline has come, inspects the files that
// wait, ends uploads whose time is over and drops chunks, in this order: what comes with the last block of an admission
// still counts, and a place that becomes free goes to the queue before it goes to the messages of the next block.
func (k Keeper) EndBlock(goCtx context.Context) error {
	ctx := sdk.UnwrapSDKContext(goCtx)
	e := newElectorates(k)
	if err := k.judge(ctx, e); err != nil {
		return err
	}
	if err := k.expireAdmissions(ctx, e); err != nil {
		return err
	}
	for _, step := range []func(sdk.Context) error{k.inspectNext, k.expireUploads, k.dropChunks} {
		if err := step(ctx); err != nil {
			return err
		}
	}
	return nil
}
