package types

import (
	"context"

	"cosmossdk.io/math"
	sdk "github.com/cosmos/cosmos-sdk/types"
	stakingtypes "github.com/cosmos/cosmos-sdk/x/staking/types"

	modelstypes "github.com/opengradient/opengradient/x/models/types"
	schedulingtypes "github.com/opengradient/opengradient/x/scheduling/types"
	verificationtypes "github.com/opengradient/opengradient/x/verification/types"
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
	SendCoinsFromModuleToModule(ctx context.Context, senderModule, recipientModule string, amount sdk.Coins) error
}

// DistributionKeeper is what the module needs of x/distribution.
type DistributionKeeper interface {
	FundCommunityPool(ctx context.Context, amount sdk.Coins, sender sdk.AccAddress) error
	AllocateTokensToValidator(ctx context.Context, validator stakingtypes.ValidatorI, tokens sdk.DecCoins) error
}

// StakingKeeper is what the module needs of x/staking.
type StakingKeeper interface {
	GetValidator(ctx context.Context, operator sdk.ValAddress) (stakingtypes.Validator, error)
}

// ModelsKeeper is what the module needs of x/models.
type ModelsKeeper interface {
	// Find looks a model up by name (its tag latest), name:version, name:tag or SHA-256 in hexadecimal.
	Find(ctx context.Context, reference string) (modelstypes.Model, error)
	// Get looks a model up by the 32 bytes of its SHA-256.
	Get(ctx context.Context, id []byte) (modelstypes.Model, error)
	// Owner is who is paid the royalty of a model.
	Owner(ctx context.Context, m modelstypes.Model) (sdk.AccAddress, error)
}

// SchedulingKeeper is what the module needs of x/scheduling.
type SchedulingKeeper interface {
	EligiblePower(ctx context.Context, model []byte, class schedulingtypes.TaskClass, memoryBytes uint64) (eligible, total int64, err error)
	Voters(ctx context.Context) (voters []schedulingtypes.Voter, total int64, err error)
	ProvedPower(ctx context.Context, voters []schedulingtypes.Voter, model []byte, class schedulingtypes.TaskClass, memoryBytes uint64) (power int64, err error)
	Enqueue(ctx context.Context, task schedulingtypes.Task) (schedulingtypes.Task, error)
	Cancel(ctx context.Context, requestID uint64) error
	Expired(ctx context.Context) ([]schedulingtypes.Expiry, error)
	Retry(ctx context.Context, requestID uint64, passOver []string) (again bool, err error)
	Assign(ctx context.Context) ([]schedulingtypes.Placement, error)
	Complete(ctx context.Context, requestID uint64) error
	BasePrice(ctx context.Context) (math.Int, error)
	WaitingBlocks(ctx context.Context) (uint64, error)
	RecordDeliveries(ctx context.Context, deliveries []schedulingtypes.Delivery) error
	Review(ctx context.Context) (schedulingtypes.Review, error)
	ReplaceLeader(ctx context.Context, workers schedulingtypes.Workers, requestID uint64, candidates []string, silent bool) (leader string, err error)
}

// VerificationKeeper is what the module needs of x/verification.
type VerificationKeeper interface {
	OpenRound(ctx context.Context, opening verificationtypes.RoundOpening) error
	Record(ctx context.Context, votes []verificationtypes.OperatorVotes) (verificationtypes.Recorded, error)
	Abandon(ctx context.Context, requestID uint64) (passOver []string, err error)
	Advance(ctx context.Context) ([]verificationtypes.Decision, error)
	Conclude(ctx context.Context, requestID uint64) (verificationtypes.Decision, error)
	Settle(ctx context.Context) ([]verificationtypes.Settlement, error)
	Snapshot(ctx context.Context, id uint64) (verificationtypes.Snapshot, error)
	Health(ctx context.Context, requestID uint64, healthy func(operator string) bool) (verificationtypes.Health, error)
	ReplaceLeader(ctx context.Context, requestID uint64, leader string) error
}
