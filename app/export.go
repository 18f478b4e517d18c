package app

import (
	"encoding/json"
	"fmt"

	cmtproto "github.com/cometbft/cometbft/proto/tendermint/types"
	servertypes "github.com/cosmos/cosmos-sdk/server/types"
	"github.com/cosmos/cosmos-sdk/x/staking"
)

// Export returns the committed state as a genesis that continues the chain at the next height. Open requests go
// on in the new chain: their deadlines are exported as remaining blocks.
func (app *App) Export(modules []string) (servertypes.ExportedApp, error) {
	last := app.LastBlockHeight()
	ctx := app.NewContextLegacy(true, cmtproto.Header{Height: last})
	genesis, err := app.ModuleManager.ExportGenesisForModules(ctx, app.encoding.Codec, modules)
	if err != nil {
		return servertypes.ExportedApp{}, fmt.Errorf("export modules: %w", err)
	}
	state, err := json.MarshalIndent(genesis, "", "  ")
	if err != nil {
		return servertypes.ExportedApp{}, fmt.Errorf("encode exported state: %w", err)
	}
	validators, err := staking.WriteValidators(ctx, app.StakingKeeper)
	if err != nil {
		return servertypes.ExportedApp{}, fmt.Errorf("export validators: %w", err)
	}
	params := app.GetConsensusParams(ctx)
	// The new chain has no extensions before its own first block.
	params.Abci = voteExtensionsFrom(last + 1)
	return servertypes.ExportedApp{
		AppState:        state,
		Validators:      validators,
		Height:          last + 1,
		ConsensusParams: params,
	}, nil
}

// voteExtensionsFrom returns the parameters that require vote extensions from height on.
func voteExtensionsFrom(height int64) *cmtproto.ABCIParams {
	return &cmtproto.ABCIParams{VoteExtensionsEnableHeight: height}
}
