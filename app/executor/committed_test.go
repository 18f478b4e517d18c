package executor

import (
	"context"
	"errors"
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"

	"cosmossdk.io/collections"
	sdk "github.com/cosmos/cosmos-sdk/types"
	stakingtypes "github.com/cosmos/cosmos-sdk/x/staking/types"

	inferencetypes "github.com/opengradient/opengradient/x/inference/types"
	schedulingtypes "github.com/opengradient/opengradient/x/scheduling/types"
	verificationtypes "github.com/opengradient/opengradient/x/verification/types"
)

var (
	_ Committed                                    = (*StateReader)(nil)
	_ Walker[uint64, verificationtypes.Round]      = collections.Map[uint64, verificationtypes.Round]{}
	_ Getter[uint64, verificationtypes.Params]     = collections.Map[uint64, verificationtypes.Params]{}
	_ Getter[sdk.ValAddress, schedulingtypes.Node] = collections.Map[sdk.ValAddress, schedulingtypes.Node]{}
)

// table is a collection by the text of its keys.
type table[K any, V any] struct {
	name func(K) string
	rows map[string]V
	err  error
}

func (t table[K, V]) Get(_ context.Context, key K) (V, error) {
	if t.err != nil {
		var zero V
		return zero, t.err
	}
	v, ok := t.rows[t.name(key)]
	if !ok {
		return v, collections.ErrNotFound
	}
	return v, nil
}

func numbered[V any](rows map[uint64]V) table[uint64, V] {
	named := make(map[string]V)
	name := func(id uint64) string { return strconv.FormatUint(id, 10) }
	for id, v := range rows {
		named[name(id)] = v
	}
	return table[uint64, V]{name: name, rows: named}
}

type rounds []verificationtypes.Round

func (r rounds) Walk(_ context.Context, _ collections.Ranger[uint64], visit func(uint64, verificationtypes.Round) (bool, error)) error {
	for _, round := range r {
		if stop, err := visit(round.RequestId, round); stop || err != nil {
			return err
		}
	}
	return nil
}

type staking map[string]string

func (s staking) GetValidatorByConsAddr(_ context.Context, address sdk.ConsAddress) (stakingtypes.Validator, error) {
	if string(address) == "broken" {
		return stakingtypes.Validator{}, errors.New("broken")
	}
	operator, ok := s[string(address)]
	if !ok {
		return stakingtypes.Validator{}, stakingtypes.ErrNoValidatorFound
	}
	return stakingtypes.Validator{OperatorAddress: operator}, nil
}

// stores holds an open round of request 1, a settling round of request 2, a round
// of request 3 without the node, one of request 4 whose task is gone, one of request
// 5 whose task is at another attempt, and one of request 6 without a seat.
func stores() Stores {
	round := func(id uint64, phase verificationtypes.Phase, snapshot uint64) verificationtypes.Round {
		return verificationtypes.Round{RequestId: id, Attempt: 2, Phase: phase, SnapshotId: snapshot, ParamsVersion: 3, MaxOutputBytes: 64, SettleHeight: 77}
	}
	committee := func(id uint64, seats byte) verificationtypes.Round {
		r := round(id, verificationtypes.PHASE_OPEN, 1)
		r.Rule, r.Seats = verificationtypes.RULE_COMMITTEE, []byte{seats}
		return r
	}
	request := func(id uint64) inferencetypes.Request {
		return inferencetypes.Request{
			Id: id, Model: modelName.String(), Outputs: []string{"y"}, InputRoot: digest(id + 10), Digest: digest(id),
			ComputeUnits: id * 100, FinalDeadline: 500,
		}
	}
	members := func(operators ...string) (s verificationtypes.Snapshot) {
		for _, operator := range operators {
			s.Members = append(s.Members, verificationtypes.Member{Operator: operator, Power: 1})
		}
		return s
	}
	task := func(id uint64, attempt uint32) schedulingtypes.Task {
		return schedulingtypes.Task{RequestId: id, Model: modelName[:], Assignment: &schedulingtypes.Assignment{Attempt: attempt, Deadline: 66}}
	}
	address, err := sdk.ValAddressFromBech32(self)
	if err != nil {
		panic(err)
	}
	return Stores{
		Rounds: rounds{
			round(1, verificationtypes.PHASE_OPEN, 1),
			round(2, verificationtypes.PHASE_SETTLING, 1),
			round(3, verificationtypes.PHASE_OPEN, 2),
			round(4, verificationtypes.PHASE_OPEN, 1),
			round(5, verificationtypes.PHASE_OPEN, 1),
			committee(6, 0b101),
		},
		Snapshots:          numbered(map[uint64]verificationtypes.Snapshot{1: members(operators...), 2: members(operators[0])}),
		VerificationParams: numbered(map[uint64]verificationtypes.Params{3: {PublisherTurnBlocks: 9, MaxCandidates: 7}}),
		Nodes: table[sdk.ValAddress, schedulingtypes.Node]{
			name: func(a sdk.ValAddress) string { return string(a) },
			rows: map[string]schedulingtypes.Node{string(address): {Operator: self, Capacity: 5}},
		},
		Tasks: numbered(map[uint64]schedulingtypes.Task{1: task(1, 2), 5: task(5, 1)}),
		Requests: numbered(map[uint64]inferencetypes.Request{
			1: request(1), 2: request(2), 4: request(4), 5: request(5),
		}),
		Inputs: numbered(map[uint64][]byte{1: []byte("inputs")}),
		Environments: table[[]byte, uint32]{
			name: func(identity []byte) string { return string(identity) },
			rows: map[string]uint32{string(environment().Identity()): 4},
		},
		Queued: func(_ context.Context, visit func(uint64) (bool, error)) error {
			for _, id := range []uint64{5, 1, 7} {
				if stop, err := visit(id); stop || err != nil {
					return err
				}
			}
			return nil
		},
		Models:  modelStores(),
		Staking: staking{"mine": self},
	}
}

func view(t *testing.T, s Stores) View {
	t.Helper()
	v, err := NewStateReader(func() (sdk.Context, error) { return sdk.Context{}.WithBlockHeight(42), nil }, s).View()
	require.NoError(t, err)
	return v
}

func TestDutiesComeFromTheModules(t *testing.T) {
	duties, err := view(t, stores()).Duties(self)
	require.NoError(t, err)
	require.Len(t, duties, 4)
	first := duties[0]
	require.Equal(t, uint64(1), first.Round.RequestId)
	require.Len(t, first.Snapshot.Members, 3)
	require.Equal(t, uint32(9), first.TurnBlocks)
	require.Equal(t, uint32(7), first.MaxCandidates)
	require.Equal(t, digest(1), first.Digest)
	require.Equal(t, digest(11), first.InputRoot)
	require.Equal(t, modelName, first.Model)
	require.Equal(t, []string{"y"}, first.Outputs)
	require.Equal(t, uint64(100), first.ComputeUnits)

	var deadlines []int64
	for _, d := range duties {
		deadlines = append(deadlines, d.Deadline)
	}
	require.Equal(t, []int64{66, 77, 500, 500}, deadlines, "of the attempt, of the settlement, of the request")

	_, err = view(t, stores()).Duties(operators[0])
	require.ErrorIs(t, err, collections.ErrNotFound, "request 3 is not there")
}

func TestDutiesFailWhen(t *testing.T) {
	cases := []struct {
		reason string
		change func(*Stores)
	}{
		{"a snapshot is missing", func(s *Stores) { s.Snapshots = numbered(map[uint64]verificationtypes.Snapshot{}) }},
		{"a request is missing", func(s *Stores) { s.Requests = numbered(map[uint64]inferencetypes.Request{}) }},
		{"a request names no model", func(s *Stores) {
			s.Requests = numbered(map[uint64]inferencetypes.Request{1: {Id: 1, Model: "not hexadecimal", FinalDeadline: 500}})
		}},
		{"the parameters are missing", func(s *Stores) { s.VerificationParams = numbered(map[uint64]verificationtypes.Params{}) }},
		{"a task cannot be read", func(s *Stores) {
			s.Tasks = table[uint64, schedulingtypes.Task]{err: errors.New("disk")}
		}},
	}
	for _, c := range cases {
		t.Run(c.reason, func(t *testing.T) {
			s := stores()
			c.change(&s)
			_, err := view(t, s).Duties(self)
			require.Error(t, err)
		})
	}
}

func TestViewReadsTheRest(t *testing.T) {
	v := view(t, stores())
	require.Equal(t, int64(42), v.Height())

	operator, ok, err := v.Operator(sdk.ConsAddress("mine"))
	require.NoError(t, err)
	require.True(t, ok)
	require.Equal(t, self, operator)
	_, ok, err = v.Operator(sdk.ConsAddress("nobody's"))
	require.NoError(t, err)
	require.False(t, ok)
	_, _, err = v.Operator(sdk.ConsAddress("broken"))
	require.Error(t, err)

	node, ok, err := v.Node(self)
	require.NoError(t, err)
	require.True(t, ok)
	require.Equal(t, uint64(5), node.Capacity)
	_, ok, err = v.Node(operators[0])
	require.NoError(t, err)
	require.False(t, ok)
	_, _, err = v.Node("x")
	require.Error(t, err)

	in, err := v.Inputs(1)
	require.NoError(t, err)
	require.Equal(t, []byte("inputs"), in)
	_, err = v.Inputs(2)
	require.ErrorIs(t, err, collections.ErrNotFound)
}

func TestViewNeedsAContext(t *testing.T) {
	_, err := NewStateReader(func() (sdk.Context, error) { return sdk.Context{}, ErrNoBlock }, stores()).View()
	require.ErrorIs(t, err, ErrNoBlock)
}
