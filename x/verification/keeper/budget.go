package keeper

import (
	"context"
	"errors"
	"fmt"

	"cosmossdk.io/collections"
)

// elementsLeft is how many tensor elements this block may still compare. The budget is that of the current parameters,
// whatever version the rounds were opened under: it belongs to the block.
func (k Keeper) elementsLeft(ctx context.Context) (uint64, error) {
	params, _, err := k.CurrentParams(ctx)
	if err != nil {
		return 0, err
	}
	used, err := k.Compared.Get(ctx, blockHeight(ctx))
	if errors.Is(err, collections.ErrNotFound) {
		return params.CompareElements, nil
	}
	if err != nil {
		return 0, fmt.Errorf("compared elements: %w", err)
	}
	return params.CompareElements - min(used, params.CompareElements), nil
}

// spendElements takes elements from what this block may still compare.
func (k Keeper) spendElements(ctx context.Context, elements uint64) error {
	if elements == 0 {
		return nil
	}
	height := blockHeight(ctx)
	used, err := k.Compared.Get(ctx, height)
	switch {
	case errors.Is(err, collections.ErrNotFound):
		// The first of the block: what an earlier block used is of no use any more.
		if err := k.forgetCompared(ctx); err != nil {
			return err
		}
	case err != nil:
		return fmt.Errorf("compared elements: %w", err)
	}
	return k.Compared.Set(ctx, height, used+elements)
}

func (k Keeper) forgetCompared(ctx context.Context) error {
	iterator, err := k.Compared.Iterate(ctx, nil)
	if err != nil {
		return fmt.Errorf("compared elements: %w", err)
	}
	heights, err := iterator.Keys()
	if err != nil {
		return fmt.Errorf("compared elements: %w", err)
	}
	for _, height := range heights {
		if err := k.Compared.Remove(ctx, height); err != nil {
			return err
		}
	}
	return nil
}
