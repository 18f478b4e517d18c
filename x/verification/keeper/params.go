package keeper

import (
	"context"
	"errors"
	"fmt"

	"cosmossdk.io/collections"

	"github.com/opengradient/opengradient/internal/agreement"
	"github.com/opengradient/opengradient/x/verification/types"
)

// CurrentParams gives the current parameters and their version.
func (k Keeper) CurrentParams(ctx context.Context) (types.Params, uint64, error) {
	version, err := k.ParamsCurrent.Get(ctx)
	if err != nil {
		return types.Params{}, 0, fmt.Errorf("current version of the parameters: %w", err)
	}
	params, err := k.ParamsAt(ctx, version)
	return params, version, err
}

// ParamsAt gives a stored version of the parameters, or ErrParamsNotFound.
func (k Keeper) ParamsAt(ctx context.Context, version uint64) (types.Params, error) {
	params, err := k.ParamsVersions.Get(ctx, version)
	if errors.Is(err, collections.ErrNotFound) {
		return types.Params{}, types.ErrParamsNotFound.Wrapf("expected version %d, got none", version)
	}
	if err != nil {
		return types.Params{}, fmt.Errorf("parameters of version %d: %w", version, err)
	}
	return params, nil
}

// addParams stores a new version and makes it current. Rounds that are open keep theirs.
func (k Keeper) addParams(ctx context.Context, params types.Params) error {
	version, err := k.ParamsCurrent.Get(ctx)
	if err != nil {
		return fmt.Errorf("current version of the parameters: %w", err)
	}
	if err := k.ParamsVersions.Set(ctx, version+1, params); err != nil {
		return err
	}
	return k.ParamsCurrent.Set(ctx, version+1)
}

// Taus returns the current tolerances in the form in which outputs are compared.
func (k Keeper) Taus(ctx context.Context) (agreement.Taus, error) {
	params, _, err := k.CurrentParams(ctx)
	if err != nil {
		return agreement.Taus{}, err
	}
	return params.Taus(), nil
}
