package keeper

import (
	"context"
	"encoding/hex"
	"errors"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"cosmossdk.io/collections"
	sdk "github.com/cosmos/cosmos-sdk/types"
	"github.com/cosmos/cosmos-sdk/types/query"

	"github.com/opengradient/opengradient/x/scheduling/types"
)

// maxPageLimit bounds one page of a query. Each node of a page costs reads of the validator set.
const maxPageLimit = 200

var _ types.QueryServer = queryServer{}

type queryServer struct{ keeper Keeper }

// NewQueryServer returns the query service of the module.
func NewQueryServer(k Keeper) types.QueryServer { return queryServer{keeper: k} }

// Params returns the current parameters and their version.
func (s queryServer) Params(ctx context.Context, _ *types.QueryParamsRequest) (*types.QueryParamsResponse, error) {
	params, version, err := s.keeper.CurrentParams(ctx)
	if err != nil {
		return nil, grpcError(err)
	}
	return &types.QueryParamsResponse{Params: params, Version: version}, nil
}

// Node returns one node and whether it is eligible now.
func (s queryServer) Node(ctx context.Context, req *types.QueryNodeRequest) (*types.QueryNodeResponse, error) {
	if req == nil {
		return nil, errEmptyRequest
	}
	operator, err := s.keeper.operatorBytes(req.Operator)
	if err != nil {
		return nil, status.Error(codes.InvalidArgument, err.Error())
	}
	node, err := s.keeper.node(ctx, operator)
	if err != nil {
		return nil, grpcError(err)
	}
	view, err := s.keeper.view(ctx, operator, node)
	if err != nil {
		return nil, grpcError(err)
	}
	return &types.QueryNodeResponse{Node: view}, nil
}

// Nodes lists the nodes by operator.
func (s queryServer) Nodes(ctx context.Context, req *types.QueryNodesRequest) (*types.QueryNodesResponse, error) {
	if req == nil {
		return nil, errEmptyRequest
	}
	if err := checkPage(req.Pagination); err != nil {
		return nil, err
	}
	nodes, page, err := query.CollectionPaginate(ctx, s.keeper.Nodes, req.Pagination,
		func(operator sdk.ValAddress, node types.Node) (types.NodeView, error) {
			return s.keeper.view(ctx, operator, node)
		})
	if err != nil {
		return nil, grpcError(err)
	}
	return &types.QueryNodesResponse{Nodes: nodes, Pagination: page}, nil
}

// EnvironmentClasses lists the registered environment classes by index.
func (s queryServer) EnvironmentClasses(ctx context.Context, req *types.QueryEnvironmentClassesRequest) (*types.QueryEnvironmentClassesResponse, error) {
	if req == nil {
		return nil, errEmptyRequest
	}
	if err := checkPage(req.Pagination); err != nil {
		return nil, err
	}
	classes, page, err := query.CollectionPaginate(ctx, s.keeper.Environments, req.Pagination,
		func(_ uint32, registered types.RegisteredEnvironment) (types.RegisteredEnvironment, error) {
			return registered, nil
		})
	if err != nil {
		return nil, grpcError(err)
	}
	return &types.QueryEnvironmentClassesResponse{EnvironmentClasses: classes, Pagination: page}, nil
}

// Task returns the scheduling state of an open request.
func (s queryServer) Task(ctx context.Context, req *types.QueryTaskRequest) (*types.QueryTaskResponse, error) {
	if req == nil {
		return nil, errEmptyRequest
	}
	task, err := s.keeper.task(ctx, req.RequestId)
	if err != nil {
		return nil, grpcError(err)
	}
	return &types.QueryTaskResponse{Task: task}, nil
}

// Market returns the base price and what waits.
func (s queryServer) Market(ctx context.Context, _ *types.QueryMarketRequest) (*types.QueryMarketResponse, error) {
	params, _, err := s.keeper.CurrentParams(ctx)
	if err != nil {
		return nil, grpcError(err)
	}
	market, err := s.keeper.market(ctx)
	if err != nil {
		return nil, grpcError(err)
	}
	load, err := s.keeper.Load(ctx)
	if err != nil {
		return nil, grpcError(err)
	}
	return &types.QueryMarketResponse{
		Market: market, TargetUtilisation: params.TargetUtilisation,
		Waiting: types.NewQueueLoad(load), WaitingBlocks: load.Blocks(params.Limits()),
	}, nil
}

// NodeModels returns the models a node has loaded, as it reports them.
func (s queryServer) NodeModels(ctx context.Context, req *types.QueryNodeModelsRequest) (*types.QueryNodeModelsResponse, error) {
	if req == nil {
		return nil, errEmptyRequest
	}
	operator, err := s.keeper.operatorBytes(req.Operator)
	if err != nil {
		return nil, status.Error(codes.InvalidArgument, err.Error())
	}
	if _, err := s.keeper.node(ctx, operator); err != nil {
		return nil, grpcError(err)
	}
	models, err := s.keeper.ModelsOf(ctx, operator)
	if err != nil {
		return nil, grpcError(err)
	}
	resp := &types.QueryNodeModelsResponse{Models: make([]string, len(models))}
	for i, model := range models {
		resp.Models[i] = hex.EncodeToString(model)
	}
	return resp, nil
}

// Queue returns the number of waiting tasks and the tasks in their order.
func (s queryServer) Queue(ctx context.Context, req *types.QueryQueueRequest) (*types.QueryQueueResponse, error) {
	if req == nil {
		return nil, errEmptyRequest
	}
	if err := checkPage(req.Pagination); err != nil {
		return nil, err
	}
	load, err := s.keeper.Load(ctx)
	if err != nil {
		return nil, grpcError(err)
	}
	tasks, page, err := query.CollectionPaginate(ctx, s.keeper.Queue, req.Pagination,
		func(key queueKey, _ collections.NoValue) (types.Task, error) {
			return s.keeper.task(ctx, key.K3())
		})
	if err != nil {
		return nil, grpcError(err)
	}
	return &types.QueryQueueResponse{Depth: load.Tasks, Tasks: tasks, Pagination: page, Load: types.NewQueueLoad(load)}, nil
}

var errEmptyRequest = status.Error(codes.InvalidArgument, "expected a request, got none")

// checkPage refuses pages above the limit.
func checkPage(page *query.PageRequest) error {
	if page != nil && page.Limit > maxPageLimit {
		return status.Errorf(codes.InvalidArgument, "pagination.limit: expected at most %d, got %d", maxPageLimit, page.Limit)
	}
	return nil
}

// grpcError gives an error the status code that clients act on. What is not found has one of its own, and keeps its module's code.
func grpcError(err error) error {
	if errors.Is(err, types.ErrNodeNotFound) || errors.Is(err, types.ErrTaskNotFound) {
		return err
	}
	return status.Error(codes.Internal, err.Error())
}
