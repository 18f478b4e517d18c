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

// payCommunity pays the community pool out of the module account.
func (k Keeper) payCommunity(ctx context.Context, amount math.Int) error {
	if amount.IsZero() {
		return nil
	}
	return k.distribution.FundCommunityPool(ctx, coins(amount), k.accounts.GetModuleAddress(types.ModuleName))
}

// refund returns the whole escrow of a request to its requester, or to the community pool when that cannot be, and sets
// it to zero in r, which the caller stores. It returns what the requester got.
func (k Keeper) refund(ctx sdk.Context, r *types.Request) (refunded math.Int, err error) {
	requester, err := r.RequesterAddress()
	if err != nil {
		return math.Int{}, err
	}
	refunded = r.Escrow
	if !k.sendTo(ctx, requester, r.Escrow) {
		refunded = math.ZeroInt()
		if err := k.payCommunity(ctx, r.Escrow); err != nil {
			return math.Int{}, err
		}
	}
	r.Escrow = math.ZeroInt()
	return refunded, nil
}

// CheckEscrow is the invariant of the module account: its balance is the sum of the escrows of all requests. It walks
// all requests ever made, so it is for genesis, tests and queries of operators only. It fails with ErrEscrow.
func (k Keeper) CheckEscrow(ctx context.Context) error {
	sum := math.ZeroInt()
	err := k.Requests.Walk(ctx, nil, func(_ uint64, r types.Request) (bool, error) {
		sum = sum.Add(r.Escrow)
		return false, nil
	})
	if err != nil {
		return err
	}
	return k.checkBalance(ctx, sum)
}

func (k Keeper) checkBalance(ctx context.Context, escrows math.Int) error {
	balance := k.bank.GetBalance(ctx, k.accounts.GetModuleAddress(types.ModuleName), types.Denom).Amount
	if !balance.Equal(escrows) {
		return types.ErrEscrow.Wrapf("expected the balance of the module account to be %s%s, got %s%s", escrows, types.Denom, balance, types.Denom)
	}
	return nil
}
