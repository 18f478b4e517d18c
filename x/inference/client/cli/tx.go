// Package cli holds the commands of the inference module that read files or print tensors; the others are generated.
package cli

import (
	"github.com/spf13/cobra"

	"github.com/cosmos/cosmos-sdk/client"
	"github.com/cosmos/cosmos-sdk/client/flags"
	"github.com/cosmos/cosmos-sdk/client/tx"

	"github.com/opengradient/opengradient/x/inference/types"
)

// NewTxCmd gives the transaction commands of the module.
func NewTxCmd() *cobra.Command {
	cmd := &cobra.Command{
		Use: types.ModuleName, Short: "Submit and cancel inference requests, make schedules",
		DisableFlagParsing: true, SuggestionsMinimumDistance: 2, RunE: client.ValidateCmd,
	}
	cmd.AddCommand(newSubmitCmd(), newCancelCmd(), newCreateScheduleCmd())
	return cmd
}

func newCancelCmd() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "cancel ID",
		Short: "Take back a request that waits in the queue; the byte fee is spent",
		Args:  cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			id, err := parseID(args[0])
			if err != nil {
				return err
			}
			clientCtx, err := client.GetClientTxContext(cmd)
			if err != nil {
				return err
			}
			return tx.GenerateOrBroadcastTxCLI(clientCtx, cmd.Flags(), &types.MsgCancelRequest{
				Requester: clientCtx.GetFromAddress().String(), Id: id,
			})
		},
	}
	flags.AddTxFlagsToCmd(cmd)
	return cmd
}
