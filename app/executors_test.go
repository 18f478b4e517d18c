package app_test

import (
	"fmt"
	"math/rand"
	"testing"

	"github.com/stretchr/testify/require"

	abci "github.com/cometbft/cometbft/abci/types"
	"github.com/cosmos/cosmos-sdk/server"
	"github.com/cosmos/cosmos-sdk/server/config"
	simtestutil "github.com/cosmos/cosmos-sdk/testutil/sims"
	sdk "github.com/cosmos/cosmos-sdk/types"
	banktypes "github.com/cosmos/cosmos-sdk/x/bank/types"
	stakingtypes "github.com/cosmos/cosmos-sdk/x/staking/types"

	"github.com/opengradient/opengradient/app"
	"github.com/opengradient/opengradient/testutil/chaintest"
	inferencetypes "github.com/opengradient/opengradient/x/inference/types"
)

// TestExecutorsAgree runs the same blocks through the sequential executor and through Block-STM, with and without
// estimates: requests of inference of every tier and sealing from several accounts, transfers that meet in the same accounts, every way to fail,
// validators that disagree or are absent, and the injected commit at the head of every block. The chain requires equal
// application and results hashes after each block.
func TestExecutorsAgree(t *testing.T) {
	const blocks = 48
	c := chaintest.New(t, chaintest.Options{Accounts: 8, Followers: []simtestutil.AppOptionsMap{
		{server.FlagBlockExecutor: config.BlockExecutorBlockSTM, server.FlagBlockSTMWorkers: 4},
		{server.FlagBlockExecutor: config.BlockExecutorBlockSTM, server.FlagBlockSTMWorkers: 4, server.FlagBlockSTMPreEstimate: true},
	}})
	for _, f := range c.Followers {
		require.Panics(t, func() { f.SetDisableBlockGasMeter(false) }, "this application does not execute in parallel")
	}
	c.Attest(quarrel)
	c.Next()
	c.Next()
	register(t, c)

	tr := &traffic{t: t, c: c, random: rand.New(rand.NewSource(20260101))}
	outcomes := map[string]int{}
	for i := range blocks {
		clear(c.Absent)
		if i%5 == 4 {
			c.Absent[i%len(c.Validators)] = true
		}
		txs := tr.block()
		resp := c.Next(txs...)
		require.Len(t, resp.TxResults, len(txs)+1, "the injected commit and every transaction")
		require.Zero(t, resp.TxResults[0].GasUsed)
		for _, r := range resp.TxResults[1:] {
			outcomes[fmt.Sprintf("%s/%d", r.Codespace, r.Code)]++
		}
		require.NoError(t, c.App.InferenceKeeper.CheckEscrow(c.Ctx()))
	}
	for range 60 {
		c.Next()
	}
	t.Log("results by codespace and code:", outcomes)
	require.Greater(t, outcomes["/0"], 4*blocks)
	for _, want := range []string{"sdk/5", "sdk/11", "sdk/32", "inference/"} {
		require.NotZero(t, countPrefix(outcomes, want), "no transaction failed with %s", want)
	}
	statuses := map[inferencetypes.RequestStatus]int{}
	err := c.App.InferenceKeeper.Requests.Walk(c.Ctx(), nil, func(_ uint64, r inferencetypes.Request) (bool, error) {
		statuses[r.Status]++
		require.True(t, r.Escrow.IsZero(), "request %d", r.Id)
		return false, nil
	})
	require.NoError(t, err)
	t.Log("requests by status:", statuses)
	require.Greater(t, statuses[inferencetypes.REQUEST_STATUS_FINALIZED], 30)
	require.NotZero(t, statuses[inferencetypes.REQUEST_STATUS_FAILED])
	require.NotZero(t, statuses[inferencetypes.REQUEST_STATUS_CANCELLED])
	ways := map[string]int{}
	err = c.App.InferenceKeeper.Receipts.Walk(c.Ctx(), nil, func(_ uint64, r inferencetypes.Receipt) (bool, error) {
		for way, taken := range map[string]bool{"sealed": r.Sealed, "arbitrated": r.Arbitrated, "committee": len(r.Committee) > 0} {
			if taken {
				ways[way]++
			}
		}
		return false, nil
	})
	require.NoError(t, err)
	t.Log("receipts by the way to their verdict:", ways)
	require.Len(t, ways, 3, "every way is taken")
}

// quarrel answers wrongly with one validator for some requests, and with two of four for others; for a third kind two
// answer within the tolerance of the others.
func quarrel(i int, id uint64) []byte {
	switch {
	case id%6 == 0:
		return near(i, id)
	case id%5 == 0 && i == 3, id%7 == 0 && i >= 2:
		return output(-float32(id))
	default:
		return answer(i, id)
	}
}

func countPrefix(counts map[string]int, prefix string) int {
	n := 0
	for k, v := range counts {
		if len(k) >= len(prefix) && k[:len(prefix)] == prefix {
			n += v
		}
	}
	return n
}

// traffic draws the transactions of blocks.
type traffic struct {
	t      *testing.T
	c      *chaintest.Chain
	random *rand.Rand
	models int
}

// block draws transactions of every account. After one that fails before its messages run, whose sequence number is
// therefore not spent, an account sends no more.
func (tr *traffic) block() [][]byte {
	var txs [][]byte
	for _, account := range tr.c.Accounts {
		for ahead := range uint64(tr.random.Intn(4)) {
			tx, spent := tr.draw(account, ahead)
			txs = append(txs, tx)
			if !spent {
				break
			}
		}
	}
	tr.random.Shuffle(len(tr.c.Accounts), func(i, j int) {
		tr.c.Accounts[i], tr.c.Accounts[j] = tr.c.Accounts[j], tr.c.Accounts[i]
	})
	return txs
}

func (tr *traffic) draw(from chaintest.Account, ahead uint64) (tx []byte, spent bool) {
	o := txOptions{ahead: ahead, fee: int64(tr.random.Intn(1_000)), gas: 1_000_000}
	other := tr.c.Accounts[tr.random.Intn(len(tr.c.Accounts))].Address
	next := nextRequestID(tr.t, tr.c)
	spent = true
	var msgs []sdk.Msg
	switch tr.random.Intn(12) {
	case 0, 1:
		msgs = []sdk.Msg{banktypes.NewMsgSend(from.Address, other, coins(1+tr.random.Int63n(1_000)))}
	case 2: // more than there is
		msgs = []sdk.Msg{banktypes.NewMsgSend(from.Address, other, coins(1<<60))}
	case 3, 4, 5:
		msg := submission(from.Address, 1+tr.random.Intn(3))
		msg.Tier = inferencetypes.Tier(1 + tr.random.Intn(2))
		msg.Sealing = inferencetypes.Sealing(tr.random.Intn(3))
		msgs = []sdk.Msg{msg}
	case 6: // the second message fails: nothing of the first remains
		bad := submission(from.Address, 1)
		bad.Model = "no such model"
		msgs = []sdk.Msg{submission(from.Address, 2), bad}
	case 7: // an id that only a sequential executor could promise: right or wrong, the same everywhere
		id := next + uint64(tr.random.Intn(3))
		msgs = []sdk.Msg{submission(from.Address, 1), &inferencetypes.MsgCancelRequest{Requester: from.Address.String(), Id: id}}
	case 8:
		tr.models++
		msgs = []sdk.Msg{registration(from.Address, fmt.Sprintf("model-%d", tr.models/2), float32(tr.models)+0.25)}
	case 9: // out of gas in the middle
		o.gas = 90_000
		msgs = []sdk.Msg{submission(from.Address, 3)}
	case 10:
		msgs = []sdk.Msg{stakingtypes.NewMsgDelegate(from.Address.String(), tr.c.Validators[0].Operator.String(),
			sdk.NewInt64Coin(app.BondDenom, 1+tr.random.Int63n(1_000)))}
	default: // wrong sequence number
		o.ahead += 7
		spent = false
		msgs = []sdk.Msg{banktypes.NewMsgSend(from.Address, other, coins(1))}
	}
	return signTx(tr.t, tr.c, walletOf(from), o, msgs...), spent
}

// TestExecutorsAgreeOnTheInjectedCommitAlone checks the blocks in which there is nothing to run in parallel.
func TestExecutorsAgreeOnTheInjectedCommitAlone(t *testing.T) {
	c := chaintest.New(t, chaintest.Options{Followers: []simtestutil.AppOptionsMap{{server.FlagBlockExecutor: config.BlockExecutorBlockSTM}}})
	require.Empty(t, c.Next().TxResults, "the first block has no last commit")
	for range 3 {
		resp := c.Next()
		require.Len(t, resp.TxResults, 1)
		require.Equal(t, &abci.ExecTxResult{Code: abci.CodeTypeOK}, resp.TxResults[0])
	}
}
