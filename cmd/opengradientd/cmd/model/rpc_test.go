package model

import (
	"bytes"
	"context"
	"encoding/hex"
	"errors"
	"os"
	"testing"

	"github.com/spf13/cobra"
	"github.com/stretchr/testify/require"

	abci "github.com/cometbft/cometbft/abci/types"
	cmtbytes "github.com/cometbft/cometbft/libs/bytes"
	"github.com/cometbft/cometbft/mempool"
	rpcclient "github.com/cometbft/cometbft/rpc/client"
	coretypes "github.com/cometbft/cometbft/rpc/core/types"
	cmttypes "github.com/cometbft/cometbft/types"
	"github.com/cosmos/cosmos-sdk/client"
	"github.com/cosmos/cosmos-sdk/crypto/keyring"
	"github.com/cosmos/cosmos-sdk/server"
	authtypes "github.com/cosmos/cosmos-sdk/x/auth/types"

	"github.com/opengradient/opengradient/app"
	"github.com/opengradient/opengradient/testutil/chaintest"
	"github.com/opengradient/opengradient/x/models/types"
)

func TestMain(m *testing.M) {
	app.SetAddressPrefixes()
	os.Exit(m.Run())
}

// rpc is the RPC of a node that runs the real application, with a pool of transactions as CometBFT keeps one. Whoever asks
// for the height, or for a model, has another block made first.
type rpc struct {
	client.CometRPC
	t     *testing.T
	chain *chaintest.Chain
	pool  [][]byte
	// blocks are the transactions and results by height.
	blocks map[int64]*abci.ResponseFinalizeBlock
	txs    map[int64][][]byte

	sent int // transactions handed over
	// Before and after are called around each transaction that is handed over, with its number from 1.
	before, after func(n int) error
	// foreign is called before each block: another process that uses the key may hand transactions over.
	foreign func()
	// settings are those of app.toml.
	settings map[string]any
	// noIndex is a node without an index of transactions.
	noIndex bool
}

var errPowerCut = errors.New("the process is gone")

func newRPC(t *testing.T, chain *chaintest.Chain) *rpc {
	return &rpc{t: t, chain: chain, blocks: make(map[int64]*abci.ResponseFinalizeBlock), txs: make(map[int64][][]byte)}
}

func (r *rpc) block() {
	if r.foreign != nil {
		r.foreign()
	}
	const room = 12
	batch := r.pool[:min(len(r.pool), room)]
	left := r.pool[len(batch):]
	resp := r.chain.Next(batch...)
	require.GreaterOrEqual(r.t, len(resp.TxResults), len(batch))
	resp.TxResults = resp.TxResults[len(resp.TxResults)-len(batch):] // without that of the injected commit
	r.blocks[r.chain.Height()], r.txs[r.chain.Height()] = resp, batch
	r.pool = nil
	for _, tx := range left {
		if res := r.check(tx, abci.CheckTxType_Recheck); res.Code == 0 {
			r.pool = append(r.pool, tx)
		}
	}
}

func (r *rpc) check(tx []byte, kind abci.CheckTxType) *abci.ResponseCheckTx {
	res, err := r.chain.App.CheckTx(&abci.RequestCheckTx{Tx: tx, Type: kind})
	require.NoError(r.t, err)
	return res
}

func (r *rpc) ABCIInfo(ctx context.Context) (*coretypes.ResultABCIInfo, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	r.block()
	return &coretypes.ResultABCIInfo{Response: abci.ResponseInfo{LastBlockHeight: r.chain.Height()}}, nil
}

func (r *rpc) ABCIQueryWithOptions(ctx context.Context, path string, data cmtbytes.HexBytes, o rpcclient.ABCIQueryOptions) (*coretypes.ResultABCIQuery, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if path == "/opengradient.models.v1.Query/Model" && o.Height == 0 {
		r.block()
	}
	res, err := r.chain.App.Query(ctx, &abci.RequestQuery{Path: path, Data: data, Height: o.Height})
	if err != nil {
		return nil, err
	}
	return &coretypes.ResultABCIQuery{Response: *res}, nil
}

func (r *rpc) BroadcastTxSync(ctx context.Context, tx cmttypes.Tx) (*coretypes.ResultBroadcastTx, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	r.sent++
	n := r.sent
	if r.before != nil {
		if err := r.before(n); err != nil {
			return nil, err
		}
	}
	res, err := r.take(tx)
	if err != nil {
		return nil, err
	}
	if r.after != nil {
		if err := r.after(n); err != nil {
			return nil, err
		}
	}
	return res, nil
}

func (r *rpc) take(tx cmttypes.Tx) (*coretypes.ResultBroadcastTx, error) {
	for _, held := range r.pool {
		if bytes.Equal(held, tx) {
			return nil, mempool.ErrTxInCache
		}
	}
	res := r.check(tx, abci.CheckTxType_New)
	if res.Code == 0 {
		r.pool = append(r.pool, tx)
	}
	return &coretypes.ResultBroadcastTx{Code: res.Code, Codespace: res.Codespace, Log: res.Log, Hash: tx.Hash()}, nil
}

func (r *rpc) Tx(_ context.Context, hash []byte, _ bool) (*coretypes.ResultTx, error) {
	for height, txs := range r.txs {
		for i, tx := range txs {
			if bytes.Equal(cmttypes.Tx(tx).Hash(), hash) && !r.noIndex {
				return &coretypes.ResultTx{Hash: hash, Height: height, TxResult: *r.blocks[height].TxResults[i]}, nil
			}
		}
	}
	if r.noIndex {
		return nil, errors.New("transaction indexing is disabled")
	}
	return nil, errors.New("tx not found")
}

func (r *rpc) Block(_ context.Context, height *int64) (*coretypes.ResultBlock, error) {
	block := &cmttypes.Block{}
	for _, tx := range r.txs[*height] {
		block.Txs = append(block.Txs, tx)
	}
	return &coretypes.ResultBlock{Block: block}, nil
}

func (r *rpc) BlockResults(_ context.Context, height *int64) (*coretypes.ResultBlockResults, error) {
	return &coretypes.ResultBlockResults{Height: *height, TxsResults: r.blocks[*height].TxResults}, nil
}

// context is what the daemon would give a command, with the key "alice" of an account of the chain.
func (r *rpc) context(account int) client.Context {
	encoding := r.chain.App.EncodingConfig()
	ring := keyring.NewInMemory(encoding.Codec)
	key := r.chain.Accounts[account].Key
	require.NoError(r.t, ring.ImportPrivKeyHex("alice", hex.EncodeToString(key.Bytes()), "secp256k1"))
	return client.Context{}.WithCodec(encoding.Codec).WithInterfaceRegistry(encoding.InterfaceRegistry).WithTxConfig(encoding.TxConfig).
		WithAccountRetriever(authtypes.AccountRetriever{}).WithKeyring(ring).WithClient(r).WithChainID(chaintest.ChainID).
		WithHomeDir(r.t.TempDir()).WithViper("")
}

// run executes a command of the group as an account does, and gives what it wrote to standard output.
func (r *rpc) run(ctx context.Context, account int, args ...string) (stdout, stderr string, err error) {
	clientCtx := r.context(account)
	root := &cobra.Command{Use: "opengradientd", SilenceErrors: true, SilenceUsage: true}
	root.AddCommand(NewCommand())
	var out, problems bytes.Buffer
	root.SetOut(&out)
	root.SetErr(&problems)
	root.SetArgs(append([]string{"model"}, args...))
	serverCtx := server.NewDefaultContext()
	for key, value := range r.settings {
		serverCtx.Viper.Set(key, value)
	}
	ctx = context.WithValue(ctx, server.ServerContextKey, serverCtx)
	err = root.ExecuteContext(context.WithValue(ctx, client.ClientContextKey, &clientCtx))
	return out.String(), problems.String(), err
}

// balance is what the second account has, in uopg. The first is a delegator and earns rewards.
func (r *rpc) balance() int64 {
	return r.chain.App.BankKeeper.GetBalance(r.chain.Ctx(), r.chain.Accounts[1].Address, types.Denom).Amount.Int64()
}

// sequence is how many transactions of the second account were executed.
func (r *rpc) sequence() uint64 {
	return r.chain.App.AccountKeeper.GetAccount(r.chain.Ctx(), r.chain.Accounts[1].Address).GetSequence()
}
