package keeper_test

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"cosmossdk.io/collections"
	"cosmossdk.io/math"
	sdk "github.com/cosmos/cosmos-sdk/types"

	"github.com/opengradient/opengradient/x/scheduling/types"
)

// requireRoundTrip exports the state at the end of the current block and imports it twice: for a chain that goes on at
// the next height the whole store, indexes and all, must be the same, but for what is not exported; for one that starts
// again the export must be.
func requireRoundTrip(t check, f *fixture) {
	t.Helper()
	state, err := f.ExportGenesis(f.ctx)
	require.NoError(t, err)
	require.NoError(t, state.Validate())

	continued := newEmptyFixture(f.staking)
	continued.at(f.ctx.BlockHeight() + 1)
	require.NoError(t, continued.InitGenesis(continued.ctx, *state))
	require.Equal(t, f.exported(), continued.exported())
	require.Subset(t, continued.places(t, continued.StatusHeights), f.places(t, f.StatusHeights))
	var statuses []string
	for i, node := range state.Nodes {
		if node.Status != nil {
			statuses = append(statuses, place(node.StatusHeight+f.ctx.BlockHeight(), i))
		}
	}
	require.ElementsMatch(t, statuses, continued.places(t, continued.StatusHeights))

	restarted := newEmptyFixture(f.staking)
	require.NoError(t, restarted.InitGenesis(restarted.ctx, *state))
	restarted.at(0)
	again, err := restarted.ExportGenesis(restarted.ctx)
	require.NoError(t, err)
	require.Equal(t, state, again)
}

// exported is the store without what an export leaves out: how far a search in the queue and a review of attempts have
// come, who has the first claim on the next block, and which stale statuses were noticed already.
func (f *fixture) exported() map[string]string {
	entries := f.dump()
	for _, prefix := range []collections.Prefix{types.QueueCursorKey, types.QueueClaimKey, types.ReviewKey, types.ReviewAgainKey, types.StatusHeightsKey} {
		maps.DeleteFunc(entries, func(key, _ string) bool { return strings.HasPrefix(key, string(prefix.Bytes())) })
	}
	return entries
}

// place is an entry of an index of nodes: the height of node i.
func place(height int64, i int) string { return fmt.Sprintf("%d of %s", height, operator(i)) }

// places are the entries of such an index.
func (f *fixture) places(t check, index collections.KeySet[collections.Pair[int64, []byte]]) (found []string) {
	t.Helper()
	require.NoError(t, index.Walk(f.ctx, nil, func(key collections.Pair[int64, []byte]) (bool, error) {
		found = append(found, fmt.Sprintf("%d of %s", key.K1(), sdk.ValAddress(key.K2())))
		return false, nil
	}))
	return found
}

// newBusyFixture has two versions of the parameters; tasks of every fee class that wait, run and are retried, one of them
// for a committee; nodes with models, and one each without a status and in jail beyond its time, paused, leaving and left.
func newBusyFixture(t check) *fixture {
	t.Helper()
	params := types.DefaultParams()
	params.MaxAssignmentsPerBlock = 3
	f := newFixture(t, params, 10, 20, 30)
	f.staking.validators = append(f.staking.validators, &validator{operator: operator(3), power: 5})
	f.register(t, 3)
	status := withRuntime(1)
	status.ModelsReady = modelsFrom(1, 2)
	require.NoError(t, f.SetStatus(f.ctx, operator(0), status))
	f.serve(t, 0, model(0)) // in its new class as well
	require.NoError(t, f.SetStatus(f.ctx, operator(1), types.NodeStatus{}))
	for i := 4; i < 7; i++ {
		f.staking.validators = append(f.staking.validators, &validator{operator: operator(i)})
		msg := registration(i)
		msg.Hardware = "16 cores, 64 GiB"
		require.NoError(t, f.RegisterNode(f.ctx, msg))
		status := ready()
		status.ModelsReady = modelsFrom(i, 1)
		require.NoError(t, f.SetStatus(f.ctx, operator(i), status))
	}
	require.NoError(t, f.PauseNode(f.ctx, operator(4).String()))
	_, err := f.LeaveNode(f.ctx, operator(6).String())
	require.NoError(t, err)
	f.review(t)
	f.enqueue(t, task(1))
	f.enqueue(t, task(2))
	params.AttemptBlocks = 7
	require.NoError(t, f.AddParams(f.ctx, params))
	f.enqueue(t, task(3))
	f.enqueue(t, classed(4, types.FEE_CLASS_ECONOMY))
	require.Len(t, f.assign(t), 3)
	f.at(12)
	again, err := f.Retry(f.ctx, 2, []string{operator(0).String(), operator(3).String()})
	require.NoError(t, err)
	require.True(t, again)
	given := classed(5, types.FEE_CLASS_PRIORITY)
	given.Committee = true
	f.enqueue(t, given)
	require.NoError(t, f.JailNode(f.ctx, operator(3).String(), 11, types.JailReasonMissed)) // over already
	require.NoError(t, f.SetReliability(f.ctx, operator(3).String(), 0))
	f.observe(t, 1, 640, 1_250)
	_, err = f.LeaveNode(f.ctx, operator(5).String()) // with the attempts, at 20
	require.NoError(t, err)
	return f
}

func TestGenesisRoundTrip(t *testing.T) {
	requireRoundTrip(t, newFixture(t, types.DefaultParams()))
	requireRoundTrip(t, newBusyFixture(t))
}

func TestImportedTasksGoOn(t *testing.T) {
	f := newBusyFixture(t) // at height 12: attempts since 10, one retry, two new tasks
	state, err := f.ExportGenesis(f.ctx)
	require.NoError(t, err)

	restarted := newEmptyFixture(f.staking)
	require.NoError(t, restarted.InitGenesis(restarted.ctx, *state))
	require.Equal(t, []uint64{2, 5, 4}, restarted.assigned(t), "the order of the queue is kept, the statuses are still fresh")
	// The attempt of task 3 had 5 blocks left and that of task 1 had 8.
	restarted.at(4)
	require.Empty(t, restarted.expired(t))
	restarted.at(5)
	require.Equal(t, []types.Expiry{{RequestID: 3, Attempts: 1}}, restarted.expired(t))
	restarted.at(8)
	require.Contains(t, restarted.expired(t), types.Expiry{RequestID: 1, Attempts: 1})
	for _, expiry := range restarted.expired(t) {
		_, err := restarted.Retry(restarted.ctx, expiry.RequestID, nil)
		require.NoError(t, err)
	}
	restarted.review(t)
	restarted.requireState(t, 5, types.NODE_STATE_LEFT, 0) // it had 8 blocks as well
	restarted.requireState(t, 4, types.NODE_STATE_PAUSED, 0)
	require.Empty(t, restarted.models(t, 5))
	require.Equal(t, modelsFrom(4, 1), restarted.models(t, 4))
	restarted.at(128)
	require.Contains(t, restarted.expired(t), types.Expiry{RequestID: 1, Attempts: 1, Final: true})
}

func TestInitGenesisRefuses(t *testing.T) {
	f := newEmptyFixture(&fakeStaking{})
	require.ErrorIs(t, f.InitGenesis(f.ctx, types.GenesisState{}), types.ErrInvalidGenesis)
	require.Empty(t, f.dump())
}

// TestGenesisValidate breaks one thing at a time in a state that holds something of everything.
func TestGenesisValidate(t *testing.T) {
	tests := map[string]struct {
		spoil   func(g *types.GenesisState)
		message string
	}{
		"no parameters":                        {func(g *types.GenesisState) { g.Params = nil }, "params: expected at least one"},
		"a version left out":                   {func(g *types.GenesisState) { g.Params[1].Version = 3 }, "expected version 2, got 3"},
		"parameters out of bounds":             {func(g *types.GenesisState) { g.Params[0].Params.MaxAttempts = 0 }, "max_attempts"},
		"an index left out":                    {func(g *types.GenesisState) { g.EnvironmentClasses[1].Index = 3 }, "expected index 2, got 3"},
		"a class that is not valid":            {func(g *types.GenesisState) { g.EnvironmentClasses[1].Environment.Isa = "mmx" }, "isa"},
		"a class twice":                        {func(g *types.GenesisState) { g.EnvironmentClasses[1].Environment = g.EnvironmentClasses[0].Environment }, "expected a new class"},
		"a class of nobody":                    {func(g *types.GenesisState) { g.EnvironmentClasses[0].RegisteredBy = "" }, "registered_by"},
		"nodes out of order":                   {func(g *types.GenesisState) { g.Nodes[0], g.Nodes[1] = g.Nodes[1], g.Nodes[0] }, "ascending by address bytes"},
		"a node twice":                         {func(g *types.GenesisState) { g.Nodes[1] = g.Nodes[0] }, "without repeats"},
		"a node of no operator":                {func(g *types.GenesisState) { g.Nodes[0].Operator = "node" }, "operator"},
		"a node with a shouted address":        {func(g *types.GenesisState) { g.Nodes[0].Operator = shouted(0) }, "expected cosmosvaloper"},
		"a node without capacity":              {func(g *types.GenesisState) { g.Nodes[0].Capacity = 0 }, "capacity"},
		"a reliability above the limit":        {func(g *types.GenesisState) { g.Nodes[0].Reliability = 10_001 }, "reliability"},
		"a node registered in the future":      {func(g *types.GenesisState) { g.Nodes[0].RegisteredHeight = 1 }, "registered_height"},
		"a status from the future":             {func(g *types.GenesisState) { g.Nodes[0].StatusHeight = 1 }, "status_height"},
		"a status from before all time":        {func(g *types.GenesisState) { g.Nodes[0].StatusHeight = -1 << 62 }, "status_height"},
		"a status that is not valid":           {func(g *types.GenesisState) { g.Nodes[0].Status.Environment = nil }, "invalid node status"},
		"a class that is not that of the node": {func(g *types.GenesisState) { g.Nodes[0].EnvironmentClass = 1 }, "to be that of its status"},
		"a class that is not registered":       {func(g *types.GenesisState) { g.Nodes[0].EnvironmentClass = 3 }, "expected an environment_class from 1 to 2, got 3"},
		"a class without an environment":       {func(g *types.GenesisState) { g.Nodes[1].EnvironmentClass = 1 }, "without an environment"},
		"a status height without a status":     {func(g *types.GenesisState) { g.Nodes[3].StatusHeight = -1 }, "without a status"},
		"units that nobody gave":               {func(g *types.GenesisState) { g.Nodes[3].LeadingUnits++ }, "expected leading_units 0 by the tasks, got 1"},
		"a leader without a node":              {func(g *types.GenesisState) { g.Tasks[0].Assignment.Leader = operator(9).String() }, "leading_units"},
		"only a leader without a node": {func(g *types.GenesisState) {
			for i := range g.Nodes {
				g.Nodes[i].LeadingUnits = 0
			}
			for i := range g.Tasks {
				if g.Tasks[i].Assignment != nil {
					g.Tasks[i].Assignment.Leader = operator(9).String()
				}
			}
		}, "expected every leader to have a node"},
		"tasks out of order":               {func(g *types.GenesisState) { g.Tasks[0], g.Tasks[1] = g.Tasks[1], g.Tasks[0] }, "ascending ids"},
		"a task without a digest":          {func(g *types.GenesisState) { g.Tasks[0].Digest = nil }, "digest"},
		"a task of an unknown version":     {func(g *types.GenesisState) { g.Tasks[0].ParamsVersion = 3 }, "params_version"},
		"a task of no version":             {func(g *types.GenesisState) { g.Tasks[0].ParamsVersion = 0 }, "params_version"},
		"a task larger than a block":       {func(g *types.GenesisState) { g.Tasks[3].ComputeUnits = 1 << 40 }, "compute units"},
		"a task from the future":           {func(g *types.GenesisState) { g.Tasks[3].QueuedHeight = 1 }, "queued_height"},
		"a moved final deadline":           {func(g *types.GenesisState) { g.Tasks[3].FinalDeadline++ }, "final_deadline"},
		"a final deadline that is past":    {func(g *types.GenesisState) { g.Tasks[3] = g.Tasks[3].Shifted(-500) }, "above 0"},
		"more attempts than there are":     {func(g *types.GenesisState) { g.Tasks[0].Attempts = 4 }, "at most 3 attempts"},
		"another attempt than the last":    {func(g *types.GenesisState) { g.Tasks[0].Assignment.Attempt = 2 }, "expected the assignment of attempt 1"},
		"waiting with no attempt left":     {func(g *types.GenesisState) { g.Tasks[1].Attempts = 3 }, "fewer than 3 attempts"},
		"passed over before an attempt":    {func(g *types.GenesisState) { g.Tasks[0].PassedOver = g.Tasks[1].PassedOver }, "nobody to be passed over"},
		"passed over without an address":   {func(g *types.GenesisState) { g.Tasks[1].PassedOver[0] = "leader" }, "passed over"},
		"passed over by a shouted address": {func(g *types.GenesisState) { g.Tasks[1].PassedOver[0] = shouted(0) }, "expected cosmosvaloper"},
		"passed over twice":                {func(g *types.GenesisState) { g.Tasks[1].PassedOver[1] = g.Tasks[1].PassedOver[0] }, "without repeats"},
		"passed over out of order":         {func(g *types.GenesisState) { slices.Reverse(g.Tasks[1].PassedOver) }, "ascending by address bytes"},
		"passed over without a node":       {func(g *types.GenesisState) { g.Tasks[1].PassedOver[1] = operator(9).String() }, "to have nodes"},
		"jailed for an unknown reason":     {func(g *types.GenesisState) { g.Nodes[3].JailReason = "late" }, "expected jail_reason fault, missed or contradicted"},
		"a time in jail of a free node":    {func(g *types.GenesisState) { g.Nodes[0].JailedUntil = 5 }, "without a jail_reason"},
		"jailed for ever":                  {func(g *types.GenesisState) { g.Nodes[3].JailedUntil = types.MaxJailBlocks + 1 }, "jailed_until"},
		"jailed before all time":           {func(g *types.GenesisState) { g.Nodes[3].JailedUntil = -1 << 62 }, "jailed_until"},
		"a leader of no address":           {func(g *types.GenesisState) { g.Tasks[0].Assignment.Leader = "leader" }, "leader"},
		"assigned before it was accepted":  {func(g *types.GenesisState) { g.Tasks[0].Assignment.AssignedHeight = -3 }, "assigned_height"},
		"assigned in the future":           {func(g *types.GenesisState) { g.Tasks[0].Assignment.AssignedHeight = 1 }, "assigned_height"},
		"an attempt deadline too early":    {func(g *types.GenesisState) { g.Tasks[0].Assignment.Deadline = g.Tasks[0].QueuedHeight }, "attempt deadline from"},
		"a moved attempt deadline":         {func(g *types.GenesisState) { g.Tasks[0].Assignment.Deadline++ }, "attempt deadline"},
		"no base price":                    {func(g *types.GenesisState) { g.Market.BasePrice = math.Int{} }, "market: expected a base price of 0 to 1000000000000000000"},
		"a negative base price":            {func(g *types.GenesisState) { g.Market.BasePrice = math.NewInt(-1) }, "got -1"},
		"a base price out of bounds":       {func(g *types.GenesisState) { g.Market.BasePrice = types.MaxPrice.AddRaw(1) }, "market: expected a base price"},
		"a block used more than it has":    {func(g *types.GenesisState) { g.Market.Utilisation = 10_001 }, "market: expected a utilisation of at most 10000, got 10001"},
		"hardware of many words":           {func(g *types.GenesisState) { g.Nodes[4].Hardware = strings.Repeat("h", 129) }, "hardware: expected at most 128 bytes"},
		"more observed than a number says": {func(g *types.GenesisState) { g.Nodes[1].ObservedCapacity = 1<<62 + 1 }, "observed_capacity"},
		"an unknown state":                 {func(g *types.GenesisState) { g.Nodes[4].State = 4 }, "expected a known state, got 4"},
		"leaving at no height":             {func(g *types.GenesisState) { g.Nodes[5].DrainedHeight = 0 }, "expected a drained_height from 1"},
		"leaving in the past":              {func(g *types.GenesisState) { g.Nodes[5].DrainedHeight = -1 }, "expected a drained_height from 1"},
		"leaving after all time":           {func(g *types.GenesisState) { g.Nodes[5].DrainedHeight = 1<<48 + 1 }, "expected a drained_height from 1"},
		"at work, with a height to leave":  {func(g *types.GenesisState) { g.Nodes[0].DrainedHeight = 8 }, "and 0 otherwise, got 8 as NODE_STATE_ACTIVE"},
		"left, with a height to leave":     {func(g *types.GenesisState) { g.Nodes[6].DrainedHeight = 8 }, "and 0 otherwise, got 8 as NODE_STATE_LEFT"},
		"left, with a status":              {func(g *types.GenesisState) { g.Nodes[6].Status = &types.NodeStatus{} }, "expected no status and nothing it leads once it has left"},
		"left, with something it leads": {func(g *types.GenesisState) {
			g.Nodes[0].State, g.Nodes[0].Status, g.Nodes[0].StatusHeight, g.Nodes[0].EnvironmentClass = types.NODE_STATE_LEFT, nil, 0, 0
			g.Nodes[2].State, g.Nodes[2].Status, g.Nodes[2].StatusHeight, g.Nodes[2].EnvironmentClass = types.NODE_STATE_LEFT, nil, 0, 0
		}, "expected no status and nothing it leads once it has left"},
		"models in a status":              {func(g *types.GenesisState) { g.Nodes[0].Status.ModelsReady = modelsFrom(1, 1) }, "expected no models in its status"},
		"dropped models in a status":      {func(g *types.GenesisState) { g.Nodes[0].Status.ModelsDropped = modelsFrom(1, 1) }, "expected no models in its status"},
		"models of no address":            {func(g *types.GenesisState) { g.NodeModels[0].Operator = "operator" }, "node models"},
		"models of a shouted address":     {func(g *types.GenesisState) { g.NodeModels[0].Operator = shouted(0) }, "expected cosmosvaloper"},
		"models out of order":             {func(g *types.GenesisState) { slices.Reverse(g.NodeModels) }, "ascending by address bytes"},
		"models of a node twice":          {func(g *types.GenesisState) { g.NodeModels[1] = g.NodeModels[0] }, "without repeats"},
		"models of nobody":                {func(g *types.GenesisState) { g.NodeModels[2].Operator = operator(9).String() }, "of a node with a duty"},
		"models of a node that has left":  {func(g *types.GenesisState) { g.NodeModels[2].Operator = operator(6).String() }, "of a node with a duty"},
		"a node with a list of no models": {func(g *types.GenesisState) { g.NodeModels[1].Models = nil }, "expected 1 to 256 of a node with a duty, got 0"},
		"a node with too many models":     {func(g *types.GenesisState) { g.NodeModels[1].Models = modelsFrom(0, 257) }, "got 257"},
		"a model twice":                   {func(g *types.GenesisState) { g.NodeModels[0].Models[1] = g.NodeModels[0].Models[0] }, "expected ascending sums"},
		"a model of no sum":               {func(g *types.GenesisState) { g.NodeModels[0].Models[0] = []byte("model") }, "expected sums of 32 bytes, got 5"},
		"a next class in a status":        {func(g *types.GenesisState) { g.Nodes[0].Status.NextEnvironment = environment() }, "expected no next_environment in its status"},
		"a proof of no model":             {func(g *types.GenesisState) { g.ModelProofs[0].Model = nil }, "model proof 0: model: expected 32 bytes, got 0"},
		"a proof of no address":           {func(g *types.GenesisState) { g.ModelProofs[1].Operator = "operator" }, "model proof 1: operator"},
		"a proof of a shouted address":    {func(g *types.GenesisState) { g.ModelProofs[1].Operator = shouted(0) }, "expected cosmosvaloper"},
		"a proof in no class":             {func(g *types.GenesisState) { g.ModelProofs[1].EnvironmentClass = 0 }, "expected an environment_class from 1 to 2, got 0"},
		"a proof in an unknown class":     {func(g *types.GenesisState) { g.ModelProofs[1].EnvironmentClass = 3 }, "expected an environment_class from 1 to 2, got 3"},
		"a proof twice":                   {func(g *types.GenesisState) { g.ModelProofs[1] = g.ModelProofs[0] }, "model proof 1: expected proofs ascending"},
		"proofs out of order":             {func(g *types.GenesisState) { slices.Reverse(g.ModelProofs) }, "expected proofs ascending"},
		"a task of no model":              {func(g *types.GenesisState) { g.Tasks[3].Model = []byte("model") }, "model: expected the 32 bytes of a SHA-256, got 5"},
		"an unknown fee class":            {func(g *types.GenesisState) { g.Tasks[3].FeeClass = 3 }, "fee_class"},
		"a place in the queue of its own": {func(g *types.GenesisState) { g.Tasks[3].QueuePosition-- }, "task 4: expected a queue_position 0 before its queued_height, got 1"},
		"a place of another class":        {func(g *types.GenesisState) { g.Tasks[4].FeeClass = types.FEE_CLASS_STANDARD }, "task 5: expected a queue_position 10 before its queued_height, got 30"},
		"more tasks at a deadline than slots": {func(g *types.GenesisState) {
			g.Params[0].Params.DeadlineQuota = 1
			g.Params[1].Params.DeadlineQuota = 1
		}, "at most 1 tasks"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			f := newBusyFixture(t)
			state, err := f.ExportGenesis(f.ctx)
			require.NoError(t, err)
			require.NoError(t, state.Validate())
			tt.spoil(state)
			err = state.Validate()
			require.ErrorIs(t, err, types.ErrInvalidGenesis)
			require.ErrorContains(t, err, tt.message)
		})
	}
}
