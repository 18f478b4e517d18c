package types_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/opengradient/opengradient/x/models/types"
)

func TestValidateName(t *testing.T) {
	for _, good := range []string{"a", "iris", "resnet-50.v1_5", strings.Repeat("a", 64)[:63] + "z"} {
		require.NoError(t, types.ValidateName(good), good)
	}
	for _, bad := range []string{"", "1a", "-a", ".a", "A", "a b", "a:1", "ä", "a\x00", strings.Repeat("a", 65), strings.Repeat("a", 64)} {
		require.ErrorIs(t, types.ValidateName(bad), types.ErrInvalidName, "%q", bad)
	}
	for _, bad := range []string{"", "1", "Latest", strings.Repeat("a", 33)} {
		require.ErrorIs(t, types.ValidateTag(bad), types.ErrInvalidTag, "%q", bad)
	}
	require.NoError(t, types.ValidateTag(strings.Repeat("a", 32)))
}

// TestReferencesReadBack: what a reference writes reads as the same reference.
func TestReferencesReadBack(t *testing.T) {
	word := rapid.StringMatching(`[a-z][a-z0-9._-]{0,31}`)
	rapid.Check(t, func(t *rapid.T) {
		ref := types.Reference{Name: word.Draw(t, "name")}
		switch rapid.IntRange(0, 2).Draw(t, "kind") {
		case 0:
			ref.Version = rapid.Uint32Range(1, 1<<32-1).Draw(t, "version")
		case 1:
			ref.Tag = word.Draw(t, "tag")
		default:
			ref = types.Reference{ID: rapid.SliceOfN(rapid.Byte(), 32, 32).Draw(t, "id")}
		}
		got, err := types.ParseReference(ref.String())
		require.NoError(t, err)
		require.Equal(t, ref, got)
	})
}

// FuzzParseReference: every text is read in one way or refused; what is read writes what was meant.
func FuzzParseReference(f *testing.F) {
	for _, seed := range []string{"iris", "iris:latest", "iris:1", "iris:01", ":", "a:", strings.Repeat("0", 64), strings.Repeat("a", 64), "a:4294967295", "a:99999999999"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		ref, err := types.ParseReference(text)
		if err != nil {
			return
		}
		want := text
		if ref.Tag == types.TagLatest && !strings.Contains(text, ":") {
			want += ":" + types.TagLatest
		}
		require.Equal(t, want, ref.String())
	})
}
