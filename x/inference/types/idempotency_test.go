package types_test

import (
	"bytes"
	"encoding/hex"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/opengradient/opengradient/x/inference/types"
	schedulingtypes "github.com/opengradient/opengradient/x/scheduling/types"
)

func TestIdempotencyKeys(t *testing.T) {
	for name, key := range map[string]string{
		"one byte": "a", "all kinds": "Order-17/b_~!", "a space": "a b", "longest": strings.Repeat("k", 64),
	} {
		t.Run(name, func(t *testing.T) { require.NoError(t, types.ValidateIdempotencyKey(key)) })
	}
	for name, key := range map[string]string{
		"empty": "", "too long": strings.Repeat("k", 65), "control character": "a\n", "delete": "a\x7f", "beyond ASCII": "é", "zero byte": "\x00",
	} {
		t.Run(name, func(t *testing.T) { require.ErrorIs(t, types.ValidateIdempotencyKey(key), types.ErrIdempotencyKey) })
	}
}

func sampleContent() types.Content {
	return types.Content{
		Model: strings.Repeat("ab", 32), Tier: types.TIER_QUORUM, Outputs: []string{"label", "probabilities"},
		InputRoots: [][]byte{bytes.Repeat([]byte{1}, 32), bytes.Repeat([]byte{2}, 32)},
	}
}

// The hash of a known content must never change: a message that is sent again has to be known.
func TestContentGolden(t *testing.T) {
	hash, err := sampleContent().Hash()
	require.NoError(t, err)
	require.Equal(t, "dd0e9b205ec5d9bb8025e7aaecf55c131a8e1785f42843b9f49c7c41eec8e979", hex.EncodeToString(hash))
}

func TestContentBindsEveryField(t *testing.T) {
	base, err := sampleContent().Hash()
	require.NoError(t, err)
	seen := map[string]string{string(base): "the content itself"}
	for name, change := range map[string]func(c *types.Content){
		"model":            func(c *types.Content) { c.Model = strings.Repeat("ac", 32) },
		"tier":             func(c *types.Content) { c.Tier = types.TIER_COMMITTEE },
		"sealing":          func(c *types.Content) { c.Sealing = types.SEALING_OPEN },
		"fee class":        func(c *types.Content) { c.FeeClass = schedulingtypes.FEE_CLASS_PRIORITY },
		"reuse":            func(c *types.Content) { c.ReuseBlocks = 9 },
		"output":           func(c *types.Content) { c.Outputs[0] = "labels" },
		"order of outputs": func(c *types.Content) { c.Outputs = []string{"probabilities", "label"} },
		"output fewer":     func(c *types.Content) { c.Outputs = c.Outputs[:1] },
		"inputs":           func(c *types.Content) { c.InputRoots[1][0]++ },
		"order of inputs":  func(c *types.Content) { c.InputRoots[0], c.InputRoots[1] = c.InputRoots[1], c.InputRoots[0] },
		"request fewer":    func(c *types.Content) { c.InputRoots = c.InputRoots[:1] },
		"request more":     func(c *types.Content) { c.InputRoots = append(c.InputRoots, c.InputRoots[0]) },
	} {
		c := sampleContent()
		change(&c)
		hash, err := c.Hash()
		require.NoError(t, err, name)
		require.NotContains(t, seen, string(hash), "%s gives the hash of %s", name, seen[string(hash)])
		seen[string(hash)] = name
	}
}

func TestContentRefuses(t *testing.T) {
	for name, change := range map[string]func(c *types.Content){
		"model by name": func(c *types.Content) { c.Model = "iris" },
		"short root":    func(c *types.Content) { c.InputRoots[0] = c.InputRoots[0][:31] },
	} {
		t.Run(name, func(t *testing.T) {
			c := sampleContent()
			change(&c)
			_, err := c.Hash()
			require.Error(t, err)
		})
	}
}

func TestKeyIsRememberedToTheEndOfItsLastBlock(t *testing.T) {
	k := types.IdempotencyKey{Expires: 20}
	require.True(t, k.Remembered(19))
	require.True(t, k.Remembered(20))
	require.False(t, k.Remembered(21))
}
