package types_test

import (
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/require"

	"cosmossdk.io/math"

	"github.com/opengradient/opengradient/x/models/types"
	schedulingtypes "github.com/opengradient/opengradient/x/scheduling/types"
)

func manifest() types.Manifest {
	return types.Manifest{
		Name: "iris", TaskClass: schedulingtypes.TASK_CLASS_CLASSIFICATION, Royalty: math.NewInt(1), Card: "# Iris\n", License: "MIT",
		Labels: []string{"flowers", "Blüten"},
	}
}

func TestManifest(t *testing.T) {
	require.NoError(t, manifest().Validate(types.DefaultParams()))
	many := func(n int) (list []string) {
		for i := range n {
			list = append(list, strings.Repeat("x", i+1))
		}
		return list
	}
	ranges := func(n int) (list []types.InputRange) {
		for range n {
			list = append(list, types.InputRange{Input: strings.Repeat("x", len(list)+1), Low: "0", High: "1"})
		}
		return list
	}
	for _, c := range []struct {
		name   string
		change func(*types.Manifest)
		want   error
	}{
		{"no name", func(m *types.Manifest) { m.Name = "" }, types.ErrInvalidName},
		{"a task class that is none", func(m *types.Manifest) { m.TaskClass = 99 }, types.ErrTaskClass},
		{"a royalty beyond the bound", func(m *types.Manifest) { m.Royalty = types.MaxAmount.AddRaw(1) }, types.ErrRoyalty},
		{"a card that is no UTF-8", func(m *types.Manifest) { m.Card = "\xff" }, types.ErrManifest},
		{"a long license", func(m *types.Manifest) { m.License = strings.Repeat("x", 65) }, types.ErrManifest},
		{"a license in two lines", func(m *types.Manifest) { m.License = "a\nb" }, types.ErrManifest},
		{"too many labels", func(m *types.Manifest) { m.Labels = many(33) }, types.ErrManifest},
		{"an empty label", func(m *types.Manifest) { m.Labels = []string{""} }, types.ErrManifest},
		{"a long label", func(m *types.Manifest) { m.Labels = []string{strings.Repeat("x", 65)} }, types.ErrManifest},
		{"a label that is no UTF-8", func(m *types.Manifest) { m.Labels = []string{"\xff"} }, types.ErrManifest},
		{"a label with a control character", func(m *types.Manifest) { m.Labels = []string{"a\u0085"} }, types.ErrManifest},
		{"a label twice", func(m *types.Manifest) { m.Labels = []string{"a", "a"} }, types.ErrManifest},
		{"too many vectors", func(m *types.Manifest) { m.Golden.Vectors = make([][]byte, 9) }, types.ErrGolden},
		{"vectors and ranges", func(m *types.Manifest) { m.Golden.Vectors, m.Golden.Ranges = [][]byte{{1}}, ranges(1) }, types.ErrGolden},
		{"too many ranges", func(m *types.Manifest) { m.Golden.Ranges = ranges(65) }, types.ErrGolden},
		{"a range twice", func(m *types.Manifest) { m.Golden.Ranges = append(ranges(1), ranges(1)...) }, types.ErrGolden},
		{"a range with a long number", func(m *types.Manifest) {
			m.Golden.Ranges = []types.InputRange{{Input: "x", Low: strings.Repeat("1", 33)}}
		}, types.ErrGolden},
		{"a symbol twice", func(m *types.Manifest) { m.Golden.Symbols = []types.SymbolValue{{Symbol: "N"}, {Symbol: "N"}} }, types.ErrGolden},
		{"a symbol without a name", func(m *types.Manifest) { m.Golden.Symbols = []types.SymbolValue{{Value: 1}} }, types.ErrGolden},
		{"too many symbols", func(m *types.Manifest) { m.Golden.Symbols = make([]types.SymbolValue, 9) }, types.ErrGolden},
	} {
		t.Run(c.name, func(t *testing.T) {
			m := manifest()
			c.change(&m)
			require.ErrorIs(t, m.Validate(types.DefaultParams()), c.want)
		})
	}
	m := manifest()
	m.Labels, m.Royalty, m.Golden.Ranges = many(32), math.Int{}, ranges(64)
	require.NoError(t, m.Validate(types.DefaultParams()), "at the bounds")
}

// FuzzManifest: whatever a message carries, a manifest that is accepted is within its bounds and can be written as JSON.
func FuzzManifest(f *testing.F) {
	for _, m := range []types.Manifest{manifest(), {}, {Name: "a", Labels: []string{"x"}, Golden: types.Golden{Vectors: [][]byte{{1, 2}}}}} {
		if m.Royalty.IsNil() {
			m.Royalty = math.ZeroInt()
		}
		raw, err := m.Marshal()
		require.NoError(f, err)
		f.Add(raw)
	}
	p := types.DefaultParams()
	f.Fuzz(func(t *testing.T, raw []byte) {
		var m types.Manifest
		if m.Unmarshal(raw) != nil || m.Validate(p) != nil {
			return
		}
		require.LessOrEqual(t, uint64(len(m.Card)), p.MaxCardBytes)
		require.LessOrEqual(t, len(m.Labels), types.MaxLabels)
		for _, text := range append([]string{m.Name, m.Card, m.License}, m.Labels...) {
			require.True(t, utf8.ValidString(text))
		}
		size := 0
		for _, v := range m.Golden.Vectors {
			size += len(v)
		}
		require.LessOrEqual(t, uint64(size), p.MaxGoldenBytes)
	})
}
