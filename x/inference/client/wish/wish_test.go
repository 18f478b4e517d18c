package wish

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/spf13/cobra"
	"github.com/stretchr/testify/require"

	"github.com/opengradient/opengradient/internal/oipjson"
	"github.com/opengradient/opengradient/internal/tensor"
	"github.com/opengradient/opengradient/x/inference/types"
	schedulingtypes "github.com/opengradient/opengradient/x/scheduling/types"
)

var errAsked = errors.New("the signature was asked for")

func iris() ([]tensor.Spec, error) {
	return []tensor.Spec{{Name: "x", Datatype: tensor.FP32, Dims: []tensor.Dim{{Size: 1, Symbol: "N"}, {Size: 2}}}}, nil
}

func read(t *testing.T, signature func() ([]tensor.Spec, error), more []string, args ...string) (Wish, error) {
	t.Helper()
	cmd := &cobra.Command{}
	AddFlags(cmd, "request")
	AddKeyFlags(cmd)
	cmd.SetIn(strings.NewReader("1,2,3,4"))
	require.NoError(t, cmd.ParseFlags(args))
	return Read(cmd, "iris", more, signature)
}

func TestRead(t *testing.T) {
	w, err := read(t, iris, []string{"x=1,2"}, "--outputs", "a,b", "--tier", "committee", "--sealed", "--fee-class", "economy",
		"--max-fee", "500uopg", "--idempotency-key", "k", "--reuse-blocks", "7")
	require.NoError(t, err)
	require.Equal(t, "iris", w.Model)
	require.Equal(t, []oipjson.Request{{
		Inputs:  []tensor.Tensor{{Name: "x", Datatype: tensor.FP32, Shape: []int64{1, 2}, Data: []byte{0, 0, 0x80, 0x3f, 0, 0, 0, 0x40}}},
		Outputs: []string{"a", "b"},
	}}, w.Requests)
	require.Equal(t, types.TIER_COMMITTEE, w.Tier)
	require.Equal(t, types.SEALING_SEALED, w.Sealing)
	require.Equal(t, schedulingtypes.FEE_CLASS_ECONOMY, w.FeeClass)
	require.Equal(t, "500", w.MaxFee.String())
	require.Equal(t, "k", w.IdempotencyKey)
	require.Equal(t, uint32(7), w.ReuseBlocks)

	w, err = read(t, iris, nil, "--input", "x=@-")
	require.NoError(t, err)
	require.Equal(t, []int64{2, 2}, w.Requests[0].Inputs[0].Shape)
	require.Equal(t, types.TIER_QUORUM, w.Tier)
	require.Equal(t, types.SEALING_DEFAULT, w.Sealing)
	require.True(t, w.MaxFee.IsNil(), "left to the quote")
}

func TestRequestsInJSONAreReadWithoutTheChain(t *testing.T) {
	file := filepath.Join(t.TempDir(), "requests.json")
	one := `{"inputs":[{"name":"x","shape":[1],"datatype":"INT8","data":[5]}],"outputs":[{"name":"label"}]}`
	require.NoError(t, os.WriteFile(file, []byte("["+one+","+one+"]"), 0o600))
	never := func() ([]tensor.Spec, error) { return nil, errAsked }
	w, err := read(t, never, nil, "--input", file)
	require.NoError(t, err)
	require.Len(t, w.Requests, 2)
	outputs, err := w.Outputs()
	require.NoError(t, err)
	require.Equal(t, []string{"label"}, outputs)
	w.Requests[1].Outputs = nil
	_, err = w.Outputs()
	require.ErrorContains(t, err, "request 2: expected the outputs of the first request")
	_, err = read(t, never, nil, "--input", "x=1,2")
	require.ErrorIs(t, err, errAsked)
}

func TestReadRefuses(t *testing.T) {
	for name, tc := range map[string]struct {
		args string
		want string
	}{
		"nothing":           {"", `--input: expected a file, - or NAME=VALUE, got none; "opengradientd model show iris" shows the inputs of the model`},
		"no such file":      {"--input none", "open none"},
		"tier":              {"--tier unspecified", `--tier: expected one of quorum, committee, got "unspecified"`},
		"sealing":           {"--sealing closed", "--sealing: expected one of default, sealed, open"},
		"fee class":         {"--fee-class gold", "--fee-class: expected one of standard, economy, priority"},
		"another coin":      {"--max-fee 5atom", `--max-fee: expected an amount of at least 0 uopg, got "5atom"`},
		"less than nothing": {"--max-fee=-5", "--max-fee"},
		"a fraction":        {"--max-fee 0.5", "--max-fee"},
		"key":               {"--idempotency-key ü", "--idempotency-key: "},
		"symbol":            {"--symbol N", `--symbol: expected NAME=NUMBER with a number of at least 1, got "N"`},
		"symbol of nothing": {"--symbol N=0", "--symbol"},
		"symbol twice":      {"--symbol N=1 --symbol N=2", "expected each symbol once"},
		"layout":            {"--layout hcwn", "flags for images: invalid image: layout: expected nchw or nhwc"},
		"color":             {"--color cmyk", "expected gray, rgb, bgr or rgba"},
		"size":              {"--image-size 224", "--image-size: expected HEIGHTxWIDTH such as 224x224"},
		"size of nothing":   {"--image-size 0x1", "expected 1 to 16384 pixels a side"},
		"scale":             {"--scale 0", "--scale: expected a number above 0"},
		"mean":              {"--mean a", `--mean: expected numbers with commas between them, got "a"`},
		"deviation":         {"--std 0", "std 1: expected a number above 0"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := read(t, iris, nil, strings.Fields(tc.args)...)
			require.ErrorContains(t, err, tc.want)
		})
	}
}

func TestImagesAreReadAsStated(t *testing.T) {
	cmd := &cobra.Command{}
	AddFlags(cmd, "request")
	require.NoError(t, cmd.ParseFlags(strings.Fields("--layout nhwc --color bgr --image-size 2x3 --scale 1 --mean 1,2,3 --std 4 --symbol N=2")))
	o, err := readShapeFlags(cmd)
	require.NoError(t, err)
	require.Equal(t, map[string]int64{"N": 2}, o.Symbols)
	require.Equal(t, "2x3", o.Image.Size.String())
	require.Equal(t, []float64{1, 2, 3}, o.Image.Mean)
	require.Equal(t, []float64{4}, o.Image.Std)
	require.Equal(t, "nhwc bgr", string(o.Image.Layout)+" "+string(o.Image.Color))
}

func TestFilesAreBounded(t *testing.T) {
	b, err := ReadFile(strings.NewReader("1234"), "-", 4)
	require.NoError(t, err)
	require.Equal(t, "1234", string(b))
	_, err = ReadFile(strings.NewReader("12345"), "-", 4)
	require.ErrorContains(t, err, "expected at most 4 bytes")
}
