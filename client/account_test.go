package client

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	sdkmath "cosmossdk.io/math"
	"github.com/cosmos/cosmos-sdk/crypto/hd"
	"github.com/cosmos/cosmos-sdk/crypto/keyring"
	sdkerrors "github.com/cosmos/cosmos-sdk/types/errors"

	inferencetypes "github.com/opengradient/opengradient/x/inference/types"
	schedulingtypes "github.com/opengradient/opengradient/x/scheduling/types"
)

const blockTime = 20 * time.Millisecond

// memory is a journal that outlives an account, but not the test.
type memory struct {
	mu      sync.Mutex
	signed  map[string]SignedTx
	settled map[string]Outcome
}

func newMemory() *memory {
	return &memory{signed: make(map[string]SignedTx), settled: make(map[string]Outcome)}
}

func (m *memory) Signed(_ context.Context, t SignedTx) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.signed[t.Key] = t
	return nil
}

func (m *memory) Settled(_ context.Context, key string, o Outcome) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.signed, key)
	m.settled[key] = o
	return nil
}

func (m *memory) outcome(key string) Outcome {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.settled[key]
}

func (m *memory) Unsettled(context.Context) ([]SignedTx, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return slices.Collect(maps.Values(m.signed)), nil
}

func (n *fakeNode) account(t *testing.T, c *Client, keys keyring.Keyring, journal Journal) *Account {
	t.Helper()
	a, err := c.NewAccount(t.Context(), AccountConfig{Keyring: keys, Key: "caller", Journal: journal, Window: 64})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, a.Close()) })
	return a
}

func ask(i int) Request {
	return Request{Model: "iris", Inputs: []Tensor{Float32s("x", []int64{1, 4}, []float32{float32(i), 0, 0, 0})}}
}

// trouble fails calls now and then, before and after they had an effect.
func trouble(call string) (before, after error) {
	switch lost := errors.New("connection lost"); {
	case call != "BroadcastTxSync" && call != "AccountInfo" && call != "BlockResults":
		return nil, nil
	case rand.N(50) == 0:
		return lost, nil
	case rand.N(50) == 0:
		return nil, lost
	default:
		return nil, nil
	}
}

// TestManySubmissions: 400 goroutines submit while connections fail and another process uses the key. Each request is there once,
// and what was paid is what the submissions say.
func TestManySubmissions(t *testing.T) {
	const submissions = 400
	n := newFakeNode(t)
	c := n.connect(t)
	a := n.account(t, c, n.testKeys(t), nil)
	n.fail, n.foreign = trouble, 2
	before := n.balance
	n.run(t)
	var mu sync.Mutex
	ids, gas := make(map[uint64]bool), sdkmath.ZeroInt()
	var all sync.WaitGroup
	for i := range submissions {
		all.Go(func() {
			s, err := a.Submit(soon(t), ask(i))
			for isInjected(err) {
				s, err = a.Submit(soon(t), ask(i)) // a check could not be made: nothing was signed
			}
			require.NoError(t, err)
			mu.Lock()
			defer mu.Unlock()
			ids[s.RequestID] = true
			gas = gas.Add(s.GasFee.Amount)
		})
	}
	all.Wait()
	require.Len(t, ids, submissions)
	n.mu.Lock()
	defer n.mu.Unlock()
	for key, times := range n.executed {
		require.Equal(t, 1, times, key)
	}
	require.Len(t, n.executed, submissions)
	require.Equal(t, n.paid, gas)
	require.Equal(t, before.Sub(gas).SubRaw(110*submissions), n.balance)
}

func isInjected(err error) bool { return err != nil && err.Error() == "connection lost" }

// TestAJournalOutlivesTheProcess stops accounts in the middle, again and again: the next one goes on, and every request is there
// once and paid for once.
func TestAJournalOutlivesTheProcess(t *testing.T) {
	const submissions = 120
	n := newFakeNode(t)
	keys, journal := n.testKeys(t), newMemory()
	n.room = 10
	n.run(t)
	c := n.connect(t)
	for stop := range 6 {
		a := n.account(t, c, keys, journal)
		var all sync.WaitGroup
		for i := range submissions {
			all.Go(func() {
				r := ask(i)
				r.IdempotencyKey = fmt.Sprint("order ", i)
				_, err := a.Submit(soon(t), r)
				var pending *PendingError
				require.True(t, err == nil || errors.As(err, &pending) || errors.Is(err, ErrClosed), "%v", err)
			})
		}
		if stop < 5 {
			target := submissions * (stop + 1) / 8
			require.Eventually(t, func() bool { return n.done() >= target }, 20*time.Second, time.Millisecond)
			require.NoError(t, a.Close())
		}
		all.Wait()
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	require.Len(t, n.executed, submissions)
	paid := sdkmath.ZeroInt()
	for key, times := range n.executed {
		require.Equal(t, 1, times, key)
		o := journal.settled[key]
		require.NoError(t, o.Err)
		require.Equal(t, n.keys[key].Ids[0], o.Submission.RequestID)
		paid = paid.Add(o.Submission.GasFee.Amount)
	}
	require.Equal(t, n.paid, paid)
	require.Empty(t, journal.signed)
}

func (n *fakeNode) done() int {
	n.mu.Lock()
	defer n.mu.Unlock()
	return len(n.executed)
}

func TestTheChainRefuses(t *testing.T) {
	for name, registered := range map[string]interface {
		error
		Codespace() string
		ABCICode() uint32
	}{
		"as the fee has risen":      inferencetypes.ErrMaxFee,
		"as the queue is full":      schedulingtypes.ErrQueueFull,
		"as the model was disabled": inferencetypes.ErrModelNotUsable,
	} {
		t.Run(name, func(t *testing.T) {
			n := newFakeNode(t)
			c := n.connect(t)
			a := n.account(t, c, n.testKeys(t), nil)
			n.verdict = func(*inferencetypes.MsgSubmitRequests) error { return registered }
			n.run(t)
			s, err := a.Submit(soon(t), ask(1))
			var refused *RefusedError
			require.ErrorAs(t, err, &refused)
			require.ErrorIs(t, err, registered)
			require.Positive(t, refused.Height)
			require.ErrorContains(t, err, "only gas was paid, "+s.GasFee.String())
			require.Equal(t, n.paid, s.GasFee.Amount)
			require.Equal(t, s, refused.Submission)
		})
	}
}

// TestOutOfGasIsTriedAgain: the limit was too low, which is no fault of the request. It gets a higher one.
func TestOutOfGasIsTriedAgain(t *testing.T) {
	n := newFakeNode(t)
	c := n.connect(t)
	a := n.account(t, c, n.testKeys(t), nil)
	tries := 0
	n.verdict = func(*inferencetypes.MsgSubmitRequests) error {
		if tries++; tries < 2 {
			return sdkerrors.ErrOutOfGas
		}
		return nil
	}
	n.run(t)
	s, err := a.Submit(soon(t), ask(1))
	require.NoError(t, err)
	require.Equal(t, n.paid, s.GasFee.Amount, "what was paid in vain is told")
	require.Equal(t, 2, tries)
	require.Greater(t, s.GasLimit, uint64(fakeGas*2), "twice as much")

	tries = -10
	paid := n.paid
	_, err = a.Submit(soon(t), ask(2))
	require.ErrorIs(t, err, sdkerrors.ErrOutOfGas, "and then it is given up")
	require.Equal(t, -8, tries)
	first := n.paid.Sub(paid).ToLegacyDec().QuoInt64(MaxGasFees)
	require.InDelta(t, s.GasFee.Amount.ToLegacyDec().QuoInt64(MaxGasFees).MustFloat64(), first.MustFloat64(), 2, "which costs what is said to be the most")
}

// TestANodeThatTakesMoreForGas: an account that pays what the node takes goes on when that rises, one with a price of its own does
// not. The fee is part of what is tried beforehand.
func TestANodeThatTakesMoreForGas(t *testing.T) {
	n := newFakeNode(t)
	c := n.connect(t)
	keys := n.testKeys(t)
	fixed, err := c.NewAccount(t.Context(), AccountConfig{Keyring: keys, Key: "caller", GasPrice: "0.001uopg"})
	require.NoError(t, err)
	defer fixed.Close()
	a := n.account(t, c, keys, newMemory())
	n.run(t)
	before, err := a.Submit(soon(t), ask(1))
	require.NoError(t, err)
	n.mu.Lock()
	require.Equal(t, sdkmath.OneInt(), n.simulatedFee)
	n.gasPrice.Amount = n.gasPrice.Amount.MulInt64(3)
	n.mu.Unlock()
	after, err := a.Submit(soon(t), ask(2))
	require.NoError(t, err)
	require.InDelta(t, 3*before.GasFee.Amount.Int64(), after.GasFee.Amount.Int64(), 20)
	_, err = fixed.Submit(soon(t), ask(3))
	require.ErrorIs(t, err, sdkerrors.ErrInsufficientFee)
	require.ErrorContains(t, err, "nothing was paid")
}

func TestAPoorAccount(t *testing.T) {
	n := newFakeNode(t)
	n.balance = sdkmath.NewInt(300)
	c := n.connect(t)
	a := n.account(t, c, n.testKeys(t), nil)
	_, err := a.Submit(soon(t), ask(1))
	require.ErrorContains(t, err, "balance: expected at least 411uopg in "+a.Text()+" for the fee and gas, got 300uopg")
	require.ErrorIs(t, err, sdkerrors.ErrInsufficientFunds)
	require.Zero(t, n.count("BroadcastTxSync"))
}

// TestGivingUp: what was not signed never happens, what was signed goes on and can be followed with its key.
func TestGivingUp(t *testing.T) {
	n := newFakeNode(t)
	c := n.connect(t)
	a := n.account(t, c, n.testKeys(t), nil)
	r := ask(1)
	r.IdempotencyKey = "order 1"
	ctx, cancel := context.WithCancel(t.Context())
	gone := make(chan error)
	go func() {
		_, err := a.Submit(ctx, r)
		gone <- err
	}()
	require.Eventually(t, func() bool { return n.count("BroadcastTxSync") > 0 }, 10*time.Second, time.Millisecond)
	cancel()
	var pending *PendingError
	err := <-gone
	require.ErrorAs(t, err, &pending)
	require.ErrorIs(t, err, context.Canceled)
	require.Equal(t, "order 1", pending.Key)

	other := ask(2)
	other.IdempotencyKey = "order 1"
	_, err = a.Submit(soon(t), other)
	require.ErrorIs(t, err, inferencetypes.ErrIdempotencyContent)

	n.run(t)
	s, err := a.Submit(soon(t), r)
	require.NoError(t, err)
	require.EqualValues(t, 1, s.RequestID)
	require.False(t, s.AnsweredBefore, "the first transaction did it")
	again, err := a.Submit(soon(t), r)
	require.NoError(t, err)
	require.True(t, again.AnsweredBefore)
	require.True(t, again.GasFee.IsZero(), "what the chain has answered is not signed again")
	_, err = a.Submit(soon(t), other)
	require.ErrorIs(t, err, inferencetypes.ErrIdempotencyContent)

	n.mu.Lock()
	n.away = true
	n.mu.Unlock()
	ctx, cancel = context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	_, err = a.Submit(ctx, ask(3))
	require.ErrorIs(t, err, context.DeadlineExceeded)
	require.Equal(t, 1, n.done())
}

// TestARestoredTransactionIsNotSignedAgain: it was in a block before the account began.
func TestARestoredTransactionIsNotSignedAgain(t *testing.T) {
	n := newFakeNode(t)
	keys, journal := n.testKeys(t), newMemory()
	c := n.connect(t)
	first := n.account(t, c, keys, journal)
	r := ask(1)
	r.IdempotencyKey = "order 1"
	ctx, cancel := context.WithCancel(t.Context())
	gone := make(chan error)
	go func() {
		_, err := first.Submit(ctx, r)
		gone <- err
	}()
	require.Eventually(t, func() bool { return n.count("BroadcastTxSync") > 0 }, 10*time.Second, time.Millisecond)
	cancel()
	require.Error(t, <-gone)
	require.NoError(t, first.Close())
	n.block(t)
	n.block(t)
	n.account(t, c, keys, journal)
	require.Eventually(t, func() bool {
		journal.mu.Lock()
		defer journal.mu.Unlock()
		return len(journal.settled) == 1
	}, 10*time.Second, time.Millisecond)
	require.EqualValues(t, 1, journal.outcome("order 1").Submission.RequestID)
	require.EqualValues(t, 101, journal.outcome("order 1").Submission.Height)
	require.Equal(t, 1, n.count("BroadcastTxSync"))
}

// TestABlockThatTheNodeHasDropped: the chain itself remembers the key, for a time.
func TestABlockThatTheNodeHasDropped(t *testing.T) {
	const key = "order 1"
	for name, tc := range map[string]struct {
		known bool
		sent  int64
		want  func(*testing.T, Outcome)
	}{
		"answered": {true, 99, func(t *testing.T, o Outcome) {
			t.Helper()
			require.NoError(t, o.Err)
			require.EqualValues(t, 1, o.Submission.RequestID)
			require.Zero(t, o.Submission.Height)
		}},
		"forgotten": {false, -60_000, func(t *testing.T, o Outcome) {
			t.Helper()
			require.ErrorIs(t, o.Err, ErrUnknownOutcome)
		}},
	} {
		t.Run(name, func(t *testing.T) {
			n := newFakeNode(t)
			keys, journal := n.testKeys(t), newMemory()
			c := n.connect(t)
			checked, err := c.Check(t.Context(), ask(1))
			require.NoError(t, err)
			checked.Request.IdempotencyKey = key
			msg := checked.message(n.address)
			raw, err := msg.Marshal()
			require.NoError(t, err)
			maker := n.account(t, c, keys, nil)
			tx, err := maker.signer.sign(t.Context(), msg, 4, 200_000, maker.fee(200_000), tc.sent+30)
			require.NoError(t, err)
			if tc.known {
				n.accept(t, msg)
			}
			journal.signed[key] = SignedTx{Key: key, Message: raw, Tx: tx, Hash: "AB", Sequence: 4, Sent: tc.sent, Expires: tc.sent + 30, Fee: maker.fee(200_000), Paid: maker.fee(0)}
			n.account(t, c, keys, journal)
			require.Eventually(t, func() bool {
				journal.mu.Lock()
				defer journal.mu.Unlock()
				return len(journal.settled) == 1
			}, 10*time.Second, time.Millisecond)
			tc.want(t, journal.outcome(key))
		})
	}
}

func TestNewAccountRefuses(t *testing.T) {
	n := newFakeNode(t)
	keys := n.testKeys(t)
	_, _, err := keys.NewMnemonic("poor", keyring.English, "m/44'/118'/0'/0/1", keyring.DefaultBIP39Passphrase, hd.Secp256k1)
	require.NoError(t, err)
	c := n.connect(t)
	good := AccountConfig{Keyring: keys, Key: "caller"}
	for name, tc := range map[string]struct {
		change func(*AccountConfig)
		want   string
	}{
		"no keyring":     {func(c *AccountConfig) { c.Keyring = nil }, "keyring: expected one, got none"},
		"an unknown key": {func(c *AccountConfig) { c.Key = "callers" }, `key "callers"`},
		"no coins":       {func(c *AccountConfig) { c.Key = "poor" }, "expected one that has received coins"},
		"a price":        {func(c *AccountConfig) { c.GasPrice = "cheap" }, `expected a price such as 0.001uopg, got "cheap"`},
		"an adjustment":  {func(c *AccountConfig) { c.GasAdjustment = 0.5 }, "expected a factor from 1 to 100, got 0.5"},
		"a window":       {func(c *AccountConfig) { c.Window = -1 }, "window: expected 1 to"},
		"a lifetime":     {func(c *AccountConfig) { c.Lifetime = 1 }, "lifetime: expected 2 to"},
		"room":           {func(c *AccountConfig) { c.MaxPending = -1 }, "max pending: expected at least 1"},
		"a torn journal": {func(c *AccountConfig) { c.Journal = torn{} }, "journal: torn"},
	} {
		t.Run(name, func(t *testing.T) {
			cfg := good
			tc.change(&cfg)
			_, err := c.NewAccount(t.Context(), cfg)
			require.ErrorContains(t, err, tc.want)
		})
	}
}

// torn is a journal that cannot be read.
type torn struct{ *memory }

func (torn) Unsettled(context.Context) ([]SignedTx, error) { return nil, errors.New("torn") }
