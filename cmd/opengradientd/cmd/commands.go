package cmd

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"
	"golang.org/x/sync/errgroup"

	"cosmossdk.io/log/v2"
	dbm "github.com/cosmos/cosmos-db"
	"github.com/cosmos/cosmos-sdk/client"
	"github.com/cosmos/cosmos-sdk/client/debug"
	"github.com/cosmos/cosmos-sdk/client/flags"
	"github.com/cosmos/cosmos-sdk/client/keys"
	"github.com/cosmos/cosmos-sdk/client/pruning"
	"github.com/cosmos/cosmos-sdk/client/snapshot"
	"github.com/cosmos/cosmos-sdk/server"
	servertypes "github.com/cosmos/cosmos-sdk/server/types"
	authcmd "github.com/cosmos/cosmos-sdk/x/auth/client/cli"
	genutilcli "github.com/cosmos/cosmos-sdk/x/genutil/client/cli"

	"github.com/opengradient/opengradient/app"
	"github.com/opengradient/opengradient/cmd/opengradientd/cmd/gateway"
	"github.com/opengradient/opengradient/cmd/opengradientd/cmd/model"
	"github.com/opengradient/opengradient/cmd/opengradientd/cmd/run"
	"github.com/opengradient/opengradient/cmd/opengradientd/cmd/verify"
	inferencecli "github.com/opengradient/opengradient/x/inference/client/cli"
)

func addCommands(root *cobra.Command, sample *app.App, wrap Wrapper) {
	home := app.DefaultNodeHome()
	root.AddCommand(
		initCmd(sample),
		testnetCmd(sample),
		debug.Cmd(),
		pruning.Cmd(newApp, home),
		snapshot.Cmd(newApp),
		server.StatusCommand(),
		genutilcli.Commands(sample.EncodingConfig().TxConfig, sample.BasicModuleManager, home),
		keys.Commands(),
		queryCmd(),
		txCmd(),
		model.NewCommand(),
		run.NewCommand(),
		gateway.NewCommand(),
		verify.NewCommand(),
	)
	// The daemon holds the application that it runs: the node's inference duty starts once consensus does.
	var running *app.App
	server.AddCommandsWithStartCmdOptions(root, home,
		func(logger log.Logger, db dbm.DB, opts servertypes.AppOptions) servertypes.Application {
			running = mustApp(logger, db, opts)
			wrapped, err := wrap(running, opts)
			if err != nil {
				panic(fmt.Errorf("start the application: %w", err))
			}
			return wrapped
		},
		exportApp,
		server.StartCmdOptions{
			PostSetup: func(svr *server.Context, _ client.Context, ctx context.Context, _ *errgroup.Group) error {
				// The servers stop once their calls have ended.
				context.AfterFunc(ctx, running.StopWaiting)
				return running.StartDuty(svr.Config.PrivValidatorKeyFile())
			},
		},
	)
}

func newApp(logger log.Logger, db dbm.DB, opts servertypes.AppOptions) servertypes.Application {
	return mustApp(logger, db, opts)
}

// mustApp builds the application. The SDK's application creator has no error to return, so a node that cannot be
// built stops here with the reason.
func mustApp(logger log.Logger, db dbm.DB, opts servertypes.AppOptions) *app.App {
	a, err := app.New(logger, db, nil, true, opts, server.DefaultBaseappOptions(opts)...)
	if err != nil {
		panic(fmt.Errorf("start the application: %w", err))
	}
	return a
}

func exportApp(logger log.Logger, db dbm.DB, height int64, forZeroHeight bool, _ []string,
	opts servertypes.AppOptions, modules []string,
) (servertypes.ExportedApp, error) {
	if forZeroHeight {
		return servertypes.ExportedApp{}, errors.New("export for height zero is not supported: export without the flag, the new chain continues at the next height")
	}
	a, err := app.New(logger, db, nil, height == -1, opts)
	if err != nil {
		return servertypes.ExportedApp{}, err
	}
	if height != -1 {
		if err := a.LoadHeight(height); err != nil {
			return servertypes.ExportedApp{}, fmt.Errorf("load height %d: %w", height, err)
		}
	}
	return a.Export(modules)
}

func queryCmd() *cobra.Command {
	cmd := &cobra.Command{
		Use:     "query",
		Aliases: []string{"q"},
		Short:   "Read the state of the chain",
		RunE:    client.ValidateCmd,
	}
	cmd.AddCommand(
		waitTxCommand(),
		server.QueryBlockCmd(),
		server.QueryBlocksCmd(),
		server.QueryBlockResultsCmd(),
		authcmd.QueryTxsByEventsCmd(),
		authcmd.QueryTxCmd(),
		inferencecli.NewQueryCmd(),
		inferencecli.NewVerificationQueryCmd(),
	)
	cmd.PersistentFlags().String(flags.FlagChainID, "", "The network chain ID")
	return cmd
}

func txCmd() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "tx",
		Short: "Build, sign and send transactions",
		RunE:  client.ValidateCmd,
	}
	cmd.AddCommand(
		authcmd.GetSignCommand(),
		authcmd.GetSignBatchCommand(),
		authcmd.GetMultiSignCommand(),
		authcmd.GetMultiSignBatchCmd(),
		authcmd.GetValidateSignaturesCommand(),
		authcmd.GetBroadcastCommand(),
		authcmd.GetEncodeCommand(),
		authcmd.GetDecodeCommand(),
		authcmd.GetSimulateCmd(),
		inferencecli.NewTxCmd(),
	)
	cmd.PersistentFlags().String(flags.FlagChainID, "", "The network chain ID")
	return cmd
}
