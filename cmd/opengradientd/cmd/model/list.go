package model

import (
	"fmt"

	"github.com/spf13/cobra"

	sdk "github.com/cosmos/cosmos-sdk/types"
	"github.com/cosmos/cosmos-sdk/types/query"

	"github.com/opengradient/opengradient/cmd/opengradientd/cmd/model/push"
	"github.com/opengradient/opengradient/cmd/opengradientd/cmd/model/view"
	"github.com/opengradient/opengradient/cmd/opengradientd/cmd/session"
	"github.com/opengradient/opengradient/internal/modelcard"
	"github.com/opengradient/opengradient/x/models/types"
)

// pageSize is the number of entries that are asked for at a time.
const pageSize = 100

func newListCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:     "list",
		Aliases: []string{"ls"},
		Short:   "List models",
		Long: `List the models that requests can be sent to, by SHA-256. With --all also those that are on their way, disabled,
rejected or expired; --status picks one status.`,
		Example: `  opengradientd model list
  opengradientd model list --task classification --output json
  opengradientd model list --owner og1... --all`,
		Args: cobra.NoArgs,
		RunE: runList,
	}
	session.AddQueryFlags(cmd)
	f := cmd.Flags()
	f.String("owner", "", "only models of the account with this `ADDRESS`")
	f.String("task", "", "only models of this `CLASS`, or the class of a task of Hugging Face")
	f.String("status", "", "only models with this `STATUS`")
	f.Bool("all", false, "models of every status")
	cmd.MarkFlagsMutuallyExclusive("all", "status")
	session.Complete(cmd, "task", modelcard.Classes()...)
	session.Complete(cmd, "status", "inspecting", "admitting", "active", "deprecated", "disabled", "rejected", "expired")
	return cmd
}

func runList(cmd *cobra.Command, _ []string) error {
	json, err := session.AsJSON(cmd)
	if err != nil {
		return err
	}
	request, all, err := listRequest(cmd)
	if err != nil {
		return err
	}
	_, queries, err := reader(cmd)
	if err != nil {
		return err
	}
	models := []view.Model{}
	for {
		res, err := queries.Models(cmd.Context(), request)
		if err != nil {
			return err
		}
		for _, m := range res.Models {
			if all || m.Status.Usable() {
				models = append(models, view.NewModel(m))
			}
		}
		if res.Pagination == nil || len(res.Pagination.NextKey) == 0 {
			break
		}
		request.Pagination.Key = res.Pagination.NextKey
	}
	if json {
		return view.JSON(cmd.OutOrStdout(), map[string]any{"models": models})
	}
	return view.ModelList(cmd.OutOrStdout(), models)
}

// listRequest reads the flags. It gives true when models of every status are meant.
func listRequest(cmd *cobra.Command) (*types.QueryModelsRequest, bool, error) {
	request := &types.QueryModelsRequest{Pagination: &query.PageRequest{Limit: pageSize}}
	f := cmd.Flags()
	var err error
	if request.Owner, err = f.GetString("owner"); err != nil {
		return nil, false, err
	}
	if request.Owner != "" {
		if _, err := sdk.AccAddressFromBech32(request.Owner); err != nil {
			return nil, false, fmt.Errorf("--owner: expected an address, got %q: %w", request.Owner, err)
		}
	}
	task, err := f.GetString("task")
	if err != nil {
		return nil, false, err
	}
	if task != "" {
		if request.TaskClass, err = push.Task(task); err != nil {
			return nil, false, fmt.Errorf("--task: %w", err)
		}
	}
	status, err := f.GetString("status")
	if err != nil {
		return nil, false, err
	}
	if status != "" {
		if request.Status, err = push.Status(status); err != nil {
			return nil, false, fmt.Errorf("--status: %w", err)
		}
		return request, true, nil
	}
	all, err := f.GetBool("all")
	return request, all, err
}
