package chainclient

import (
	"context"
	"fmt"
	"strings"
	"sync"

	cmtcfg "github.com/cometbft/cometbft/config"
	"github.com/cometbft/cometbft/privval"
	clienttx "github.com/cosmos/cosmos-sdk/client/tx"
	cryptocodec "github.com/cosmos/cosmos-sdk/crypto/codec"
	"github.com/cosmos/cosmos-sdk/crypto/hd"
	"github.com/cosmos/cosmos-sdk/crypto/keyring"
	cryptotypes "github.com/cosmos/cosmos-sdk/crypto/types"
	sdk "github.com/cosmos/cosmos-sdk/types"
	authtypes "github.com/cosmos/cosmos-sdk/x/auth/types"
)

// Signer is an account whose sequence numbers the client counts. It is safe for concurrent use; transactions of
// one signer are sent one after the other.
type Signer struct {
	Address sdk.AccAddress

	keys    keyring.Keyring
	name    string
	chainID string

	mu       sync.Mutex
	loaded   bool
	number   uint64
	sequence uint64
}

// NewSigner returns the signer of a key in the test keyring of a home folder.
func NewSigner(home, name, chainID string, codecs Codecs) (*Signer, error) {
	keys, err := keyring.New(sdk.KeyringServiceName(), keyring.BackendTest, home, strings.NewReader(""), codecs.Codec)
	if err != nil {
		return nil, err
	}
	record, err := keys.Key(name)
	if err != nil {
		return nil, fmt.Errorf("key %s in %s: %w", name, home, err)
	}
	return newSigner(keys, record, chainID)
}

// GenerateSigner returns the signer of a new key that is kept in memory only. Its account exists once it was sent
// coins.
func GenerateSigner(chainID string, codecs Codecs) (*Signer, error) {
	keys := keyring.NewInMemory(codecs.Codec)
	record, _, err := keys.NewMnemonic("generated", keyring.English, sdk.FullFundraiserPath, keyring.DefaultBIP39Passphrase, hd.Secp256k1)
	if err != nil {
		return nil, err
	}
	return newSigner(keys, record, chainID)
}

func newSigner(keys keyring.Keyring, record *keyring.Record, chainID string) (*Signer, error) {
	address, err := record.GetAddress()
	if err != nil {
		return nil, err
	}
	return &Signer{Address: address, keys: keys, name: record.Name, chainID: chainID}, nil
}

// load reads the account's numbers from committed state unless they are known. The caller holds the lock.
func (s *Signer) load(ctx context.Context, c *Client) error {
	if s.loaded {
		return nil
	}
	resp, err := c.Auth.AccountInfo(ctx, &authtypes.QueryAccountInfoRequest{Address: s.Address.String()})
	if err != nil {
		return fmt.Errorf("account %s: %w", s.Address, err)
	}
	s.number, s.sequence, s.loaded = resp.Info.AccountNumber, resp.Info.Sequence, true
	return nil
}

// sign encodes a transaction with the next sequence number. The caller holds the lock.
func (s *Signer) sign(ctx context.Context, codecs Codecs, fees Fees, msgs []sdk.Msg) ([]byte, error) {
	builder := codecs.TxConfig.NewTxBuilder()
	if err := builder.SetMsgs(msgs...); err != nil {
		return nil, err
	}
	if fees.Gas == 0 {
		fees.Gas = DefaultGas
	}
	builder.SetGasLimit(fees.Gas)
	builder.SetFeeAmount(fees.Amount)
	factory := clienttx.Factory{}.WithChainID(s.chainID).WithKeybase(s.keys).WithTxConfig(codecs.TxConfig).
		WithAccountNumber(s.number).WithSequence(s.sequence)
	if err := clienttx.Sign(ctx, factory, s.name, builder, true); err != nil {
		return nil, fmt.Errorf("sign: %w", err)
	}
	return codecs.TxConfig.TxEncoder()(builder.GetTx())
}

// ConsensusKey is the public consensus key of the node with a home folder.
func ConsensusKey(home string) (cryptotypes.PubKey, error) {
	config := cmtcfg.DefaultConfig().SetRoot(home)
	return cryptocodec.FromCmtPubKeyInterface(privval.LoadFilePVEmptyState(config.PrivValidatorKeyFile(), config.PrivValidatorStateFile()).Key.PubKey)
}
