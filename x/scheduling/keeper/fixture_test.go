package keeper_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"cosmossdk.io/core/address"
	corestore "cosmossdk.io/core/store"
	"github.com/cosmos/cosmos-sdk/codec"
	addresscodec "github.com/cosmos/cosmos-sdk/codec/address"
	codectypes "github.com/cosmos/cosmos-sdk/codec/types"
	"github.com/cosmos/cosmos-sdk/runtime"
	storetypes "github.com/cosmos/cosmos-sdk/store/v2/types"
	"github.com/cosmos/cosmos-sdk/testutil"
	sdk "github.com/cosmos/cosmos-sdk/types"
	stakingtypes "github.com/cosmos/cosmos-sdk/x/staking/types"
	gogotypes "github.com/cosmos/gogoproto/types"

	"github.com/opengradient/opengradient/internal/queue"
	"github.com/opengradient/opengradient/x/scheduling/keeper"
	"github.com/opengradient/opengradient/x/scheduling/types"
)

const (
	authority = "authority"
	gibibyte  = uint64(1) << 30
)

// check is what a fixture needs of *testing.T or *rapid.T.
type check interface {
	require.TestingT
	Helper()
}

// validator is an entry of the fake staking keeper.
type validator struct {
	operator sdk.ValAddress
	power    int64
	jailed   bool
	unbonded bool
}

// fakeStaking is a staking keeper with a validator set that tests write.
type fakeStaking struct {
	validators []*validator
	open       int // iterators that were not closed
}

func (f *fakeStaking) ValidatorAddressCodec() address.Codec {
	return addresscodec.NewBech32Codec(sdk.GetConfig().GetBech32ValidatorAddrPrefix())
}

func (f *fakeStaking) find(operator sdk.ValAddress) *validator {
	for _, v := range f.validators {
		if v.operator.Equals(operator) {
			return v
		}
	}
	return nil
}

func (f *fakeStaking) GetValidator(_ context.Context, operator sdk.ValAddress) (stakingtypes.Validator, error) {
	v := f.find(operator)
	if v == nil {
		return stakingtypes.Validator{}, stakingtypes.ErrNoValidatorFound
	}
	status := stakingtypes.Bonded
	if v.unbonded {
		status = stakingtypes.Unbonding
	}
	return stakingtypes.Validator{OperatorAddress: operator.String(), Jailed: v.jailed, Status: status}, nil
}

func (f *fakeStaking) GetLastValidatorPower(_ context.Context, operator sdk.ValAddress) (int64, error) {
	if v := f.find(operator); v != nil {
		return v.power, nil
	}
	return 0, nil
}

func (f *fakeStaking) LastValidatorsIterator(context.Context) (corestore.Iterator, error) {
	f.open++
	return &powerIterator{staking: f}, nil
}

// powerIterator walks the validators with power in the encoding of the staking module.
type powerIterator struct {
	staking *fakeStaking
	at      int
}

func (i *powerIterator) skip() {
	for i.at < len(i.staking.validators) && i.staking.validators[i.at].power == 0 {
		i.at++
	}
}

func (i *powerIterator) Domain() (start, end []byte) { return nil, nil }
func (i *powerIterator) Valid() bool                 { i.skip(); return i.at < len(i.staking.validators) }
func (i *powerIterator) Next()                       { i.skip(); i.at++ }
func (i *powerIterator) Close() error                { i.staking.open--; return nil }

// Error names an exhausted iterator invalid, as the iterators of a cached store do.
func (i *powerIterator) Error() error {
	if !i.Valid() {
		return errors.New("invalid iterator")
	}
	return nil
}

func (i *powerIterator) Key() []byte {
	return stakingtypes.GetLastValidatorPowerKey(i.staking.validators[i.at].operator)
}

func (i *powerIterator) Value() []byte {
	value, err := (&gogotypes.Int64Value{Value: i.staking.validators[i.at].power}).Marshal()
	if err != nil {
		panic(err)
	}
	return value
}

// fixture is a keeper on its own store with a fake staking keeper.
type fixture struct {
	keeper.Keeper
	*counts
	ctx     sdk.Context
	key     *storetypes.KVStoreKey
	staking *fakeStaking
	// led is the request that node 0 leads, see newLedFixture.
	led uint64
}

// newEmptyFixture returns a keeper without any state, at height 1.
func newEmptyFixture(staking *fakeStaking) *fixture {
	key := storetypes.NewKVStoreKey(types.StoreKey)
	ctx := testutil.DefaultContext(key, storetypes.NewTransientStoreKey("transient"))
	cdc := codec.NewProtoCodec(codectypes.NewInterfaceRegistry())
	done := &counts{}
	return &fixture{
		Keeper:  keeper.NewKeeper(cdc, countingService{runtime.NewKVStoreService(key), done}, staking, authority),
		counts:  done,
		ctx:     ctx.WithBlockHeight(1),
		key:     key,
		staking: staking,
	}
}

// newFixture returns a keeper with the parameters and with one ready node per power, at height 10. Nodes serve
// classification and regression, with 1 GiB and a capacity of 1,000 units; they have proved and loaded the model of all tasks.
func newFixture(t check, params types.Params, powers ...int64) *fixture {
	t.Helper()
	staking := &fakeStaking{}
	for i, power := range powers {
		staking.validators = append(staking.validators, &validator{operator: operator(i), power: power})
	}
	f := newEmptyFixture(staking)
	state := types.DefaultGenesisState()
	state.Params[0].Params = params
	state.Market.BasePrice = params.MinBasePrice
	require.NoError(t, f.InitGenesis(f.ctx, *state))
	f.at(10)
	for i := range powers {
		f.register(t, i)
		f.serve(t, i, model(0))
	}
	return f
}

// serve has a node load models and prove them in the class it runs in.
func (f *fixture) serve(t check, i int, models ...[]byte) {
	t.Helper()
	status := ready()
	if node := f.node(t, i); node.Status != nil && node.Status.Environment != nil {
		status.Environment = node.Status.Environment
	}
	status.ModelsReady = models
	require.NoError(t, f.SetStatus(f.ctx, operator(i), status))
	for _, served := range models {
		require.NoError(t, f.Prove(f.ctx, served, operator(i).String(), f.node(t, i).EnvironmentClass))
	}
}

// shortQueue are the default parameters with so many blocks of waiting, and no head starts.
func shortQueue(blocks uint32) types.Params {
	params := types.DefaultParams()
	params.QueueBlocks, params.StandardHeadStart, params.PriorityHeadStart = blocks, 0, 0
	return params
}

// at moves the fixture to a block.
func (f *fixture) at(height int64) {
	header := f.ctx.BlockHeader()
	header.Height = height
	header.AppHash = binary.BigEndian.AppendUint64(nil, uint64(height))
	f.ctx = f.ctx.WithBlockHeader(header).WithEventManager(sdk.NewEventManager())
}

func (f *fixture) register(t check, i int) {
	t.Helper()
	require.NoError(t, f.RegisterNode(f.ctx, &types.MsgRegisterNode{
		Operator:    operator(i).String(),
		Capacity:    1000,
		MemoryBytes: gibibyte,
		TaskClasses: []types.TaskClass{types.TASK_CLASS_CLASSIFICATION, types.TASK_CLASS_REGRESSION},
	}))
}

// heartbeat has every node report that it is ready.
func (f *fixture) heartbeat(t check) {
	t.Helper()
	for _, v := range f.staking.validators {
		require.NoError(t, f.SetStatus(f.ctx, v.operator, ready()))
	}
}

func (f *fixture) enqueue(t check, task types.Task) types.Task {
	t.Helper()
	accepted, err := f.Enqueue(f.ctx, task)
	require.NoError(t, err)
	return accepted
}

func (f *fixture) assign(t check) []types.Placement {
	t.Helper()
	placements, err := f.Assign(f.ctx)
	require.NoError(t, err)
	require.Zero(t, f.staking.open+f.open, "every iterator is closed")
	return placements
}

// assigned returns the ids of the tasks that Assign begins now.
func (f *fixture) assigned(t check) []uint64 {
	t.Helper()
	ids := []uint64{}
	for _, placement := range f.assign(t) {
		ids = append(ids, placement.Task.RequestId)
	}
	return ids
}

// load is what waits in the queue.
func (f *fixture) load(t check) queue.Load {
	t.Helper()
	load, err := f.Load(f.ctx)
	require.NoError(t, err)
	return load
}

func (f *fixture) node(t check, i int) types.Node {
	t.Helper()
	node, err := f.Nodes.Get(f.ctx, operator(i))
	require.NoError(t, err)
	return node
}

// dump returns every entry of the store.
func (f *fixture) dump() map[string]string {
	entries := make(map[string]string)
	iterator := f.ctx.KVStore(f.key).Iterator(nil, nil)
	defer iterator.Close()
	for ; iterator.Valid(); iterator.Next() {
		entries[string(iterator.Key())] = string(iterator.Value())
	}
	return entries
}

// operator returns the address of validator i; the order of the addresses is that of i.
func operator(i int) sdk.ValAddress {
	return sdk.ValAddress(append([]byte{byte(i + 1)}, bytes.Repeat([]byte{0xab}, 19)...))
}

func environment() *types.EnvironmentClass {
	library := sha256.Sum256([]byte("library"))
	return &types.EnvironmentClass{RuntimeVersion: "1.27.0", LibrarySha256: library[:], Provider: "cpu", Profile: 1, Isa: "avx2"}
}

func ready() types.NodeStatus {
	return types.NodeStatus{Ready: true, FreeCapacity: 1000, Environment: environment(), WorkerVersion: "0.1.0"}
}

// task returns a small classification task.
func task(id uint64) types.Task {
	digest := sha256.Sum256(binary.BigEndian.AppendUint64(nil, id))
	return types.Task{
		RequestId:    id,
		Digest:       digest[:],
		TaskClass:    types.TASK_CLASS_CLASSIFICATION,
		ComputeUnits: 10,
		OutputBytes:  100,
		MemoryBytes:  1 << 20,
		Model:        model(0),
	}
}

// classed is a small task of a fee class.
func classed(id uint64, class types.FeeClass) types.Task {
	given := task(id)
	given.FeeClass = class
	return given
}

func sized(id, units, outputBytes uint64) types.Task {
	t := task(id)
	t.ComputeUnits, t.OutputBytes = units, outputBytes
	return t
}

var _ check = (*testing.T)(nil)

// shouted is the address of validator i in a spelling that the chain itself does not write.
func shouted(i int) string { return strings.ToUpper(operator(i).String()) }
