package cli

import (
	"github.com/spf13/cobra"

	"github.com/cosmos/cosmos-sdk/client"
	"github.com/cosmos/cosmos-sdk/client/flags"
	"github.com/cosmos/cosmos-sdk/client/tx"

	"github.com/opengradient/opengradient/x/inference/types"
)

const (
	flagIdempotencyKey = "idempotency-key"
	flagReuseBlocks    = "reuse-blocks"
)

func newSubmitCmd() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "submit MODEL",
		Short: "Submit one or many requests for a model",
		Long: "Submit one or many requests for a model, given by its name or SHA-256. The input is a request of the Open " +
			"Inference Protocol in JSON, or an array of them. All of them are accepted or none.\n\n" +
			"Inputs and outputs are public, also those of sealed requests: sealing keeps validators from copying each other, " +
			"it keeps nothing from anybody for long.\n\n" +
			"Tier quorum: every eligible validator recomputes, and more than two thirds of their power must agree. Tier " +
			"committee: some validators with more than a third of all power recompute, and all of them must agree; otherwise " +
			"all eligible validators make the next attempt, at no extra price.\n\n" +
			"Sealing: members commit to their outcome before they reveal it, which takes two blocks more. The default is to " +
			"seal from a governed fee on.\n\n" +
			"Fee class: priority waits less and costs more, economy waits longer and costs less.\n\n" +
			roomNote + "\n\n" +
			"With --" + flagIdempotencyKey + " the same requests can be sent again without being charged again, whatever --" + flagMaxFee + " is: they " +
			"are answered with the first ids, as long as the key is remembered.\n\n" +
			"With --" + flagReuseBlocks + " a receipt of the same model, inputs, outputs and tier that was settled at most so many " +
			"blocks ago stands for a request, for a part of the fee; the chain keeps receipts for this for a governed time.",
		Example: `opengradientd tx inference submit iris --input request.json --from alice
echo '{"inputs":[{"name":"x","shape":[1,4],"datatype":"FP32","data":[5.1,3.5,1.4,0.2]}]}' |
  opengradientd tx inference submit iris --input - --outputs label --max-fee 5000 --from alice
opengradientd tx inference submit iris --input request.json --tier committee --sealing sealed --from alice
opengradientd tx inference submit iris --input request.json --fee-class priority --idempotency-key order-17 --from alice`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			clientCtx, err := client.GetClientTxContext(cmd)
			if err != nil {
				return err
			}
			w, err := readWish(cmd, args[0])
			if err != nil {
				return err
			}
			msg, err := submitMsg(cmd, w)
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
	addWishFlags(cmd, "request")
	cmd.Flags().String(flagIdempotencyKey, "", "key under which the message can be sent again safely: 1 to 64 characters of printable ASCII")
	cmd.Flags().Uint32(flagReuseBlocks, 0, "largest age of a receipt that may stand for a request, in blocks; 0 for a new run in any case")
	flags.AddTxFlagsToCmd(cmd)
	return cmd
}

// submitMsg is the message for the requests. The maximum fee stays nil without the flag.
func submitMsg(cmd *cobra.Command, w wish) (*types.MsgSubmitRequests, error) {
	msg := &types.MsgSubmitRequests{
		Model: w.model, Requests: make([]types.InferenceInput, len(w.inputs)), Outputs: w.outputs, Tier: w.tier,
		MaxFee: w.maxFee, Sealing: w.sealing, FeeClass: w.feeClass,
	}
	for i, inputs := range w.inputs {
		msg.Requests[i].Inputs = inputs
	}
	var err error
	if msg.ReuseBlocks, err = cmd.Flags().GetUint32(flagReuseBlocks); err != nil {
		return nil, err
	}
	if msg.IdempotencyKey, err = cmd.Flags().GetString(flagIdempotencyKey); err != nil {
		return nil, err
	}
	if cmd.Flags().Changed(flagIdempotencyKey) {
		err = types.ValidateIdempotencyKey(msg.IdempotencyKey)
	}
	return msg, err
}
