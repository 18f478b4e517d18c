package app_test

import (
	"math"
	"testing"

	"github.com/stretchr/testify/require"

	abci "github.com/cometbft/cometbft/abci/types"
	"github.com/cosmos/cosmos-sdk/baseapp"
	sdk "github.com/cosmos/cosmos-sdk/types"
	"github.com/cosmos/cosmos-sdk/types/mempool"
	banktypes "github.com/cosmos/cosmos-sdk/x/bank/types"

	"github.com/opengradient/opengradient/app/abcitypes"
	"github.com/opengradient/opengradient/app/proposal"
	"github.com/opengradient/opengradient/testutil/chaintest"
)

// sends are transactions of one account with ascending sequence numbers.
func sends(t *testing.T, c *chaintest.Chain, from chaintest.Account, n int, o txOptions) [][]byte {
	t.Helper()
	txs := make([][]byte, n)
	for i := range txs {
		o.ahead = uint64(i)
		txs[i] = signTx(t, c, walletOf(from), o, banktypes.NewMsgSend(from.Address, recipient, coins(int64(i)+1)))
	}
	return txs
}

var recipient = sdk.AccAddress("recipient of sends..")

// TestNoOpMempool proposes what CometBFT hands over, without what no validator would accept.
func TestNoOpMempool(t *testing.T) {
	c := start(t, chaintest.Options{Accounts: 2, BaseAppOptions: []func(*baseapp.BaseApp){baseapp.SetMempool(mempool.NoOpMempool{})}})
	t.Run("what does not decode is left out", func(t *testing.T) {
		good := sends(t, c, c.Accounts[0], 2, txOptions{})
		forged, err := proposal.Encode(abcitypes.InjectedCommit{Version: proposal.Version})
		require.NoError(t, err)
		resp := c.Next([]byte("garbage"), good[0], forged, proposal.Magic, good[1], nil)
		require.Len(t, resp.TxResults, 3, "the injected commit and two transactions")
		for _, r := range resp.TxResults {
			require.Zero(t, r.Code, r.Log)
		}
	})
	t.Run("a block holds no more gas than it may", func(t *testing.T) {
		txs := sends(t, c, c.Accounts[0], 5, txOptions{gas: 60_000_000})
		require.Len(t, c.Next(txs...).TxResults, 1+3)
	})
	t.Run("gas limits that overflow", func(t *testing.T) {
		first := sends(t, c, c.Accounts[0], 1, txOptions{gas: 1_000_000})
		huge := sends(t, c, c.Accounts[1], 1, txOptions{gas: math.MaxUint64 - 500_000})
		require.Len(t, c.Next(first[0], huge[0]).TxResults, 1+1)
	})
	t.Run("nothing to propose", func(t *testing.T) {
		require.Len(t, c.Next().TxResults, 1)
	})
}

// TestSenderNonceMempool proposes from the application's own mempool, in the order of each sender's sequence numbers.
func TestSenderNonceMempool(t *testing.T) {
	pool := mempool.NewSenderNonceMempool(mempool.SenderNonceMaxTxOpt(0))
	c := start(t, chaintest.Options{Accounts: 3, BaseAppOptions: []func(*baseapp.BaseApp){baseapp.SetMempool(pool)}})
	check := func(tx []byte) uint32 {
		resp, err := c.App.CheckTx(&abci.RequestCheckTx{Tx: tx, Type: abci.CheckTxType_New})
		require.NoError(t, err)
		return resp.Code
	}
	for round := range 3 {
		for _, account := range c.Accounts {
			for _, tx := range sends(t, c, account, 4, txOptions{}) {
				require.Zero(t, check(tx))
			}
		}
		require.NotZero(t, check([]byte("garbage")))
		require.NotZero(t, check(proposal.Magic))
		require.Equal(t, 12, pool.CountTx())
		// What CometBFT hands over is not what this mempool proposes.
		resp := c.Next([]byte("garbage"))
		require.Len(t, resp.TxResults, 1+12, "round %d", round)
		for _, r := range resp.TxResults {
			require.Zero(t, r.Code, r.Log)
		}
		require.Zero(t, pool.CountTx())
	}
	require.Equal(t, int64(3*3*(1+2+3+4)), balance(c, recipient))

	t.Run("a block holds no more gas than it may", func(t *testing.T) {
		for _, tx := range sends(t, c, c.Accounts[0], 5, txOptions{gas: 60_000_000}) {
			require.Zero(t, check(tx))
		}
		require.Len(t, c.Next().TxResults, 1+3)
		require.Len(t, c.Next().TxResults, 1+2)
	})
}
