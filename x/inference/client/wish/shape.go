package wish

import (
	"fmt"
	"math"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/opengradient/opengradient/internal/imagein"
	"github.com/opengradient/opengradient/internal/inputs"
)

const (
	flagSymbol = "symbol"
	flagLayout = "layout"
	flagColor  = "color"
	flagSize   = "image-size"
	flagScale  = "scale"
	flagMean   = "mean"
	flagStd    = "std"
)

// addShapeFlags adds the flags that say how inputs become tensors, where the signature does not.
func addShapeFlags(cmd *cobra.Command) {
	f := cmd.Flags()
	f.StringArray(flagSymbol, nil, "value of a symbol of the signature, `NAME=NUMBER`; may be repeated")
	wordFlag(cmd, flagLayout, "auto", "dimensions of an image input", []string{"auto", "nchw", "nhwc"})
	wordFlag(cmd, flagColor, "auto", "channels of an image input", []string{"auto", "gray", "rgb", "bgr", "rgba"})
	f.String(flagSize, "", "`HEIGHTxWIDTH` of an image input that takes any size; without it that of the image")
	f.Float64(flagScale, 0, "`FACTOR` for pixels of 0 to 255; without it 1/255 for inputs of floats, 1 for integers")
	f.StringSlice(flagMean, nil, "`NUMBERS` to subtract from scaled pixels, one or one for each channel")
	f.StringSlice(flagStd, nil, "`NUMBERS` to divide them by after that, one or one for each channel")
}

// readShapeFlags reads them.
func readShapeFlags(cmd *cobra.Command) (inputs.Options, error) {
	var o inputs.Options
	f := cmd.Flags()
	stated, err := f.GetStringArray(flagSymbol)
	if err != nil {
		return o, err
	}
	o.Symbols = make(map[string]int64, len(stated))
	for _, text := range stated {
		at := strings.LastIndexByte(text, '=')
		n, err := strconv.ParseInt(text[at+1:], 10, 64)
		if at < 1 || err != nil || n < 1 {
			return o, fmt.Errorf("--%s: expected NAME=NUMBER with a number of at least 1, got %.64q", flagSymbol, text)
		}
		if _, twice := o.Symbols[text[:at]]; twice {
			return o, fmt.Errorf("--%s: expected each symbol once, got %.64q twice", flagSymbol, text[:at])
		}
		o.Symbols[text[:at]] = n
	}
	layout, err := f.GetString(flagLayout)
	if err != nil {
		return o, err
	}
	color, err := f.GetString(flagColor)
	if err != nil {
		return o, err
	}
	o.Image.Layout, o.Image.Color = imagein.Layout(auto(layout)), imagein.Color(auto(color))
	if o.Image.Scale, err = f.GetFloat64(flagScale); err != nil {
		return o, err
	}
	if f.Changed(flagScale) && o.Image.Scale <= 0 {
		return o, fmt.Errorf("--%s: expected a number above 0, got %v", flagScale, o.Image.Scale)
	}
	if o.Image.Mean, err = numbers(cmd, flagMean); err != nil {
		return o, err
	}
	if o.Image.Std, err = numbers(cmd, flagStd); err != nil {
		return o, err
	}
	if o.Image.Size, err = size(cmd); err != nil {
		return o, err
	}
	if err := o.Image.Validate(); err != nil {
		return o, fmt.Errorf("flags for images: %w", err)
	}
	return o, nil
}

// auto is a word, or nothing for the one that leaves the choice.
func auto(word string) string {
	if word == "auto" {
		return ""
	}
	return word
}

// numbers reads a list of them.
func numbers(cmd *cobra.Command, flag string) ([]float64, error) {
	texts, err := cmd.Flags().GetStringSlice(flag)
	if err != nil {
		return nil, err
	}
	list := make([]float64, len(texts))
	for i, text := range texts {
		if list[i], err = strconv.ParseFloat(text, 64); err != nil || math.IsInf(list[i], 0) || math.IsNaN(list[i]) {
			return nil, fmt.Errorf("--%s: expected numbers with commas between them, got %.64q", flag, text)
		}
	}
	return list, nil
}

func size(cmd *cobra.Command) (*imagein.Size, error) {
	text, err := cmd.Flags().GetString(flagSize)
	if err != nil || text == "" {
		return nil, err
	}
	height, width, found := strings.Cut(text, "x")
	h, errH := strconv.Atoi(height)
	w, errW := strconv.Atoi(width)
	if !found || errH != nil || errW != nil {
		return nil, fmt.Errorf("--%s: expected HEIGHTxWIDTH such as 224x224, got %.64q", flagSize, text)
	}
	return &imagein.Size{Height: h, Width: w}, nil
}
