// Package cmd holds the commands of the opengradientd daemon.
package cmd

import (
	"fmt"
	"os"

	"github.com/spf13/cobra"

	"cosmossdk.io/log/v2"
	dbm "github.com/cosmos/cosmos-db"
	"github.com/cosmos/cosmos-sdk/client"
	clientconfig "github.com/cosmos/cosmos-sdk/client/config"
	"github.com/cosmos/cosmos-sdk/server"
	servertypes "github.com/cosmos/cosmos-sdk/server/types"
	simtestutil "github.com/cosmos/cosmos-sdk/testutil/sims"
	authtypes "github.com/cosmos/cosmos-sdk/x/auth/types"

	"github.com/opengradient/opengradient/app"
	"github.com/opengradient/opengradient/cmd/opengradientd/cmd/complete"
)

// EnvPrefix is the prefix of environment variables that set flags, for example OPENGRADIENTD_HOME.
const EnvPrefix = "OPENGRADIENTD"

// Wrapper gives what consensus talks to in the place of the application of a node that starts.
type Wrapper func(a *app.App, opts servertypes.AppOptions) (servertypes.Application, error)

// Option alters the command tree.
type Option func(*options)

type options struct {
	wrap Wrapper
}

// WithWrapper makes the start command put a wrapper between consensus and the application. The inference duty is that of
// the application inside.
func WithWrapper(wrap Wrapper) Option { return func(o *options) { o.wrap = wrap } }

// NewRootCommand returns the daemon's command tree.
func NewRootCommand(opts ...Option) (*cobra.Command, error) {
	o := options{wrap: func(a *app.App, _ servertypes.AppOptions) (servertypes.Application, error) { return a, nil }}
	for _, opt := range opts {
		opt(&o)
	}
	// A throw-away application knows the codecs and the AutoCLI options of every module.
	sample, err := app.New(log.NewNopLogger(), dbm.NewMemDB(), nil, false, simtestutil.AppOptionsMap{})
	if err != nil {
		return nil, fmt.Errorf("build the command tree: %w", err)
	}
	encoding := sample.EncodingConfig()
	initial := client.Context{}.
		WithCodec(encoding.Codec).
		WithInterfaceRegistry(encoding.InterfaceRegistry).
		WithTxConfig(app.SearchTxConfig(encoding.TxConfig)).
		WithLegacyAmino(encoding.Amino).
		WithInput(os.Stdin).
		WithAccountRetriever(authtypes.AccountRetriever{}).
		WithHomeDir(app.DefaultNodeHome()).
		WithViper(EnvPrefix)

	root := &cobra.Command{
		Use:           "opengradientd",
		Short:         "Node daemon and client of OpenGradient, the chain for verifiable AI inference",
		SilenceErrors: true,
		SilenceUsage:  true,
		PersistentPreRunE: func(cmd *cobra.Command, args []string) error {
			switch {
			case assists(cmd):
				return nil
			case local(cmd, args):
				return prepareLocally(cmd, initial)
			default:
				return prepareContexts(cmd, initial)
			}
		},
	}
	addCommands(root, sample, o.wrap)

	auto := sample.AutoCLIOptions()
	ctx, err := clientconfig.ReadDefaultValuesFromDefaultClientConfig(initial)
	if err != nil {
		return nil, fmt.Errorf("client configuration: %w", err)
	}
	auto.ClientCtx = ctx
	if err := auto.EnhanceRootCommand(root); err != nil {
		return nil, fmt.Errorf("commands of the modules: %w", err)
	}
	describePages(root)
	complete.Tree(root, connectShell(initial))
	explainErrors(root)
	return root, nil
}

// prepareContexts reads flags and configuration files into the client and server contexts of a command.
func prepareContexts(cmd *cobra.Command, initial client.Context) error {
	cmd.SetOut(cmd.OutOrStdout())
	cmd.SetErr(cmd.ErrOrStderr())
	ctx, err := client.ReadPersistentCommandFlags(initial.WithCmdContext(cmd.Context()), cmd.Flags())
	if err != nil {
		return err
	}
	ctx, err = clientconfig.ReadFromClientConfig(ctx)
	if err != nil {
		return err
	}
	if err := client.SetCmdClientContextHandler(ctx, cmd); err != nil {
		return err
	}
	template, appConfig := nodeConfig()
	if err := server.InterceptConfigsPreRunHandler(cmd, template, appConfig, cometConfig()); err != nil {
		return err
	}
	restoreTimeoutCommit(server.GetServerContextFromCmd(cmd))
	return nil
}
