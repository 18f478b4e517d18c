package keeper_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"math"
	"strings"

	"github.com/stretchr/testify/require"

	sdkmath "cosmossdk.io/math"
	"github.com/cosmos/cosmos-sdk/codec"
	codectypes "github.com/cosmos/cosmos-sdk/codec/types"
	"github.com/cosmos/cosmos-sdk/runtime"
	storetypes "github.com/cosmos/cosmos-sdk/store/v2/types"
	"github.com/cosmos/cosmos-sdk/testutil"
	sdk "github.com/cosmos/cosmos-sdk/types"

	"github.com/opengradient/opengradient/internal/onnxfile"
	"github.com/opengradient/opengradient/internal/onnxwrite"
	"github.com/opengradient/opengradient/internal/tensor"
	"github.com/opengradient/opengradient/x/inference/keeper"
	"github.com/opengradient/opengradient/x/inference/types"
	modelstypes "github.com/opengradient/opengradient/x/models/types"
	schedulingtypes "github.com/opengradient/opengradient/x/scheduling/types"
	verificationtypes "github.com/opengradient/opengradient/x/verification/types"
)

// checker is what a fixture needs of *testing.T or *rapid.T.
type checker interface {
	require.TestingT
	Helper()
}

const startBalance = 1_000_000_000

var (
	alice = sdk.AccAddress(bytes.Repeat([]byte{0xa1}, 20))
	bob   = sdk.AccAddress(bytes.Repeat([]byte{0xb0}, 20))
	owner = sdk.AccAddress(bytes.Repeat([]byte{0x0e}, 20))
)

func accAddress(b []byte) string { return sdk.AccAddress(b).String() }

// upper is another spelling of an address.
func upper(address string) string { return strings.ToUpper(address) }

func operator(i int) string { return sdk.ValAddress(bytes.Repeat([]byte{byte(i + 1)}, 20)).String() }

// fixture is a keeper on real collections with fakes around it.
type fixture struct {
	checker
	ctx          sdk.Context
	k            keeper.Keeper
	msgs         types.MsgServer
	queries      types.QueryServer
	bank         *fakeBank
	staking      *fakeStaking
	scheduling   *fakeScheduling
	verification *fakeVerification
	models       *fakeModels
	sweeps       *sweeps
	cdc          codec.Codec
	keys         []storetypes.StoreKey
}

func newBareFixture(t checker) *fixture {
	keys := make(map[string]*storetypes.KVStoreKey)
	var ordered []storetypes.StoreKey
	for _, name := range []string{types.StoreKey, "models", "bank", "scheduling", "verification"} {
		keys[name] = storetypes.NewKVStoreKey(name)
		ordered = append(ordered, keys[name])
	}
	registry := codectypes.NewInterfaceRegistry()
	types.RegisterInterfaces(registry)
	order := &sweeps{}
	f := &fixture{
		checker:      t,
		sweeps:       order,
		ctx:          testutil.DefaultContextWithKeys(keys, nil, nil).WithBlockHeight(10).WithChainID("opengradient-test-1"),
		bank:         &fakeBank{key: keys["bank"], blocked: map[string]bool{}, unpayable: map[string]bool{}},
		staking:      &fakeStaking{gone: map[string]bool{}},
		scheduling:   &fakeScheduling{key: keys["scheduling"], sweeps: order, eligible: 100, total: 100, again: true, basePrice: sdkmath.NewInt(100), replaced: map[uint64][]string{}},
		verification: &fakeVerification{key: keys["verification"], sweeps: order, concluded: map[uint64]verificationtypes.Decision{}, health: map[uint64]verificationtypes.Health{}, leaders: map[uint64]string{}},
		models:       &fakeModels{key: keys["models"]},
		cdc:          codec.NewProtoCodec(registry),
		keys:         ordered,
	}
	f.k = keeper.NewKeeper(f.cdc, runtime.NewKVStoreService(keys[types.StoreKey]),
		fakeAccounts{}, f.bank, f.bank, f.staking, f.scheduling, f.verification, f.models, moduleAddress("gov").String())
	f.msgs, f.queries = keeper.NewMsgServer(f.k), keeper.NewQueryServer(f.k)
	return f
}

// newFixture is a chain with the default parameters, funded accounts and one model named "pair".
func newFixture(t checker) *fixture {
	f := newBareFixture(t)
	require.NoError(t, f.k.InitGenesis(f.ctx, *types.DefaultGenesis()))
	for _, a := range []sdk.AccAddress{alice, bob} {
		f.bank.set(f.ctx, a.String(), sdkmath.NewInt(startBalance))
	}
	f.register("pair", pairModel(1), 5)
	return f
}

// register makes a file the next version of a name of the owner's, ready for requests.
func (f *fixture) register(name string, onnx []byte, royalty int64) modelstypes.Model {
	f.Helper()
	report, err := onnxfile.Inspect(onnx, onnxfile.DefaultLimits)
	require.NoError(f, err)
	sum := sha256.Sum256(onnx)
	return f.models.add(f.ctx, modelstypes.Model{
		Sha256: hex.EncodeToString(sum[:]), Name: name, TaskClass: schedulingtypes.TASK_CLASS_CLASSIFICATION, Size_: uint64(len(onnx)),
		Inspection: modelstypes.NewInspection(report), Royalty: sdkmath.NewInt(royalty), Status: modelstypes.MODEL_STATUS_ACTIVE,
	}, owner)
}

// pairModel is x FP32[N,2] and k INT64[1] to sum FP32[N,3] and twice INT64[1].
func pairModel(weight float32) []byte {
	m := onnxwrite.Model{Graph: onnxwrite.Graph{
		Name: "pair",
		Nodes: []onnxwrite.Node{
			{Op: "MatMul", Inputs: []string{"x", "w"}, Outputs: []string{"sum"}},
			{Op: "Add", Inputs: []string{"k", "k"}, Outputs: []string{"twice"}},
		},
		Inputs: []onnxwrite.ValueInfo{
			{Name: "x", Type: elementOf(tensor.FP32), Dims: []onnxwrite.Dim{onnxwrite.Symbolic("N"), onnxwrite.Fixed(2)}},
			{Name: "k", Type: elementOf(tensor.Int64), Dims: onnxwrite.Shape(1)},
		},
		Outputs: []onnxwrite.ValueInfo{
			{Name: "sum", Type: elementOf(tensor.FP32), Dims: []onnxwrite.Dim{onnxwrite.Symbolic("N"), onnxwrite.Fixed(3)}},
			{Name: "twice", Type: elementOf(tensor.Int64), Dims: onnxwrite.Shape(1)},
		},
		Initializers: []onnxwrite.Tensor{onnxwrite.FloatTensor("w", []int64{2, 3}, weight, 1, 1, 1, 1, 1)},
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

func floats(name string, shape []int64, values ...float32) types.Tensor {
	t := types.Tensor{Name: name, Datatype: "FP32", Shape: shape}
	for _, v := range values {
		t.Contents = binary.LittleEndian.AppendUint32(t.Contents, math.Float32bits(v))
	}
	return t
}

func int64s(name string, values ...int64) types.Tensor {
	t := types.Tensor{Name: name, Datatype: "INT64", Shape: []int64{int64(len(values))}}
	for _, v := range values {
		t.Contents = binary.LittleEndian.AppendUint64(t.Contents, uint64(v))
	}
	return t
}

// input is one request for the model "pair" with N rows.
func input(rows int) types.InferenceInput {
	values := make([]float32, 2*rows)
	for i := range values {
		values[i] = float32(i) + 0.5
	}
	return types.InferenceInput{Inputs: []types.Tensor{int64s("k", 7), floats("x", []int64{int64(rows), 2}, values...)}}
}

func submission(inputs ...types.InferenceInput) *types.MsgSubmitRequests {
	return &types.MsgSubmitRequests{
		Requester: alice.String(), Model: "pair", Requests: inputs, Tier: types.TIER_QUORUM, MaxFee: sdkmath.NewInt(100_000),
	}
}

func (f *fixture) submit(msg *types.MsgSubmitRequests) []uint64 {
	f.Helper()
	res, err := f.msgs.SubmitRequests(f.ctx, msg)
	require.NoError(f, err)
	return res.Ids
}

func (f *fixture) request(id uint64) types.Request {
	f.Helper()
	r, err := f.k.Request(f.ctx, id)
	require.NoError(f, err)
	return r
}

func (f *fixture) balance(name string) int64 { return f.bank.balance(f.ctx, name).Int64() }

func (f *fixture) escrowed() int64 { return f.balance(moduleAddress(types.ModuleName).String()) }

// members are the snapshot of every round in these tests: powers 30, 20, 50.
func members() []verificationtypes.Member {
	return []verificationtypes.Member{{Operator: operator(0), Power: 30}, {Operator: operator(1), Power: 20}, {Operator: operator(2), Power: 50}}
}

// committee are the seats of the first attempt of a task of tier COMMITTEE: powers 30 and 50.
var committee = []int{0, 2}

// seatBits is the bitmap of the committee.
const seatBits = 0b101

// placement begins the next attempt of a task.
func (f *fixture) placement(id uint64) schedulingtypes.Placement {
	f.Helper()
	task, err := f.scheduling.task(f.ctx, id)
	require.NoError(f, err)
	task.Attempts++
	task.Assignment = &schedulingtypes.Assignment{
		Attempt: task.Attempts, Leader: operator(0), AssignedHeight: f.ctx.BlockHeight(), Deadline: f.ctx.BlockHeight() + 10,
	}
	p := schedulingtypes.Placement{Task: task, TotalPower: 100}
	if task.Committee && task.Attempts == 1 {
		p.Seats = committee
	}
	for _, m := range members() {
		p.Members = append(p.Members, schedulingtypes.PowerMember{Operator: m.Operator, Power: m.Power})
	}
	return p
}

func (f *fixture) endBlock() {
	f.Helper()
	require.NoError(f, f.k.EndBlock(f.ctx))
	f.ctx = f.ctx.WithBlockHeight(f.ctx.BlockHeight() + 1)
}

func (f *fixture) assign(ids ...uint64) {
	f.Helper()
	for _, id := range ids {
		f.scheduling.placements = append(f.scheduling.placements, f.placement(id))
	}
	f.endBlock()
}

// output is a canonical output of the model "pair" for one row, with its root.
func output() ([]byte, tensor.Root) {
	sum, err := floats("sum", []int64{1, 3}, 1, 2, 3).Tensor()
	if err != nil {
		panic(err)
	}
	twice, err := int64s("twice", 14).Tensor()
	if err != nil {
		panic(err)
	}
	b, err := tensor.EncodeOutputs([]tensor.Tensor{sum, twice})
	if err != nil {
		panic(err)
	}
	return b, tensor.MerkleRoot(b)
}

func (f *fixture) decide(decisions ...verificationtypes.Decision) {
	f.Helper()
	f.verification.recorded.Decisions = decisions
	require.NoError(f, f.k.RecordVotes(f.ctx, nil))
}

func (f *fixture) decision(id uint64) verificationtypes.Decision {
	b, root := output()
	return verificationtypes.Decision{
		RequestID: id, Attempt: f.request(id).Attempt, Kind: verificationtypes.DecisionFinal, Outcome: verificationtypes.NewRootOutcome(root),
		Output: b, Publisher: operator(2), Leader: operator(0), SnapshotID: 9,
	}
}

func (f *fixture) failure(id uint64, failure verificationtypes.Failure) verificationtypes.Decision {
	return verificationtypes.Decision{
		RequestID: id, Attempt: f.request(id).Attempt, Kind: verificationtypes.DecisionFinal,
		Outcome: verificationtypes.NewFailureOutcome(failure), Leader: operator(0), SnapshotID: 9,
	}
}

func (f *fixture) impossible(id uint64) verificationtypes.Decision {
	return verificationtypes.Decision{RequestID: id, Attempt: f.request(id).Attempt, Kind: verificationtypes.DecisionImpossible}
}

// settlement is the end of a decided round with this conduct of the three members. Those without a seat are neutral.
func (f *fixture) settlement(d verificationtypes.Decision, conduct ...verificationtypes.MemberOutcome) verificationtypes.Settlement {
	round := verificationtypes.Round{
		RequestId: d.RequestID, Attempt: d.Attempt, SnapshotId: 9, Leader: d.Leader, Decided: 1,
		Candidates: []verificationtypes.Candidate{{Outcome: d.Outcome, Publisher: d.Publisher}},
		Votes:      make([]verificationtypes.MemberVote, len(conduct)),
	}
	for _, opening := range f.verification.openings {
		if opening.RequestID != d.RequestID || opening.Attempt != d.Attempt {
			continue
		}
		if round.Rule, round.Sealed = opening.Rule, opening.Sealed; opening.Rule == verificationtypes.RULE_COMMITTEE {
			round.Seats, conduct[1] = []byte{seatBits}, neutral
		}
	}
	bitmap := byte(0)
	for i, c := range conduct {
		bitmap |= byte(c) << (2 * i)
	}
	f.verification.snapshot = verificationtypes.Snapshot{Id: 9, Members: members(), TotalPower: 100}
	return verificationtypes.Settlement{
		Round: round, Snapshot: f.verification.snapshot, Outcomes: conduct, Bitmap: []byte{bitmap}, EvidenceRoot: [32]byte{1, 2, 3},
		Timeliness: make([]verificationtypes.Timeliness, len(conduct)),
	}
}

const (
	agreed    = verificationtypes.MEMBER_OUTCOME_AGREED
	missing   = verificationtypes.MEMBER_OUTCOME_MISSING
	disagreed = verificationtypes.MEMBER_OUTCOME_DISAGREED
	neutral   = verificationtypes.MEMBER_OUTCOME_NEUTRAL
)

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
