package types

import (
	"context"

	sdk "github.com/cosmos/cosmos-sdk/types"

	"github.com/opengradient/opengradient/internal/agreement"
	schedulingtypes "github.com/opengradient/opengradient/x/scheduling/types"
)

// AccountKeeper is what the module needs of x/auth.
type AccountKeeper interface {
	GetModuleAddress(moduleName string) sdk.AccAddress
	GetModuleAccount(ctx context.Context, moduleName string) sdk.ModuleAccountI
}

// BankKeeper is what the module needs of x/bank.
type BankKeeper interface {
	GetBalance(ctx context.Context, addr sdk.AccAddress, denom string) sdk.Coin
	SendCoinsFromAccountToModule(ctx context.Context, sender sdk.AccAddress, recipientModule string, amount sdk.Coins) error
	SendCoinsFromModuleToAccount(ctx context.Context, senderModule string, recipient sdk.AccAddress, amount sdk.Coins) error
	BurnCoins(ctx context.Context, moduleName string, amount sdk.Coins) error
}

// DistributionKeeper is what the module needs of x/distribution.
type DistributionKeeper interface {
	FundCommunityPool(ctx context.Context, amount sdk.Coins, sender sdk.AccAddress) error
}

// SchedulingKeeper is what the module needs of x/scheduling.
type SchedulingKeeper interface {
	// Voters are the nodes that take work now, ordered by operator bytes, and the power of all bonded validators.
	Voters(ctx context.Context) (voters []schedulingtypes.Voter, total int64, err error)
	// Prove makes a node eligible for a model while it runs in an environment class. Saying it again changes nothing.
	Prove(ctx context.Context, model []byte, operator string, class uint32) error
	// HasEnvironment reports whether an environment class is registered.
	HasEnvironment(ctx context.Context, index uint32) (bool, error)
	// ReadyNodes is the number of nodes that could run the model now.
	ReadyNodes(ctx context.Context, model []byte) (uint32, error)
}

// VerificationKeeper is what the module needs of x/verification.
type VerificationKeeper interface {
	// Taus are the tolerances by which outputs are compared.
	Taus(ctx context.Context) (agreement.Taus, error)
}
