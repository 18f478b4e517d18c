package app_test

import (
	"encoding/binary"
	"encoding/json"
	"math"
	"os"
	"testing"

	"github.com/stretchr/testify/require"

	sdkmath "cosmossdk.io/math"
	abci "github.com/cometbft/cometbft/abci/types"
	sdk "github.com/cosmos/cosmos-sdk/types"
	"github.com/cosmos/gogoproto/proto"

	"github.com/opengradient/opengradient/app"
	"github.com/opengradient/opengradient/internal/onnxwrite"
	"github.com/opengradient/opengradient/internal/tensor"
	"github.com/opengradient/opengradient/testutil/chaintest"
	inferencetypes "github.com/opengradient/opengradient/x/inference/types"
	modelstypes "github.com/opengradient/opengradient/x/models/types"
)

func TestMain(m *testing.M) {
	app.SetAddressPrefixes()
	os.Exit(m.Run())
}

// start is a chain whose validators are ready and answer correctly.
func start(t chaintest.TB, opts chaintest.Options) *chaintest.Chain {
	t.Helper()
	c := chaintest.New(t, opts)
	c.Attest(answer)
	c.Next()
	c.Next()
	return c
}

// deliver executes a block with the transactions, all of which must succeed. The first result of a block is that of
// the injected commit.
func deliver(t chaintest.TB, c *chaintest.Chain, txs ...[]byte) {
	t.Helper()
	resp := c.Next(txs...)
	require.Len(t, resp.TxResults, len(txs)+1, "results of block %d", c.Height())
	for i, r := range resp.TxResults {
		require.Zero(t, r.Code, "result %d of block %d: %s", i, c.Height(), r.Log)
	}
}

// linear is the model x FP32[N,2] to y FP32[N,3].
func linear(weight float32) []byte {
	rows := onnxwrite.Symbolic("N")
	b, err := onnxwrite.Model{Graph: onnxwrite.Graph{
		Name:         "linear",
		Nodes:        []onnxwrite.Node{{Op: "MatMul", Inputs: []string{"x", "w"}, Outputs: []string{"y"}}},
		Inputs:       []onnxwrite.ValueInfo{{Name: "x", Type: onnxwrite.ElementFloat, Dims: []onnxwrite.Dim{rows, onnxwrite.Fixed(2)}}},
		Outputs:      []onnxwrite.ValueInfo{{Name: "y", Type: onnxwrite.ElementFloat, Dims: []onnxwrite.Dim{rows, onnxwrite.Fixed(3)}}},
		Initializers: []onnxwrite.Tensor{onnxwrite.FloatTensor("w", []int64{2, 3}, weight, 1, 1, 1, 1, 1)},
	}}.Marshal()
	if err != nil {
		panic(err)
	}
	return b
}

func registration(owner sdk.AccAddress, name string, weight float32) *modelstypes.MsgRegisterModel {
	return chaintest.Registration(owner, name, linear(weight), 7)
}

// register has the validators admit the model "linear", of the first account.
func register(t chaintest.TB, c *chaintest.Chain) modelstypes.Model {
	t.Helper()
	deliver(t, c, c.Tx(c.Accounts[0], 0, registration(c.Accounts[0].Address, "linear", 1)))
	return c.Admitted("linear")
}

// submission asks the model "linear" for n runs on one row each.
func submission(requester sdk.AccAddress, n int) *inferencetypes.MsgSubmitRequests {
	msg := &inferencetypes.MsgSubmitRequests{
		Requester: requester.String(), Model: "linear", Tier: inferencetypes.TIER_QUORUM, MaxFee: sdkmath.NewInt(1_000_000),
	}
	for i := range n {
		msg.Requests = append(msg.Requests, inferencetypes.InferenceInput{Inputs: []inferencetypes.Tensor{
			{Name: "x", Datatype: "FP32", Shape: []int64{1, 2}, Contents: floats(float32(i), 0.5)},
		}})
	}
	return msg
}

// answer is what honest validators compute for a request.
func answer(_ int, id uint64) []byte { return output(float32(id)) }

// output is a canonical output of the model "linear" for one row.
func output(v float32) []byte {
	b, err := tensor.EncodeOutputs([]tensor.Tensor{
		{Name: "y", Datatype: tensor.FP32, Shape: []int64{1, 3}, Data: floats(v, v+1, v+2)},
	})
	if err != nil {
		panic(err)
	}
	return b
}

func floats(values ...float32) []byte {
	var b []byte
	for _, v := range values {
		b = binary.LittleEndian.AppendUint32(b, math.Float32bits(v))
	}
	return b
}

func coins(amount int64) sdk.Coins { return sdk.NewCoins(sdk.NewInt64Coin(app.BondDenom, amount)) }

func balance(c *chaintest.Chain, address sdk.AccAddress) int64 {
	return c.App.BankKeeper.GetBalance(c.Ctx(), address, app.BondDenom).Amount.Int64()
}

func request(t chaintest.TB, c *chaintest.Chain, id uint64) inferencetypes.Request {
	t.Helper()
	r, err := c.App.InferenceKeeper.Request(c.Ctx(), id)
	require.NoError(t, err)
	return r
}

func nextRequestID(t chaintest.TB, c *chaintest.Chain) uint64 {
	t.Helper()
	id, err := c.App.InferenceKeeper.NextRequestID.Get(c.Ctx())
	require.NoError(t, err)
	return id
}

func nextFileID(t chaintest.TB, c *chaintest.Chain) uint64 {
	t.Helper()
	id, err := c.App.ModelsKeeper.NextFileID.Get(c.Ctx())
	require.NoError(t, err)
	return id
}

func nextScheduleID(t chaintest.TB, c *chaintest.Chain) uint64 {
	t.Helper()
	id, err := c.App.InferenceKeeper.NextScheduleID.Get(c.Ctx())
	require.NoError(t, err)
	return id
}

// editGenesis changes the genesis of one module.
func editGenesis[T any, P interface {
	*T
	proto.Message
}](t chaintest.TB, state map[string]json.RawMessage, module string, edit func(P)) {
	t.Helper()
	encoding, err := app.MakeEncodingConfig()
	require.NoError(t, err)
	var genesis T
	require.NoError(t, encoding.Codec.UnmarshalJSON(state[module], P(&genesis)))
	edit(&genesis)
	state[module], err = encoding.Codec.MarshalJSON(P(&genesis))
	require.NoError(t, err)
}

// typedEvents are the events of the type of example in a block, outside its transactions.
func typedEvents[T proto.Message](t chaintest.TB, resp *abci.ResponseFinalizeBlock, example T) []T {
	t.Helper()
	var found []T
	for _, event := range resp.Events {
		if event.Type != proto.MessageName(example) {
			continue
		}
		// BaseApp adds the phase of the block to the attributes of an event.
		kept := event.Attributes[:0:0]
		for _, a := range event.Attributes {
			if a.Key != "mode" {
				kept = append(kept, a)
			}
		}
		event.Attributes = kept
		typed, err := sdk.ParseTypedEvent(event)
		require.NoError(t, err)
		found = append(found, typed.(T))
	}
	return found
}
