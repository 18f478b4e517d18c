package keeper

import (
	"context"
	"errors"

	errorsmod "cosmossdk.io/errors"
	"cosmossdk.io/math"
	sdk "github.com/cosmos/cosmos-sdk/types"

	"github.com/opengradient/opengradient/x/models/types"
)

func coins(amount math.Int) sdk.Coins { return sdk.NewCoins(sdk.NewCoin(types.Denom, amount)) }

// pay moves coins of an account into the community pool: all models share bounded room and time, and gas may cost nothing.
func (k Keeper) pay(ctx context.Context, from sdk.AccAddress, amount math.Int, what string) error {
	if !amount.IsPositive() {
		return nil
	}
	return errorsmod.Wrap(k.distribution.FundCommunityPool(ctx, coins(amount), from), what)
}

// takeDeposit moves coins of an account into the module account.
func (k Keeper) takeDeposit(ctx context.Context, from sdk.AccAddress, amount math.Int) error {
	if !amount.IsPositive() {
		return nil
	}
	return errorsmod.Wrap(k.bank.SendCoinsFromAccountToModule(ctx, from, types.ModuleName, coins(amount)), "deposit")
}

// payDeposit moves the deposit of an upload that has become a model into the community pool.
func (k Keeper) payDeposit(ctx context.Context, amount math.Int) error {
	return k.pay(ctx, k.accounts.GetModuleAddress(types.ModuleName), amount, "deposit")
}

// returnDeposit burns a part of a deposit and returns the rest, or gives it to the community pool when the account may not
// receive, so that no account can keep an upload from ending. It returns what the account got.
func (k Keeper) returnDeposit(ctx sdk.Context, to sdk.AccAddress, deposit, burn math.Int) (math.Int, error) {
	if burn.IsPositive() {
		if err := k.bank.BurnCoins(ctx, types.ModuleName, coins(burn)); err != nil {
			return math.Int{}, errorsmod.Wrap(err, "burn")
		}
	}
	rest := deposit.Sub(burn)
	if !rest.IsPositive() {
		return math.ZeroInt(), nil
	}
	err := atomically(ctx, func(ctx sdk.Context) error {
		return k.bank.SendCoinsFromModuleToAccount(ctx, types.ModuleName, to, coins(rest))
	})
	if err == nil {
		return rest, nil
	}
	return math.ZeroInt(), k.payDeposit(ctx, rest)
}

// CheckEscrow is the invariant of the module account: its balance is the sum of the deposits of all uploads. It walks all
// of them, so it is for genesis, tests and operators only. It fails with ErrEscrow.
func (k Keeper) CheckEscrow(ctx context.Context) error {
	sum := math.ZeroInt()
	err := k.Uploads.Walk(ctx, nil, func(_ uint64, u types.Upload) (bool, error) {
		sum = sum.Add(u.Deposit)
		return false, nil
	})
	return errors.Join(err, k.checkBalance(ctx, sum))
}

func (k Keeper) checkBalance(ctx context.Context, held math.Int) error {
	balance := k.bank.GetBalance(ctx, k.accounts.GetModuleAddress(types.ModuleName), types.Denom).Amount
	if !balance.Equal(held) {
		return types.ErrEscrow.Wrapf("expected the balance of the module account to be %s%s, got %s%s", held, types.Denom, balance, types.Denom)
	}
	return nil
}
