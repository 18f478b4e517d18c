package pipelinetest

import (
	"context"
	"encoding/binary"
	"fmt"

	"cosmossdk.io/math"
	storetypes "github.com/cosmos/cosmos-sdk/store/v2/types"
	sdk "github.com/cosmos/cosmos-sdk/types"
	authtypes "github.com/cosmos/cosmos-sdk/x/auth/types"
	distributiontypes "github.com/cosmos/cosmos-sdk/x/distribution/types"
	stakingtypes "github.com/cosmos/cosmos-sdk/x/staking/types"

	inferencetypes "github.com/opengradient/opengradient/x/inference/types"
)

const bankStore = "bank"

// Names of what are no accounts of users or modules.
const (
	communityPool = "community pool"
	rewards       = "rewards of validators"
	burned        = "burned"
)

// accounts is x/auth for module accounts.
type accounts struct{}

// GetModuleAddress implements the account keeper.
func (accounts) GetModuleAddress(name string) sdk.AccAddress { return authtypes.NewModuleAddress(name) }

// GetModuleAccount implements the account keeper.
func (accounts) GetModuleAccount(_ context.Context, name string) sdk.ModuleAccountI {
	return authtypes.NewEmptyModuleAccount(name)
}

// Bank is x/bank for one denomination, and x/distribution for what it pays. It keeps its balances in a store, so that
// what is dropped with a branch of the state is dropped here as well. Coins only move: burned coins have an account too.
type Bank struct {
	key storetypes.StoreKey
	// Blocked may not receive: what is owed to them goes elsewhere.
	Blocked map[string]bool
}

func (b *Bank) store(ctx context.Context) storetypes.KVStore {
	return sdk.UnwrapSDKContext(ctx).KVStore(b.key)
}

// Balance is what a name holds.
func (b *Bank) Balance(ctx context.Context, name string) int64 {
	raw := b.store(ctx).Get([]byte(name))
	if raw == nil {
		return 0
	}
	return int64(binary.BigEndian.Uint64(raw))
}

func (b *Bank) set(ctx context.Context, name string, amount int64) {
	b.store(ctx).Set([]byte(name), binary.BigEndian.AppendUint64(nil, uint64(amount)))
}

// Fund makes coins.
func (b *Bank) Fund(ctx context.Context, name string, amount int64) {
	b.set(ctx, name, b.Balance(ctx, name)+amount)
}

// Supply is all coins, burned ones as well.
func (b *Bank) Supply(ctx context.Context) (sum int64) {
	it := b.store(ctx).Iterator(nil, nil)
	defer it.Close()
	for ; it.Valid(); it.Next() {
		sum += int64(binary.BigEndian.Uint64(it.Value()))
	}
	return sum
}

func copyStore(to, from storetypes.KVStore) {
	it := from.Iterator(nil, nil)
	defer it.Close()
	for ; it.Valid(); it.Next() {
		to.Set(it.Key(), it.Value())
	}
}

func (b *Bank) move(ctx context.Context, from, to string, amount int64) error {
	if amount <= 0 {
		return fmt.Errorf("expected a positive amount, got %d", amount)
	}
	if b.Blocked[to] {
		return fmt.Errorf("%s may not receive", to)
	}
	have := b.Balance(ctx, from)
	if have < amount {
		return fmt.Errorf("insufficient funds of %s: expected %d, got %d", from, amount, have)
	}
	b.set(ctx, from, have-amount)
	b.set(ctx, to, b.Balance(ctx, to)+amount)
	return nil
}

func (b *Bank) moveCoins(ctx context.Context, from, to string, coins sdk.Coins) error {
	if len(coins) != 1 || coins[0].Denom != inferencetypes.Denom {
		return fmt.Errorf("expected an amount of %s, got %s", inferencetypes.Denom, coins)
	}
	return b.move(ctx, from, to, coins[0].Amount.Int64())
}

func moduleName(name string) string { return authtypes.NewModuleAddress(name).String() }

// GetBalance implements the bank keeper.
func (b *Bank) GetBalance(ctx context.Context, addr sdk.AccAddress, denom string) sdk.Coin {
	return sdk.NewCoin(denom, math.NewInt(b.Balance(ctx, addr.String())))
}

// SendCoinsFromAccountToModule implements the bank keeper.
func (b *Bank) SendCoinsFromAccountToModule(ctx context.Context, from sdk.AccAddress, module string, coins sdk.Coins) error {
	return b.moveCoins(ctx, from.String(), moduleName(module), coins)
}

// SendCoinsFromModuleToAccount implements the bank keeper.
func (b *Bank) SendCoinsFromModuleToAccount(ctx context.Context, module string, to sdk.AccAddress, coins sdk.Coins) error {
	return b.moveCoins(ctx, moduleName(module), to.String(), coins)
}

// SendCoinsFromModuleToModule implements the bank keeper.
func (b *Bank) SendCoinsFromModuleToModule(ctx context.Context, from, to string, coins sdk.Coins) error {
	return b.moveCoins(ctx, moduleName(from), moduleName(to), coins)
}

// BurnCoins implements the bank keeper.
func (b *Bank) BurnCoins(ctx context.Context, module string, coins sdk.Coins) error {
	return b.moveCoins(ctx, moduleName(module), burned, coins)
}

// FundCommunityPool implements the distribution keeper.
func (b *Bank) FundCommunityPool(ctx context.Context, coins sdk.Coins, from sdk.AccAddress) error {
	return b.moveCoins(ctx, from.String(), communityPool, coins)
}

// AllocateTokensToValidator implements the distribution keeper.
func (b *Bank) AllocateTokensToValidator(ctx context.Context, _ stakingtypes.ValidatorI, tokens sdk.DecCoins) error {
	coins, dust := tokens.TruncateDecimal()
	if !dust.IsZero() {
		return fmt.Errorf("expected whole coins, got %s", tokens)
	}
	return b.moveCoins(ctx, moduleName(distributiontypes.ModuleName), rewards, coins)
}
