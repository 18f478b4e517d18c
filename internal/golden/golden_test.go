package golden_test

import (
	"crypto/sha256"
	"encoding/hex"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/opengradient/opengradient/internal/golden"
	"github.com/opengradient/opengradient/internal/tensor"
)

var update = flag.Bool("update", false, "rewrite the golden files")

func fixed(name string, d tensor.Datatype, dims ...int64) tensor.Spec {
	s := tensor.Spec{Name: name, Datatype: d}
	for _, size := range dims {
		s.Dims = append(s.Dims, tensor.Dim{Size: size})
	}
	return s
}

func output() []tensor.Spec { return []tensor.Spec{fixed("y", tensor.FP32, 1)} }

// TestGoldenVectors pins what is derived: nodes that derive other inputs attest other roots. If it fails, the rule of
// consensus has changed.
func TestGoldenVectors(t *testing.T) {
	var all []tensor.Spec
	for d := tensor.Bool; d <= tensor.Bytes; d++ {
		all = append(all, fixed(strings.ToLower(d.String()), d, 2, 2))
	}
	cases := []struct {
		name   string
		recipe golden.Recipe
	}{
		{"every datatype without ranges", golden.Recipe{Inputs: all, Outputs: output()}},
		{"indexes into a table of 30,522 words, a batch of 2 with 3 words each", golden.Recipe{
			Inputs: []tensor.Spec{{Name: "ids", Datatype: tensor.Int64, Dims: []tensor.Dim{{Size: 1, Symbol: "N"}, {Size: 1, Symbol: "S"}}}},
			Ranges: map[string]golden.Range{"ids": {Low: "0", High: "30521"}}, Symbols: map[string]int64{"N": 2, "S": 3}, Outputs: output(),
		}},
		{"ranges of floats: one value, wide, narrow, subnormal", golden.Recipe{
			Inputs: []tensor.Spec{fixed("one", tensor.FP64, 2), fixed("wide", tensor.FP64, 2), fixed("half", tensor.FP16, 4), fixed("tiny", tensor.FP16, 4), fixed("brain", tensor.BF16, 4)},
			Ranges: map[string]golden.Range{
				"one": {"2.5", "2.5"}, "wide": {"-1e300", "1e+300"}, "half": {"-65504", "65504"}, "tiny": {"0", "1e-6"}, "brain": {"-3e38", "3e38"},
			}, Outputs: output(),
		}},
		{"all 64 bits", golden.Recipe{
			Inputs: []tensor.Spec{fixed("i", tensor.Int64, 2), fixed("u", tensor.Uint64, 2), fixed("b", tensor.Int8, 4)},
			Ranges: map[string]golden.Range{
				"i": {"-9223372036854775808", "9223372036854775807"}, "u": {"0", "18446744073709551615"}, "b": {"-128", "127"},
			}, Outputs: output(),
		}},
	}
	var out strings.Builder
	for _, c := range cases {
		c.recipe.Model = sha256.Sum256([]byte("a model"))
		vectors, err := c.recipe.Vectors()
		require.NoError(t, err, c.name)
		fmt.Fprintf(&out, "# %s: %d vectors\n", c.name, len(vectors))
		sum := sha256.New()
		for i, v := range vectors {
			encoded, err := tensor.Encode(v)
			require.NoError(t, err, c.name)
			sum.Write(encoded)
			if i > 1 {
				continue // the first two are shown
			}
			fmt.Fprintf(&out, "vector %d\n", i)
			for _, x := range v {
				fmt.Fprintf(&out, "  %-7s %-6s %v %s\n", x.Name, x.Datatype, x.Shape, hex.EncodeToString(x.Data))
			}
		}
		fmt.Fprintf(&out, "sha256 of all %x\n\n", sum.Sum(nil))
	}
	path := filepath.Join("testdata", "vectors.golden")
	if *update {
		require.NoError(t, os.MkdirAll("testdata", 0o755))
		require.NoError(t, os.WriteFile(path, []byte(out.String()), 0o644))
	}
	want, err := os.ReadFile(path)
	require.NoError(t, err)
	require.Equal(t, string(want), out.String())
}
