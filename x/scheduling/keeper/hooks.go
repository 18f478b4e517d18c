package keeper

import (
	"context"
	"fmt"

	sdk "github.com/cosmos/cosmos-sdk/types"
	stakingtypes "github.com/cosmos/cosmos-sdk/x/staking/types"
)

// Hooks is what the module wants to hear of the staking module. It is deaf to everything else.
func (k Keeper) Hooks() stakingtypes.StakingHooks { return hooks{keeper: k} }

type hooks struct {
	stakingtypes.MultiStakingHooks
	keeper Keeper
}

// AfterValidatorBeginUnbonding has the attempts under way reviewed: from the next block on the node of the validator is
// not healthy.
func (h hooks) AfterValidatorBeginUnbonding(ctx context.Context, _ sdk.ConsAddress, operator sdk.ValAddress) error {
	has, err := h.keeper.Nodes.Has(ctx, operator)
	if err != nil {
		return fmt.Errorf("look for the node of %s: %w", operator, err)
	}
	if !has {
		return nil
	}
	return h.keeper.startReview(ctx)
}
