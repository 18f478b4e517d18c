package model

import (
	"context"
	"errors"
	"fmt"
	"io/fs"

	"github.com/spf13/cobra"

	"github.com/cosmos/cosmos-sdk/server"

	"github.com/opengradient/opengradient/cmd/opengradientd/cmd/model/view"
	"github.com/opengradient/opengradient/cmd/opengradientd/cmd/session"
	"github.com/opengradient/opengradient/internal/modelref"
	"github.com/opengradient/opengradient/internal/modelstore"
	"github.com/opengradient/opengradient/x/models/types"
)

func newRemoveCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "rm SHA256|MODEL",
		Short: "Remove a model file from the local cache; nothing on the chain",
		Long: `Remove a model file from the cache of files by reference on this machine. Versions are on the chain for good: this removes
none, and a file that the chain holds is in the state of the node and not in the cache. To take no more requests for a model
of yours, use "model disable".`,
		Example: "  opengradientd model rm large:1",
		Args:    cobra.ExactArgs(1),
		RunE:    runRemove,
	}
	session.AddQueryFlags(cmd)
	return cmd
}

func runRemove(cmd *cobra.Command, args []string) error {
	json, err := session.AsJSON(cmd)
	if err != nil {
		return err
	}
	clientCtx, queries, err := reader(cmd)
	if err != nil {
		return err
	}
	digits, err := removable(cmd.Context(), queries, args[0])
	if err != nil {
		return err
	}
	sum, err := modelref.ParseSHA256(digits)
	if err != nil {
		return err
	}
	config, err := modelstore.ReadConfig(server.GetServerContextFromCmd(cmd).Viper)
	if err != nil {
		return err
	}
	files, err := modelstore.OpenCache(config, clientCtx.HomeDir)
	if err != nil {
		return err
	}
	if err := files.Remove(sum); errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("%s: expected a file of the local cache, there is none with this SHA-256", digits)
	} else if err != nil {
		return err
	}
	if json {
		return view.JSON(cmd.OutOrStdout(), map[string]any{"sha256": digits, "removed_from_cache": true})
	}
	_, err = fmt.Fprintf(cmd.OutOrStdout(), "%s is removed from the local cache; the chain is as it was\n", digits)
	return err
}

// removable is the hash of a file that may be in the cache. A hash is removed without asking a chain that does not answer.
func removable(ctx context.Context, queries types.QueryClient, argument string) (string, error) {
	res, err := findModel(ctx, queries, argument)
	_, isHash := types.ParseModelID(argument)
	switch {
	case err != nil && isHash:
		return argument, nil
	case err != nil:
		return "", err
	case res.Model.HasFile():
		return "", fmt.Errorf("%s:%d: expected a model by reference, the chain holds this file and keeps it; \"model disable\" takes no more requests",
			res.Model.Name, res.Model.Version)
	default:
		return res.Model.Sha256, nil
	}
}
