package keeper_test

import (
	"bytes"
	"testing"

	"github.com/stretchr/testify/require"

	sdk "github.com/cosmos/cosmos-sdk/types"

	"github.com/opengradient/opengradient/x/scheduling/types"
)

// of is a small task of a model.
func of(id uint64, model []byte) types.Task {
	given := task(id)
	given.Model = model
	return given
}

// eligible is the power that a submission for a model counts.
func (f *fixture) eligible(t check, model []byte) int64 {
	t.Helper()
	power, _, err := f.EligiblePower(f.ctx, model, types.TASK_CLASS_CLASSIFICATION, 1)
	require.NoError(t, err)
	return power
}

func (f *fixture) prove(t check, model []byte, class uint32, nodes ...int) {
	t.Helper()
	for _, i := range nodes {
		require.NoError(t, f.Prove(f.ctx, model, operator(i).String(), class))
	}
}

// reports has nodes say that they have loaded or dropped models.
func (f *fixture) reports(t check, loaded, dropped [][]byte, nodes ...int) {
	t.Helper()
	for _, i := range nodes {
		status := ready()
		status.Environment = f.node(t, i).Status.Environment
		status.ModelsReady, status.ModelsDropped = loaded, dropped
		require.NoError(t, f.SetStatus(f.ctx, operator(i), status))
	}
}

// members are those of the only attempt that begins now, by the first byte of their addresses.
func (f *fixture) members(t check) (members []int) {
	t.Helper()
	placements := f.assign(t)
	require.Len(t, placements, 1)
	for _, member := range placements[0].Members {
		address, err := sdk.ValAddressFromBech32(member.Operator)
		require.NoError(t, err)
		members = append(members, int(address[0])-1)
	}
	return members
}

func TestProveRefuses(t *testing.T) {
	f := newFixture(t, types.DefaultParams(), 10)
	before := f.dump()
	for name, tt := range map[string]struct {
		model    []byte
		operator string
		class    uint32
		message  string
	}{
		"a short sum":         {model(1)[1:], operator(0).String(), 1, "model: expected the 32 bytes of a SHA-256, got 31"},
		"no sum":              {nil, operator(0).String(), 1, "got 0"},
		"no address":          {model(1), "operator", 1, `operator "operator"`},
		"no class":            {model(1), operator(0).String(), 0, "expected a registered environment class, got 0"},
		"an unknown class":    {model(1), operator(0).String(), 2, "expected a registered environment class, got 2"},
		"a far unknown class": {model(1), operator(0).String(), 1 << 31, "expected a registered environment class"},
	} {
		t.Run(name, func(t *testing.T) {
			err := f.Prove(f.ctx, tt.model, tt.operator, tt.class)
			require.ErrorIs(t, err, types.ErrInvalidProof)
			require.ErrorContains(t, err, tt.message)
			require.Equal(t, before, f.dump())
		})
	}
	require.NoError(t, f.Prove(f.ctx, model(0), operator(0).String(), 1), "what is there already")
	require.Equal(t, before, f.dump())
	require.NoError(t, f.Prove(f.ctx, model(0), operator(9).String(), 1), "an operator may have no node any more")
	requireRoundTrip(t, f)
}

// TestProofsOfLongAddresses: the store orders addresses by their length, the export by their bytes.
func TestProofsOfLongAddresses(t *testing.T) {
	f := newFixture(t, types.DefaultParams(), 10, 20)
	long := sdk.ValAddress(append([]byte{1}, bytes.Repeat([]byte{0x01}, 31)...))
	require.NoError(t, f.Prove(f.ctx, model(0), long.String(), 1))
	requireRoundTrip(t, f)
	state, err := f.ExportGenesis(f.ctx)
	require.NoError(t, err)
	require.Equal(t, long.String(), state.ModelProofs[0].Operator)
}

// TestATaskWaitsUntilItsModelIsLoaded: it is accepted on proofs, stays in its place and holds up nobody.
func TestATaskWaitsUntilItsModelIsLoaded(t *testing.T) {
	f := newFixture(t, types.DefaultParams(), 10, 20, 30)
	require.Zero(t, f.eligible(t, model(7)), "nobody has proved it")
	f.prove(t, model(7), 1, 0, 1)
	require.EqualValues(t, 30, f.eligible(t, model(7)))
	f.prove(t, model(7), 1, 2)
	require.EqualValues(t, 60, f.eligible(t, model(7)))

	f.enqueue(t, of(1, model(7)))
	f.enqueue(t, task(2))
	require.Equal(t, []uint64{2}, f.assigned(t), "nobody has it loaded")
	f.reports(t, [][]byte{model(7)}, nil, 2)
	require.Empty(t, f.assigned(t), "half of all power has it loaded, and no verdict would be possible")
	f.reports(t, [][]byte{model(7)}, nil, 0)
	require.Equal(t, []int{0, 2}, f.members(t), "only those that have it loaded")
}

// TestAnAttemptGoesOnWhateverIsUnloaded: its members are in its snapshot; only who takes the lead over must have the model.
func TestAnAttemptGoesOnWhateverIsUnloaded(t *testing.T) {
	f := newLedFixture(t)
	f.reports(t, nil, [][]byte{model(0)}, 1, 2, 3)
	require.Empty(t, f.review(t).Attempts)
	f.at(13)
	f.heartbeat(t)
	require.Empty(t, f.expired(t))
	leader, err := f.ReplaceLeader(f.ctx, f.workers(t), f.led, named(1, 2, 3), false)
	require.NoError(t, err)
	require.Empty(t, leader, "none of them could run it now")
	leader, err = f.ReplaceLeader(f.ctx, f.workers(t), f.led, named(1, 2, 3, 4), false)
	require.NoError(t, err)
	require.Equal(t, operator(4).String(), leader)
}

// TestAProofHoldsInItsClass: a node that moves to another class needs a proof there, and finds its old one when it is back.
func TestAProofHoldsInItsClass(t *testing.T) {
	f := newFixture(t, types.DefaultParams(), 10, 10, 10)
	require.NoError(t, f.SetStatus(f.ctx, operator(0), withRuntime(1)))
	require.EqualValues(t, 20, f.eligible(t, model(0)))
	f.enqueue(t, task(1))
	require.Equal(t, []int{1, 2}, f.members(t))
	ready, err := f.ReadyNodes(f.ctx, model(0))
	require.NoError(t, err)
	require.EqualValues(t, 2, ready)

	f.prove(t, model(0), 2, 0)
	require.EqualValues(t, 30, f.eligible(t, model(0)))
	f.enqueue(t, task(2))
	require.Equal(t, []int{0, 1, 2}, f.members(t))
	f.prove(t, model(0), 2, 1) // beforehand
	require.NoError(t, f.SetStatus(f.ctx, operator(1), withRuntime(1)))
	require.EqualValues(t, 30, f.eligible(t, model(0)), "nobody misses a block")
	f.heartbeat(t) // back in the first class
	require.EqualValues(t, 30, f.eligible(t, model(0)))
}

func TestReadyNodes(t *testing.T) {
	f := newFixture(t, types.DefaultParams(), 10, 10, 10, 10)
	require.NoError(t, f.PauseNode(f.ctx, operator(3).String()))
	ready := func(n int) uint32 {
		count, err := f.ReadyNodes(f.ctx, model(n))
		require.NoError(t, err)
		return count
	}
	require.EqualValues(t, 3, ready(0), "one does not take work")
	require.Zero(t, ready(1))
	f.prove(t, model(1), 1, 0, 1)
	require.Zero(t, ready(1), "proved, not loaded")
	f.reports(t, [][]byte{model(1)}, nil, 1, 2)
	require.EqualValues(t, 1, ready(1), "one has loaded it without a proof")
}

func TestVoters(t *testing.T) {
	f := newFixture(t, types.DefaultParams(), 10, 20, 40)
	require.NoError(t, f.SetStatus(f.ctx, operator(1), withRuntime(1)))
	require.NoError(t, f.PauseNode(f.ctx, operator(0).String()))
	voters, total, err := f.Voters(f.ctx)
	require.NoError(t, err)
	classes := f.node(t, 1).TaskClasses
	require.Equal(t, []types.Voter{
		{Operator: operator(1).String(), Power: 20, EnvironmentClass: 2, MemoryBytes: gibibyte, TaskClasses: classes},
		{Operator: operator(2).String(), Power: 40, EnvironmentClass: 1, MemoryBytes: gibibyte, TaskClasses: classes},
	}, voters)
	require.EqualValues(t, 70, total)
	require.True(t, voters[0].Fits(types.TASK_CLASS_CLASSIFICATION, gibibyte))
	for name, needs := range map[string]struct {
		class  types.TaskClass
		memory uint64
	}{"a class of none": {types.TASK_CLASS_GENERATION, 1}, "memory of none": {types.TASK_CLASS_REGRESSION, gibibyte + 1}} {
		require.False(t, voters[0].Fits(needs.class, needs.memory), name)
	}
}

// TestModelsAreLookedUpOnce: the proofs that a block looks for are those of its workers for distinct models.
func TestModelsAreLookedUpOnce(t *testing.T) {
	reads := func(tasks, models int) int {
		f := newFixture(t, roomy(), 10, 20, 30)
		for n := range models {
			f.prove(t, model(n+1), 1, 0, 1, 2) // none is loaded
		}
		for id := range tasks {
			f.enqueue(t, of(uint64(id+1), model(id%models+1)))
		}
		f.total()
		f.assign(t)
		return f.reads
	}
	const perTask = 2 // the task itself, and its parameters
	one, many := reads(10, 1), reads(40, 1)
	require.LessOrEqual(t, many-one, 30*perTask, "the second task of a model costs no look at its proofs")
	// Of each of three workers the proof, and whether it is loaded.
	require.Equal(t, 4*2*3, reads(40, 5)-many)
}
