package types

import (
	"context"

	"cosmossdk.io/math"
	sdk "github.com/cosmos/cosmos-sdk/types"
	stakingtypes "github.com/cosmos/cosmos-sdk/x/staking/types"
)

// StakingKeeper is what verification needs of x/staking: to punish what is proven.
type StakingKeeper interface {
	// GetValidator returns a validator, or an error that is stakingtypes.ErrNoValidatorFound.
	GetValidator(ctx context.Context, operator sdk.ValAddress) (stakingtypes.Validator, error)
	// Slash burns a part of the stake that backed power at the height of the infraction, and returns what was burned.
	Slash(ctx context.Context, consAddr sdk.ConsAddress, infractionHeight, power int64, factor math.LegacyDec) (math.Int, error)
}

// NodeKeeper is what verification needs of x/scheduling: conduct decides who leads and who is assigned work at all.
type NodeKeeper interface {
	// SetReliability stores an integer from 0 to 10,000. An operator without a node is no error.
	SetReliability(ctx context.Context, operator string, reliability uint32) error
	// JailNode keeps a node out of every new round until its operator brings it back, at the height until at the
	// earliest. An operator without a node is no error.
	JailNode(ctx context.Context, operator string, until int64, reason string) error
}
