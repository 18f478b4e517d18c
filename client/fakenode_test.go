package client

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"math/rand/v2"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	sdkmath "cosmossdk.io/math"
	abci "github.com/cometbft/cometbft/abci/types"
	"github.com/cometbft/cometbft/p2p"
	rpcclient "github.com/cometbft/cometbft/rpc/client"
	ctypes "github.com/cometbft/cometbft/rpc/core/types"
	cmttypes "github.com/cometbft/cometbft/types"
	"github.com/cosmos/cosmos-sdk/crypto/hd"
	"github.com/cosmos/cosmos-sdk/crypto/keyring"
	sdk "github.com/cosmos/cosmos-sdk/types"
	sdkerrors "github.com/cosmos/cosmos-sdk/types/errors"
	grpctypes "github.com/cosmos/cosmos-sdk/types/grpc"
	"github.com/cosmos/cosmos-sdk/types/tx/signing"
	authsigning "github.com/cosmos/cosmos-sdk/x/auth/signing"
	"github.com/cosmos/gogoproto/proto"

	"github.com/opengradient/opengradient/internal/encoding"
	"github.com/opengradient/opengradient/internal/tensor"
	inferencetypes "github.com/opengradient/opengradient/x/inference/types"
	modelstypes "github.com/opengradient/opengradient/x/models/types"
)

const (
	fakeChainID = "fake-1"
	fakeGas     = 150_000
)

// fakeNode is a node with a chain of its own, at the boundary of RPC and gRPC. Transactions wait in its pool, a block takes some
// of them, and two blocks later their requests are final, three more and they are settled.
type fakeNode struct {
	rpcclient.Client // methods that the library does not call are nil

	codecs encoding.Config
	models map[string]modelstypes.Model
	params inferencetypes.Params
	power  uint32

	mu        sync.Mutex
	height    int64
	sequence  uint64
	sequences map[int64]uint64 // after the block of a height
	address   string
	balance   sdkmath.Int
	pool      [][]byte
	blocks    map[int64]*ctypes.ResultBlockResults
	bodies    map[int64]cmttypes.Txs
	requests  []inferencetypes.Request
	keys      map[string]inferencetypes.IdempotencyKey
	executed  map[string]int // messages by key that had an effect
	paid      sdkmath.Int    // for gas
	room      int
	gasPrice  sdk.DecCoin // the least that it takes
	// simulatedFee is that of the last transaction that it was asked to try.
	simulatedFee sdkmath.Int
	asked        map[string]int

	// fail, when set, may fail a call before it has an effect, and after.
	fail func(call string) (before, after error)
	// verdict, when set, gives the result of a message.
	verdict func(msg *inferencetypes.MsgSubmitRequests) error
	// foreign transactions are put into the pool before each block.
	foreign int
	away    bool
}

func newFakeNode(t *testing.T) *fakeNode {
	t.Helper()
	codecs, err := newEncoding()
	require.NoError(t, err)
	return &fakeNode{
		codecs: codecs, models: testModels(t), params: inferencetypes.DefaultParams(), power: 10_000,
		height: 100, sequence: 5, sequences: map[int64]uint64{100: 5}, balance: sdkmath.NewInt(1_000_000_000_000),
		blocks: make(map[int64]*ctypes.ResultBlockResults), bodies: make(map[int64]cmttypes.Txs),
		keys: make(map[string]inferencetypes.IdempotencyKey), executed: make(map[string]int), paid: sdkmath.ZeroInt(), room: 40,
		asked: make(map[string]int), gasPrice: sdk.NewDecCoinFromDec(inferencetypes.Denom, sdkmath.LegacyNewDecWithPrec(1, 3)),
	}
}

// connect gives a client of the node.
func (n *fakeNode) connect(t *testing.T) *Client {
	t.Helper()
	c := newClient(n, "", n, n.codecs, func() error { return nil })
	require.NoError(t, c.meet(t.Context(), fakeChainID))
	t.Cleanup(func() { require.NoError(t, c.Close()) })
	return c
}

// testKeys makes a keyring whose key the node has as its only account.
func (n *fakeNode) testKeys(t *testing.T) keyring.Keyring {
	t.Helper()
	keys := keyring.NewInMemory(n.codecs.Codec)
	record, _, err := keys.NewMnemonic("caller", keyring.English, sdk.FullFundraiserPath, keyring.DefaultBIP39Passphrase, hd.Secp256k1)
	require.NoError(t, err)
	address, err := record.GetAddress()
	require.NoError(t, err)
	n.address, err = sdk.Bech32ifyAddressBytes(encoding.AccountPrefix, address)
	require.NoError(t, err)
	return keys
}

// run makes blocks until the test ends.
func (n *fakeNode) run(t *testing.T) {
	t.Helper()
	var done sync.WaitGroup
	done.Add(1)
	ctx, cancel := context.WithCancel(context.Background())
	t.Cleanup(func() {
		cancel()
		done.Wait()
	})
	go func() {
		defer done.Done()
		ticker := time.NewTicker(blockTime)
		defer ticker.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-ticker.C:
				n.block(t)
			}
		}
	}()
}

// call counts a call and may fail it.
func (n *fakeNode) call(name string) (after, before error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.asked[name]++
	if n.away {
		return nil, status.Error(codes.Unavailable, "away")
	}
	if n.fail == nil {
		return nil, nil
	}
	before, after = n.fail(name)
	return after, before
}

func (n *fakeNode) count(name string) int {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.asked[name]
}

func (n *fakeNode) Status(context.Context) (*ctypes.ResultStatus, error) {
	return &ctypes.ResultStatus{NodeInfo: p2p.DefaultNodeInfo{Network: fakeChainID}}, nil
}

func (n *fakeNode) ABCIInfo(context.Context) (*ctypes.ResultABCIInfo, error) {
	if _, err := n.call("ABCIInfo"); err != nil {
		return nil, err
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	return &ctypes.ResultABCIInfo{Response: abci.ResponseInfo{LastBlockHeight: n.height}}, nil
}

func (n *fakeNode) BlockResults(_ context.Context, height *int64) (*ctypes.ResultBlockResults, error) {
	if _, err := n.call("BlockResults"); err != nil {
		return nil, err
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	b, ok := n.blocks[*height]
	if !ok {
		return nil, fmt.Errorf("could not find results for height #%d", *height)
	}
	return b, nil
}

func (n *fakeNode) Block(_ context.Context, height *int64) (*ctypes.ResultBlock, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	return &ctypes.ResultBlock{Block: &cmttypes.Block{Data: cmttypes.Data{Txs: n.bodies[*height]}}}, nil
}

func (n *fakeNode) Tx(context.Context, []byte, bool) (*ctypes.ResultTx, error) {
	return nil, errors.New("transaction indexing is disabled")
}

func (n *fakeNode) BroadcastTxSync(_ context.Context, tx cmttypes.Tx) (*ctypes.ResultBroadcastTx, error) {
	after, err := n.call("BroadcastTxSync")
	if err != nil {
		return nil, err
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	for _, raw := range n.pool {
		if string(raw) == string(tx) {
			return nil, errors.New("tx already exists in cache")
		}
	}
	res := &ctypes.ResultBroadcastTx{Hash: tx.Hash()}
	expected := n.sequence + uint64(len(n.pool))
	switch got, _, err := n.read(tx); {
	case err != nil:
		return nil, err
	case got.sequence != expected:
		res.Codespace, res.Code = sdkerrors.ErrWrongSequence.Codespace(), sdkerrors.ErrWrongSequence.ABCICode()
		res.Log = fmt.Sprintf("account sequence mismatch, expected %d, got %d: incorrect account sequence", expected, got.sequence)
	case got.fee.LT(n.gasPrice.Amount.MulInt(sdkmath.NewIntFromUint64(got.gas)).Ceil().TruncateInt()):
		res.Codespace, res.Code = sdkerrors.ErrInsufficientFee.Codespace(), sdkerrors.ErrInsufficientFee.ABCICode()
		res.Log = "insufficient fees"
	case n.balance.LT(got.fee):
		res.Codespace, res.Code = sdkerrors.ErrInsufficientFunds.Codespace(), sdkerrors.ErrInsufficientFunds.ABCICode()
		res.Log = "insufficient funds"
	default:
		n.pool = append(n.pool, tx)
	}
	return res, after
}

// fakeTx is what the node reads of a transaction.
type fakeTx struct {
	sequence, gas, timeout uint64
	fee                    sdkmath.Int
	signature              string
}

// foreignTx is a transaction of another process with the same key, as far as this node looks at it.
var foreignTx = []byte("foreign ")

// read decodes a transaction and verifies its signature.
func (n *fakeNode) read(raw []byte) (fakeTx, *inferencetypes.MsgSubmitRequests, error) {
	decoded, err := n.codecs.TxConfig.TxDecoder()(raw)
	if err != nil {
		return fakeTx{}, nil, err
	}
	signed, ok := decoded.(authsigning.Tx)
	if !ok {
		return fakeTx{}, nil, fmt.Errorf("expected a transaction with signatures, got %T", decoded)
	}
	signatures, err := signed.GetSignaturesV2()
	if err != nil {
		return fakeTx{}, nil, err
	}
	s := signatures[0]
	data, ok := s.Data.(*signing.SingleSignatureData)
	if !ok {
		return fakeTx{}, nil, fmt.Errorf("expected one signature, got %T", s.Data)
	}
	tx := fakeTx{
		sequence: s.Sequence, gas: signed.GetGas(), timeout: signed.GetTimeoutHeight(),
		fee: signed.GetFee().AmountOf(inferencetypes.Denom), signature: base64.StdEncoding.EncodeToString(data.Signature),
	}
	msg, ok := signed.GetMsgs()[0].(*inferencetypes.MsgSubmitRequests)
	if !ok {
		return fakeTx{}, nil, errors.New("expected a submission")
	}
	if len(data.Signature) == 0 {
		return tx, msg, nil // a simulation
	}
	content, err := authsigning.GetSignBytesAdapter(context.Background(), n.codecs.TxConfig.SignModeHandler(), data.SignMode, authsigning.SignerData{
		ChainID: fakeChainID, AccountNumber: 7, Sequence: s.Sequence, PubKey: s.PubKey, Address: n.address,
	}, decoded)
	if err != nil {
		return fakeTx{}, nil, err
	}
	if !s.PubKey.VerifySignature(content, data.Signature) {
		return fakeTx{}, nil, errors.New("expected a signature of the account")
	}
	return tx, msg, nil
}

// block makes a block.
func (n *fakeNode) block(t require.TestingT) {
	n.mu.Lock()
	defer n.mu.Unlock()
	for range n.foreign {
		n.pool = append(n.pool, append([]byte(nil), append(foreignTx, strconv.Itoa(rand.Int())...)...))
	}
	n.height++
	taken := n.pool[:min(len(n.pool), n.room)]
	n.pool = append([][]byte(nil), n.pool[len(taken):]...)
	results := &ctypes.ResultBlockResults{Height: n.height}
	for _, raw := range taken {
		n.bodies[n.height] = append(n.bodies[n.height], raw)
		results.TxsResults = append(results.TxsResults, n.execute(t, raw))
	}
	for i := range n.requests {
		results.FinalizeBlockEvents = append(results.FinalizeBlockEvents, n.progress(t, &n.requests[i])...)
	}
	n.blocks[n.height], n.sequences[n.height] = results, n.sequence
}

func (n *fakeNode) execute(t require.TestingT, raw []byte) *abci.ExecTxResult {
	if string(raw[:len(foreignTx)]) == string(foreignTx) {
		n.sequence++
		return &abci.ExecTxResult{}
	}
	tx, msg, err := n.read(raw)
	require.NoError(t, err)
	if tx.sequence != n.sequence || tx.timeout > 0 && uint64(n.height) > tx.timeout {
		return &abci.ExecTxResult{Codespace: sdkerrors.ErrWrongSequence.Codespace(), Code: sdkerrors.ErrWrongSequence.ABCICode()}
	}
	n.sequence++
	n.balance, n.paid = n.balance.Sub(tx.fee), n.paid.Add(tx.fee)
	r := &abci.ExecTxResult{
		GasWanted: int64(tx.gas), GasUsed: fakeGas,
		Events: []abci.Event{{Type: "tx", Attributes: []abci.EventAttribute{{Key: "signature", Value: tx.signature}}}},
	}
	if n.verdict != nil {
		if err := n.verdict(msg); err != nil {
			var registered interface {
				Codespace() string
				ABCICode() uint32
			}
			require.ErrorAs(t, err, &registered)
			r.Codespace, r.Code, r.Log = registered.Codespace(), registered.ABCICode(), err.Error()
			return r
		}
	}
	answer := inferencetypes.MsgSubmitRequestsResponse{}
	if known, ok := n.keys[msg.IdempotencyKey]; ok {
		answer.Ids, answer.AnsweredBefore = known.Ids, true
	} else {
		answer.Ids = []uint64{n.accept(t, msg)}
		r.Events = append(r.Events, event(t, &inferencetypes.EventRequestSubmitted{Id: answer.Ids[0]}))
	}
	n.executed[msg.IdempotencyKey]++
	r.Data, err = encodeAnswer(answer)
	require.NoError(t, err)
	return r
}

// accept makes a request of a message.
func (n *fakeNode) accept(t require.TestingT, msg *inferencetypes.MsgSubmitRequests) uint64 {
	id := uint64(len(n.requests) + 1)
	n.requests = append(n.requests, inferencetypes.Request{
		Id: id, Status: inferencetypes.REQUEST_STATUS_SUBMITTED, SubmittedHeight: n.height,
		Fee: inferencetypes.Fee{Compute: sdkmath.NewInt(100), Bytes: sdkmath.NewInt(10), Royalty: sdkmath.ZeroInt(), Total: sdkmath.NewInt(110)},
	})
	n.balance = n.balance.SubRaw(110)
	ts := make([]tensor.Tensor, len(msg.Requests[0].Inputs))
	for i, in := range msg.Requests[0].Inputs {
		var err error
		ts[i], err = in.Tensor()
		require.NoError(t, err)
	}
	encoded, err := tensor.Encode(ts)
	require.NoError(t, err)
	root := tensor.MerkleRoot(encoded)
	m := n.models[msg.Model]
	content, err := inferencetypes.Content{
		Model: m.Sha256, Tier: msg.Tier, Sealing: msg.Sealing, FeeClass: msg.FeeClass, ReuseBlocks: msg.ReuseBlocks,
		Outputs: outputNames(m), InputRoots: [][]byte{root[:]},
	}.Hash()
	require.NoError(t, err)
	n.keys[msg.IdempotencyKey] = inferencetypes.IdempotencyKey{Requester: n.address, Key: msg.IdempotencyKey, Ids: []uint64{id}, Content: content}
	return id
}

func outputNames(m modelstypes.Model) []string {
	names := make([]string, len(m.Inspection.Outputs))
	for i, o := range m.Inspection.Outputs {
		names[i] = o.Name
	}
	return names
}

// progress carries a request on.
func (n *fakeNode) progress(t require.TestingT, r *inferencetypes.Request) []abci.Event {
	switch n.height - r.SubmittedHeight {
	case 0:
		r.Status, r.AssignedHeight, r.Attempt = inferencetypes.REQUEST_STATUS_ASSIGNED, n.height, 1
		return []abci.Event{event(t, &inferencetypes.EventRequestAssigned{Id: r.Id, Attempt: 1})}
	case 2:
		r.Status, r.FinalHeight = inferencetypes.REQUEST_STATUS_FINALIZED, n.height
		return []abci.Event{event(t, &inferencetypes.EventRequestFinalized{Id: r.Id, Attempt: 1})}
	case 5:
		return []abci.Event{event(t, &inferencetypes.EventRequestSettled{Id: r.Id})}
	default:
		return nil
	}
}

func event(t require.TestingT, m proto.Message) abci.Event {
	e, err := sdk.TypedEventToEvent(m)
	require.NoError(t, err)
	return abci.Event(e)
}

// NewStream implements grpc.ClientConnInterface.
func (n *fakeNode) NewStream(context.Context, *grpc.StreamDesc, string, ...grpc.CallOption) (grpc.ClientStream, error) {
	return nil, errors.New("no streams")
}

// sequenceAt is the sequence number in the state that a context reads.
func (n *fakeNode) sequenceAt(ctx context.Context) uint64 {
	md, _ := metadata.FromOutgoingContext(ctx)
	if heights := md.Get(grpctypes.GRPCBlockHeightHeader); len(heights) == 1 {
		if h, err := strconv.ParseInt(heights[0], 10, 64); err == nil {
			return n.sequences[h]
		}
	}
	return n.sequence
}
