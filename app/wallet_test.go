package app_test

import (
	"context"

	"github.com/stretchr/testify/require"

	"github.com/cosmos/cosmos-sdk/crypto/keys/multisig"
	"github.com/cosmos/cosmos-sdk/crypto/keys/secp256k1"
	cryptotypes "github.com/cosmos/cosmos-sdk/crypto/types"
	multisigtypes "github.com/cosmos/cosmos-sdk/crypto/types/multisig"
	sdk "github.com/cosmos/cosmos-sdk/types"
	"github.com/cosmos/cosmos-sdk/types/tx/signing"
	authsigning "github.com/cosmos/cosmos-sdk/x/auth/signing"

	"github.com/opengradient/opengradient/testutil/chaintest"
)

// wallet signs for an account: with its one key, or with enough keys of a multisig account.
type wallet struct {
	pub  cryptotypes.PubKey
	keys []cryptotypes.PrivKey
}

func walletOf(a chaintest.Account) wallet {
	return wallet{pub: a.Key.PubKey(), keys: []cryptotypes.PrivKey{a.Key}}
}

// oneKey is an account that no genesis knows.
func oneKey() wallet {
	key := secp256k1.GenPrivKeyFromSecret([]byte("one key"))
	return wallet{pub: key.PubKey(), keys: []cryptotypes.PrivKey{key}}
}

// twoOfThree is a multisig account of which the first and the last member sign.
func twoOfThree() wallet {
	var keys []cryptotypes.PrivKey
	var pubs []cryptotypes.PubKey
	for i := range 3 {
		key := secp256k1.GenPrivKeyFromSecret([]byte{'m', byte(i)})
		keys, pubs = append(keys, key), append(pubs, key.PubKey())
	}
	return wallet{pub: multisig.NewLegacyAminoPubKey(2, pubs), keys: []cryptotypes.PrivKey{keys[0], keys[2]}}
}

func (w wallet) address() sdk.AccAddress { return sdk.AccAddress(w.pub.Address()) }

func (w wallet) sign(t chaintest.TB, mode signing.SignMode, message []byte) signing.SignatureData {
	t.Helper()
	one := func(key cryptotypes.PrivKey) *signing.SingleSignatureData {
		signature, err := key.Sign(message)
		require.NoError(t, err)
		return &signing.SingleSignatureData{SignMode: mode, Signature: signature}
	}
	multi, ok := w.pub.(multisigtypes.PubKey)
	if !ok {
		return one(w.keys[0])
	}
	members := multi.GetPubKeys()
	data := multisigtypes.NewMultisig(len(members))
	for _, key := range w.keys {
		require.NoError(t, multisigtypes.AddSignatureFromPubKey(data, one(key), key.PubKey(), members))
	}
	return data
}

// txOptions are what a transaction has beside its messages. The zero value is signed in mode DIRECT, pays nothing and
// has gas for every message of these tests.
type txOptions struct {
	mode    signing.SignMode
	gas     uint64
	fee     int64
	granter sdk.AccAddress
	// ahead is added to the sequence number that committed state holds.
	ahead uint64
}

// defaultGas is enough for every message of these tests.
const defaultGas = 2_000_000

func signTx(t chaintest.TB, c *chaintest.Chain, w wallet, o txOptions, msgs ...sdk.Msg) []byte {
	t.Helper()
	if o.mode == signing.SignMode_SIGN_MODE_UNSPECIFIED {
		o.mode = signing.SignMode_SIGN_MODE_DIRECT
	}
	if o.gas == 0 {
		o.gas = defaultGas
	}
	config := c.App.EncodingConfig().TxConfig
	account := c.App.AccountKeeper.GetAccount(c.Ctx(), w.address())
	require.NotNil(t, account)
	sequence := account.GetSequence() + o.ahead

	b := config.NewTxBuilder()
	require.NoError(t, b.SetMsgs(msgs...))
	b.SetGasLimit(o.gas)
	b.SetFeeAmount(coins(o.fee))
	if o.granter != nil {
		b.SetFeeGranter(o.granter)
	}
	// Mode DIRECT signs the public key and the mode as well, so they have to stand in the transaction first.
	signature := signing.SignatureV2{PubKey: w.pub, Data: w.sign(t, o.mode, nil), Sequence: sequence}
	require.NoError(t, b.SetSignatures(signature))
	message, err := authsigning.GetSignBytesAdapter(context.Background(), config.SignModeHandler(), o.mode, authsigning.SignerData{
		Address: w.address().String(), ChainID: chaintest.ChainID, AccountNumber: account.GetAccountNumber(),
		Sequence: sequence, PubKey: w.pub,
	}, b.GetTx())
	require.NoError(t, err)
	signature.Data = w.sign(t, o.mode, message)
	require.NoError(t, b.SetSignatures(signature))
	raw, err := config.TxEncoder()(b.GetTx())
	require.NoError(t, err)
	return raw
}
