package app

import (
	"context"
	"net/http"

	"github.com/gorilla/mux"
	"github.com/grpc-ecosystem/grpc-gateway/runtime"

	"github.com/cosmos/cosmos-sdk/client"
	"github.com/cosmos/cosmos-sdk/client/grpc/cmtservice"
	nodeservice "github.com/cosmos/cosmos-sdk/client/grpc/node"
	"github.com/cosmos/cosmos-sdk/server/api"
	"github.com/cosmos/cosmos-sdk/server/config"
	authtx "github.com/cosmos/cosmos-sdk/x/auth/tx"

	"github.com/opengradient/opengradient/app/nodeapi"
	"github.com/opengradient/opengradient/app/nodetypes"
	"github.com/opengradient/opengradient/docs/openapi"
	"github.com/opengradient/opengradient/internal/modelstore/peer"
)

// RegisterAPIRoutes registers the REST routes of every module, of transactions and of the node with its model files, and
// the Swagger UI with this chain's OpenAPI document.
func (app *App) RegisterAPIRoutes(srv *api.Server, cfg config.APIConfig) {
	ctx := srv.ClientCtx
	authtx.RegisterGRPCGatewayRoutes(ctx, srv.GRPCGatewayRouter)
	cmtservice.RegisterGRPCGatewayRoutes(ctx, srv.GRPCGatewayRouter)
	nodeservice.RegisterGRPCGatewayRoutes(ctx, srv.GRPCGatewayRouter)
	app.BasicModuleManager.RegisterGRPCGatewayRoutes(ctx, srv.GRPCGatewayRouter)
	// What the node tells of itself comes first: the routes of queries take all paths below theirs.
	if err := app.registerNodeRoutes(srv.Router); err != nil {
		panic(err)
	}
	if err := app.registerRequestRoutes(srv.Router, srv.GRPCGatewayRouter); err != nil {
		panic(err)
	}
	if !cfg.Swagger {
		return
	}
	if err := openapi.RegisterSwagger(srv.Router); err != nil {
		panic(err)
	}
}

// registerRequestRoutes registers the tensors of requests as JSON, the node service, and the queries over REST, whose
// parameters are checked.
func (app *App) registerRequestRoutes(router *mux.Router, gateway *runtime.ServeMux) error {
	runtime.WithProtoErrorHandler(nodeapi.ErrorHandler)(gateway)
	queries := nodeapi.NewParameters(app.encoding.InterfaceRegistry).Handler(gateway)
	router.Handle(nodeapi.InputsPath, nodeapi.TensorsHandler("inputs", app.inputTensors)).Methods(http.MethodGet)
	router.Handle(nodeapi.OutputsPath, nodeapi.TensorsHandler("outputs", app.outputTensors)).Methods(http.MethodGet)
	router.Handle(nodeapi.WaitPath, nodeapi.LongPoll(queries)).Methods(http.MethodGet)
	// In this process, so that a call that waits takes no connection to the node's own gRPC server.
	if err := nodetypes.RegisterServiceHandlerServer(context.Background(), gateway, nodeapi.NewService(app.waiters)); err != nil {
		return err
	}
	for _, prefix := range []string{"/opengradient/", "/cosmos/"} {
		router.PathPrefix(prefix).Handler(queries)
	}
	return nil
}

// registerNodeRoutes registers what this node tells of itself, and the model files that it has for other nodes.
func (app *App) registerNodeRoutes(router *mux.Router) error {
	router.Handle(nodeapi.ModelsPath, nodeapi.Handler(app.duty.nodeModels)).Methods(http.MethodGet)
	if !app.duty.models.Serve {
		return nil
	}
	store, err := app.duty.store()
	if err != nil {
		return err
	}
	router.Handle(peer.Prefix+"{sha256:[0-9a-f]{64}}", store.Handler(chainFiles{app}))
	return nil
}

// RegisterTxService implements servertypes.Application.
func (app *App) RegisterTxService(ctx client.Context) {
	authtx.RegisterTxService(app.GRPCQueryRouter(), ctx.WithTxConfig(SearchTxConfig(ctx.TxConfig)), app.Simulate, app.encoding.InterfaceRegistry)
}

// RegisterTendermintService implements servertypes.Application.
func (app *App) RegisterTendermintService(ctx client.Context) {
	cmtservice.RegisterTendermintService(ctx, app.GRPCQueryRouter(), app.encoding.InterfaceRegistry, app.Query)
}

// RegisterNodeService implements servertypes.Application.
func (app *App) RegisterNodeService(ctx client.Context, cfg config.Config) {
	nodeservice.RegisterNodeService(ctx, app.GRPCQueryRouter(), cfg, app.CommitMultiStore().EarliestVersion)
}
