package run

import (
	"bytes"
	"context"
	"encoding/hex"
	"errors"
	"os"
	"sync"
	"testing"

	"github.com/spf13/cobra"
	"github.com/stretchr/testify/require"

	abci "github.com/cometbft/cometbft/abci/types"
	cmtbytes "github.com/cometbft/cometbft/libs/bytes"
	"github.com/cometbft/cometbft/mempool"
	"github.com/cometbft/cometbft/p2p"
	rpcclient "github.com/cometbft/cometbft/rpc/client"
	coretypes "github.com/cometbft/cometbft/rpc/core/types"
	cmttypes "github.com/cometbft/cometbft/types"
	sdkclient "github.com/cosmos/cosmos-sdk/client"
	"github.com/cosmos/cosmos-sdk/crypto/keyring"
	authtypes "github.com/cosmos/cosmos-sdk/x/auth/types"

	"github.com/opengradient/opengradient/app"
	"github.com/opengradient/opengradient/client"
	"github.com/opengradient/opengradient/internal/onnxwrite"
	"github.com/opengradient/opengradient/internal/tensor"
	"github.com/opengradient/opengradient/testutil/chaintest"
	inferencetypes "github.com/opengradient/opengradient/x/inference/types"
)

func TestMain(m *testing.M) {
	app.SetAddressPrefixes()
	os.Exit(m.Run())
}

// rpc is the RPC of a node that runs the real application with a model "sum" x FP32[N,2] to y FP32[N,1], whose validators answer
// with the sums of rows. Whoever asks for the height has another block made first.
type rpc struct {
	rpcclient.Client
	t     *testing.T
	chain *chaintest.Chain

	mu     sync.Mutex
	pool   [][]byte
	blocks map[int64]*abci.ResponseFinalizeBlock
	txs    map[int64][][]byte
	sent   int // transactions handed over
	silent bool
	down   error
}

func newRPC(t *testing.T) *rpc {
	t.Helper()
	chain := chaintest.New(t, chaintest.Options{Accounts: 2})
	r := &rpc{t: t, chain: chain, blocks: make(map[int64]*abci.ResponseFinalizeBlock), txs: make(map[int64][][]byte)}
	chain.Attest(r.answer)
	for range 3 {
		r.block() // the nodes are known then
	}
	r.pool = append(r.pool, chain.Tx(chain.Accounts[0], 0, chaintest.Registration(chain.Accounts[0].Address, "sum", sum(t), 5)))
	r.block()
	chain.Admitted("sum")
	return r
}

// sum is the file of the model.
func sum(t *testing.T) []byte {
	t.Helper()
	n := onnxwrite.Symbolic("N")
	file, err := onnxwrite.Model{Graph: onnxwrite.Graph{
		Name:         "sum",
		Nodes:        []onnxwrite.Node{{Op: "MatMul", Inputs: []string{"x", "w"}, Outputs: []string{"y"}}},
		Inputs:       []onnxwrite.ValueInfo{{Name: "x", Type: onnxwrite.ElementFloat, Dims: []onnxwrite.Dim{n, onnxwrite.Fixed(2)}}},
		Outputs:      []onnxwrite.ValueInfo{{Name: "y", Type: onnxwrite.ElementFloat, Dims: []onnxwrite.Dim{n, onnxwrite.Fixed(1)}}},
		Initializers: []onnxwrite.Tensor{onnxwrite.FloatTensor("w", []int64{2, 1}, 1, 1)},
	}}.Marshal()
	require.NoError(t, err)
	return file
}

// answer is what validators compute for a request.
func (r *rpc) answer(_ int, id uint64) []byte {
	if r.silent {
		return nil
	}
	encoded, err := r.chain.App.InferenceKeeper.Inputs.Get(r.chain.Ctx(), id)
	require.NoError(r.t, err)
	inputs, err := tensor.Decode(encoded, tensor.DefaultLimits)
	require.NoError(r.t, err)
	x, err := client.Float32Values(inputs[0])
	require.NoError(r.t, err)
	y := make([]float32, len(x)/2)
	for i := range y {
		y[i] = x[2*i] + x[2*i+1]
	}
	output, err := tensor.EncodeOutputs([]tensor.Tensor{client.Float32s("y", []int64{int64(len(y)), 1}, y)})
	require.NoError(r.t, err)
	return output
}

func (r *rpc) block() {
	batch := r.pool
	r.pool = nil
	resp := r.chain.Next(batch...)
	require.GreaterOrEqual(r.t, len(resp.TxResults), len(batch))
	resp.TxResults = resp.TxResults[len(resp.TxResults)-len(batch):] // without that of the injected commit
	r.blocks[r.chain.Height()], r.txs[r.chain.Height()] = resp, batch
}

// enter begins a call of the node.
func (r *rpc) enter(ctx context.Context) (leave func(), err error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	r.mu.Lock()
	if r.down != nil {
		defer r.mu.Unlock()
		return nil, r.down
	}
	return r.mu.Unlock, nil
}

func (r *rpc) Status(ctx context.Context) (*coretypes.ResultStatus, error) {
	leave, err := r.enter(ctx)
	if err != nil {
		return nil, err
	}
	defer leave()
	return &coretypes.ResultStatus{NodeInfo: p2p.DefaultNodeInfo{Network: chaintest.ChainID}}, nil
}

func (r *rpc) ABCIInfo(ctx context.Context) (*coretypes.ResultABCIInfo, error) {
	leave, err := r.enter(ctx)
	if err != nil {
		return nil, err
	}
	defer leave()
	r.block()
	return &coretypes.ResultABCIInfo{Response: abci.ResponseInfo{LastBlockHeight: r.chain.Height()}}, nil
}

func (r *rpc) ABCIQueryWithOptions(ctx context.Context, path string, data cmtbytes.HexBytes, o rpcclient.ABCIQueryOptions) (*coretypes.ResultABCIQuery, error) {
	leave, err := r.enter(ctx)
	if err != nil {
		return nil, err
	}
	defer leave()
	res, err := r.chain.App.Query(ctx, &abci.RequestQuery{Path: path, Data: data, Height: o.Height})
	if err != nil {
		return nil, err
	}
	return &coretypes.ResultABCIQuery{Response: *res}, nil
}

func (r *rpc) BroadcastTxSync(ctx context.Context, tx cmttypes.Tx) (*coretypes.ResultBroadcastTx, error) {
	leave, err := r.enter(ctx)
	if err != nil {
		return nil, err
	}
	defer leave()
	r.sent++
	for _, held := range r.pool {
		if bytes.Equal(held, tx) {
			return nil, mempool.ErrTxInCache
		}
	}
	res, err := r.chain.App.CheckTx(&abci.RequestCheckTx{Tx: tx, Type: abci.CheckTxType_New})
	if err != nil {
		return nil, err
	}
	if res.Code == 0 {
		r.pool = append(r.pool, tx)
	}
	return &coretypes.ResultBroadcastTx{Code: res.Code, Codespace: res.Codespace, Log: res.Log, Hash: tx.Hash()}, nil
}

func (r *rpc) Tx(ctx context.Context, hash []byte, _ bool) (*coretypes.ResultTx, error) {
	leave, err := r.enter(ctx)
	if err != nil {
		return nil, err
	}
	defer leave()
	for height, txs := range r.txs {
		for i, tx := range txs {
			if bytes.Equal(cmttypes.Tx(tx).Hash(), hash) {
				return &coretypes.ResultTx{Hash: hash, Height: height, TxResult: *r.blocks[height].TxResults[i]}, nil
			}
		}
	}
	return nil, errors.New("tx not found")
}

func (r *rpc) Block(ctx context.Context, height *int64) (*coretypes.ResultBlock, error) {
	leave, err := r.enter(ctx)
	if err != nil {
		return nil, err
	}
	defer leave()
	block := &cmttypes.Block{}
	for _, tx := range r.txs[*height] {
		block.Txs = append(block.Txs, tx)
	}
	return &coretypes.ResultBlock{Block: block}, nil
}

func (r *rpc) BlockResults(ctx context.Context, height *int64) (*coretypes.ResultBlockResults, error) {
	leave, err := r.enter(ctx)
	if err != nil {
		return nil, err
	}
	defer leave()
	return &coretypes.ResultBlockResults{
		Height: *height, TxsResults: r.blocks[*height].TxResults, FinalizeBlockEvents: r.blocks[*height].Events,
	}, nil
}

// context is what the daemon would give a command, with the key "alice" of the second account.
func (r *rpc) context() sdkclient.Context {
	encoding := r.chain.App.EncodingConfig()
	ring := keyring.NewInMemory(encoding.Codec)
	require.NoError(r.t, ring.ImportPrivKeyHex("alice", hex.EncodeToString(r.chain.Accounts[1].Key.Bytes()), "secp256k1"))
	return sdkclient.Context{}.WithCodec(encoding.Codec).WithInterfaceRegistry(encoding.InterfaceRegistry).WithTxConfig(encoding.TxConfig).
		WithAccountRetriever(authtypes.AccountRetriever{}).WithKeyring(ring).WithClient(r).WithChainID(chaintest.ChainID).
		WithHomeDir(r.t.TempDir()).WithViper("")
}

// run executes the command and gives what it wrote.
func (r *rpc) run(ctx context.Context, stdin string, args ...string) (stdout, stderr string, err error) {
	clientCtx := r.context()
	root := &cobra.Command{Use: "opengradientd", SilenceErrors: true, SilenceUsage: true}
	root.AddCommand(NewCommand())
	var out, problems bytes.Buffer
	root.SetIn(bytes.NewBufferString(stdin))
	root.SetOut(&out)
	root.SetErr(&problems)
	root.SetArgs(append([]string{"run"}, args...))
	err = root.ExecuteContext(context.WithValue(ctx, sdkclient.ClientContextKey, &clientCtx))
	return out.String(), problems.String(), err
}

// balance is what the account has, in uopg; sequence is how many of its transactions were executed.
func (r *rpc) balance() int64 {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.chain.App.BankKeeper.GetBalance(r.chain.Ctx(), r.chain.Accounts[1].Address, inferencetypes.Denom).Amount.Int64()
}

func (r *rpc) sequence() uint64 {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.chain.App.AccountKeeper.GetAccount(r.chain.Ctx(), r.chain.Accounts[1].Address).GetSequence()
}
