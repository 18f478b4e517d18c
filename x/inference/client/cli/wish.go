package cli

import (
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"cosmossdk.io/math"

	"github.com/opengradient/opengradient/internal/oipjson"
	"github.com/opengradient/opengradient/x/inference/types"
	schedulingtypes "github.com/opengradient/opengradient/x/scheduling/types"
)

const (
	flagInput    = "input"
	flagOutputs  = "outputs"
	flagMaxFee   = "max-fee"
	flagTier     = "tier"
	flagSealing  = "sealing"
	flagFeeClass = "fee-class"
)

// roomNote says what the commands pay at most unless they are told.
const roomNote = "Without --" + flagMaxFee + " at most what the chain quotes now is paid, and a quarter of its compute part more: the " +
	"base price of a compute unit may move until the transaction is in a block."

// wish is what a command asks a model for.
type wish struct {
	model    string
	inputs   [][]types.Tensor // of each request
	outputs  []string
	tier     types.Tier
	sealing  types.Sealing
	feeClass schedulingtypes.FeeClass
	maxFee   math.Int // nil without the flag
}

// addWishFlags adds the flags that say what is asked for; each names what the maximum fee is for.
func addWishFlags(cmd *cobra.Command, each string) {
	cmd.Flags().String(flagInput, "", "file with the request in JSON; - reads standard input")
	cmd.Flags().StringSlice(flagOutputs, nil, "names of the wanted outputs; without it those of the request, or all")
	cmd.Flags().String(flagMaxFee, "", "most to pay for each "+each+", in "+types.Denom+"; without it a little more than what the chain quotes now")
	cmd.Flags().String(flagTier, "quorum", "who recomputes: "+strings.Join(words(types.Tier_name, tierPrefix, 1), ", "))
	cmd.Flags().String(flagSealing, "default", "commit before revealing: "+strings.Join(words(types.Sealing_name, sealingPrefix, 0), ", "))
	cmd.Flags().String(flagFeeClass, "standard", "place in the queue, and price: "+strings.Join(words(schedulingtypes.FeeClass_name, feeClassPrefix, 0), ", "))
	if err := cmd.MarkFlagRequired(flagInput); err != nil {
		panic(err)
	}
}

// readWish reads the requests and what is asked of them.
func readWish(cmd *cobra.Command, model string) (wish, error) {
	file, err := cmd.Flags().GetString(flagInput)
	if err != nil {
		return wish{}, err
	}
	text, err := readFile(cmd.InOrStdin(), file, maxInputFile)
	if err != nil {
		return wish{}, err
	}
	requests, err := oipjson.ParseRequests(text)
	if err != nil {
		return wish{}, err
	}
	w := wish{model: model, inputs: make([][]types.Tensor, len(requests))}
	for i, r := range requests {
		w.inputs[i] = types.NewTensors(r.Inputs)
	}
	if err := w.readWords(cmd); err != nil {
		return wish{}, err
	}
	if w.outputs, err = cmd.Flags().GetStringSlice(flagOutputs); err != nil {
		return wish{}, err
	}
	if !cmd.Flags().Changed(flagOutputs) {
		if w.outputs, err = commonOutputs(requests); err != nil {
			return wish{}, err
		}
	}
	w.maxFee, err = optionalAmountFlag(cmd, flagMaxFee)
	return w, err
}

// readWords reads the flags that take a word.
func (w *wish) readWords(cmd *cobra.Command) error {
	tier, err := wordFlag(cmd, flagTier, types.Tier_name, tierPrefix, 1)
	if err != nil {
		return err
	}
	sealing, err := wordFlag(cmd, flagSealing, types.Sealing_name, sealingPrefix, 0)
	if err != nil {
		return err
	}
	class, err := wordFlag(cmd, flagFeeClass, schedulingtypes.FeeClass_name, feeClassPrefix, 0)
	if err != nil {
		return err
	}
	w.tier, w.sealing, w.feeClass = types.Tier(tier), types.Sealing(sealing), schedulingtypes.FeeClass(class)
	return nil
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
