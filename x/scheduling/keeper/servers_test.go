package keeper_test

import (
	"encoding/hex"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"cosmossdk.io/math"
	sdkerrors "github.com/cosmos/cosmos-sdk/types/errors"
	"github.com/cosmos/cosmos-sdk/types/query"

	"github.com/opengradient/opengradient/x/scheduling/keeper"
	"github.com/opengradient/opengradient/x/scheduling/types"
)

func TestUpdateParams(t *testing.T) {
	changed := types.DefaultParams()
	changed.MaxQueueDepth = 7
	invalid := types.DefaultParams()
	invalid.MaxAttempts = 0
	tests := map[string]struct {
		msg  types.MsgUpdateParams
		want error
	}{
		"by the authority":          {types.MsgUpdateParams{Authority: authority, Params: changed}, nil},
		"by somebody else":          {types.MsgUpdateParams{Authority: "somebody", Params: changed}, sdkerrors.ErrUnauthorized},
		"parameters out of bounds":  {types.MsgUpdateParams{Authority: authority, Params: invalid}, types.ErrInvalidParams},
		"an authority left unnamed": {types.MsgUpdateParams{Params: changed}, sdkerrors.ErrUnauthorized},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			f := newFixture(t, types.DefaultParams())
			before := f.dump()
			_, err := keeper.NewMsgServer(f.Keeper).UpdateParams(f.ctx, &tt.msg)
			require.ErrorIs(t, err, tt.want)
			if tt.want != nil {
				require.Equal(t, before, f.dump())
				return
			}
			res, err := keeper.NewQueryServer(f.Keeper).Params(f.ctx, &types.QueryParamsRequest{})
			require.NoError(t, err)
			require.Equal(t, &types.QueryParamsResponse{Params: changed, Version: 2}, res)
			first, err := f.ParamsAt(f.ctx, 1)
			require.NoError(t, err)
			require.Equal(t, types.DefaultParams(), first, "earlier versions stay")
		})
	}
}

func TestMsgRegisterNode(t *testing.T) {
	f := newFixture(t, types.DefaultParams(), 10)
	server := keeper.NewMsgServer(f.Keeper)
	_, err := server.RegisterNode(f.ctx, registration(0))
	require.NoError(t, err)
	require.EqualValues(t, 500, f.node(t, 0).Capacity)
	_, err = server.RegisterNode(f.ctx, registration(3))
	require.ErrorIs(t, err, types.ErrNotValidator)
}

func TestMsgUnjailNode(t *testing.T) {
	f := newFixture(t, types.DefaultParams(), 10)
	server := keeper.NewMsgServer(f.Keeper)
	msg := &types.MsgUnjailNode{Operator: operator(0).String()}
	_, err := server.UnjailNode(f.ctx, msg)
	require.ErrorIs(t, err, types.ErrNotJailed)
	require.NoError(t, f.JailNode(f.ctx, operator(0).String(), 10, types.JailReasonFault))
	_, err = server.UnjailNode(f.ctx, msg)
	require.NoError(t, err)
	require.Empty(t, f.node(t, 0).JailReason)
}

func TestMsgsOfNodeStates(t *testing.T) {
	f := newFixture(t, types.DefaultParams(), 10, 20)
	server := keeper.NewMsgServer(f.Keeper)
	name := operator(0).String()
	_, err := server.PauseNode(f.ctx, &types.MsgPauseNode{Operator: name})
	require.NoError(t, err)
	_, err = server.PauseNode(f.ctx, &types.MsgPauseNode{Operator: name})
	require.ErrorIs(t, err, types.ErrNodeState)
	_, err = server.ResumeNode(f.ctx, &types.MsgResumeNode{Operator: name})
	require.NoError(t, err)
	_, err = server.ResumeNode(f.ctx, &types.MsgResumeNode{Operator: name})
	require.ErrorIs(t, err, types.ErrNodeState)
	f.enqueue(t, task(1))
	f.assign(t)
	res, err := server.LeaveNode(f.ctx, &types.MsgLeaveNode{Operator: name})
	require.NoError(t, err)
	require.EqualValues(t, 20, res.DrainedHeight)
	_, err = server.LeaveNode(f.ctx, &types.MsgLeaveNode{Operator: name})
	require.ErrorIs(t, err, types.ErrNodeState)
	_, err = server.LeaveNode(f.ctx, &types.MsgLeaveNode{Operator: operator(7).String()})
	require.ErrorIs(t, err, types.ErrNodeNotFound)
}

func TestQueryMarket(t *testing.T) {
	params := types.DefaultParams()
	params.BlockComputeUnits = 100
	f := newFixture(t, params, 10)
	f.enqueue(t, sized(1, 95, 10))
	f.enqueue(t, sized(2, 60, 20))
	f.enqueue(t, sized(3, 60, 30))
	f.assign(t)
	res, err := keeper.NewQueryServer(f.Keeper).Market(f.ctx, &types.QueryMarketRequest{})
	require.NoError(t, err)
	require.Equal(t, &types.QueryMarketResponse{
		Market:            types.Market{BasePrice: math.NewInt(101), Utilisation: 9_500},
		TargetUtilisation: 9_000,
		Waiting:           types.QueueLoad{Tasks: 2, ComputeUnits: 120, OutputBytes: 50},
		WaitingBlocks:     2,
	}, res)
}

func TestQueryNodeModels(t *testing.T) {
	f := newFixture(t, types.DefaultParams(), 10, 20)
	status := ready()
	status.ModelsReady = [][]byte{model(0x01), model(0xabcd)}
	require.NoError(t, f.SetStatus(f.ctx, operator(0), status))
	server := keeper.NewQueryServer(f.Keeper)
	res, err := server.NodeModels(f.ctx, &types.QueryNodeModelsRequest{Operator: operator(0).String()})
	require.NoError(t, err)
	rest := strings.Repeat("cd", 30)
	require.Equal(t, []string{"0000" + rest, "0001" + rest, "abcd" + rest}, res.Models)
	res, err = server.NodeModels(f.ctx, &types.QueryNodeModelsRequest{Operator: operator(1).String()})
	require.NoError(t, err)
	require.Equal(t, []string{"0000" + rest}, res.Models)
}

// TestQueryNodeStates: a node that takes no new work tells why, and what it could take on.
func TestQueryNodeStates(t *testing.T) {
	f := newFixture(t, types.DefaultParams(), 10, 20, 30, 40)
	f.enqueue(t, task(1))
	f.assign(t)
	require.NoError(t, f.PauseNode(f.ctx, operator(0).String()))
	_, err := f.LeaveNode(f.ctx, operator(1).String())
	require.NoError(t, err)
	require.NoError(t, f.Complete(f.ctx, 1))
	_, err = f.LeaveNode(f.ctx, operator(2).String())
	require.NoError(t, err)
	f.review(t)
	f.observe(t, 3, 70, 0)
	f.leads(t, 3, 20)
	res, err := keeper.NewQueryServer(f.Keeper).Nodes(f.ctx, &types.QueryNodesRequest{})
	require.NoError(t, err)
	var got []string
	for _, view := range res.Nodes {
		got = append(got, fmt.Sprint(view.Eligible, " ", view.FreeCapacity, " ", view.Reason))
	}
	require.Equal(t, []string{
		"false 1000 node is paused by its operator", "false 1000 node is leaving", "false 0 node has left", "true 50 ",
	}, got)
}

func TestQueryNodes(t *testing.T) {
	f := newFixture(t, types.DefaultParams(), 10, 20, 30)
	f.staking.find(operator(1)).jailed = true
	server := keeper.NewQueryServer(f.Keeper)
	first, err := server.Nodes(f.ctx, &types.QueryNodesRequest{Pagination: &query.PageRequest{Limit: 2}})
	require.NoError(t, err)
	require.Equal(t, []types.NodeView{
		{Node: f.node(t, 0), Eligible: true, Power: 10, FreeCapacity: 1000},
		{Node: f.node(t, 1), Power: 20, Reason: "validator is jailed", FreeCapacity: 1000},
	}, first.Nodes)
	rest, err := server.Nodes(f.ctx, &types.QueryNodesRequest{Pagination: &query.PageRequest{Key: first.Pagination.NextKey}})
	require.NoError(t, err)
	require.Equal(t, []types.NodeView{{Node: f.node(t, 2), Eligible: true, Power: 30, FreeCapacity: 1000}}, rest.Nodes)
}

// TestQueryNodesFiltered: each filter leaves the nodes that it names.
func TestQueryNodesFiltered(t *testing.T) {
	f := newFixture(t, types.DefaultParams(), 10, 20, 30)
	f.staking.find(operator(1)).jailed = true
	status := withRuntime(1)
	status.ModelsReady = [][]byte{model(0xabcd)}
	require.NoError(t, f.SetStatus(f.ctx, operator(2), status))
	server := keeper.NewQueryServer(f.Keeper)
	abcd := "abcd" + strings.Repeat("cd", 30)
	for name, tc := range map[string]struct {
		req  types.QueryNodesRequest
		want []int
	}{
		"eligible":                        {types.QueryNodesRequest{Eligible: true}, []int{0, 2}},
		"in a class":                      {types.QueryNodesRequest{EnvironmentClass: 2}, []int{2}},
		"in another class":                {types.QueryNodesRequest{EnvironmentClass: 1}, []int{0, 1}},
		"eligible in a class":             {types.QueryNodesRequest{EnvironmentClass: 1, Eligible: true}, []int{0}},
		"with a model":                    {types.QueryNodesRequest{Model: abcd}, []int{2}},
		"with a model in the wrong class": {types.QueryNodesRequest{Model: abcd, EnvironmentClass: 1}, nil},
		"that serve a task class":         {types.QueryNodesRequest{TaskClass: task(1).TaskClass}, []int{0, 1, 2}},
		"that serve what nobody does":     {types.QueryNodesRequest{TaskClass: types.TASK_CLASS_OTHER}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			res, err := server.Nodes(f.ctx, &tc.req)
			require.NoError(t, err)
			var got, want []string
			for _, view := range res.Nodes {
				got = append(got, view.Node.Operator)
			}
			for _, i := range tc.want {
				want = append(want, operator(i).String())
			}
			require.Equal(t, want, got)
		})
	}
}

// TestQueryTasks: tasks that wait and tasks under way, by leader and model.
func TestQueryTasks(t *testing.T) {
	params := types.DefaultParams()
	params.MaxAssignmentsPerBlock = 1
	f := newFixture(t, params, 10)
	for id := range uint64(3) {
		f.enqueue(t, task(id+1))
	}
	require.Equal(t, []uint64{1}, f.assigned(t))
	server := keeper.NewQueryServer(f.Keeper)
	known := hex.EncodeToString(task(1).Model)
	for name, tc := range map[string]struct {
		req  types.QueryTasksRequest
		want []uint64
	}{
		"all":          {types.QueryTasksRequest{}, []uint64{1, 2, 3}},
		"newest first": {types.QueryTasksRequest{Pagination: &query.PageRequest{Reverse: true, Limit: 2}}, []uint64{3, 2}},
		"of a leader":  {types.QueryTasksRequest{Leader: operator(0).String()}, []uint64{1}},
		"of nobody":    {types.QueryTasksRequest{Leader: operator(7).String()}, nil},
		"for a model":  {types.QueryTasksRequest{Model: known}, []uint64{1, 2, 3}},
		"for another":  {types.QueryTasksRequest{Model: strings.Repeat("ef", 32)}, nil},
		"of both":      {types.QueryTasksRequest{Model: known, Leader: operator(0).String()}, []uint64{1}},
	} {
		t.Run(name, func(t *testing.T) {
			res, err := server.Tasks(f.ctx, &tc.req)
			require.NoError(t, err)
			var got []uint64
			for _, task := range res.Tasks {
				got = append(got, task.RequestId)
			}
			require.Equal(t, tc.want, got)
		})
	}
}

func TestQueryEnvironmentClasses(t *testing.T) {
	f := newFixture(t, types.DefaultParams(), 10)
	require.NoError(t, f.SetStatus(f.ctx, operator(0), withRuntime(1)))
	res, err := keeper.NewQueryServer(f.Keeper).EnvironmentClasses(f.ctx, &types.QueryEnvironmentClassesRequest{})
	require.NoError(t, err)
	require.Equal(t, []types.RegisteredEnvironment{
		{Index: 1, Environment: *environment(), RegisteredBy: operator(0).String()},
		{Index: 2, Environment: *withRuntime(1).Environment, RegisteredBy: operator(0).String()},
	}, res.EnvironmentClasses)
}

func TestQueryQueue(t *testing.T) {
	params := types.DefaultParams()
	params.MaxAssignmentsPerBlock = 1
	f := newFixture(t, params, 10)
	for id := range uint64(3) {
		f.enqueue(t, task(id+1))
	}
	require.Equal(t, []uint64{1}, f.assigned(t))
	server := keeper.NewQueryServer(f.Keeper)
	res, err := server.Queue(f.ctx, &types.QueryQueueRequest{Pagination: &query.PageRequest{Limit: 1}})
	require.NoError(t, err)
	require.EqualValues(t, 2, res.Depth)
	require.Len(t, res.Tasks, 1)
	require.EqualValues(t, 2, res.Tasks[0].RequestId)
	_, err = f.Retry(f.ctx, 1, nil)
	require.NoError(t, err)
	res, err = server.Queue(f.ctx, &types.QueryQueueRequest{})
	require.NoError(t, err)
	require.EqualValues(t, 3, res.Depth)
	require.EqualValues(t, 1, res.Tasks[0].RequestId, "the retry is first in line")
	require.Equal(t, types.QueueLoad{Tasks: 3, ComputeUnits: 30, OutputBytes: 300}, res.Load)

	one, err := server.Task(f.ctx, &types.QueryTaskRequest{RequestId: 3})
	require.NoError(t, err)
	require.Equal(t, res.Tasks[2], one.Task)
}

func TestQueryErrors(t *testing.T) {
	f := newFixture(t, types.DefaultParams(), 10)
	server := keeper.NewQueryServer(f.Keeper)
	tooMany := &query.PageRequest{Limit: 1001}
	tests := map[string]struct {
		ask  func() error
		want codes.Code
	}{
		"a node that is not registered": {func() error {
			_, err := server.Node(f.ctx, &types.QueryNodeRequest{Operator: operator(5).String()})
			return err
		}, codes.NotFound},
		"a node by text that is no address": {func() error {
			_, err := server.Node(f.ctx, &types.QueryNodeRequest{Operator: "node"})
			return err
		}, codes.InvalidArgument},
		"a task that is not open": {func() error { _, err := server.Task(f.ctx, &types.QueryTaskRequest{RequestId: 1}); return err }, codes.NotFound},
		"no node request":         {func() error { _, err := server.Node(f.ctx, nil); return err }, codes.InvalidArgument},
		"no task request":         {func() error { _, err := server.Task(f.ctx, nil); return err }, codes.InvalidArgument},
		"models of a node that is not registered": {func() error {
			_, err := server.NodeModels(f.ctx, &types.QueryNodeModelsRequest{Operator: operator(5).String()})
			return err
		}, codes.NotFound},
		"models by text that is no address": {func() error {
			_, err := server.NodeModels(f.ctx, &types.QueryNodeModelsRequest{Operator: "node"})
			return err
		}, codes.InvalidArgument},
		"no models request": {func() error { _, err := server.NodeModels(f.ctx, nil); return err }, codes.InvalidArgument},
		"no tasks request":  {func() error { _, err := server.Tasks(f.ctx, nil); return err }, codes.InvalidArgument},
		"tasks of a leader that is no address": {func() error {
			_, err := server.Tasks(f.ctx, &types.QueryTasksRequest{Leader: "node"})
			return err
		}, codes.InvalidArgument},
		"tasks of a model that is none": {func() error { _, err := server.Tasks(f.ctx, &types.QueryTasksRequest{Model: "iris"}); return err }, codes.InvalidArgument},
		"a bad page of tasks": {func() error {
			_, err := server.Tasks(f.ctx, &types.QueryTasksRequest{Pagination: &query.PageRequest{Key: []byte{1}}})
			return err
		}, codes.InvalidArgument},
		"nodes with a model that is none": {func() error { _, err := server.Nodes(f.ctx, &types.QueryNodesRequest{Model: "0a"}); return err }, codes.InvalidArgument},
		"nodes of a class that is none":   {func() error { _, err := server.Nodes(f.ctx, &types.QueryNodesRequest{TaskClass: 99}); return err }, codes.InvalidArgument},
		"no nodes request":                {func() error { _, err := server.Nodes(f.ctx, nil); return err }, codes.InvalidArgument},
		"no classes request":              {func() error { _, err := server.EnvironmentClasses(f.ctx, nil); return err }, codes.InvalidArgument},
		"no queue request":                {func() error { _, err := server.Queue(f.ctx, nil); return err }, codes.InvalidArgument},
		"too many nodes": {func() error {
			_, err := server.Nodes(f.ctx, &types.QueryNodesRequest{Pagination: tooMany})
			return err
		}, codes.InvalidArgument},
		"too many classes": {func() error {
			_, err := server.EnvironmentClasses(f.ctx, &types.QueryEnvironmentClassesRequest{Pagination: tooMany})
			return err
		}, codes.InvalidArgument},
		"too many tasks": {func() error {
			_, err := server.Queue(f.ctx, &types.QueryQueueRequest{Pagination: tooMany})
			return err
		}, codes.InvalidArgument},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			require.Equal(t, tt.want, status.Code(tt.ask()))
		})
	}
}
