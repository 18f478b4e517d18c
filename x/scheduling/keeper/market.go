package keeper

import (
	"context"
	"fmt"

	"cosmossdk.io/math"

	"github.com/opengradient/opengradient/internal/pricing"
	"github.com/opengradient/opengradient/x/scheduling/types"
)

// BasePrice is the price of one compute unit for requests accepted in this block, in uopg.
func (k Keeper) BasePrice(ctx context.Context) (math.Int, error) {
	market, err := k.market(ctx)
	return market.BasePrice, err
}

// WaitingBlocks is the number of blocks that beginning all that waits takes at least.
func (k Keeper) WaitingBlocks(ctx context.Context) (uint64, error) {
	params, _, err := k.CurrentParams(ctx)
	if err != nil {
		return 0, err
	}
	load, err := k.Load(ctx)
	if err != nil {
		return 0, err
	}
	return load.Blocks(params.Limits()), nil
}

func (k Keeper) market(ctx context.Context) (types.Market, error) {
	market, err := k.Market.Get(ctx)
	if err != nil {
		return types.Market{}, fmt.Errorf("load the base price: %w", err)
	}
	return market, nil
}

// followUtilisation sets the base price for the next block by the utilisation of this one, in basis points. Nothing is
// written while neither changes.
func (k Keeper) followUtilisation(ctx context.Context, params types.Params, utilisation uint32) error {
	before, err := k.market(ctx)
	if err != nil {
		return err
	}
	price, err := pricing.NextBase(before.BasePrice.BigInt(), utilisation, params.Market())
	if err != nil {
		return fmt.Errorf("base price after %s at a utilisation of %d: %w", before.BasePrice, utilisation, err)
	}
	after := types.Market{BasePrice: math.NewIntFromBigInt(price), Utilisation: utilisation}
	if after.BasePrice.Equal(before.BasePrice) && after.Utilisation == before.Utilisation {
		return nil
	}
	if err := k.Market.Set(ctx, after); err != nil {
		return err
	}
	if after.BasePrice.Equal(before.BasePrice) {
		return nil
	}
	return emitBasePrice(ctx, after)
}
