package keeper

import (
	"context"
	"fmt"

	"github.com/opengradient/opengradient/x/inference/types"
)

// CurrentParams are the parameters that new requests are accepted under, with their version.
func (k Keeper) CurrentParams(ctx context.Context) (types.Params, uint64, error) {
	version, err := k.ParamsVersion.Get(ctx)
	if err != nil {
		return types.Params{}, 0, fmt.Errorf("inference params version: %w", err)
	}
	params, err := k.ParamsAt(ctx, version)
	return params, version, err
}

// ParamsAt are the parameters of a version.
func (k Keeper) ParamsAt(ctx context.Context, version uint64) (types.Params, error) {
	params, err := k.Params.Get(ctx, version)
	if err != nil {
		return types.Params{}, fmt.Errorf("inference params version %d: %w", version, err)
	}
	return params, nil
}

// addParams stores a new version and makes it current.
func (k Keeper) addParams(ctx context.Context, params types.Params) error {
	if err := params.Validate(); err != nil {
		return err
	}
	version, err := k.ParamsVersion.Get(ctx)
	if err != nil {
		return fmt.Errorf("inference params version: %w", err)
	}
	version++
	if err := k.Params.Set(ctx, version, params); err != nil {
		return err
	}
	return k.ParamsVersion.Set(ctx, version)
}
