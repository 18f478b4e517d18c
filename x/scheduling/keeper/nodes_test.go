package keeper_test

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/opengradient/opengradient/x/scheduling/types"
)

func registration(i int) *types.MsgRegisterNode {
	return &types.MsgRegisterNode{
		Operator:    operator(i).String(),
		Capacity:    500,
		MemoryBytes: 2 * gibibyte,
		TaskClasses: []types.TaskClass{types.TASK_CLASS_EMBEDDING},
	}
}

func TestRegisterNode(t *testing.T) {
	f := newFixture(t, types.DefaultParams())
	f.staking.validators = []*validator{{operator: operator(0)}}
	require.NoError(t, f.RegisterNode(f.ctx, registration(0)))
	require.Equal(t, types.Node{
		Operator:         operator(0).String(),
		Capacity:         500,
		MemoryBytes:      2 * gibibyte,
		TaskClasses:      []types.TaskClass{types.TASK_CLASS_EMBEDDING},
		Reliability:      10_000,
		RegisteredHeight: 10,
	}, f.node(t, 0))
	events := f.ctx.EventManager().Events()
	require.Len(t, events, 1)
	require.Equal(t, "opengradient.scheduling.v1.EventNodeRegistered", events[0].Type)
}

// A node's operator is compared as text, with snapshots and genesis files among others: however the transaction spells
// it, the chain keeps its own spelling.
func TestRegisterNodeKeepsTheSpellingOfTheChain(t *testing.T) {
	f := newFixture(t, types.DefaultParams())
	f.staking.validators = []*validator{{operator: operator(0), power: 10}}
	msg := registration(0)
	msg.Operator = shouted(0)
	require.NoError(t, f.RegisterNode(f.ctx, msg))
	require.Equal(t, operator(0).String(), f.node(t, 0).Operator)
	state, err := f.ExportGenesis(f.ctx)
	require.NoError(t, err)
	require.NoError(t, state.Validate())
}

func TestRegisterNodeAgainReplacesOnlyWhatItAdvertises(t *testing.T) {
	f := newFixture(t, types.DefaultParams(), 10)
	f.enqueue(t, task(1))
	f.assign(t)
	want := f.node(t, 0)
	f.at(20)
	require.NoError(t, f.RegisterNode(f.ctx, registration(0)))
	want.Capacity, want.MemoryBytes, want.TaskClasses = 500, 2*gibibyte, []types.TaskClass{types.TASK_CLASS_EMBEDDING}
	require.EqualValues(t, 10, want.LeadingUnits)
	require.Equal(t, want, f.node(t, 0))
	require.NoError(t, f.Complete(f.ctx, 1))
	require.Zero(t, f.node(t, 0).LeadingUnits)
}

func TestRegisterNodeRefuses(t *testing.T) {
	tests := map[string]struct {
		change func(*types.MsgRegisterNode)
		want   error
	}{
		"an operator without a validator": {func(m *types.MsgRegisterNode) { m.Operator = operator(7).String() }, types.ErrNotValidator},
		"text that is no address":         {func(m *types.MsgRegisterNode) { m.Operator = "operator" }, types.ErrInvalidNode},
		"no capacity":                     {func(m *types.MsgRegisterNode) { m.Capacity = 0 }, types.ErrInvalidNode},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			f := newFixture(t, types.DefaultParams(), 10)
			msg := registration(0)
			tt.change(msg)
			before := f.dump()
			require.ErrorIs(t, f.RegisterNode(f.ctx, msg), tt.want)
			require.Equal(t, before, f.dump())
		})
	}
}

func TestSetStatus(t *testing.T) {
	f := newFixture(t, types.DefaultParams(), 10)
	status := ready()
	readiness := func(height int64) int {
		f.at(height)
		require.NoError(t, f.SetStatus(f.ctx, operator(0), status))
		node := f.node(t, 0)
		require.Equal(t, &status, node.Status)
		require.Equal(t, height, node.StatusHeight)
		return len(f.ctx.EventManager().Events())
	}
	require.Zero(t, readiness(11), "a heartbeat is no event")
	status.FreeCapacity, status.QueueDepth = 3, 9
	require.Zero(t, readiness(12), "a change of load is no event")
	status.Ready = false
	require.Equal(t, 1, readiness(13))
	require.Zero(t, readiness(14))
	status.Environment = nil
	require.Equal(t, 1, readiness(15))
	require.Zero(t, f.node(t, 0).EnvironmentClass)
	status = ready()
	require.Equal(t, 1, readiness(16))
	require.EqualValues(t, 1, f.node(t, 0).EnvironmentClass, "the class keeps its index")
}

func TestSetStatusRefuses(t *testing.T) {
	f := newFixture(t, types.DefaultParams(), 10)
	before := f.dump()
	require.ErrorIs(t, f.SetStatus(f.ctx, operator(7), ready()), types.ErrNodeNotFound)
	require.ErrorIs(t, f.SetStatus(f.ctx, operator(0), types.NodeStatus{Ready: true}), types.ErrInvalidStatus)
	require.Equal(t, before, f.dump())
}

func withRuntime(n int) types.NodeStatus {
	status := ready()
	status.Environment.RuntimeVersion = fmt.Sprintf("2.0.%d", n)
	return status
}

func TestEnvironmentClassesAreShared(t *testing.T) {
	f := newFixture(t, types.DefaultParams(), 10, 10, 10)
	require.NoError(t, f.SetStatus(f.ctx, operator(1), withRuntime(1)))
	require.NoError(t, f.SetStatus(f.ctx, operator(2), withRuntime(1)))
	for i, want := range []uint32{1, 2, 2} {
		require.Equal(t, want, f.node(t, i).EnvironmentClass)
	}
	registered, err := f.Environments.Get(f.ctx, 2)
	require.NoError(t, err)
	require.Equal(t, types.RegisteredEnvironment{Index: 2, Environment: *withRuntime(1).Environment, RegisteredBy: operator(1).String()}, registered)
}

func TestEnvironmentClassesAreBounded(t *testing.T) {
	params := types.DefaultParams()
	params.MaxEnvironmentClasses = 3
	f := newFixture(t, params, 10, 10) // the first class is taken
	require.NoError(t, f.SetStatus(f.ctx, operator(0), withRuntime(1)))
	require.NoError(t, f.SetStatus(f.ctx, operator(1), withRuntime(2)))
	before := f.dump()
	require.ErrorIs(t, f.SetStatus(f.ctx, operator(1), withRuntime(3)), types.ErrTooManyEnvironmentClasses)
	require.Equal(t, before, f.dump())
	require.NoError(t, f.SetStatus(f.ctx, operator(1), withRuntime(1)), "a class that is known is always taken")
	params.MaxEnvironmentClasses = 4
	require.NoError(t, f.AddParams(f.ctx, params))
	require.NoError(t, f.SetStatus(f.ctx, operator(1), withRuntime(3)))
	require.EqualValues(t, 4, f.node(t, 1).EnvironmentClass)
}

// TestNextEnvironment: a class that a node prepares is registered, and the node stays in the one it runs in.
func TestNextEnvironment(t *testing.T) {
	params := types.DefaultParams()
	params.MaxEnvironmentClasses = 2
	f := newFixture(t, params, 10, 10)
	prepares := func(i, next int) error {
		status := ready()
		status.NextEnvironment = withRuntime(next).Environment
		return f.SetStatus(f.ctx, operator(i), status)
	}
	require.NoError(t, prepares(0, 1))
	registered, err := f.Environments.Get(f.ctx, 2)
	require.NoError(t, err)
	require.Equal(t, types.RegisteredEnvironment{Index: 2, Environment: *withRuntime(1).Environment, RegisteredBy: operator(0).String()}, registered)
	require.EqualValues(t, 1, f.node(t, 0).EnvironmentClass)
	require.Nil(t, f.node(t, 0).Status.NextEnvironment, "only vote extensions hold it")
	requireRoundTrip(t, f)

	f.at(11)
	require.NoError(t, prepares(1, 2), "a class for which there is no room does not cost a node its status")
	require.EqualValues(t, 11, f.node(t, 1).StatusHeight)
	has, err := f.HasEnvironment(f.ctx, 3)
	require.NoError(t, err)
	require.False(t, has)
	require.NoError(t, prepares(1, 1), "one that is known")

	invalid := ready()
	invalid.NextEnvironment = &types.EnvironmentClass{}
	before := f.dump()
	require.ErrorIs(t, f.SetStatus(f.ctx, operator(0), invalid), types.ErrInvalidStatus)
	require.Equal(t, before, f.dump())

	require.NoError(t, f.SetStatus(f.ctx, operator(0), withRuntime(1)))
	require.EqualValues(t, 2, f.node(t, 0).EnvironmentClass, "now it has moved")
}

func TestOneOperatorCannotTakeAllEnvironmentClasses(t *testing.T) {
	f := newFixture(t, types.DefaultParams(), 10, 10) // the first class is of operator 0
	for n := range types.MaxEnvironmentClassesPerOperator - 1 {
		require.NoError(t, f.SetStatus(f.ctx, operator(0), withRuntime(n)))
	}
	require.ErrorIs(t, f.SetStatus(f.ctx, operator(0), withRuntime(100)), types.ErrTooManyEnvironmentClasses)
	require.NoError(t, f.SetStatus(f.ctx, operator(1), withRuntime(100)))
	require.NoError(t, f.SetStatus(f.ctx, operator(0), withRuntime(100)))
}
