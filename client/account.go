package client

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"sync"

	sdkmath "cosmossdk.io/math"
	sdkclient "github.com/cosmos/cosmos-sdk/client"
	nodeservice "github.com/cosmos/cosmos-sdk/client/grpc/node"
	"github.com/cosmos/cosmos-sdk/client/tx"
	"github.com/cosmos/cosmos-sdk/codec/address"
	"github.com/cosmos/cosmos-sdk/crypto/keyring"
	sdk "github.com/cosmos/cosmos-sdk/types"

	"github.com/opengradient/opengradient/internal/encoding"
	"github.com/opengradient/opengradient/internal/modelpush"
	"github.com/opengradient/opengradient/internal/wallet"
	inferencetypes "github.com/opengradient/opengradient/x/inference/types"
)

// AccountConfig says which key signs, and how.
type AccountConfig struct {
	// Keyring holds the key, under the name Key.
	Keyring keyring.Keyring
	Key     string
	// GasPrice is what a unit of gas costs, such as 0.001uopg. Empty: the least that the node takes.
	GasPrice string
	// GasAdjustment multiplies what a transaction is expected to use; at least 1. 0 is the default.
	GasAdjustment float64
	// Window is the number of transactions in flight; 0 is the default. It has to be well below what the node's mempool holds.
	Window int
	// Lifetime is the number of blocks in which a transaction can be executed after it was signed; 0 is the default.
	Lifetime int64
	// MaxPending bounds the submissions that are under way or wait for their turn; one more waits for room. 0 is the default.
	MaxPending int
	// Journal, when set, makes submissions outlive the process.
	Journal Journal
	// Note goes into every transaction; FeeGranter, when set, pays for gas by a grant.
	Note       string
	FeeGranter sdk.AccAddress
}

// Account signs with one key and counts its sequence numbers. It is safe for concurrent use. There must be one in a process
// for each key; other processes may use the key at the same time.
type Account struct {
	client  *Client
	address sdk.AccAddress
	text    string
	wallet  *wallet.Wallet

	mu sync.Mutex
}

// NewAccount reads the account of a key. It fails when the key is not there or the account has never received coins.
func (c *Client) NewAccount(ctx context.Context, cfg AccountConfig) (*Account, error) {
	if cfg.Keyring == nil {
		return nil, errors.New("keyring: expected one, got none")
	}
	record, err := cfg.Keyring.Key(cfg.Key)
	if err != nil {
		return nil, fmt.Errorf("key %q: %w", cfg.Key, err)
	}
	a := &Account{client: c}
	if a.address, err = record.GetAddress(); err != nil {
		return nil, fmt.Errorf("key %q: %w", cfg.Key, err)
	}
	if a.text, err = address.NewBech32Codec(encoding.AccountPrefix).BytesToString(a.address); err != nil {
		return nil, err
	}
	price, err := c.gasPrice(ctx, cfg.GasPrice)
	if err != nil {
		return nil, err
	}
	factory := tx.Factory{}.WithChainID(c.chainID).WithKeybase(cfg.Keyring).WithTxConfig(c.encoding.TxConfig).
		WithMemo(cfg.Note).WithFeeGranter(cfg.FeeGranter)
	node := sdkclient.Context{}.WithClient(c.RPC).WithCodec(c.encoding.Codec).WithInterfaceRegistry(c.encoding.InterfaceRegistry)
	a.wallet, err = wallet.New(ctx, wallet.Config{
		Node: wallet.RPC{Context: node}, Conn: c.conn, Factory: factory, TxConfig: c.encoding.TxConfig,
		Key: cfg.Key, Address: a.address, GasPrice: price, GasAdjustment: max(cfg.GasAdjustment, 1),
	})
	return a, err
}

// gasPrice reads a price, or asks the node for the least that it takes.
func (c *Client) gasPrice(ctx context.Context, text string) (sdk.DecCoin, error) {
	if text == "" {
		res, err := nodeservice.NewServiceClient(c.conn).Config(ctx, &nodeservice.ConfigRequest{})
		if err != nil {
			return sdk.DecCoin{}, fmt.Errorf("gas price: the node does not say the least that it takes, give one: %w", err)
		}
		text = res.MinimumGasPrice
	}
	prices, err := sdk.ParseDecCoins(text)
	if err != nil || len(prices) > 1 {
		return sdk.DecCoin{}, fmt.Errorf("gas price: expected a price such as 0.001%s, got %q", inferencetypes.Denom, text)
	}
	if len(prices) == 0 {
		return sdk.DecCoin{Denom: inferencetypes.Denom, Amount: sdkmath.LegacyZeroDec()}, nil
	}
	return prices[0], nil
}

// Address is the account. Its String uses the prefix that the SDK's global configuration has; see Text.
func (a *Account) Address() sdk.AccAddress { return a.address }

// Text is the address as this chain writes it: og1…
func (a *Account) Text() string { return a.text }

// NewKey draws an idempotency key at random.
func NewKey() string {
	var b [16]byte
	rand.Read(b[:])
	return hex.EncodeToString(b[:])
}

// Check is Client.Check, and checks that the balance of the account suffices.
func (a *Account) Check(ctx context.Context, r Request) (Checked, error) {
	checked, err := a.client.Check(ctx, r)
	if err != nil {
		return Checked{}, err
	}
	gas := a.wallet.Fee(a.wallet.Gas(checked.message(a.text), submitGas))
	need := checked.Fee.Total
	if gas.Denom == inferencetypes.Denom {
		need = need.Add(gas.Amount)
	}
	have, err := a.client.records.balance(ctx, a.text)
	if err != nil {
		return Checked{}, fmt.Errorf("balance of %s: %w", a.text, err)
	}
	if have.LT(need) {
		return Checked{}, invalid(nil, "balance", fmt.Sprintf("at least %s for the fee and gas in account %s", coin(need), a.text), coin(have))
	}
	return checked, nil
}

// submitGas bounds what the message of a request costs beside its bytes.
const submitGas = 600_000

// Submit checks a request, signs and sends it, and returns once a block has executed it. It fails with an *InvalidError before
// anything is signed, with a *RefusedError when the chain refuses it, and with the context's error.
func (a *Account) Submit(ctx context.Context, r Request) (Submission, error) {
	if r.IdempotencyKey == "" {
		r.IdempotencyKey = NewKey()
	}
	checked, err := a.Check(ctx, r)
	if err != nil {
		return Submission{}, err
	}
	msg := checked.message(a.text)
	a.mu.Lock()
	defer a.mu.Unlock()
	answered := func(ctx context.Context) (bool, error) {
		_, found, err := a.known(ctx, r.IdempotencyKey)
		return found, err
	}
	if err := a.wallet.Execute(ctx, msg, submitGas, modelpush.DefaultOptions(), answered); err != nil {
		return Submission{}, err
	}
	known, found, err := a.known(ctx, r.IdempotencyKey)
	if err != nil || !found {
		return Submission{}, errors.Join(fmt.Errorf("key %s: expected the chain to know it", r.IdempotencyKey), err)
	}
	return Submission{
		RequestID: known.Ids[0], Key: r.IdempotencyKey, Reused: len(known.Reused) > 0,
		GasFee: a.wallet.Fee(a.wallet.Gas(msg, submitGas)),
	}, nil
}

// known is what the chain answered a key with.
func (a *Account) known(ctx context.Context, key string) (inferencetypes.IdempotencyKey, bool, error) {
	res, err := a.client.Inference.IdempotencyKey(ctx, &inferencetypes.QueryIdempotencyKeyRequest{Requester: a.text, Key: key})
	if isNotFound(err) {
		return inferencetypes.IdempotencyKey{}, false, nil
	}
	if err != nil {
		return inferencetypes.IdempotencyKey{}, false, err
	}
	return res.Key, len(res.Key.Ids) > 0, nil
}

// Close ends the account. What was signed and not executed yet goes on by the journal.
func (a *Account) Close() error { return nil }
