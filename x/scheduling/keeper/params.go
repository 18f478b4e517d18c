package keeper

import (
	"context"
	"fmt"

	"github.com/opengradient/opengradient/x/scheduling/types"
)

// CurrentParams returns the current parameters and their version.
func (k Keeper) CurrentParams(ctx context.Context) (types.Params, uint64, error) {
	version, err := k.ParamsVersion.Get(ctx)
	if err != nil {
		return types.Params{}, 0, fmt.Errorf("load the version of the parameters: %w", err)
	}
	params, err := k.ParamsAt(ctx, version)
	return params, version, err
}

// ParamsAt returns one stored version of the parameters.
func (k Keeper) ParamsAt(ctx context.Context, version uint64) (types.Params, error) {
	params, err := k.Params.Get(ctx, version)
	if err != nil {
		return types.Params{}, fmt.Errorf("load version %d of the parameters: %w", version, err)
	}
	return params, nil
}

// AddParams checks and stores a new version and makes it current. It returns types.ErrInvalidParams for parameters
// outside their bounds. Tasks accepted earlier keep their version.
func (k Keeper) AddParams(ctx context.Context, params types.Params) error {
	if err := params.Validate(); err != nil {
		return err
	}
	version, err := k.ParamsVersion.Get(ctx)
	if err != nil {
		return fmt.Errorf("load the version of the parameters: %w", err)
	}
	if err := k.Params.Set(ctx, version+1, params); err != nil {
		return err
	}
	return k.ParamsVersion.Set(ctx, version+1)
}
