// Package app wires the OpenGradient chain: the SDK's modules, the chain's own, and the handlers that carry
// inference results through vote extensions into consensus state.
package app

import (
	"encoding/json"
	"fmt"
	"io"
	"sync"

	"github.com/spf13/cast"

	autocliv1 "cosmossdk.io/api/cosmos/autocli/v1"
	reflectionv1 "cosmossdk.io/api/cosmos/reflection/v1"
	"cosmossdk.io/client/v2/autocli"
	"cosmossdk.io/core/appmodule"
	"cosmossdk.io/log/v2"
	abci "github.com/cometbft/cometbft/abci/types"
	dbm "github.com/cosmos/cosmos-db"
	"github.com/cosmos/cosmos-sdk/baseapp"
	"github.com/cosmos/cosmos-sdk/baseapp/blockexec"
	"github.com/cosmos/cosmos-sdk/client/flags"
	"github.com/cosmos/cosmos-sdk/codec/address"
	runtimeservices "github.com/cosmos/cosmos-sdk/runtime/services"
	servertypes "github.com/cosmos/cosmos-sdk/server/types"
	storetypes "github.com/cosmos/cosmos-sdk/store/v2/types"
	sdk "github.com/cosmos/cosmos-sdk/types"
	"github.com/cosmos/cosmos-sdk/types/module"
	"github.com/cosmos/cosmos-sdk/types/msgservice"
	"github.com/cosmos/cosmos-sdk/version"

	"github.com/opengradient/opengradient/app/nodeapi"
	"github.com/opengradient/opengradient/app/preblock"
	"github.com/opengradient/opengradient/app/proposal"
	"github.com/opengradient/opengradient/app/wholebatch"
)

var _ servertypes.Application = (*App)(nil)

// App is the application that CometBFT drives.
type App struct {
	*baseapp.BaseApp
	keeperSet

	encoding     EncodingConfig
	keys         map[string]*storetypes.KVStoreKey
	configurator module.Configurator
	duty         *duty
	waiters      *nodeapi.Waiters
	closing      sync.Once
	closed       error

	// ModuleManager runs the modules.
	ModuleManager *module.Manager
	// BasicModuleManager knows codecs, genesis defaults and routes of the modules.
	BasicModuleManager module.BasicManager
}

// New builds the application over db. With loadLatest it loads the latest committed state.
func New(
	logger log.Logger, db dbm.DB, traceStore io.Writer, loadLatest bool,
	appOpts servertypes.AppOptions, baseAppOptions ...func(*baseapp.BaseApp),
) (*App, error) {
	encoding, err := MakeEncodingConfig()
	if err != nil {
		return nil, fmt.Errorf("codecs: %w", err)
	}
	base := baseapp.NewBaseApp(Name, logger, wholebatch.New(db), encoding.TxConfig.TxDecoder(), baseAppOptions...)
	base.SetVersion(version.Version)
	base.SetInterfaceRegistry(encoding.InterfaceRegistry)
	base.SetTxEncoder(encoding.TxConfig.TxEncoder())

	app := &App{BaseApp: base, encoding: encoding, keys: storeKeys()}
	if err := base.RegisterStreamingServices(appOpts, app.keys); err != nil {
		return nil, fmt.Errorf("streaming services: %w", err)
	}
	app.setKeepers(appOpts)
	app.setModules()
	if err := app.registerServices(); err != nil {
		return nil, err
	}
	app.MountKVStores(app.keys)
	if err := app.setHandlers(appOpts); err != nil {
		return nil, err
	}
	if loadLatest {
		if err := app.LoadLatestVersion(); err != nil {
			return nil, fmt.Errorf("load latest state: %w", err)
		}
	}
	return app, nil
}

// registerServices registers the Msg and Query services of the modules and the reflection services.
func (app *App) registerServices() error {
	app.configurator = module.NewConfigurator(app.encoding.Codec, app.MsgServiceRouter(), app.GRPCQueryRouter())
	guarded := guardedConfigurator{Configurator: app.configurator, app: app, guarded: make(map[string]bool)}
	if err := app.ModuleManager.RegisterServices(guarded); err != nil {
		return fmt.Errorf("module services: %w", err)
	}
	if err := guarded.check(); err != nil {
		return err
	}
	autocliv1.RegisterQueryServer(app.GRPCQueryRouter(), runtimeservices.NewAutoCLIQueryService(app.ModuleManager.Modules))
	reflection, err := runtimeservices.NewReflectionService()
	if err != nil {
		return fmt.Errorf("reflection service: %w", err)
	}
	reflectionv1.RegisterReflectionServiceServer(app.GRPCQueryRouter(), reflection)
	return msgservice.ValidateProtoAnnotations(app.encoding.InterfaceRegistry)
}

// setHandlers installs everything that BaseApp calls.
func (app *App) setHandlers(appOpts servertypes.AppOptions) error {
	ante, err := app.anteHandler()
	if err != nil {
		return err
	}
	app.SetAnteHandler(ante)
	app.SetInitChainer(app.InitChainer)
	app.SetBeginBlocker(app.ModuleManager.BeginBlock)
	app.SetEndBlocker(app.ModuleManager.EndBlock)
	app.SetPrecommiter(func(ctx sdk.Context) {
		if err := app.ModuleManager.Precommit(ctx); err != nil {
			panic(err)
		}
	})
	app.SetPrepareCheckStater(func(ctx sdk.Context) {
		if err := app.ModuleManager.PrepareCheckState(ctx); err != nil {
			panic(err)
		}
	})

	app.duty, err = newDuty(app, appOpts)
	if err != nil {
		return err
	}
	app.duty.listen()
	app.waiters = nodeapi.NewWaiters(app.lastState)
	resolver := validatorResolver{staking: app.StakingKeeper}
	pre := preblock.NewHandler(app.ModuleManager.PreBlock, resolver, app.SchedulingKeeper, app.InferenceKeeper, app.ModelsKeeper)
	app.SetPreBlocker(pre.PreBlock)

	txs := baseapp.NewDefaultProposalHandler(app.Mempool(), app.BaseApp)
	proposals := proposal.NewHandler(txs.PrepareProposalHandler(), app.encoding.TxConfig.TxDecoder(), resolver, app.duty.accepted)
	app.SetPrepareProposal(proposals.PrepareProposal)
	app.SetProcessProposal(proposals.ProcessProposal)
	app.SetExtendVoteHandler(app.duty.extend.ExtendVote)
	app.SetVerifyVoteExtensionHandler(app.duty.extend.VerifyVoteExtension)

	blockexec.Apply(app.BaseApp, appOpts, app.sortedStoreKeys(), app.encoding.TxConfig.TxDecoder(),
		func(storetypes.MultiStore) string { return BondDenom }, blockexec.WithRunnerWrap(proposal.NewRunner))
	return nil
}

// InitChainer builds the state of a new chain from its genesis. A genesis that does not name the height from
// which vote extensions are required gets its initial height: this chain cannot run without them.
func (app *App) InitChainer(ctx sdk.Context, req *abci.RequestInitChain) (*abci.ResponseInitChain, error) {
	var genesis map[string]json.RawMessage
	if err := json.Unmarshal(req.AppStateBytes, &genesis); err != nil {
		return nil, fmt.Errorf("genesis app state: %w", err)
	}
	if err := app.UpgradeKeeper.SetModuleVersionMap(ctx, app.ModuleManager.GetVersionMap()); err != nil {
		return nil, err
	}
	resp, err := app.ModuleManager.InitGenesis(ctx, app.encoding.Codec, genesis)
	if err != nil {
		return nil, err
	}
	params, err := app.ConsensusParamsKeeper.ParamsStore.Get(ctx)
	if err != nil {
		return nil, fmt.Errorf("consensus params: %w", err)
	}
	if params.Abci == nil || params.Abci.VoteExtensionsEnableHeight == 0 {
		params.Abci = voteExtensionsFrom(max(req.InitialHeight, 1))
		if err := app.ConsensusParamsKeeper.ParamsStore.Set(ctx, params); err != nil {
			return nil, fmt.Errorf("consensus params: %w", err)
		}
		resp.ConsensusParams = &params
	}
	return resp, app.checkBlockLimits(ctx)
}

// LoadHeight loads the state committed at height.
func (app *App) LoadHeight(height int64) error { return app.LoadVersion(height) }

// Close ends the calls that wait, stops the node's inference duty and closes the stores. The SDK's start command calls it
// twice: the stores are closed once.
func (app *App) Close() error {
	app.closing.Do(func() {
		app.StopWaiting()
		app.duty.close()
		app.closed = app.BaseApp.Close()
	})
	return app.closed
}

// EncodingConfig returns the codecs of the application.
func (app *App) EncodingConfig() EncodingConfig { return app.encoding }

// AutoCLIOptions returns what AutoCLI needs to build commands for every module.
func (app *App) AutoCLIOptions() autocli.AppOptions {
	modules := make(map[string]appmodule.AppModule)
	for name, m := range app.ModuleManager.Modules {
		if am, ok := m.(appmodule.AppModule); ok {
			modules[name] = am
		}
	}
	return autocli.AppOptions{
		Modules:               modules,
		ModuleOptions:         runtimeservices.ExtractAutoCLIOptions(app.ModuleManager.Modules),
		AddressCodec:          address.NewBech32Codec(AccountPrefix),
		ValidatorAddressCodec: address.NewBech32Codec(ValidatorPrefix),
		ConsensusAddressCodec: address.NewBech32Codec(ConsensusPrefix),
	}
}

func homeFolder(appOpts servertypes.AppOptions) string {
	return cast.ToString(appOpts.Get(flags.FlagHome))
}
