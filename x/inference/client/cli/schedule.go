package cli

import (
	"fmt"

	"github.com/spf13/cobra"

	"cosmossdk.io/math"
	"github.com/cosmos/cosmos-sdk/client"
	"github.com/cosmos/cosmos-sdk/client/flags"
	"github.com/cosmos/cosmos-sdk/client/tx"

	"github.com/opengradient/opengradient/x/inference/client/wish"
	"github.com/opengradient/opengradient/x/inference/types"
)

const (
	flagEvery   = "every"
	flagCount   = "count"
	flagDeposit = "deposit"
)

func newCreateScheduleCmd() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "create-schedule MODEL",
		Short: "Create a request that is made again every so many blocks",
		Long: "Create a schedule: a request for a model that is made again every so many blocks, paid out of a deposit. Keeping the " +
			"inputs costs their byte fee once, which is not returned. The first run comes at the end of the block that creates it. A " +
			"run that cannot be placed, or that would cost more than the maximum fee, is missed and not charged. What is left of the deposit is returned after the last run, or when the schedule is " +
			"cancelled.\n\n" + wish.InputNote + "\n\n" + wish.RoomNote + "\n\n" +
			"Without --" + flagDeposit + " the deposit pays for all runs at what the chain quotes now and a quarter of its compute part more.",
		Example: "opengradientd tx inference create-schedule iris --input request.json --every 100 --count 24 --from alice",
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			clientCtx, err := client.GetClientTxContext(cmd)
			if err != nil {
				return err
			}
			w, err := readWish(cmd, clientCtx, args[0])
			if err != nil {
				return err
			}
			msg, err := scheduleMsg(cmd, w)
			if err != nil {
				return err
			}
			msg.Owner = clientCtx.GetFromAddress().String()
			if msg.MaxFee.IsNil() || msg.Deposit.IsNil() {
				fee, err := quotedFee(cmd, clientCtx, w)
				if err != nil {
					return err
				}
				fillFees(msg, fee)
			}
			return tx.GenerateOrBroadcastTxCLI(clientCtx, cmd.Flags(), msg)
		},
	}
	wish.AddFlags(cmd, "run")
	cmd.Flags().Uint32(flagEvery, 0, "blocks from one run to the next")
	cmd.Flags().Uint32(flagCount, 0, "number of runs")
	cmd.Flags().String(flagDeposit, "", "what pays for the runs, in "+types.Denom+"; without it a little more than what the chain quotes now for all of them")
	for _, flag := range []string{flagEvery, flagCount} {
		if err := cmd.MarkFlagRequired(flag); err != nil {
			panic(err)
		}
	}
	flags.AddTxFlagsToCmd(cmd)
	return cmd
}

// scheduleMsg is the message for a schedule. The maximum fee and the deposit stay nil without their flags.
func scheduleMsg(cmd *cobra.Command, w wish.Wish) (*types.MsgCreateSchedule, error) {
	if len(w.Requests) != 1 {
		return nil, fmt.Errorf("--%s: expected one request, got %d", wish.FlagInput, len(w.Requests))
	}
	msg := &types.MsgCreateSchedule{
		Model: w.Model, Inputs: types.NewTensors(w.Requests[0].Inputs), Outputs: w.Requests[0].Outputs,
		Tier: w.Tier, Sealing: w.Sealing, FeeClass: w.FeeClass, MaxFee: w.MaxFee,
	}
	var err error
	if msg.Every, err = cmd.Flags().GetUint32(flagEvery); err != nil {
		return nil, err
	}
	if msg.Count, err = cmd.Flags().GetUint32(flagCount); err != nil {
		return nil, err
	}
	if err := types.ValidateTerms(msg.Every, msg.Count); err != nil {
		return nil, err
	}
	msg.Deposit, err = wish.OptionalAmount(cmd, flagDeposit)
	return msg, err
}

// fillFees sets what was left to the quote of one run.
func fillFees(msg *types.MsgCreateSchedule, fee math.Int) {
	if msg.MaxFee.IsNil() {
		msg.MaxFee = fee
	}
	if msg.Deposit.IsNil() {
		msg.Deposit = fee.Mul(math.NewIntFromUint64(uint64(msg.Count)))
	}
}
