package app

import (
	"context"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/reflection"
	reflectionv1 "google.golang.org/grpc/reflection/grpc_reflection_v1"
	"google.golang.org/grpc/status"

	storetypes "github.com/cosmos/cosmos-sdk/store/v2/types"
	sdk "github.com/cosmos/cosmos-sdk/types"
	gogogrpc "github.com/cosmos/gogoproto/grpc"
	"github.com/cosmos/gogoproto/proto"

	"github.com/opengradient/opengradient/app/nodeapi"
	"github.com/opengradient/opengradient/app/nodetypes"
	"github.com/opengradient/opengradient/internal/tensor"
	inferencekeeper "github.com/opengradient/opengradient/x/inference/keeper"
	inferencetypes "github.com/opengradient/opengradient/x/inference/types"
)

// RegisterGRPCServer registers the services of the application on a gRPC server.
func (app *App) RegisterGRPCServer(server gogogrpc.Server) {
	app.RegisterGRPCServerWithSkipCheckHeader(server, false)
}

// RegisterGRPCServerWithSkipCheckHeader implements servertypes.Application. The node service is registered here, beside the
// query router and not on it: what is on the router can be reached through ABCI, and must not wait.
func (app *App) RegisterGRPCServerWithSkipCheckHeader(server gogogrpc.Server, skipCheckHeader bool) {
	app.BaseApp.RegisterGRPCServerWithSkipCheckHeader(server, skipCheckHeader)
	nodetypes.RegisterServiceServer(server, nodeapi.NewService(app.waiters))
	// The SDK registers version v1alpha of the reflection service only.
	if s, ok := server.(reflection.GRPCServer); ok {
		reflectionv1.RegisterServerReflectionServer(s, reflection.NewServerV1(reflection.ServerOptions{
			Services: s, DescriptorResolver: proto.HybridResolver,
		}))
	}
}

// StopWaiting ends the calls that wait, so that the servers need not wait for them when the node stops.
func (app *App) StopWaiting() { app.waiters.Stop() }

// requestState reads requests in the state of one block.
type requestState struct {
	ctx    sdk.Context
	keeper inferencekeeper.Keeper
}

var _ nodeapi.Block = requestState{}

// lastState is the state of the last block.
func (app *App) lastState() (nodeapi.Block, error) {
	ctx, err := app.stateAt(0)
	return requestState{ctx: ctx, keeper: app.InferenceKeeper}, err
}

// stateAt is the state after a height; 0 is the last one. What is read from it is bounded by what the chain lets in, so
// that the limit on the gas of queries is not applied.
func (app *App) stateAt(height int64) (sdk.Context, error) {
	ctx, err := app.CreateQueryContext(height, false)
	if err != nil {
		code := codes.Unavailable
		if height != 0 {
			code = codes.InvalidArgument
		}
		return ctx, status.Error(code, err.Error())
	}
	return ctx.WithGasMeter(storetypes.NewInfiniteGasMeter()), nil
}

// Request implements nodeapi.Block.
func (s requestState) Request(id uint64) (nodeapi.Standing, error) {
	r, err := s.keeper.Request(s.ctx, id)
	if err != nil {
		return nodeapi.Standing{}, err
	}
	settled, err := s.keeper.Receipts.Has(s.ctx, id)
	return nodeapi.Standing{Request: r, Stage: nodeapi.Stage(r, settled), Height: s.ctx.BlockHeight()}, err
}

// inputTensors and outputTensors read tensors as the queries Inputs and Result do.
func (app *App) inputTensors(height int64, id uint64) (nodeapi.Tensors, error) {
	return app.tensors(height, id, func(ctx context.Context, queries inferencetypes.QueryServer, r inferencetypes.Request) ([]byte, []inferencetypes.Tensor, error) {
		inputs, err := queries.Inputs(ctx, &inferencetypes.QueryInputsRequest{Id: id})
		if err != nil {
			return nil, nil, err
		}
		return r.InputRoot, inputs.Inputs, nil
	})
}

func (app *App) outputTensors(height int64, id uint64) (nodeapi.Tensors, error) {
	return app.tensors(height, id, func(ctx context.Context, queries inferencetypes.QueryServer, _ inferencetypes.Request) ([]byte, []inferencetypes.Tensor, error) {
		result, err := queries.Result(ctx, &inferencetypes.QueryResultRequest{Id: id})
		if err != nil {
			return nil, nil, err
		}
		return result.Result.OutputRoot, result.Outputs, nil
	})
}

func (app *App) tensors(
	height int64, id uint64,
	read func(context.Context, inferencetypes.QueryServer, inferencetypes.Request) (root []byte, ts []inferencetypes.Tensor, err error),
) (nodeapi.Tensors, error) {
	ctx, err := app.stateAt(height)
	if err != nil {
		return nodeapi.Tensors{}, err
	}
	r, err := app.InferenceKeeper.Request(ctx, id)
	if err != nil {
		return nodeapi.Tensors{}, err
	}
	root, messages, err := read(ctx, inferencekeeper.NewQueryServer(app.InferenceKeeper), r)
	if err != nil {
		return nodeapi.Tensors{}, err
	}
	found := nodeapi.Tensors{Request: r, Root: root, Tensors: make([]tensor.Tensor, len(messages)), Height: ctx.BlockHeight()}
	for i, m := range messages {
		if found.Tensors[i], err = m.Tensor(); err != nil {
			return nodeapi.Tensors{}, err
		}
	}
	return found, nil
}
