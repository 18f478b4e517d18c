package wish

import (
	"errors"
	"fmt"
	"io"
	"os"
	"slices"

	"github.com/spf13/cobra"

	"cosmossdk.io/math"

	"github.com/opengradient/opengradient/internal/inputs"
	"github.com/opengradient/opengradient/internal/oipjson"
	"github.com/opengradient/opengradient/internal/tensor"
	"github.com/opengradient/opengradient/x/inference/types"
	schedulingtypes "github.com/opengradient/opengradient/x/scheduling/types"
)

// maxFile bounds what is read from a file or from standard input: JSON is a few times as long as the tensors.
const maxFile = 64 << 20

// Wish is what a command asks a model for.
type Wish struct {
	Model string
	// Requests are those that the inputs make. Their wanted outputs are those of the flag, where it is given.
	Requests []oipjson.Request
	Tier     types.Tier
	Sealing  types.Sealing
	FeeClass schedulingtypes.FeeClass
	MaxFee   math.Int // nil without the flag
	// IdempotencyKey and ReuseBlocks are zero in commands without their flags.
	IdempotencyKey string
	ReuseBlocks    uint32
}

// Read reads the flags and what the inputs name. More are inputs beside those of the flag. Signature gives the inputs of the model;
// it is asked only when they do not say everything themselves.
func Read(cmd *cobra.Command, model string, more []string, signature func() ([]tensor.Spec, error)) (Wish, error) {
	w := Wish{Model: model}
	if err := w.readWords(cmd); err != nil {
		return Wish{}, err
	}
	var err error
	if w.MaxFee, err = OptionalAmount(cmd, FlagMaxFee); err != nil {
		return Wish{}, err
	}
	if err := w.readKey(cmd); err != nil {
		return Wish{}, err
	}
	if w.Requests, err = readRequests(cmd, model, more, signature); err != nil {
		return Wish{}, err
	}
	if !cmd.Flags().Changed(FlagOutputs) {
		return w, nil
	}
	outputs, err := cmd.Flags().GetStringSlice(FlagOutputs)
	if err != nil {
		return Wish{}, err
	}
	for i := range w.Requests {
		w.Requests[i].Outputs = outputs
	}
	return w, nil
}

func readRequests(cmd *cobra.Command, model string, more []string, signature func() ([]tensor.Spec, error)) ([]oipjson.Request, error) {
	options, err := readShapeFlags(cmd)
	if err != nil {
		return nil, err
	}
	words, err := cmd.Flags().GetStringArray(FlagInput)
	if err != nil {
		return nil, err
	}
	if words = append(words, more...); len(words) == 0 {
		return nil, fmt.Errorf(`--%s: expected a file, - or NAME=VALUE, got none; "opengradientd model show %s" shows the inputs of the model`, FlagInput, model)
	}
	set, err := inputs.Read(words, func(name string) ([]byte, error) { return ReadFile(cmd.InOrStdin(), name, maxFile) })
	if err != nil {
		return nil, err
	}
	var specs []tensor.Spec
	if set.NeedsSignature() {
		if specs, err = signature(); err != nil {
			return nil, err
		}
	}
	return set.Requests(specs, options)
}

// readWords reads the flags that take a word.
func (w *Wish) readWords(cmd *cobra.Command) error {
	tier, err := readWord(cmd, FlagTier, tiers())
	if err != nil {
		return err
	}
	sealing, err := readWord(cmd, FlagSealing, sealings())
	if err != nil {
		return err
	}
	class, err := readWord(cmd, FlagFeeClass, classes())
	if err != nil {
		return err
	}
	w.Tier, w.Sealing, w.FeeClass = types.Tier(tier+1), types.Sealing(sealing), schedulingtypes.FeeClass(class)
	sealed, err := cmd.Flags().GetBool(FlagSealed)
	if sealed {
		w.Sealing = types.SEALING_SEALED
	}
	return err
}

// readKey reads the flags of AddKeyFlags, where a command has them.
func (w *Wish) readKey(cmd *cobra.Command) error {
	f := cmd.Flags()
	if f.Lookup(FlagIdempotencyKey) == nil {
		return nil
	}
	var err error
	if w.ReuseBlocks, err = f.GetUint32(FlagReuseBlocks); err != nil {
		return err
	}
	if w.IdempotencyKey, err = f.GetString(FlagIdempotencyKey); err != nil || !f.Changed(FlagIdempotencyKey) {
		return err
	}
	if err := types.ValidateIdempotencyKey(w.IdempotencyKey); err != nil {
		return fmt.Errorf("--%s: %w", FlagIdempotencyKey, err)
	}
	return nil
}

// Outputs are the outputs that all requests want: one message has one list of them.
func (w Wish) Outputs() ([]string, error) {
	for i, r := range w.Requests {
		if !slices.Equal(r.Outputs, w.Requests[0].Outputs) {
			return nil, fmt.Errorf("request %d: expected the outputs of the first request, %q, got %q", i+1, w.Requests[0].Outputs, r.Outputs)
		}
	}
	if len(w.Requests) == 0 {
		return nil, errors.New("requests: expected at least one, got none")
	}
	return w.Requests[0].Outputs, nil
}

// ReadFile reads a file, or standard input for "-", up to most bytes.
func ReadFile(stdin io.Reader, name string, most int64) ([]byte, error) {
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
