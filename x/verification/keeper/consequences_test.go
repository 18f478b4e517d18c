package keeper

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"cosmossdk.io/math"
	"github.com/cosmos/cosmos-sdk/codec"
	codectypes "github.com/cosmos/cosmos-sdk/codec/types"
	"github.com/cosmos/cosmos-sdk/crypto/keys/ed25519"
	"github.com/cosmos/cosmos-sdk/runtime"
	storetypes "github.com/cosmos/cosmos-sdk/store/v2/types"
	"github.com/cosmos/cosmos-sdk/testutil"
	sdk "github.com/cosmos/cosmos-sdk/types"
	stakingtypes "github.com/cosmos/cosmos-sdk/x/staking/types"
	"github.com/cosmos/gogoproto/proto"

	"github.com/opengradient/opengradient/internal/tensor"
	"github.com/opengradient/opengradient/x/verification/types"
)

// slashed is a call of Slash.
type slashed struct {
	ConsAddr         string
	InfractionHeight int64
	Power            int64
	Fraction         string
}

// staking records what is slashed. A slash emits an event before it fails, so that whatever is not rolled back shows.
type staking struct {
	validators map[string]stakingtypes.Validator
	slashes    []slashed
	lookup     error
	fail       error
	panics     bool
}

func (s *staking) GetValidator(_ context.Context, operator sdk.ValAddress) (stakingtypes.Validator, error) {
	if s.lookup != nil {
		return stakingtypes.Validator{}, s.lookup
	}
	validator, ok := s.validators[operator.String()]
	if !ok {
		return stakingtypes.Validator{}, stakingtypes.ErrNoValidatorFound
	}
	return validator, nil
}

func (s *staking) Slash(ctx context.Context, cons sdk.ConsAddress, height, power int64, fraction math.LegacyDec) (math.Int, error) {
	sdk.UnwrapSDKContext(ctx).EventManager().EmitEvent(sdk.NewEvent("burn"))
	if s.panics {
		panic("a hook went wrong")
	}
	if s.fail != nil {
		return math.Int{}, s.fail
	}
	s.slashes = append(s.slashes, slashed{cons.String(), height, power, fraction.String()})
	return math.NewInt(power * 10_000), nil
}

// nodes records what conduct does to nodes, in order.
type nodes struct{ calls []string }

func (n *nodes) SetReliability(_ context.Context, operator string, reliability uint32) error {
	n.calls = append(n.calls, fmt.Sprintf("%s reliability %d", short(operator), reliability))
	return nil
}

func (n *nodes) JailNode(_ context.Context, operator string, until int64, reason string) error {
	n.calls = append(n.calls, fmt.Sprintf("%s jailed until %d: %s", short(operator), until, reason))
	return nil
}

func (n *nodes) take() []string {
	calls := n.calls
	n.calls = nil
	return calls
}

// short names the i-th operator o<i>.
func short(operator string) string {
	address, err := sdk.ValAddressFromBech32(operator)
	if err != nil {
		panic(err)
	}
	return fmt.Sprintf("o%d", binary.BigEndian.Uint32(address))
}

// bench is a keeper over fakes, at height 100, with the default parameters.
type bench struct {
	Keeper

	t       *testing.T
	ctx     sdk.Context
	staking *staking
	nodes   *nodes
}

func newBench(t *testing.T) *bench {
	t.Helper()
	b := newEmptyBench(t)
	require.NoError(t, b.InitGenesis(b.ctx, *types.DefaultGenesis()))
	return b.at(100)
}

func newEmptyBench(t *testing.T) *bench {
	t.Helper()
	key := storetypes.NewKVStoreKey(types.StoreKey)
	b := &bench{
		t: t, staking: &staking{validators: map[string]stakingtypes.Validator{}}, nodes: &nodes{},
		ctx: testutil.DefaultContext(key, storetypes.NewTransientStoreKey("transient")).WithBlockHeight(1),
	}
	cdc := codec.NewProtoCodec(codectypes.NewInterfaceRegistry())
	b.Keeper = NewKeeper(cdc, runtime.NewKVStoreService(key), b.staking, b.nodes, "authority")
	return b
}

func (b *bench) at(height int64) *bench {
	b.ctx = b.ctx.WithBlockHeight(height).WithEventManager(sdk.NewEventManager())
	return b
}

// validator gives operator 2 a validator and returns its consensus address.
func (b *bench) validator(status stakingtypes.BondStatus) string {
	const i = 2
	key := ed25519.GenPrivKeyFromSecret([]byte{byte(i)}).PubKey()
	wrapped, err := codectypes.NewAnyWithValue(key)
	require.NoError(b.t, err)
	b.staking.validators[address(i)] = stakingtypes.Validator{OperatorAddress: address(i), ConsensusPubkey: wrapped, Status: status}
	return sdk.ConsAddress(key.Address()).String()
}

func (b *bench) conduct(i int) types.Conduct {
	b.t.Helper()
	_, found, err := b.conductOf(b.ctx, address(i))
	require.NoError(b.t, err)
	return found
}

func (b *bench) set(c types.Conduct) {
	b.t.Helper()
	operator, err := types.ParseOperator(c.Operator)
	require.NoError(b.t, err)
	require.NoError(b.t, b.Conducts.Set(b.ctx, operator, c))
}

// params changes the current parameters.
func (b *bench) params(change func(*types.Params)) {
	b.t.Helper()
	params := types.DefaultParams()
	change(&params)
	require.NoError(b.t, params.Validate())
	require.NoError(b.t, b.addParams(b.ctx, params))
}

// events are those of one type, in order.
func events[T any, P interface {
	*T
	proto.Message
}](b *bench) []T {
	b.t.Helper()
	var list []T
	for _, event := range b.ctx.EventManager().ABCIEvents() {
		if event.Type != proto.MessageName(P(new(T))) {
			continue
		}
		parsed, err := sdk.ParseTypedEvent(event)
		require.NoError(b.t, err)
		list = append(list, *parsed.(P))
	}
	return list
}

func address(i int) string {
	bz := make([]byte, 20)
	binary.BigEndian.PutUint32(bz, uint32(i))
	return sdk.ValAddress(bz).String()
}

// electorate of operators 1 to n with 10 power each.
func electorateOf(n int) types.Snapshot {
	s := types.Snapshot{Id: 1, TotalPower: int64(10 * n)}
	for i := range n {
		s.Members = append(s.Members, types.Member{Operator: address(i + 1), Power: 10})
	}
	return s
}

func outcomeOf(i byte) types.Outcome {
	return types.NewRootOutcome(tensor.MerkleRoot([]byte{i}))
}

var errStaking = errors.New("the pool holds too little")
