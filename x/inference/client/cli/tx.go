// Package cli holds the commands of the inference module that read files or print tensors; the others are generated.
package cli

import (
	"strings"

	"github.com/spf13/cobra"

	"github.com/cosmos/cosmos-sdk/client"
	"github.com/cosmos/cosmos-sdk/client/flags"
	"github.com/cosmos/cosmos-sdk/client/tx"

	"github.com/opengradient/opengradient/x/inference/types"
	schedulingtypes "github.com/opengradient/opengradient/x/scheduling/types"
)

const (
	flagTaskClass = "task-class"
	flagRoyalty   = "royalty"
)

// NewTxCmd gives the transaction commands of the module.
func NewTxCmd() *cobra.Command {
	cmd := &cobra.Command{
		Use: types.ModuleName, Short: "Register models, submit and cancel inference requests, make schedules",
		DisableFlagParsing: true, SuggestionsMinimumDistance: 2, RunE: client.ValidateCmd,
	}
	cmd.AddCommand(newRegisterModelCmd(), newSubmitCmd(), newCancelCmd(), newCreateScheduleCmd())
	return cmd
}

func newRegisterModelCmd() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "register-model NAME FILE",
		Short: "Register an ONNX file under a name",
		Long: "Register an ONNX file under a name. The file is inspected on chain: its operators, shapes and size decide " +
			"whether it is taken and what a request costs.",
		Example: "opengradientd tx inference register-model iris iris.onnx --task-class classification --royalty 0 --from alice",
		Args:    cobra.ExactArgs(2),
		RunE: func(cmd *cobra.Command, args []string) error {
			msg, err := registerModelMsg(cmd, args[0], args[1])
			if err != nil {
				return err
			}
			clientCtx, err := client.GetClientTxContext(cmd)
			if err != nil {
				return err
			}
			msg.Owner = clientCtx.GetFromAddress().String()
			return tx.GenerateOrBroadcastTxCLI(clientCtx, cmd.Flags(), msg)
		},
	}
	cmd.Flags().String(flagTaskClass, "other", "kind of answer: "+strings.Join(words(schedulingtypes.TaskClass_name, taskClassPrefix, 1), ", "))
	cmd.Flags().String(flagRoyalty, "0", "what the owner asks per request, in "+types.Denom)
	flags.AddTxFlagsToCmd(cmd)
	return cmd
}

func registerModelMsg(cmd *cobra.Command, name, file string) (*types.MsgRegisterModel, error) {
	if err := types.ValidateName(name); err != nil {
		return nil, err
	}
	class, err := wordFlag(cmd, flagTaskClass, schedulingtypes.TaskClass_name, taskClassPrefix, 1)
	if err != nil {
		return nil, err
	}
	royalty, err := amountFlag(cmd, flagRoyalty)
	if err != nil {
		return nil, err
	}
	onnx, err := readFile(cmd.InOrStdin(), file, maxModelFile)
	if err != nil {
		return nil, err
	}
	return &types.MsgRegisterModel{Name: name, Onnx: onnx, TaskClass: schedulingtypes.TaskClass(class), Royalty: royalty}, nil
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
