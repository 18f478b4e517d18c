package keeper_test

import (
	"math"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/opengradient/opengradient/x/scheduling/keeper"
	"github.com/opengradient/opengradient/x/scheduling/types"
)

// TestEligibility checks one node beside another that is always eligible, by the power and by the query.
func TestEligibility(t *testing.T) {
	tests := map[string]struct {
		change   func(f *fixture)
		eligible bool
		total    int64
		reason   types.Eligibility
	}{
		"ready and fresh": {func(*fixture) {}, true, 30, types.EligibilityEligible},
		"a status just inside the window": {func(f *fixture) {
			f.at(21)
			require.NoError(t, f.SetStatus(f.ctx, operator(1), ready()))
		}, true, 30, types.EligibilityEligible},
		"a stale status": {func(f *fixture) {
			f.at(22)
			require.NoError(t, f.SetStatus(f.ctx, operator(1), ready()))
		}, false, 30, types.EligibilityStale},
		"not ready": {func(f *fixture) {
			require.NoError(t, f.SetStatus(f.ctx, operator(0), types.NodeStatus{Environment: environment()}))
		}, false, 30, types.EligibilityNotReady},
		"jailed":                {func(f *fixture) { f.staking.find(operator(0)).jailed = true }, false, 30, types.EligibilityJailed},
		"unbonding":             {func(f *fixture) { f.staking.find(operator(0)).unbonded = true }, false, 30, types.EligibilityNotBonded},
		"no power":              {func(f *fixture) { f.staking.find(operator(0)).power = 0 }, false, 20, types.EligibilityNotBonded},
		"no longer a validator": {func(f *fixture) { f.staking.validators = f.staking.validators[1:] }, false, 20, types.EligibilityNotBonded},
		"jailed by its conduct": {func(f *fixture) {
			require.NoError(t, f.JailNode(f.ctx, operator(0).String(), 20, types.JailReasonMissed))
		}, false, 30, types.EligibilityConductJailed},
		"time in jail is over": {func(f *fixture) {
			require.NoError(t, f.JailNode(f.ctx, operator(0).String(), 9, types.JailReasonMissed))
		}, false, 30, types.EligibilityConductJailed},
		"jailed in the past of an imported chain": {func(f *fixture) {
			require.NoError(t, f.JailNode(f.ctx, operator(0).String(), 0, types.JailReasonFault))
		}, false, 30, types.EligibilityConductJailed},
		"back from jail": {func(f *fixture) {
			require.NoError(t, f.JailNode(f.ctx, operator(0).String(), 10, types.JailReasonFault))
			require.NoError(t, f.UnjailNode(f.ctx, operator(0).String()))
		}, true, 30, types.EligibilityEligible},
		"no status": {func(f *fixture) {
			node := f.node(t, 0)
			node.Status, node.StatusHeight, node.EnvironmentClass = nil, 0, 0
			require.NoError(t, f.Nodes.Set(f.ctx, operator(0), node))
		}, false, 30, types.EligibilityNoStatus},
		"no environment class": {func(f *fixture) {
			node := f.node(t, 0)
			node.EnvironmentClass = 0
			require.NoError(t, f.Nodes.Set(f.ctx, operator(0), node))
		}, false, 30, types.EligibilityNoEnvironment},
		"no free capacity is no reason": {func(f *fixture) {
			status := ready()
			status.FreeCapacity = 0
			require.NoError(t, f.SetStatus(f.ctx, operator(0), status))
		}, true, 30, types.EligibilityEligible},
		"no reliability is no reason": {func(f *fixture) {
			node := f.node(t, 0)
			node.Reliability = 0
			require.NoError(t, f.Nodes.Set(f.ctx, operator(0), node))
		}, true, 30, types.EligibilityEligible},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			f := newFixture(t, types.DefaultParams(), 10, 20)
			tt.change(f)
			eligible, total, err := f.EligiblePower(f.ctx, model(0), types.TASK_CLASS_CLASSIFICATION, gibibyte)
			require.NoError(t, err)
			want := int64(20)
			if tt.eligible {
				want += 10
			}
			require.Equal(t, want, eligible)
			require.Equal(t, tt.total, total)

			res, err := keeper.NewQueryServer(f.Keeper).Node(f.ctx, &types.QueryNodeRequest{Operator: operator(0).String()})
			require.NoError(t, err)
			require.Equal(t, tt.eligible, res.Node.Eligible)
			require.Equal(t, tt.reason.Reason(), res.Node.Reason)
			require.Equal(t, f.node(t, 0), res.Node.Node)
		})
	}
}

func TestEligiblePowerByNeeds(t *testing.T) {
	f := newFixture(t, types.DefaultParams(), 10, 20, 40)
	require.NoError(t, f.RegisterNode(f.ctx, &types.MsgRegisterNode{
		Operator: operator(1).String(), Capacity: 1, MemoryBytes: 2 * gibibyte, TaskClasses: []types.TaskClass{types.TASK_CLASS_REGRESSION},
	}))
	f.staking.validators = append(f.staking.validators, &validator{operator: operator(3), power: 80})
	tests := map[string]struct {
		class  types.TaskClass
		memory uint64
		want   int64
	}{
		"a class of all":              {types.TASK_CLASS_REGRESSION, 1, 70},
		"a class of some":             {types.TASK_CLASS_CLASSIFICATION, 1, 50},
		"a class of none":             {types.TASK_CLASS_GENERATION, 1, 0},
		"no class":                    {types.TASK_CLASS_UNSPECIFIED, 1, 0},
		"as much memory as they have": {types.TASK_CLASS_REGRESSION, gibibyte, 70},
		"memory of one":               {types.TASK_CLASS_REGRESSION, gibibyte + 1, 20},
		"more memory than any":        {types.TASK_CLASS_REGRESSION, 2*gibibyte + 1, 0},
		"memory and class of none":    {types.TASK_CLASS_CLASSIFICATION, 2 * gibibyte, 0},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			eligible, total, err := f.EligiblePower(f.ctx, model(0), tt.class, tt.memory)
			require.NoError(t, err)
			require.Equal(t, tt.want, eligible)
			require.EqualValues(t, 150, total, "validators without a node count in the total")
		})
	}
}

func TestPowersThatDoNotAddUp(t *testing.T) {
	for name, power := range map[string]int64{"an overflow": math.MaxInt64, "a negative power": -1} {
		t.Run(name, func(t *testing.T) {
			f := newFixture(t, types.DefaultParams(), 10, 20)
			f.staking.find(operator(1)).power = power
			_, _, err := f.EligiblePower(f.ctx, model(0), types.TASK_CLASS_CLASSIFICATION, 1)
			require.ErrorIs(t, err, types.ErrPower)
		})
	}
}
