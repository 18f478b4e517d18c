package model

import (
	"fmt"

	"github.com/spf13/cobra"

	sdk "github.com/cosmos/cosmos-sdk/types"
	"github.com/cosmos/cosmos-sdk/types/query"

	"github.com/opengradient/opengradient/cmd/opengradientd/cmd/model/view"
	"github.com/opengradient/opengradient/cmd/opengradientd/cmd/session"
	"github.com/opengradient/opengradient/x/models/types"
)

func newUploadsCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "uploads",
		Short: "List uploads that are under way",
		Long: `List uploads that are under way. One that was interrupted goes on when "model push" is run again with the same file; one
that is not wanted any more is given up with "model cancel-upload".`,
		Example: "  opengradientd model uploads --owner og1...",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			json, err := session.AsJSON(cmd)
			if err != nil {
				return err
			}
			owner, err := cmd.Flags().GetString("owner")
			if err != nil {
				return err
			}
			if owner != "" {
				if _, err := sdk.AccAddressFromBech32(owner); err != nil {
					return fmt.Errorf("--owner: expected an address, got %q: %w", owner, err)
				}
			}
			_, queries, err := reader(cmd)
			if err != nil {
				return err
			}
			var list []types.Upload
			page := &query.PageRequest{Limit: pageSize}
			for {
				res, err := queries.Uploads(cmd.Context(), &types.QueryUploadsRequest{Owner: owner, Pagination: page})
				if err != nil {
					return err
				}
				list = append(list, res.Uploads...)
				if res.Pagination == nil || len(res.Pagination.NextKey) == 0 {
					break
				}
				page.Key = res.Pagination.NextKey
			}
			if json {
				return view.JSON(cmd.OutOrStdout(), map[string]any{"uploads": view.NewUploads(list)})
			}
			return view.UploadList(cmd.OutOrStdout(), view.NewUploads(list))
		},
	}
	session.AddQueryFlags(cmd)
	cmd.Flags().String("owner", "", "only uploads of the account with this `ADDRESS`")
	return cmd
}
