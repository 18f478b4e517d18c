package app

import (
	"github.com/gorilla/mux"

	"github.com/cosmos/cosmos-sdk/client"
	"github.com/cosmos/cosmos-sdk/server/api"
	sdk "github.com/cosmos/cosmos-sdk/types"

	"github.com/opengradient/opengradient/app/preblock"
)

// PreBlocker is the pre-blocker of the application, over any state.
func (app *App) PreBlocker() *preblock.Handler {
	return preblock.NewHandler(app.ModuleManager.PreBlock, validatorResolver{staking: app.StakingKeeper},
		app.SchedulingKeeper, app.InferenceKeeper, app.ModelsKeeper)
}

// ConsensusOf is the consensus address by which a node with a remote signer finds its own votes.
func (app *App) ConsensusOf(operator string) sdk.ConsAddress { return app.duty.consensusOf(operator) }

// Proposals are the proposals that a process checked.
type Proposals struct{ proposals }

func (p *Proposals) Checked(height int64)        { p.checked(height) }
func (p *Proposals) Behind(committed int64) bool { return p.behind(committed) }

// NodeRoutes registers the routes of the node.
func (app *App) NodeRoutes(router *mux.Router) error { return app.registerNodeRoutes(router) }

// RequestRoutes registers the routes of the node that are about requests.
func (app *App) RequestRoutes(router *mux.Router) error {
	server := api.New(client.Context{InterfaceRegistry: app.encoding.InterfaceRegistry}, app.Logger(), nil)
	return app.registerRequestRoutes(router, server.GRPCGatewayRouter)
}

// Waiting is the number of calls that wait.
func (app *App) Waiting() int { return app.waiters.Waiting() }
