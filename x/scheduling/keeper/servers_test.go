package keeper_test

import (
	"testing"

	"github.com/stretchr/testify/require"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

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

func TestQueryNodes(t *testing.T) {
	f := newFixture(t, types.DefaultParams(), 10, 20, 30)
	f.staking.find(operator(1)).jailed = true
	server := keeper.NewQueryServer(f.Keeper)
	first, err := server.Nodes(f.ctx, &types.QueryNodesRequest{Pagination: &query.PageRequest{Limit: 2}})
	require.NoError(t, err)
	require.Equal(t, []types.NodeView{
		{Node: f.node(t, 0), Eligible: true, Power: 10},
		{Node: f.node(t, 1), Power: 20, Reason: "validator is jailed"},
	}, first.Nodes)
	rest, err := server.Nodes(f.ctx, &types.QueryNodesRequest{Pagination: &query.PageRequest{Key: first.Pagination.NextKey}})
	require.NoError(t, err)
	require.Equal(t, []types.NodeView{{Node: f.node(t, 2), Eligible: true, Power: 30}}, rest.Nodes)
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

	one, err := server.Task(f.ctx, &types.QueryTaskRequest{RequestId: 3})
	require.NoError(t, err)
	require.Equal(t, res.Tasks[2], one.Task)
}

func TestQueryErrors(t *testing.T) {
	f := newFixture(t, types.DefaultParams(), 10)
	server := keeper.NewQueryServer(f.Keeper)
	tooMany := &query.PageRequest{Limit: 201}
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
		"no nodes request":        {func() error { _, err := server.Nodes(f.ctx, nil); return err }, codes.InvalidArgument},
		"no classes request":      {func() error { _, err := server.EnvironmentClasses(f.ctx, nil); return err }, codes.InvalidArgument},
		"no queue request":        {func() error { _, err := server.Queue(f.ctx, nil); return err }, codes.InvalidArgument},
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
