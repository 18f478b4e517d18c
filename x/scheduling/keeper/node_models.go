package keeper

import (
	"context"
	"fmt"

	"cosmossdk.io/collections"
	errorsmod "cosmossdk.io/errors"
	sdk "github.com/cosmos/cosmos-sdk/types"

	"github.com/opengradient/opengradient/x/scheduling/types"
)

// reportModels takes what a status says of the models that are loaded. It returns types.ErrInvalidStatus when the node
// would have more than types.MaxNodeModels.
func (k Keeper) reportModels(ctx context.Context, operator sdk.ValAddress, status types.NodeStatus) error {
	for _, model := range status.ModelsDropped {
		if err := k.NodeModels.Remove(ctx, collections.Join([]byte(operator), model)); err != nil {
			return err
		}
	}
	if len(status.ModelsReady) == 0 {
		return nil
	}
	for _, model := range status.ModelsReady {
		if err := k.NodeModels.Set(ctx, collections.Join([]byte(operator), model)); err != nil {
			return err
		}
	}
	models, err := k.ModelsOf(ctx, operator)
	if err != nil {
		return err
	}
	if len(models) > types.MaxNodeModels {
		return errorsmod.Wrapf(types.ErrInvalidStatus, "models_ready: expected at most %d models of a node, got %d", types.MaxNodeModels, len(models))
	}
	return nil
}

// ModelsOf are the models that a node has loaded, as it reports them: SHA-256, ascending.
func (k Keeper) ModelsOf(ctx context.Context, operator sdk.ValAddress) (models [][]byte, err error) {
	err = k.NodeModels.Walk(ctx, collections.NewPrefixedPairRange[[]byte, []byte](operator),
		func(key collections.Pair[[]byte, []byte]) (bool, error) {
			models = append(models, key.K2())
			return false, nil
		})
	if err != nil {
		return nil, fmt.Errorf("walk the models of %s: %w", operator, err)
	}
	return models, nil
}
