package types

import (
	"context"

	"cosmossdk.io/core/address"
	corestore "cosmossdk.io/core/store"
	sdk "github.com/cosmos/cosmos-sdk/types"
	stakingtypes "github.com/cosmos/cosmos-sdk/x/staking/types"
)

// StakingKeeper is what scheduling needs of the staking module.
type StakingKeeper interface {
	// ValidatorAddressCodec translates operator addresses.
	ValidatorAddressCodec() address.Codec
	// GetValidator returns a validator, or an error that is stakingtypes.ErrNoValidatorFound.
	GetValidator(ctx context.Context, operator sdk.ValAddress) (stakingtypes.Validator, error)
	// GetLastValidatorPower returns the validator's consensus power as of the last block; 0 when it was not bonded.
	GetLastValidatorPower(ctx context.Context, operator sdk.ValAddress) (int64, error)
	// LastValidatorsIterator walks the entries of the validators bonded as of the last block: key
	// stakingtypes.GetLastValidatorPowerKey(operator), value an encoded Int64Value. The caller closes it.
	LastValidatorsIterator(ctx context.Context) (corestore.Iterator, error)
}
