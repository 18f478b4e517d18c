package keeper

import (
	"context"
	"errors"
	"fmt"

	"cosmossdk.io/collections"
	sdk "github.com/cosmos/cosmos-sdk/types"

	"github.com/opengradient/opengradient/x/inference/types"
)

// inputsOf is the canonical encoding of the inputs of a request. It fails with ErrInputsPruned when the time for which
// they are kept is over.
func (k Keeper) inputsOf(ctx context.Context, r types.Request) ([]byte, error) {
	encoded, err := k.Inputs.Get(ctx, r.Id)
	if errors.Is(err, collections.ErrNotFound) {
		return nil, types.ErrInputsPruned.Wrapf("request %d ended as %s and its inputs were dropped; their root is %x", r.Id, r.Status, r.InputRoot)
	}
	return encoded, err
}

// expireInputs says when the inputs of a request that has just ended may be dropped, by the parameters it was accepted
// under. Only here does a request enter the index: those of open and of unsettled requests are never dropped.
func (k Keeper) expireInputs(ctx sdk.Context, r types.Request) error {
	params, err := k.ParamsAt(ctx, r.ParamsVersion)
	if err != nil {
		return err
	}
	if params.InputBlocks == 0 {
		return nil
	}
	return k.InputExpiries.Set(ctx, collections.Join(ctx.BlockHeight()+int64(params.InputBlocks), r.Id))
}

// pruneInputs drops inputs whose time is over, the oldest first and a bounded number in each block.
func (k Keeper) pruneInputs(ctx sdk.Context) error {
	due, err := dueBefore(ctx, k.InputExpiries, collections.Join(ctx.BlockHeight()+1, uint64(0)), maxPrunedPerBlock)
	if err != nil {
		return fmt.Errorf("inputs to drop: %w", err)
	}
	for _, key := range due {
		if err := k.Inputs.Remove(ctx, key.K2()); err != nil {
			return fmt.Errorf("inputs of request %d: %w", key.K2(), err)
		}
		if err := k.InputExpiries.Remove(ctx, key); err != nil {
			return fmt.Errorf("inputs of request %d: %w", key.K2(), err)
		}
	}
	return nil
}
