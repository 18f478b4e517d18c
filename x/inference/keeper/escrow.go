package keeper

import (
	"context"

	"cosmossdk.io/math"
	sdk "github.com/cosmos/cosmos-sdk/types"

	"github.com/opengradient/opengradient/x/inference/types"
)

func coins(amount math.Int) sdk.Coins { return sdk.NewCoins(sdk.NewCoin(types.Denom, amount)) }

// sendTo pays an account out of the module account. It is false, and nothing has happened, when the account may not or
// cannot receive: then the coins go to the community pool, so that no recipient can keep a request from ending.
func (k Keeper) sendTo(ctx sdk.Context, to sdk.AccAddress, amount math.Int) bool {
	if amount.IsZero() {
		return true
	}
	return atomically(ctx, func(ctx sdk.Context) error {
		return k.bank.SendCoinsFromModuleToAccount(ctx, types.ModuleName, to, coins(amount))
	}) == nil
}

// takeIn moves coins of an account into the module account.
func (k Keeper) takeIn(ctx context.Context, from sdk.AccAddress, amount math.Int) error {
	if !amount.IsPositive() {
		return nil
	}
	return k.bank.SendCoinsFromAccountToModule(ctx, from, types.ModuleName, coins(amount))
}

// fundCommunity moves coins of an account into the community pool.
func (k Keeper) fundCommunity(ctx context.Context, from sdk.AccAddress, amount math.Int) error {
	if !amount.IsPositive() {
		return nil
	}
	return k.distribution.FundCommunityPool(ctx, coins(amount), from)
}

// payCommunity pays the community pool out of the module account.
func (k Keeper) payCommunity(ctx context.Context, amount math.Int) error {
	return k.fundCommunity(ctx, k.accounts.GetModuleAddress(types.ModuleName), amount)
}

// giveBack pays an account out of the module account: what it had put in, or what others owe it. When it cannot receive, the
// community pool gets it. It returns what the account got.
func (k Keeper) giveBack(ctx sdk.Context, to sdk.AccAddress, amount math.Int) (math.Int, error) {
	if k.sendTo(ctx, to, amount) {
		return amount, nil
	}
	return math.ZeroInt(), k.payCommunity(ctx, amount)
}

// refund returns the whole escrow of a request to its requester and sets it to zero in r, which the caller stores. It
// returns what the requester got.
func (k Keeper) refund(ctx sdk.Context, r *types.Request) (refunded math.Int, err error) {
	requester, err := r.RequesterAddress()
	if err != nil {
		return math.Int{}, err
	}
	if refunded, err = k.giveBack(ctx, requester, r.Escrow); err != nil {
		return math.Int{}, err
	}
	r.Escrow = math.ZeroInt()
	return refunded, nil
}

// CheckEscrow is the invariant of the module account: its balance is the sum of the escrows of all requests and of the
// deposits of all schedules. It walks all of them ever made, so it is for genesis, tests and queries of operators only.
// It fails with ErrEscrow.
func (k Keeper) CheckEscrow(ctx context.Context) error {
	sum := math.ZeroInt()
	err := k.Requests.Walk(ctx, nil, func(_ uint64, r types.Request) (bool, error) {
		sum = sum.Add(r.Escrow)
		return false, nil
	})
	if err != nil {
		return err
	}
	err = k.Schedules.Walk(ctx, nil, func(_ uint64, s types.Schedule) (bool, error) {
		sum = sum.Add(s.Deposit)
		return false, nil
	})
	if err != nil {
		return err
	}
	return k.checkBalance(ctx, sum)
}

func (k Keeper) checkBalance(ctx context.Context, held math.Int) error {
	balance := k.bank.GetBalance(ctx, k.accounts.GetModuleAddress(types.ModuleName), types.Denom).Amount
	if !balance.Equal(held) {
		return types.ErrEscrow.Wrapf("expected the balance of the module account to be %s%s, got %s%s", held, types.Denom, balance, types.Denom)
	}
	return nil
}
