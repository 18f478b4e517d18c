package client

import (
	"context"
	"fmt"

	sdkclient "github.com/cosmos/cosmos-sdk/client"
	"github.com/cosmos/cosmos-sdk/crypto/keyring"
	cryptotypes "github.com/cosmos/cosmos-sdk/crypto/types"
	sdk "github.com/cosmos/cosmos-sdk/types"
	"github.com/cosmos/cosmos-sdk/types/tx/signing"
	authsigning "github.com/cosmos/cosmos-sdk/x/auth/signing"
)

// signer makes the transactions of one key.
type signer struct {
	keys     keyring.Keyring
	name     string
	public   cryptotypes.PubKey
	private  cryptotypes.PrivKey // nil when only the keyring can sign, as with a hardware wallet
	mode     signing.SignMode
	txConfig sdkclient.TxConfig
	chainID  string
	number   uint64 // of the account
	address  string
	note     string
	granter  sdk.AccAddress
}

// newSigner reads a key. A key that is kept in the keyring is read once: a keyring in encrypted files would otherwise be opened
// for every signature.
func newSigner(keys keyring.Keyring, name string) (*signer, sdk.AccAddress, error) {
	record, err := keys.Key(name)
	if err != nil {
		return nil, nil, fmt.Errorf("key %q: %w", name, err)
	}
	s := &signer{keys: keys, name: name, mode: signing.SignMode_SIGN_MODE_DIRECT}
	if s.public, err = record.GetPubKey(); err != nil {
		return nil, nil, fmt.Errorf("key %q: %w", name, err)
	}
	switch record.GetType() {
	case keyring.TypeLocal:
		if local := record.GetLocal(); local != nil && local.PrivKey != nil {
			s.private, _ = local.PrivKey.GetCachedValue().(cryptotypes.PrivKey)
		}
	case keyring.TypeLedger:
		s.mode = signing.SignMode_SIGN_MODE_LEGACY_AMINO_JSON
	default:
		return nil, nil, fmt.Errorf("key %q: expected a key that signs, got one of type %s", name, record.GetType())
	}
	address, err := record.GetAddress()
	if err != nil {
		return nil, nil, fmt.Errorf("key %q: %w", name, err)
	}
	return s, address, nil
}

// build makes a transaction without a signature, but with the key.
func (s *signer) build(msg sdk.Msg, sequence, gas uint64, fee sdk.Coin, expires int64) (sdkclient.TxBuilder, error) {
	b := s.txConfig.NewTxBuilder()
	if err := b.SetMsgs(msg); err != nil {
		return nil, err
	}
	b.SetMemo(s.note)
	b.SetGasLimit(gas)
	if fee.IsPositive() {
		b.SetFeeAmount(sdk.NewCoins(fee))
	}
	if len(s.granter) > 0 {
		b.SetFeeGranter(s.granter)
	}
	b.SetTimeoutHeight(uint64(expires))
	return b, b.SetSignatures(s.signature(sequence, nil))
}

func (s *signer) signature(sequence uint64, signed []byte) signing.SignatureV2 {
	return signing.SignatureV2{
		PubKey: s.public, Sequence: sequence, Data: &signing.SingleSignatureData{SignMode: s.mode, Signature: signed},
	}
}

// sign makes a transaction. The same arguments give the same bytes.
func (s *signer) sign(ctx context.Context, msg sdk.Msg, sequence, gas uint64, fee sdk.Coin, expires int64) ([]byte, error) {
	b, err := s.build(msg, sequence, gas, fee, expires)
	if err != nil {
		return nil, err
	}
	content, err := authsigning.GetSignBytesAdapter(ctx, s.txConfig.SignModeHandler(), s.mode, authsigning.SignerData{
		ChainID: s.chainID, AccountNumber: s.number, Sequence: sequence, PubKey: s.public, Address: s.address,
	}, b.GetTx())
	if err != nil {
		return nil, err
	}
	var signed []byte
	if s.private != nil {
		signed, err = s.private.Sign(content)
	} else {
		signed, _, err = s.keys.Sign(s.name, content, s.mode)
	}
	if err != nil {
		return nil, fmt.Errorf("sign with key %q: %w", s.name, err)
	}
	if err := b.SetSignatures(s.signature(sequence, signed)); err != nil {
		return nil, err
	}
	return s.txConfig.TxEncoder()(b.GetTx())
}
