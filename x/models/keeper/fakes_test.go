package keeper_test

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"

	"cosmossdk.io/math"
	storetypes "github.com/cosmos/cosmos-sdk/store/v2/types"
	sdk "github.com/cosmos/cosmos-sdk/types"
	authtypes "github.com/cosmos/cosmos-sdk/x/auth/types"

	"github.com/opengradient/opengradient/internal/agreement"
	"github.com/opengradient/opengradient/x/models/types"
	schedulingtypes "github.com/opengradient/opengradient/x/scheduling/types"
)

// The fakes keep what they hold in a store of the context, so that a cached context that is dropped drops their
// changes too.

var errBroken = errors.New("broken on purpose")

const (
	// communityPool and burned are the names under which the fake books what leaves all accounts.
	communityPool = "community pool"
	burned        = "burned"
)

func moduleAddress(name string) sdk.AccAddress { return authtypes.NewModuleAddress(name) }

type fakeAccounts struct{}

func (fakeAccounts) GetModuleAddress(name string) sdk.AccAddress { return moduleAddress(name) }

func (fakeAccounts) GetModuleAccount(_ context.Context, name string) sdk.ModuleAccountI {
	return authtypes.NewEmptyModuleAccount(name)
}

// fakeBank is x/bank for one denomination, and x/distribution for what it pays.
type fakeBank struct {
	key     storetypes.StoreKey
	blocked map[string]bool // addresses that may not receive
}

func (b *fakeBank) balance(ctx context.Context, name string) math.Int {
	raw := sdk.UnwrapSDKContext(ctx).KVStore(b.key).Get([]byte(name))
	if raw == nil {
		return math.ZeroInt()
	}
	var v math.Int
	if err := v.Unmarshal(raw); err != nil {
		panic(err)
	}
	return v
}

func (b *fakeBank) set(ctx context.Context, name string, v math.Int) {
	raw, err := v.Marshal()
	if err != nil {
		panic(err)
	}
	sdk.UnwrapSDKContext(ctx).KVStore(b.key).Set([]byte(name), raw)
}

func (b *fakeBank) move(ctx context.Context, from, to string, amount sdk.Coins) error {
	v := amount.AmountOf(types.Denom)
	if len(amount) != 1 || !v.IsPositive() {
		return fmt.Errorf("expected a positive amount of %s, got %s", types.Denom, amount)
	}
	if b.blocked[to] {
		return fmt.Errorf("%s may not receive", to)
	}
	have := b.balance(ctx, from)
	if have.LT(v) {
		return fmt.Errorf("insufficient funds: expected %s, got %s", v, have)
	}
	b.set(ctx, from, have.Sub(v))
	b.set(ctx, to, b.balance(ctx, to).Add(v))
	return nil
}

func (b *fakeBank) GetBalance(ctx context.Context, addr sdk.AccAddress, denom string) sdk.Coin {
	return sdk.NewCoin(denom, b.balance(ctx, addr.String()))
}

func (b *fakeBank) SendCoinsFromAccountToModule(ctx context.Context, from sdk.AccAddress, module string, amount sdk.Coins) error {
	return b.move(ctx, from.String(), moduleAddress(module).String(), amount)
}

func (b *fakeBank) SendCoinsFromModuleToAccount(ctx context.Context, module string, to sdk.AccAddress, amount sdk.Coins) error {
	return b.move(ctx, moduleAddress(module).String(), to.String(), amount)
}

func (b *fakeBank) BurnCoins(ctx context.Context, module string, amount sdk.Coins) error {
	return b.move(ctx, moduleAddress(module).String(), burned, amount)
}

func (b *fakeBank) FundCommunityPool(ctx context.Context, amount sdk.Coins, from sdk.AccAddress) error {
	return b.move(ctx, from.String(), communityPool, amount)
}

// fakeScheduling gives the voters that a test writes and remembers who has proved what.
type fakeScheduling struct {
	key    storetypes.StoreKey
	voters []schedulingtypes.Voter
	total  int64
	// small are the operators whose nodes give less memory than any model needs.
	small  map[string]bool
	asked  int   // for voters
	broken error // of Voters
	refuse error // of Prove
}

// Voters are the voters of the test, who serve every class, with the memory for any model unless they are small.
func (s *fakeScheduling) Voters(context.Context) ([]schedulingtypes.Voter, int64, error) {
	s.asked++
	voters := slices.Clone(s.voters)
	for i := range voters {
		voters[i].TaskClasses = schedulingtypes.AllTaskClasses()
		if !s.small[voters[i].Operator] {
			voters[i].MemoryBytes = schedulingtypes.MaxMemoryBytes
		}
	}
	return voters, s.total, s.broken
}

func proofName(model []byte, operator string, class uint32) []byte {
	return fmt.Appendf(nil, "%x/%s/%d", model, operator, class)
}

func (s *fakeScheduling) Prove(ctx context.Context, model []byte, operator string, class uint32) error {
	sdk.UnwrapSDKContext(ctx).KVStore(s.key).Set(proofName(model, operator, class), []byte{1})
	return s.refuse
}

func (s *fakeScheduling) proved(ctx context.Context, model []byte, operator string, class uint32) bool {
	return sdk.UnwrapSDKContext(ctx).KVStore(s.key).Has(proofName(model, operator, class))
}

// lastEnvironment is the last class that the fake knows.
const lastEnvironment = 99

func (s *fakeScheduling) HasEnvironment(_ context.Context, index uint32) (bool, error) {
	return index >= 1 && index <= lastEnvironment, nil
}

func (s *fakeScheduling) ReadyNodes(_ context.Context, model []byte) (uint32, error) {
	return uint32(binary.BigEndian.Uint16(model)), nil
}

type fakeVerification struct{ broken error }

func (v *fakeVerification) Taus(context.Context) (agreement.Taus, error) {
	return agreement.DefaultTaus(), v.broken
}
