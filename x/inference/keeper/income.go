package keeper

import (
	"fmt"
	"slices"

	"cosmossdk.io/math"
	sdk "github.com/cosmos/cosmos-sdk/types"
	distributiontypes "github.com/cosmos/cosmos-sdk/x/distribution/types"

	"github.com/opengradient/opengradient/x/inference/types"
)

// income collects what validators earned from the requests settled in one block, so that each is paid once. The coins
// stay in the module account until then.
type income map[string]math.Int // operator -> amount

func (in income) add(operator string, amount math.Int) {
	if earned, ok := in[operator]; ok {
		amount = amount.Add(earned)
	}
	in[operator] = amount
}

func (in income) merge(other income) {
	for operator, amount := range other {
		in.add(operator, amount)
	}
}

// payIncome pays every validator through x/distribution, in the order of their addresses in text. What a validator
// cannot be paid goes to the community pool.
func (k Keeper) payIncome(ctx sdk.Context, earned income) error {
	operators := make([]string, 0, len(earned))
	for operator := range earned {
		operators = append(operators, operator)
	}
	slices.Sort(operators)
	for _, operator := range operators {
		amount := earned[operator]
		err := atomically(ctx, func(ctx sdk.Context) error { return k.payValidator(ctx, operator, amount) })
		if err == nil {
			continue
		}
		k.logger(ctx).Error("validator not paid", "operator", operator, "amount", amount, "cause", err)
		if err := k.payCommunity(ctx, amount); err != nil {
			return fmt.Errorf("income of %s: %w", operator, err)
		}
	}
	return nil
}

func (k Keeper) payValidator(ctx sdk.Context, operator string, amount math.Int) error {
	address, err := sdk.ValAddressFromBech32(operator)
	if err != nil {
		return err
	}
	validator, err := k.staking.GetValidator(ctx, address)
	if err != nil {
		return err
	}
	if err := k.bank.SendCoinsFromModuleToModule(ctx, types.ModuleName, distributiontypes.ModuleName, coins(amount)); err != nil {
		return err
	}
	return k.distribution.AllocateTokensToValidator(ctx, validator, sdk.NewDecCoinsFromCoins(coins(amount)...))
}

// validators remembers who can be paid during the settlements of one block: nothing there changes x/staking, and the
// same validators come up in every one.
type validators struct {
	keeper Keeper
	known  map[string]bool
}

// has tells whether a validator can be paid.
func (v validators) has(ctx sdk.Context, operator string) bool {
	exists, ok := v.known[operator]
	if !ok {
		address, err := sdk.ValAddressFromBech32(operator)
		if err == nil {
			_, err = v.keeper.staking.GetValidator(ctx, address)
		}
		exists = err == nil
		v.known[operator] = exists
	}
	return exists
}
