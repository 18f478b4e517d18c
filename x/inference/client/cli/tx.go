// Package cli holds the commands of the inference module that read files or print tensors; the others are generated.
package cli

import (
	"fmt"
	"io"
	"os"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"cosmossdk.io/math"
	"github.com/cosmos/cosmos-sdk/client"
	"github.com/cosmos/cosmos-sdk/client/flags"
	"github.com/cosmos/cosmos-sdk/client/tx"

	"github.com/opengradient/opengradient/internal/oipjson"
	"github.com/opengradient/opengradient/x/inference/types"
	schedulingtypes "github.com/opengradient/opengradient/x/scheduling/types"
)

const (
	flagTaskClass = "task-class"
	flagRoyalty   = "royalty"
	flagInput     = "input"
	flagOutputs   = "outputs"
	flagMaxFee    = "max-fee"
	flagTier      = "tier"
	flagSealing   = "sealing"

	// maxInputFile bounds what is read from a file or from standard input: JSON is a few times as long as the tensors.
	maxInputFile = 64 << 20
	maxModelFile = 64 << 20
)

// NewTxCmd gives the transaction commands of the module.
func NewTxCmd() *cobra.Command {
	cmd := &cobra.Command{
		Use: types.ModuleName, Short: "Register models, submit and cancel inference requests",
		DisableFlagParsing: true, SuggestionsMinimumDistance: 2, RunE: client.ValidateCmd,
	}
	cmd.AddCommand(newRegisterModelCmd(), newSubmitCmd(), newCancelCmd())
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
			"seal from a governed fee on.",
		Example: `opengradientd tx inference submit iris --input request.json --from alice
echo '{"inputs":[{"name":"x","shape":[1,4],"datatype":"FP32","data":[5.1,3.5,1.4,0.2]}]}' |
  opengradientd tx inference submit iris --input - --outputs label --max-fee 5000 --from alice
opengradientd tx inference submit iris --input request.json --tier committee --sealing sealed --from alice`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			clientCtx, err := client.GetClientTxContext(cmd)
			if err != nil {
				return err
			}
			msg, err := submitMsg(cmd, args[0])
			if err != nil {
				return err
			}
			msg.Requester = clientCtx.GetFromAddress().String()
			if msg.MaxFee.IsNil() {
				if msg.MaxFee, err = quotedFee(cmd, clientCtx, msg); err != nil {
					return err
				}
			}
			return tx.GenerateOrBroadcastTxCLI(clientCtx, cmd.Flags(), msg)
		},
	}
	cmd.Flags().String(flagInput, "", "file with the request in JSON; - reads standard input")
	cmd.Flags().StringSlice(flagOutputs, nil, "names of the wanted outputs; without it those of the request, or all")
	cmd.Flags().String(flagMaxFee, "", "most to pay for each request, in "+types.Denom+"; without it what the chain quotes now")
	cmd.Flags().String(flagTier, "quorum", "who recomputes: "+strings.Join(words(types.Tier_name, tierPrefix, 1), ", "))
	cmd.Flags().String(flagSealing, "default", "commit before revealing: "+strings.Join(words(types.Sealing_name, sealingPrefix, 0), ", "))
	if err := cmd.MarkFlagRequired(flagInput); err != nil {
		panic(err)
	}
	flags.AddTxFlagsToCmd(cmd)
	return cmd
}

// submitMsg reads the requests. The maximum fee stays nil without the flag.
func submitMsg(cmd *cobra.Command, model string) (*types.MsgSubmitRequests, error) {
	file, err := cmd.Flags().GetString(flagInput)
	if err != nil {
		return nil, err
	}
	text, err := readFile(cmd.InOrStdin(), file, maxInputFile)
	if err != nil {
		return nil, err
	}
	requests, err := oipjson.ParseRequests(text)
	if err != nil {
		return nil, err
	}
	msg := &types.MsgSubmitRequests{Model: model, Requests: make([]types.InferenceInput, len(requests))}
	tier, err := wordFlag(cmd, flagTier, types.Tier_name, tierPrefix, 1)
	if err != nil {
		return nil, err
	}
	sealing, err := wordFlag(cmd, flagSealing, types.Sealing_name, sealingPrefix, 0)
	if err != nil {
		return nil, err
	}
	msg.Tier, msg.Sealing = types.Tier(tier), types.Sealing(sealing)
	for i, r := range requests {
		msg.Requests[i].Inputs = types.NewTensors(r.Inputs)
	}
	if msg.Outputs, err = cmd.Flags().GetStringSlice(flagOutputs); err != nil {
		return nil, err
	}
	if !cmd.Flags().Changed(flagOutputs) {
		if msg.Outputs, err = commonOutputs(requests); err != nil {
			return nil, err
		}
	}
	if cmd.Flags().Changed(flagMaxFee) {
		if msg.MaxFee, err = amountFlag(cmd, flagMaxFee); err != nil {
			return nil, err
		}
	}
	return msg, nil
}

// commonOutputs are the outputs that all requests want: one message has one list of them.
func commonOutputs(requests []oipjson.Request) ([]string, error) {
	for i, r := range requests {
		if !slices.Equal(r.Outputs, requests[0].Outputs) {
			return nil, fmt.Errorf("request %d: expected the outputs of the first request, %q, got %q", i+1, requests[0].Outputs, r.Outputs)
		}
	}
	return requests[0].Outputs, nil
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

// What the names of an enum begin with.
const (
	taskClassPrefix = "TASK_CLASS_"
	tierPrefix      = "TIER_"
	sealingPrefix   = "SEALING_"
)

// words are the values of an enum as a flag takes them, in order, from a first number on.
func words(names map[int32]string, prefix string, first int32) []string {
	list := make([]string, 0, len(names))
	for n := first; n < int32(len(names)); n++ {
		list = append(list, strings.ToLower(strings.TrimPrefix(names[n], prefix)))
	}
	return list
}

// wordFlag reads a flag that takes such a word and returns its number.
func wordFlag(cmd *cobra.Command, flag string, names map[int32]string, prefix string, first int32) (int32, error) {
	word, err := cmd.Flags().GetString(flag)
	if err != nil {
		return 0, err
	}
	known := words(names, prefix, first)
	if position := slices.Index(known, word); position >= 0 {
		return first + int32(position), nil
	}
	return 0, fmt.Errorf("--%s: expected one of %s, got %q", flag, strings.Join(known, ", "), word)
}

func amountFlag(cmd *cobra.Command, flag string) (math.Int, error) {
	text, err := cmd.Flags().GetString(flag)
	if err != nil {
		return math.Int{}, err
	}
	v, ok := math.NewIntFromString(strings.TrimSuffix(text, types.Denom))
	if !ok || v.IsNegative() {
		return math.Int{}, fmt.Errorf("--%s: expected an amount of at least 0 %s, got %q", flag, types.Denom, text)
	}
	return v, nil
}

func parseID(text string) (uint64, error) {
	id, err := strconv.ParseUint(text, 10, 64)
	if err != nil || id == 0 {
		return 0, fmt.Errorf("expected a request id, got %q", text)
	}
	return id, nil
}

// readFile reads a file, or standard input for "-", up to most bytes.
func readFile(stdin io.Reader, name string, most int64) ([]byte, error) {
	in := stdin
	if name != "-" {
		f, err := os.Open(name)
		if err != nil {
			return nil, err
		}
		defer f.Close()
		in = f
	}
	b, err := io.ReadAll(io.LimitReader(in, most+1))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	if int64(len(b)) > most {
		return nil, fmt.Errorf("%s: expected at most %d bytes, got more", name, most)
	}
	return b, nil
}
