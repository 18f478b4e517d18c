package cmd

import (
	"encoding/json"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/cometbft/cometbft/p2p"
	"github.com/cosmos/cosmos-sdk/server"
	genutilcli "github.com/cosmos/cosmos-sdk/x/genutil/client/cli"
	genutiltypes "github.com/cosmos/cosmos-sdk/x/genutil/types"

	"github.com/opengradient/opengradient/app"
	"github.com/opengradient/opengradient/cmd/opengradientd/cmd/model/view"
	"github.com/opengradient/opengradient/cmd/opengradientd/cmd/session"
)

// initDocument is what the command tells programs on standard output; the SDK's own summary goes to standard error. Fields are
// added to and never renamed.
type initDocument struct {
	ChainID string `json:"chain_id"`
	Home    string `json:"home"`
	Moniker string `json:"moniker"`
	NodeID  string `json:"node_id"`
	Genesis string `json:"genesis"`
}

// initCmd is the SDK's init command, followed by what this chain's genesis needs.
func initCmd(sample *app.App) *cobra.Command {
	cmd := genutilcli.InitCmd(sample.BasicModuleManager, app.DefaultNodeHome())
	sdkInit := cmd.RunE
	session.AddOutputFlag(cmd)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		asJSON, err := session.AsJSON(cmd)
		if err != nil {
			return err
		}
		if err := sdkInit(cmd, args); err != nil {
			return err
		}
		config := server.GetServerContextFromCmd(cmd).Config
		file := config.GenesisFile()
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
		if err := genesis.SaveAs(file); err != nil || !asJSON {
			return err
		}
		key, err := p2p.LoadNodeKey(config.NodeKeyFile())
		if err != nil {
			return err
		}
		return view.JSON(cmd.OutOrStdout(), initDocument{
			ChainID: genesis.ChainID, Home: config.RootDir, Moniker: config.Moniker, NodeID: string(key.ID()), Genesis: file,
		})
	}
	return cmd
}
