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

	"github.com/opengradient/opengradient/x/inference/types"
)

// maxInputFile bounds what is read from a file or from standard input: JSON is a few times as long as the tensors.
const maxInputFile = 64 << 20

// What the names of an enum begin with.
const (
	tierPrefix     = "TIER_"
	sealingPrefix  = "SEALING_"
	feeClassPrefix = "FEE_CLASS_"
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

// optionalAmountFlag reads an amount that the chain is asked for when it is not given: then it is nil.
func optionalAmountFlag(cmd *cobra.Command, flag string) (math.Int, error) {
	if !cmd.Flags().Changed(flag) {
		return math.Int{}, nil
	}
	return amountFlag(cmd, flag)
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
