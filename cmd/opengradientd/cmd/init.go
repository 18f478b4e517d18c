package cmd

import (
	"encoding/json"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/cosmos/cosmos-sdk/server"
	genutilcli "github.com/cosmos/cosmos-sdk/x/genutil/client/cli"
	genutiltypes "github.com/cosmos/cosmos-sdk/x/genutil/types"

	"github.com/opengradient/opengradient/app"
)

// initCmd is the SDK's init command, followed by what this chain's genesis needs.
func initCmd(sample *app.App) *cobra.Command {
	cmd := genutilcli.InitCmd(sample.BasicModuleManager, app.DefaultNodeHome())
	sdkInit := cmd.RunE
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if err := sdkInit(cmd, args); err != nil {
			return err
		}
		file := server.GetServerContextFromCmd(cmd).Config.GenesisFile()
		genesis, err := genutiltypes.AppGenesisFromFile(file)
		if err != nil {
			return err
		}
		params := consensusParams()
		params.Validator = genesis.Consensus.Params.Validator
		params.ABCI.VoteExtensionsEnableHeight = genesis.InitialHeight
		genesis.Consensus.Params = params
		var state map[string]json.RawMessage
		if err := json.Unmarshal(genesis.AppState, &state); err != nil {
			return fmt.Errorf("genesis app state: %w", err)
		}
		if err := describeCoin(sample.EncodingConfig().Codec, state); err != nil {
			return err
		}
		if genesis.AppState, err = json.MarshalIndent(state, "", " "); err != nil {
			return err
		}
		return genesis.SaveAs(file)
	}
	return cmd
}
