package keeper_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"encoding/json"
	"fmt"

	"cosmossdk.io/math"
	"github.com/cosmos/cosmos-sdk/codec"
	codectypes "github.com/cosmos/cosmos-sdk/codec/types"
	"github.com/cosmos/cosmos-sdk/runtime"
	storetypes "github.com/cosmos/cosmos-sdk/store/v2/types"
	"github.com/cosmos/cosmos-sdk/testutil"
	sdk "github.com/cosmos/cosmos-sdk/types"
	stakingtypes "github.com/cosmos/cosmos-sdk/x/staking/types"

	"github.com/opengradient/opengradient/internal/tensor"
	"github.com/opengradient/opengradient/x/verification/keeper"
	"github.com/opengradient/opengradient/x/verification/types"
)

const authority = "authority"

// tester is what *testing.T, *testing.B and *rapid.T share.
type tester interface {
	Helper()
	Fatalf(format string, args ...any)
}

type fixture struct {
	keeper.Keeper

	t     tester
	ctx   sdk.Context
	nodes *jails
}

// jails notes which operators were sent to jail, and why. It stands for both other modules: nobody has a validator.
type jails struct{ calls []string }

func (*jails) GetValidator(context.Context, sdk.ValAddress) (stakingtypes.Validator, error) {
	return stakingtypes.Validator{}, stakingtypes.ErrNoValidatorFound
}

func (*jails) Slash(context.Context, sdk.ConsAddress, int64, int64, math.LegacyDec) (math.Int, error) {
	return math.Int{}, stakingtypes.ErrNoValidatorFound
}

func (*jails) SetReliability(context.Context, string, uint32) error { return nil }

func (j *jails) JailNode(_ context.Context, operator string, _ int64, reason string) error {
	j.calls = append(j.calls, operator+" "+reason)
	return nil
}

// newEmptyFixture has a store without any state.
func newEmptyFixture(t tester) *fixture {
	t.Helper()
	key := storetypes.NewKVStoreKey(types.StoreKey)
	ctx := testutil.DefaultContext(key, storetypes.NewTransientStoreKey("transient_"+types.StoreKey))
	cdc := codec.NewProtoCodec(codectypes.NewInterfaceRegistry())
	nodes := &jails{}
	return &fixture{
		Keeper: keeper.NewKeeper(cdc, runtime.NewKVStoreService(key), nodes, nodes, authority),
		t:      t,
		ctx:    ctx.WithBlockHeight(1),
		nodes:  nodes,
	}
}

// newFixture has the state of a new chain with the given parameters, at height 1.
func newFixture(t tester, params types.Params) *fixture {
	t.Helper()
	f := newEmptyFixture(t)
	genesis := types.DefaultGenesis()
	genesis.Params[0].Params = params
	f.must(f.InitGenesis(f.ctx, *genesis))
	return f
}

func (f *fixture) must(err error) {
	f.t.Helper()
	if err != nil {
		f.t.Fatalf("expected no error, got %v", err)
	}
}

func (f *fixture) at(height int64) {
	f.ctx = f.ctx.WithBlockHeight(height).WithEventManager(sdk.NewEventManager())
}

func (f *fixture) next() { f.at(f.ctx.BlockHeight() + 1) }

func (f *fixture) open(opening types.RoundOpening) {
	f.t.Helper()
	f.must(f.OpenRound(f.ctx, opening))
}

func (f *fixture) record(votes ...types.OperatorVotes) types.Recorded {
	f.t.Helper()
	recorded, err := f.Record(f.ctx, votes)
	f.must(err)
	return recorded
}

func (f *fixture) advance() []types.Decision {
	f.t.Helper()
	decisions, err := f.Advance(f.ctx)
	f.must(err)
	return decisions
}

func (f *fixture) conclude(requestID uint64) types.Decision {
	f.t.Helper()
	decision, err := f.Conclude(f.ctx, requestID)
	f.must(err)
	return decision
}

func (f *fixture) abandon(requestID uint64) []string {
	f.t.Helper()
	passOver, err := f.Abandon(f.ctx, requestID)
	f.must(err)
	return passOver
}

func (f *fixture) settle() []types.Settlement {
	f.t.Helper()
	settlements, err := f.Settle(f.ctx)
	f.must(err)
	return settlements
}

func (f *fixture) round(requestID uint64) types.Round {
	f.t.Helper()
	round, err := f.Round(f.ctx, requestID)
	f.must(err)
	return round
}

func (f *fixture) snapshot(id uint64) types.Snapshot {
	f.t.Helper()
	snapshot, err := f.Snapshot(f.ctx, id)
	f.must(err)
	return snapshot
}

// export is the genesis state, which is always valid.
func (f *fixture) export() *types.GenesisState {
	f.t.Helper()
	genesis, err := f.ExportGenesis(f.ctx)
	f.must(err)
	if err := genesis.Validate(); err != nil {
		f.t.Fatalf("expected a valid export, got %v in %s", err, asJSON(f.t, genesis))
	}
	return genesis
}

// asJSON makes values comparable whether a list is empty or absent.
func asJSON(t tester, value any) string {
	t.Helper()
	text, err := json.Marshal(value)
	if err != nil {
		t.Fatalf("expected a value that marshals, got %v", err)
	}
	return string(text)
}

func (f *fixture) same(what string, got, want any) {
	f.t.Helper()
	if g, w := asJSON(f.t, got), asJSON(f.t, want); g != w {
		f.t.Fatalf("%s: expected\n%s\ngot\n%s", what, w, g)
	}
}

// operator is the address of the i-th operator; addresses ascend with i.
func operator(i int) string {
	address := make([]byte, 20)
	binary.BigEndian.PutUint32(address, uint32(i)+1)
	return sdk.ValAddress(address).String()
}

// members are operators 0, 1, … with the given powers.
func members(powers ...int64) []types.Member {
	list := make([]types.Member, len(powers))
	for i, power := range powers {
		list[i] = types.Member{Operator: operator(i), Power: power}
	}
	return list
}

func equalMembers(n int) []types.Member {
	powers := make([]int64, n)
	for i := range powers {
		powers[i] = 10
	}
	return members(powers...)
}

// opening is the first attempt of a request that operator 0 leads, with no power outside the members.
func opening(requestID uint64, list []types.Member) types.RoundOpening {
	var total int64
	for _, member := range list {
		total += member.Power
	}
	return types.RoundOpening{
		RequestID: requestID, Attempt: 1, Leader: operator(0), Members: list, TotalPower: total, MaxOutputBytes: 8192,
		Rule: types.RULE_QUORUM, Digest: digest(), Model: bytes.Repeat([]byte{7}, 32),
	}
}

// digest is the request digest of every round.
func digest() []byte { return bytes.Repeat([]byte{9}, 32) }

// result is the canonical output bytes of variant i.
func result(i int) []byte {
	value := make([]byte, 4)
	binary.LittleEndian.PutUint32(value, uint32(i)+1)
	encoded, err := tensor.EncodeOutputs([]tensor.Tensor{{Name: "y", Datatype: tensor.Int32, Shape: []int64{1}, Data: value}})
	if err != nil {
		panic(fmt.Sprintf("a sound tensor: %v", err))
	}
	return encoded
}

func rootOf(i int) types.Outcome { return types.NewRootOutcome(tensor.MerkleRoot(result(i))) }

func failure() types.Outcome { return types.NewFailureOutcome(types.FAILURE_EXECUTION) }

func attest(requestID uint64, outcome types.Outcome) types.Attestation {
	return types.Attestation{RequestId: requestID, Attempt: 1, Outcome: outcome, EnvironmentClass: 1}
}

func publish(requestID uint64, output []byte) types.PublishedOutput {
	return types.PublishedOutput{RequestId: requestID, Attempt: 1, Output: output}
}

// says is the votes of operators that all attest one outcome of request 1.
func says(outcome types.Outcome, operators ...int) []types.OperatorVotes {
	votes := make([]types.OperatorVotes, len(operators))
	for i, o := range operators {
		votes[i] = types.OperatorVotes{Operator: operator(o), Attestations: []types.Attestation{attest(1, outcome)}}
	}
	return votes
}

// shows is the vote of an operator that publishes bytes for request 1.
func shows(o int, output []byte) types.OperatorVotes {
	return types.OperatorVotes{Operator: operator(o), Outputs: []types.PublishedOutput{publish(1, output)}}
}
