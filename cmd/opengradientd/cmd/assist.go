package cmd

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/viper"

	"github.com/cosmos/cosmos-sdk/client"
	"github.com/cosmos/cosmos-sdk/client/flags"
	gogogrpc "github.com/cosmos/gogoproto/grpc"

	"github.com/opengradient/opengradient/app"
	"github.com/opengradient/opengradient/cmd/opengradientd/cmd/complete"
	"github.com/opengradient/opengradient/cmd/opengradientd/cmd/explain"
)

// explainPatience bounds the time in which an error is explained.
const explainPatience = 2 * time.Second

// assists tells whether a command is one of a shell, which must not make a home folder or need one.
func assists(cmd *cobra.Command) bool {
	for c := cmd; c != nil; c = c.Parent() {
		if slices.Contains([]string{cobra.ShellCompRequestCmd, cobra.ShellCompNoDescRequestCmd, "completion"}, c.Name()) {
			return true
		}
	}
	return false
}

// connectShell connects a command that a shell completes: nothing but its flags was read.
func connectShell(initial client.Context) complete.Connect {
	return func(ctx context.Context, cmd *cobra.Command) (gogogrpc.ClientConn, error) {
		address := nodeAddress(cmd)
		node, err := client.NewClientFromNode(address)
		if err != nil {
			return nil, err
		}
		return initial.WithNodeURI(address).WithClient(node).WithCmdContext(ctx), nil
	}
}

// nodeAddress is the node that a command will talk to: by flag, environment or client.toml.
func nodeAddress(cmd *cobra.Command) string {
	if f := cmd.Flag(flags.FlagNode); f != nil && f.Changed {
		return f.Value.String()
	}
	if address := os.Getenv(EnvPrefix + "_NODE"); address != "" {
		return address
	}
	home := os.Getenv(EnvPrefix + "_HOME")
	if f := cmd.Flag(flags.FlagHome); f != nil && (f.Changed || home == "") {
		home = f.Value.String()
	}
	if home == "" {
		home = app.DefaultNodeHome()
	}
	config := viper.New()
	config.SetConfigFile(filepath.Join(home, "config", "client.toml"))
	config.SetDefault(flags.FlagNode, "tcp://localhost:26657")
	_ = config.ReadInConfig() // without a file the default stands
	return config.GetString(flags.FlagNode)
}

// explainErrors makes every command below one say what can be done about its errors.
func explainErrors(cmd *cobra.Command) {
	for _, c := range cmd.Commands() {
		explainErrors(c)
	}
	run := cmd.RunE
	if run == nil {
		return
	}
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		err := run(cmd, args)
		if err == nil || cmd.Flag(flags.FlagNode) == nil && cmd.Flag(flags.FlagFrom) == nil {
			return err
		}
		return explain.Wrap(err, situation(cmd, args))
	}
}

// ErrorText is what a program with some arguments tells of an error: one document in JSON when it was asked for JSON.
func ErrorText(root *cobra.Command, args []string, err error) string {
	cmd, _, unknown := root.Find(args)
	return explain.Text(err, unknown == nil && flagText(cmd, flags.FlagOutput) == "json")
}

// situation is what a command was asked to do.
func situation(cmd *cobra.Command, args []string) explain.Situation {
	ctx := client.GetClientContextFromCmd(cmd)
	s := explain.Situation{
		Node: nodeAddress(cmd), GRPC: flagText(cmd, flags.FlagGRPC), ChainID: ctx.ChainID, From: flagText(cmd, flags.FlagFrom),
		Keyring: flagText(cmd, flags.FlagKeyringBackend),
	}
	if ctx.Keyring != nil {
		s.Keyring = ctx.Keyring.Backend()
	}
	if id := flagText(cmd, flags.FlagChainID); id != "" {
		s.ChainID = id
	}
	if at := complete.ModelArg(cmd); at >= 0 && at < len(args) {
		s.Model = args[at]
	}
	s.Models = func() []string {
		within, cancel := context.WithTimeout(context.Background(), explainPatience)
		defer cancel()
		conn, err := connectShell(ctx)(within, cmd)
		if err != nil {
			return nil
		}
		return complete.Names(within, conn)
	}
	s.Keys = keyNames(ctx)
	return s
}

// keyNames lists the keys of the keyring of a context; nil without one. It is asked for after a key was looked up, so that the
// keyring is open.
func keyNames(ctx client.Context) func() []string {
	if ctx.Keyring == nil {
		return nil
	}
	return func() []string {
		records, err := ctx.Keyring.List()
		if err != nil {
			return nil
		}
		names := make([]string, len(records))
		for i, r := range records {
			names[i] = r.Name
		}
		return names
	}
}

func flagText(cmd *cobra.Command, name string) string {
	if f := cmd.Flag(name); f != nil {
		return f.Value.String()
	}
	return ""
}
