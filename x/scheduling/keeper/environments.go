package keeper

import (
	"context"
	"errors"
	"fmt"

	"cosmossdk.io/collections"
	errorsmod "cosmossdk.io/errors"
	sdk "github.com/cosmos/cosmos-sdk/types"

	"github.com/opengradient/opengradient/x/scheduling/types"
)

// environmentClass returns the index of a class, and registers the class when it was never seen.
func (k Keeper) environmentClass(ctx context.Context, operator sdk.ValAddress, registrant string, class types.EnvironmentClass) (uint32, error) {
	index, err := k.EnvironmentIndex.Get(ctx, class.Identity())
	if err == nil {
		return index, nil
	}
	if !errors.Is(err, collections.ErrNotFound) {
		return 0, fmt.Errorf("look up an environment class: %w", err)
	}

	params, _, err := k.CurrentParams(ctx)
	if err != nil {
		return 0, err
	}
	last, err := k.lastEnvironment(ctx)
	if err != nil {
		return 0, err
	}
	if last >= params.MaxEnvironmentClasses {
		return 0, errorsmod.Wrapf(types.ErrTooManyEnvironmentClasses, "expected at most %d, got one more", params.MaxEnvironmentClasses)
	}
	count, err := k.EnvironmentCounts.Get(ctx, operator)
	if err != nil && !errors.Is(err, collections.ErrNotFound) {
		return 0, err
	}
	if count >= types.MaxEnvironmentClassesPerOperator {
		return 0, errorsmod.Wrapf(types.ErrTooManyEnvironmentClasses,
			"expected at most %d from operator %s, got one more", types.MaxEnvironmentClassesPerOperator, registrant)
	}

	registered := types.RegisteredEnvironment{Index: last + 1, Environment: class, RegisteredBy: registrant}
	if err := k.storeEnvironment(ctx, operator, count+1, registered); err != nil {
		return 0, err
	}
	return registered.Index, emitEnvironmentClassRegistered(ctx, registered)
}

// storeEnvironment stores a class with its index entry and the new count of the operator that brought it in.
func (k Keeper) storeEnvironment(ctx context.Context, operator sdk.ValAddress, count uint32, registered types.RegisteredEnvironment) error {
	if err := k.Environments.Set(ctx, registered.Index, registered); err != nil {
		return err
	}
	if err := k.EnvironmentIndex.Set(ctx, registered.Environment.Identity(), registered.Index); err != nil {
		return err
	}
	return k.EnvironmentCounts.Set(ctx, operator, count)
}

// lastEnvironment returns the largest index in use; 0 when there is none.
func (k Keeper) lastEnvironment(ctx context.Context) (uint32, error) {
	var last uint32
	err := k.Environments.Walk(ctx, new(collections.Range[uint32]).Descending(),
		func(index uint32, _ types.RegisteredEnvironment) (bool, error) {
			last = index
			return true, nil
		})
	return last, err
}
