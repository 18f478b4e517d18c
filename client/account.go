package client

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"

	sdkmath "cosmossdk.io/math"
	sdkclient "github.com/cosmos/cosmos-sdk/client"
	"github.com/cosmos/cosmos-sdk/codec/address"
	"github.com/cosmos/cosmos-sdk/crypto/keyring"
	sdk "github.com/cosmos/cosmos-sdk/types"
	authtypes "github.com/cosmos/cosmos-sdk/x/auth/types"

	"github.com/opengradient/opengradient/internal/encoding"
	"github.com/opengradient/opengradient/internal/memo"
	"github.com/opengradient/opengradient/internal/sequencer"
	"github.com/opengradient/opengradient/internal/wallet"
)

// Defaults of an AccountConfig.
const (
	// DefaultWindow is the number of transactions in flight.
	DefaultWindow = 128
	// DefaultLifetime is the number of blocks in which a transaction can be executed.
	DefaultLifetime = 30
	// DefaultMaxPending bounds the submissions under way.
	DefaultMaxPending = 4096

	maxWindow, maxLifetime = 4096, 10_000
	// patience is the number of transactions of a submission that may expire in a row.
	patience = 4
)

// AccountConfig says which key signs, and how.
type AccountConfig struct {
	// Keyring holds the key, under the name Key.
	Keyring keyring.Keyring
	Key     string
	// GasPrice is what a unit of gas costs, such as 0.001uopg. Empty: the least that the node takes, also when that rises.
	GasPrice string
	// GasAdjustment multiplies what a transaction is expected to use; at least 1. 0 is DefaultGasAdjustment.
	GasAdjustment float64
	// Window is the number of transactions in flight; 0 is DefaultWindow. It has to be well below what the node's mempool holds.
	Window int
	// Lifetime is the number of blocks in which a transaction can be executed after it was signed; 0 is DefaultLifetime.
	Lifetime int64
	// MaxPending bounds the submissions that are under way or wait for their turn, each of which keeps its inputs in memory; one
	// more waits for room. 0 is DefaultMaxPending.
	MaxPending int
	// Journal, when set, makes submissions outlive the process.
	Journal Journal
	// Note goes into every transaction; FeeGranter, when set, pays for gas by a grant.
	Note       string
	FeeGranter sdk.AccAddress
}

func (c *AccountConfig) complete() error {
	if c.Keyring == nil {
		return errors.New("keyring: expected one, got none")
	}
	if c.GasAdjustment == 0 {
		c.GasAdjustment = DefaultGasAdjustment
	}
	if c.Window == 0 {
		c.Window = DefaultWindow
	}
	if c.Lifetime == 0 {
		c.Lifetime = DefaultLifetime
	}
	if c.MaxPending == 0 {
		c.MaxPending = DefaultMaxPending
	}
	switch {
	case !(c.GasAdjustment >= 1 && c.GasAdjustment <= 100):
		return fmt.Errorf("gas adjustment: expected a factor from 1 to 100, got %g", c.GasAdjustment)
	case c.Window < 1 || c.Window > maxWindow:
		return fmt.Errorf("window: expected 1 to %d transactions, got %d", maxWindow, c.Window)
	case c.Lifetime < 2 || c.Lifetime > maxLifetime:
		return fmt.Errorf("lifetime: expected 2 to %d blocks, got %d", maxLifetime, c.Lifetime)
	case c.MaxPending < 1:
		return fmt.Errorf("max pending: expected at least 1, got %d", c.MaxPending)
	}
	return nil
}

// Account signs with one key and counts its sequence numbers. It is safe for concurrent use. There must be one in a process
// for each key; other processes may use the key at the same time.
type Account struct {
	client  *Client
	address sdk.AccAddress
	text    string
	signer  *signer
	prices  priceBook
	gas     *gasBook
	tried   *memo.Memo[uint64]
	node    wallet.Node

	sequencer *sequencer.Sequencer
	room      chan struct{} // one for each submission under way
	end       context.CancelFunc
	done      sync.WaitGroup
}

// NewAccount reads the account of a key, and goes on with what its journal says was signed and never settled. It fails when the
// key is not there or the account has never received coins.
func (c *Client) NewAccount(ctx context.Context, cfg AccountConfig) (*Account, error) {
	if err := cfg.complete(); err != nil {
		return nil, err
	}
	a := &Account{client: c, gas: newGasBook(cfg.GasAdjustment), tried: memo.New[uint64](c.closed, keepParams), room: make(chan struct{}, cfg.MaxPending)}
	var err error
	if a.signer, a.address, err = newSigner(cfg.Keyring, cfg.Key); err != nil {
		return nil, err
	}
	if a.text, err = address.NewBech32Codec(encoding.AccountPrefix).BytesToString(a.address); err != nil {
		return nil, err
	}
	info, err := c.Auth.AccountInfo(ctx, &authtypes.QueryAccountInfoRequest{Address: a.text})
	if err != nil {
		return nil, fmt.Errorf("account %s: expected one that has received coins: %w", a.text, err)
	}
	s := a.signer
	s.txConfig, s.chainID, s.number, s.address = c.encoding.TxConfig, c.chainID, info.Info.AccountNumber, a.text
	s.note, s.granter = cfg.Note, cfg.FeeGranter
	price, err := wallet.GasPrice(ctx, c.conn, cfg.GasPrice)
	if err != nil {
		return nil, err
	}
	a.prices.now.Store(&price)
	a.prices.asked = cfg.GasPrice == ""
	a.node = wallet.RPC{Context: sdkclient.Context{}.WithClient(c.RPC).WithCodec(c.encoding.Codec).WithInterfaceRegistry(c.encoding.InterfaceRegistry)}
	if err := a.begin(ctx, cfg); err != nil {
		return nil, err
	}
	return a, nil
}

// begin starts the sequencer.
func (a *Account) begin(ctx context.Context, cfg AccountConfig) error {
	var left []sequencer.Tx
	journal := sequencer.Journal(forgetful{})
	if cfg.Journal != nil {
		journal = diary{account: a, journal: cfg.Journal}
		signed, err := cfg.Journal.Unsettled(ctx)
		if err != nil {
			return fmt.Errorf("journal: %w", err)
		}
		for _, t := range signed {
			tx, err := t.internal()
			if err != nil {
				return fmt.Errorf("journal: key %s: %w", t.Key, err)
			}
			left = append(left, tx)
		}
	}
	a.client.follower.start()
	a.sequencer = sequencer.New(ledger{a}, journal, sequencer.Options{
		Window: cfg.Window, Lifetime: cfg.Lifetime, Patience: patience, Pause: sequencer.Backoff,
	}, left)
	working, end := context.WithCancel(a.client.closed)
	a.end = end
	a.done.Add(1)
	go func() {
		defer a.done.Done()
		_ = a.sequencer.Run(working) // it ends with its context only
	}()
	return nil
}

// priceBook is what a unit of gas costs.
type priceBook struct {
	now   atomic.Pointer[sdk.DecCoin]
	asked bool // of the node: it may rise
}

// price is what a unit of gas costs.
func (a *Account) price() sdk.DecCoin { return *a.prices.now.Load() }

// raise asks the node again what it takes for gas. It tells whether that is more than what is paid, which it is from now on.
func (a *Account) raise(ctx context.Context) bool {
	if !a.prices.asked {
		return false
	}
	price, err := wallet.GasPrice(ctx, a.client.conn, "")
	before := a.price()
	if err != nil || price.Denom == before.Denom && price.Amount.LTE(before.Amount) {
		return false
	}
	a.prices.now.Store(&price)
	return true
}

// Address is the account. Its String uses the prefix that the SDK's global configuration has; see Text.
func (a *Account) Address() sdk.AccAddress { return a.address }

// Text is the address as this chain writes it: og1…
func (a *Account) Text() string { return a.text }

// Balance is what the account holds, in uopg.
func (a *Account) Balance(ctx context.Context) (sdkmath.Int, error) {
	return a.client.records.readBalance(ctx, a.text)
}

// Close stops signing. Submissions that were not signed fail with ErrClosed; those that were fail with a *PendingError, and an
// account with the same journal goes on with them.
func (a *Account) Close() error {
	a.end()
	a.done.Wait()
	return nil
}
