package keeper

import (
	"context"
	"encoding/hex"
	"errors"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/opengradient/opengradient/x/scheduling/types"
)

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

var errEmptyRequest = status.Error(codes.InvalidArgument, "expected a request, got none")

// grpcError gives an error the status code that clients act on. What is not found has one of its own, and keeps its module's
// code; a bad page has one as well.
func grpcError(err error) error {
	if errors.Is(err, types.ErrNodeNotFound) || errors.Is(err, types.ErrTaskNotFound) || status.Code(err) == codes.InvalidArgument {
		return err
	}
	return status.Error(codes.Internal, err.Error())
}
