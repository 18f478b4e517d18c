package keeper_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"math"

	"github.com/stretchr/testify/require"

	"cosmossdk.io/collections"
	sdkmath "cosmossdk.io/math"
	"github.com/cosmos/cosmos-sdk/codec"
	codectypes "github.com/cosmos/cosmos-sdk/codec/types"
	"github.com/cosmos/cosmos-sdk/runtime"
	storetypes "github.com/cosmos/cosmos-sdk/store/v2/types"
	"github.com/cosmos/cosmos-sdk/testutil"
	sdk "github.com/cosmos/cosmos-sdk/types"

	"github.com/opengradient/opengradient/internal/golden"
	"github.com/opengradient/opengradient/internal/onnxwrite"
	"github.com/opengradient/opengradient/internal/tensor"
	"github.com/opengradient/opengradient/x/models/keeper"
	"github.com/opengradient/opengradient/x/models/types"
	schedulingtypes "github.com/opengradient/opengradient/x/scheduling/types"
)

// checker is what a fixture needs of *testing.T or *rapid.T.
type checker interface {
	require.TestingT
	Helper()
}

const (
	startBalance = 1_000_000_000_000
	fee          = 1_000_000 // of an admission
)

var (
	alice = sdk.AccAddress(bytes.Repeat([]byte{0xa1}, 20))
	bob   = sdk.AccAddress(bytes.Repeat([]byte{0xb0}, 20))
)

func operator(i int) string { return sdk.ValAddress(bytes.Repeat([]byte{byte(i + 1)}, 20)).String() }

// fixture is a keeper on real collections with fakes around it, and a chain with the default parameters and funded accounts.
type fixture struct {
	checker
	ctx          sdk.Context
	k            keeper.Keeper
	msgs         types.MsgServer
	queries      types.QueryServer
	bank         *fakeBank
	scheduling   *fakeScheduling
	verification *fakeVerification
	cdc          codec.Codec
	keys         []storetypes.StoreKey
}

func newBareFixture(t checker) *fixture {
	keys := make(map[string]*storetypes.KVStoreKey)
	var ordered []storetypes.StoreKey
	for _, name := range []string{types.StoreKey, types.FileStoreKey, "bank", "scheduling"} {
		keys[name] = storetypes.NewKVStoreKey(name)
		ordered = append(ordered, keys[name])
	}
	registry := codectypes.NewInterfaceRegistry()
	types.RegisterInterfaces(registry)
	f := &fixture{
		checker:      t,
		ctx:          testutil.DefaultContextWithKeys(keys, nil, nil).WithBlockHeight(10),
		bank:         &fakeBank{key: keys["bank"], blocked: map[string]bool{}},
		scheduling:   &fakeScheduling{key: keys["scheduling"]},
		verification: &fakeVerification{},
		cdc:          codec.NewProtoCodec(registry),
		keys:         ordered,
	}
	f.k = keeper.NewKeeper(f.cdc, runtime.NewKVStoreService(keys[types.StoreKey]), runtime.NewKVStoreService(keys[types.FileStoreKey]),
		fakeAccounts{}, f.bank, f.bank, f.scheduling, f.verification, moduleAddress("gov").String())
	f.msgs, f.queries = keeper.NewMsgServer(f.k), keeper.NewQueryServer(f.k)
	return f
}

func newFixture(t checker) *fixture {
	f := newBareFixture(t)
	require.NoError(t, f.k.InitGenesis(f.ctx, *types.DefaultGenesis()))
	for _, a := range []sdk.AccAddress{alice, bob} {
		f.bank.set(f.ctx, a.String(), sdkmath.NewInt(startBalance))
	}
	f.nodes(1, 40, 30, 30)
	return f
}

// nodes has nodes with these powers vote in one class, all with the memory for any model.
func (f *fixture) nodes(class uint32, powers ...int64) {
	f.scheduling.voters, f.scheduling.total, f.scheduling.small = nil, 0, map[string]bool{}
	for i, power := range powers {
		f.scheduling.voters = append(f.scheduling.voters, schedulingtypes.Voter{Operator: operator(i), Power: power, EnvironmentClass: class})
		f.scheduling.total += power
	}
}

// shrink leaves nodes too little memory for any model.
func (f *fixture) shrink(nodes ...int) {
	for _, i := range nodes {
		f.scheduling.small[operator(i)] = true
	}
}

func (f *fixture) setParams(change func(*types.Params)) {
	f.Helper()
	p, err := f.k.Params.Get(f.ctx)
	require.NoError(f, err)
	change(&p)
	_, err = f.msgs.UpdateParams(f.ctx, &types.MsgUpdateParams{Authority: f.k.Authority(), Params: p})
	require.NoError(f, err)
}

// onnx is a small model, another one for each number: x FP32[N,2] to y FP32[N,1].
func onnx(number int) []byte { return onnxOf(number, 1) }

// onnxOf is a model with so many columns of weights, 8 bytes each.
func onnxOf(number, columns int) []byte {
	weights := make([]float32, 2*columns)
	weights[0] = float32(number)
	m := onnxwrite.Model{Graph: onnxwrite.Graph{
		Name:  "product",
		Nodes: []onnxwrite.Node{{Op: "MatMul", Inputs: []string{"x", "w"}, Outputs: []string{"y"}}},
		Inputs: []onnxwrite.ValueInfo{
			{Name: "x", Type: elementOf(tensor.FP32), Dims: []onnxwrite.Dim{onnxwrite.Symbolic("N"), onnxwrite.Fixed(2)}},
		},
		Outputs: []onnxwrite.ValueInfo{
			{Name: "y", Type: elementOf(tensor.FP32), Dims: []onnxwrite.Dim{onnxwrite.Symbolic("N"), onnxwrite.Fixed(int64(columns))}},
		},
		Initializers: []onnxwrite.Tensor{onnxwrite.FloatTensor("w", []int64{2, int64(columns)}, weights...)},
	}}
	b, err := m.Marshal()
	if err != nil {
		panic(err)
	}
	return b
}

func elementOf(d tensor.Datatype) onnxwrite.ElementType {
	e, err := onnxwrite.ElementOf(d)
	if err != nil {
		panic(err)
	}
	return e
}

func hash(file []byte) []byte {
	sum := sha256.Sum256(file)
	return sum[:]
}

func hexHash(file []byte) string { return hex.EncodeToString(hash(file)) }

func manifest(name string) types.Manifest {
	return types.Manifest{
		Name: name, TaskClass: schedulingtypes.TASK_CLASS_CLASSIFICATION, Royalty: sdkmath.NewInt(5), Card: "# " + name,
		License: "apache-2.0", Labels: []string{"test"},
	}
}

// register registers a model of alice's in one message.
func (f *fixture) register(name string, file []byte) types.Model {
	f.Helper()
	res, err := f.msgs.RegisterModel(f.ctx, &types.MsgRegisterModel{Owner: alice.String(), Manifest: manifest(name), Onnx: file})
	require.NoError(f, err)
	return f.model(res.Sha256)
}

func (f *fixture) model(reference string) types.Model {
	f.Helper()
	m, err := f.k.Find(f.ctx, reference)
	require.NoError(f, err)
	return m
}

// opening is the message that begins the upload of a file.
func opening(owner sdk.AccAddress, name string, file []byte) *types.MsgOpenUpload {
	msg := &types.MsgOpenUpload{Owner: owner.String(), Manifest: manifest(name), Sha256: hexHash(file), Size_: uint64(len(file))}
	for _, c := range chunks(file) {
		msg.ChunkHashes = append(msg.ChunkHashes, hash(c))
	}
	return msg
}

func chunks(file []byte) (list [][]byte) {
	for len(file) > 0 {
		n := min(len(file), types.ChunkBytes)
		list, file = append(list, file[:n]), file[n:]
	}
	return list
}

func (f *fixture) open(owner sdk.AccAddress, name string, file []byte) uint64 {
	f.Helper()
	res, err := f.msgs.OpenUpload(f.ctx, opening(owner, name, file))
	require.NoError(f, err)
	return res.UploadId
}

func (f *fixture) chunk(owner sdk.AccAddress, id uint64, file []byte, index uint32) (*types.MsgUploadChunkResponse, error) {
	return f.msgs.UploadChunk(f.ctx, &types.MsgUploadChunk{Owner: owner.String(), UploadId: id, Index: index, Data: chunks(file)[index]})
}

// upload brings a whole file of alice's.
func (f *fixture) upload(name string, file []byte) types.Model {
	f.Helper()
	id := f.open(alice, name, file)
	for i := range chunks(file) {
		_, err := f.chunk(alice, id, file, uint32(i))
		require.NoError(f, err)
	}
	return f.model(hexHash(file))
}

func (f *fixture) endBlock() {
	f.Helper()
	require.NoError(f, f.k.EndBlock(f.ctx))
	f.ctx = f.ctx.WithBlockHeight(f.ctx.BlockHeight() + 1)
}

func (f *fixture) endBlocks(n int) {
	f.Helper()
	for range n {
		f.endBlock()
	}
}

func (f *fixture) balance(name string) int64 { return f.bank.balance(f.ctx, name).Int64() }

func (f *fixture) stored() uint64 {
	f.Helper()
	n, err := f.k.StoredBytes.Get(f.ctx)
	if errors.Is(err, collections.ErrNotFound) {
		return 0
	}
	require.NoError(f, err)
	return n
}

// outputs are golden outputs of a model of onnx, with one value for all vectors, and their root.
func (f *fixture) outputs(m types.Model, value float32) (b, root []byte) {
	f.Helper()
	id, err := m.ID()
	require.NoError(f, err)
	g, err := f.k.Golden(f.ctx, id)
	require.NoError(f, err)
	count, err := m.GoldenCount(g)
	require.NoError(f, err)
	data := binary.LittleEndian.AppendUint32(nil, math.Float32bits(value))
	encoded, err := tensor.EncodeOutputs([]tensor.Tensor{{Name: "y", Datatype: tensor.FP32, Shape: []int64{1, 1}, Data: data}})
	require.NoError(f, err)
	parts := make([][]byte, count)
	for i := range parts {
		parts[i] = encoded
	}
	b = golden.Join(parts)
	sum := tensor.MerkleRoot(b)
	return b, sum[:]
}

// ran is an attestation of a model that gives this value, with its outputs.
func (f *fixture) ran(m types.Model, class uint32, value float32) types.ModelAttestation {
	f.Helper()
	b, root := f.outputs(m, value)
	id, err := m.ID()
	require.NoError(f, err)
	return types.ModelAttestation{Model: id, EnvironmentClass: class, OutputRoot: root, Outputs: b}
}

func without(a types.ModelAttestation) types.ModelAttestation {
	a.Outputs = nil
	return a
}

func failure(m types.Model, class uint32, why types.ModelFailure) types.ModelAttestation {
	id, err := m.ID()
	if err != nil {
		panic(err)
	}
	return types.ModelAttestation{Model: id, EnvironmentClass: class, Failure: why}
}

// attest has a node say something of models.
func (f *fixture) attest(node int, attestations ...types.ModelAttestation) {
	f.Helper()
	require.NoError(f, f.k.RecordAttestations(f.ctx, []types.OperatorAttestations{{Operator: operator(node), Attestations: attestations}}))
}

// admit has all nodes of the fixture agree on a model.
func (f *fixture) admit(m types.Model) types.Model {
	f.Helper()
	for i, v := range f.scheduling.voters {
		f.attest(i, f.ran(m, v.EnvironmentClass, 1))
	}
	f.endBlock()
	m = f.model(m.Sha256)
	require.Equal(f, types.MODEL_STATUS_ACTIVE, m.Status)
	return m
}

// active is an admitted version of "iris", a name of alice's.
func (f *fixture) active(number int) types.Model {
	f.Helper()
	return f.admit(f.register("iris", onnx(number)))
}

func (f *fixture) certificate(m types.Model) types.Certificate {
	f.Helper()
	res, err := f.queries.Certificate(f.ctx, &types.QueryCertificateRequest{Model: m.Sha256})
	require.NoError(f, err)
	return res.Certificate
}

func (f *fixture) proved(m types.Model, node int, class uint32) bool {
	f.Helper()
	id, err := m.ID()
	require.NoError(f, err)
	return f.scheduling.proved(f.ctx, id, operator(node), class)
}

// requireUnchanged runs step and checks that it changed neither the state nor the fakes.
func (f *fixture) requireUnchanged(step func()) {
	f.Helper()
	before := f.dump()
	step()
	require.Equal(f, before, f.dump())
}

// dump is all state, in the order of the stores.
func (f *fixture) dump() []string {
	f.Helper()
	var all []string
	for _, key := range f.keys {
		it := f.ctx.KVStore(key).Iterator(nil, nil)
		for ; it.Valid(); it.Next() {
			all = append(all, key.Name()+" "+string(it.Key())+" = "+string(it.Value()))
		}
		require.NoError(f, it.Close())
	}
	return all
}

func merkle(b []byte) []byte {
	root := tensor.MerkleRoot(b)
	return root[:]
}
