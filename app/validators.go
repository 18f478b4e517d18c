package app

import (
	"bytes"

	"github.com/cometbft/cometbft/crypto"
	cryptoenc "github.com/cometbft/cometbft/crypto/encoding"
	sdk "github.com/cosmos/cosmos-sdk/types"
	stakingkeeper "github.com/cosmos/cosmos-sdk/x/staking/keeper"
)

// validatorResolver finds validators by the consensus address under which they sign now. A validator that was
// removed, or that has rotated its key since it signed, does not resolve: its extension is carried but ignored.
type validatorResolver struct {
	staking *stakingkeeper.Keeper
}

// ConsensusKey returns the public key behind consAddr.
func (r validatorResolver) ConsensusKey(ctx sdk.Context, consAddr []byte) (crypto.PubKey, bool) {
	val, err := r.staking.GetValidatorByConsAddr(ctx, consAddr)
	if err != nil {
		return nil, false
	}
	pk, err := val.CmtConsPublicKey()
	if err != nil {
		return nil, false
	}
	key, err := cryptoenc.PubKeyFromProto(pk)
	if err != nil || !bytes.Equal(key.Address(), consAddr) {
		return nil, false
	}
	return key, true
}

// OperatorByConsAddr returns the operator behind consAddr. It resolves exactly the addresses that ConsensusKey
// resolves, so that no content is applied whose signature was not checked.
func (r validatorResolver) OperatorByConsAddr(ctx sdk.Context, consAddr []byte) (sdk.ValAddress, bool) {
	if _, ok := r.ConsensusKey(ctx, consAddr); !ok {
		return nil, false
	}
	val, err := r.staking.GetValidatorByConsAddr(ctx, consAddr)
	if err != nil {
		return nil, false
	}
	operator, err := r.staking.ValidatorAddressCodec().StringToBytes(val.GetOperator())
	if err != nil {
		return nil, false
	}
	return operator, true
}
