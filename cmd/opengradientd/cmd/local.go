package cmd

import (
	"errors"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/cosmos/cosmos-sdk/client"
	clientconfig "github.com/cosmos/cosmos-sdk/client/config"

	"github.com/opengradient/opengradient/cmd/opengradientd/cmd/verify"
)

// local tells whether a command reads what it is given and nothing else. It works for who has no home folder, and makes none.
func local(cmd *cobra.Command, args []string) bool {
	switch strings.TrimPrefix(cmd.CommandPath(), cmd.Root().Name()+" ") {
	case "version":
		return true
	case "verify":
		return len(args) == 1 && verify.IsFile(args[0])
	case "model inspect":
		if len(args) != 1 {
			return false
		}
		info, err := os.Stat(args[0])
		return err == nil && info.Mode().IsRegular()
	default:
		return false
	}
}

// prepareLocally makes the client context of a command without a home folder. What a client.toml says counts when there is one.
func prepareLocally(cmd *cobra.Command, initial client.Context) error {
	if err := readEnvironment(cmd); err != nil {
		return err
	}
	ctx, err := client.ReadPersistentCommandFlags(initial.WithCmdContext(cmd.Context()), cmd.Flags())
	if err != nil {
		return err
	}
	read := clientconfig.ReadFromClientConfig
	// A folder that cannot be looked into is none.
	if f, err := os.Open(filepath.Join(ctx.HomeDir, "config", "client.toml")); err != nil {
		read = clientconfig.ReadDefaultValuesFromDefaultClientConfig
	} else if err := f.Close(); err != nil {
		return err
	}
	if ctx, err = read(ctx); err != nil {
		return err
	}
	return client.SetCmdClientContextHandler(ctx, cmd)
}

// readEnvironment sets the flags that are not given and have a variable, as the server does with those of other commands.
func readEnvironment(cmd *cobra.Command) error {
	var failed error
	cmd.Flags().VisitAll(func(f *pflag.Flag) {
		name := EnvPrefix + "_" + strings.NewReplacer("-", "_", ".", "_").Replace(strings.ToUpper(f.Name))
		if value := os.Getenv(name); value != "" && !f.Changed {
			failed = errors.Join(failed, cmd.Flags().Set(f.Name, value))
		}
	})
	return failed
}
