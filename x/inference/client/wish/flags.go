package wish

import (
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"cosmossdk.io/math"

	"github.com/opengradient/opengradient/x/inference/types"
	schedulingtypes "github.com/opengradient/opengradient/x/scheduling/types"
)

// The flags.
const (
	FlagInput          = "input"
	FlagOutputs        = "outputs"
	FlagMaxFee         = "max-fee"
	FlagTier           = "tier"
	FlagSealing        = "sealing"
	FlagSealed         = "sealed"
	FlagFeeClass       = "fee-class"
	FlagIdempotencyKey = "idempotency-key"
	FlagReuseBlocks    = "reuse-blocks"
)

// What the names of an enum begin with.
const (
	tierPrefix     = "TIER_"
	sealingPrefix  = "SEALING_"
	feeClassPrefix = "FEE_CLASS_"
)

// RoomNote says what the commands pay at most unless they are told.
const RoomNote = "Without --" + FlagMaxFee + " at most what the chain quotes now is paid, and a quarter of its compute part more: the " +
	"base price of a compute unit may move until the transaction is in a block."

// InputNote says what the inputs of a command may be.
const InputNote = "An input is a file, - for standard input, or NAME=VALUE. Files are requests of the Open Inference Protocol in JSON " +
	"(one or an array of them), NumPy's .npy and .npz, or images (PNG, JPEG, GIF, BMP, WebP). A value is a list of elements such as " +
	"5.1,3.5,1.4,0.2, whose shape follows from the signature of the model; an array in JSON such as [[1,2],[3,4]]; a text, for an " +
	"input of BYTES; or @FILE. Images are resized to what the input takes and scaled to 0..1 for floats; --mean, --std, --scale, " +
	"--color and --layout say what the model was trained with."

// AddFlags adds the flags that say what is asked for; each names what the maximum fee is for.
func AddFlags(cmd *cobra.Command, each string) {
	f := cmd.Flags()
	f.StringArrayP(FlagInput, "i", nil, "`FILE`, - or NAME=VALUE; may be repeated")
	f.StringSlice(FlagOutputs, nil, "`NAMES` of the wanted outputs; without it those of the request, or all")
	f.String(FlagMaxFee, "", "most to pay for each "+each+", an `AMOUNT` in "+types.Denom+"; without it a little more than what the chain quotes now")
	wordFlag(cmd, FlagTier, "quorum", "who recomputes", tiers())
	wordFlag(cmd, FlagSealing, "default", "commit before revealing", sealings())
	f.Bool(FlagSealed, false, "the same as --"+FlagSealing+" sealed")
	wordFlag(cmd, FlagFeeClass, "standard", "place in the queue, and price", classes())
	cmd.MarkFlagsMutuallyExclusive(FlagSealing, FlagSealed)
	addShapeFlags(cmd)
}

// AddKeyFlags adds the flags of requests that are made once.
func AddKeyFlags(cmd *cobra.Command) {
	cmd.Flags().String(FlagIdempotencyKey, "", "`KEY` under which the same can be sent again safely: 1 to 64 characters of printable ASCII")
	cmd.Flags().Uint32(FlagReuseBlocks, 0, "largest age of a receipt that may stand for a request, in `BLOCKS`; 0 for a new run in any case")
}

func tiers() []string    { return words(types.Tier_name, tierPrefix, 1) }
func sealings() []string { return words(types.Sealing_name, sealingPrefix, 0) }
func classes() []string  { return words(schedulingtypes.FeeClass_name, feeClassPrefix, 0) }

// words are the values of an enum as a flag takes them, in order, from a first number on.
func words(names map[int32]string, prefix string, first int32) []string {
	list := make([]string, 0, len(names))
	for n := first; n < int32(len(names)); n++ {
		list = append(list, strings.ToLower(strings.TrimPrefix(names[n], prefix)))
	}
	return list
}

// wordFlag adds a flag that takes one of some words, and completes to them.
func wordFlag(cmd *cobra.Command, flag, otherwise, usage string, known []string) {
	cmd.Flags().String(flag, otherwise, usage+", `"+strings.Join(known, "|")+"`")
	if err := cmd.RegisterFlagCompletionFunc(flag, cobra.FixedCompletions(known, cobra.ShellCompDirectiveNoFileComp)); err != nil {
		panic(err)
	}
}

// readWord reads such a flag and returns the position of its word.
func readWord(cmd *cobra.Command, flag string, known []string) (int32, error) {
	word, err := cmd.Flags().GetString(flag)
	if err != nil {
		return 0, err
	}
	position := slices.Index(known, word)
	if position < 0 {
		return 0, fmt.Errorf("--%s: expected one of %s, got %.64q", flag, strings.Join(known, ", "), word)
	}
	return int32(position), nil
}

// Amount reads a flag that is an amount of the fee coin.
func Amount(cmd *cobra.Command, flag string) (math.Int, error) {
	text, err := cmd.Flags().GetString(flag)
	if err != nil {
		return math.Int{}, err
	}
	v, ok := math.NewIntFromString(strings.TrimSuffix(text, types.Denom))
	if !ok || v.IsNegative() {
		return math.Int{}, fmt.Errorf("--%s: expected an amount of at least 0 %s, got %.64q", flag, types.Denom, text)
	}
	return v, nil
}

// OptionalAmount reads an amount that the chain is asked for when it is not given: then it is nil.
func OptionalAmount(cmd *cobra.Command, flag string) (math.Int, error) {
	if !cmd.Flags().Changed(flag) {
		return math.Int{}, nil
	}
	return Amount(cmd, flag)
}
