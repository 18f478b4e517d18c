package cli

import (
	"github.com/spf13/cobra"

	"github.com/cosmos/cosmos-sdk/client"
	"github.com/cosmos/cosmos-sdk/client/flags"
	"github.com/cosmos/cosmos-sdk/client/tx"

	"github.com/opengradient/opengradient/x/inference/client/wish"
	"github.com/opengradient/opengradient/x/inference/types"
)

func newSubmitCmd() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "submit MODEL [INPUT...]",
		Short: "Submit one or many requests for a model",
		Long: "Submit one or many requests for a model, given by its name or SHA-256. All of them are accepted or none. To wait for " +
			"the answer as well, use \"opengradientd run\".\n\n" +
			wish.InputNote + " Requests in JSON can be made --offline.\n\n" +
			"Inputs and outputs are public, also those of sealed requests: sealing keeps validators from copying each other, " +
			"it keeps nothing from anybody for long.\n\n" +
			"Tier quorum: every eligible validator recomputes, and more than two thirds of their power must agree. Tier " +
			"committee: some validators with more than a third of all power recompute, and all of them must agree; otherwise " +
			"all eligible validators make the next attempt, at no extra price.\n\n" +
			"Sealing: members commit to their outcome before they reveal it, which takes two blocks more. The default is to " +
			"seal from a governed fee on.\n\n" +
			"Fee class: priority waits less and costs more, economy waits longer and costs less.\n\n" +
			wish.RoomNote + "\n\n" +
			"With --" + wish.FlagIdempotencyKey + " the same requests can be sent again without being charged again, whatever --" + wish.FlagMaxFee + " is: they " +
			"are answered with the first ids, as long as the key is remembered.\n\n" +
			"With --" + wish.FlagReuseBlocks + " a receipt of the same model, inputs, outputs and tier that was settled at most so many " +
			"blocks ago stands for a request, for a part of the fee; the chain keeps receipts for this for a governed time.",
		Example: `opengradientd tx inference submit iris x=5.1,3.5,1.4,0.2 --from alice
opengradientd tx inference submit iris --input request.json --from alice
echo '{"inputs":[{"name":"x","shape":[1,4],"datatype":"FP32","data":[5.1,3.5,1.4,0.2]}]}' |
  opengradientd tx inference submit iris --input - --outputs label --max-fee 5000 --from alice
opengradientd tx inference submit iris --input request.json --tier committee --sealing sealed --from alice
opengradientd tx inference submit iris --input request.json --fee-class priority --idempotency-key order-17 --from alice`,
		Args: cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			clientCtx, err := client.GetClientTxContext(cmd)
			if err != nil {
				return err
			}
			w, err := readWish(cmd, clientCtx, args[0], args[1:]...)
			if err != nil {
				return err
			}
			msg, err := submitMsg(w)
			if err != nil {
				return err
			}
			msg.Requester = clientCtx.GetFromAddress().String()
			if msg.MaxFee.IsNil() {
				if msg.MaxFee, err = quotedFee(cmd, clientCtx, w); err != nil {
					return err
				}
			}
			return tx.GenerateOrBroadcastTxCLI(clientCtx, cmd.Flags(), msg)
		},
	}
	wish.AddFlags(cmd, "request")
	wish.AddKeyFlags(cmd)
	flags.AddTxFlagsToCmd(cmd)
	return cmd
}

// submitMsg is the message for the requests. The maximum fee stays nil without the flag.
func submitMsg(w wish.Wish) (*types.MsgSubmitRequests, error) {
	outputs, err := w.Outputs()
	if err != nil {
		return nil, err
	}
	msg := &types.MsgSubmitRequests{
		Model: w.Model, Requests: make([]types.InferenceInput, len(w.Requests)), Outputs: outputs, Tier: w.Tier,
		MaxFee: w.MaxFee, Sealing: w.Sealing, FeeClass: w.FeeClass, IdempotencyKey: w.IdempotencyKey, ReuseBlocks: w.ReuseBlocks,
	}
	for i, r := range w.Requests {
		msg.Requests[i].Inputs = types.NewTensors(r.Inputs)
	}
	return msg, nil
}
