package voteext_test

import (
	"bytes"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/opengradient/opengradient/app/abcitypes"
	"github.com/opengradient/opengradient/app/voteext"
	modelstypes "github.com/opengradient/opengradient/x/models/types"
	verificationtypes "github.com/opengradient/opengradient/x/verification/types"
)

// proved is an attestation of a model with a root, and so many bytes of outputs.
func proved(model byte, class uint32, outputs int) modelstypes.ModelAttestation {
	a := modelstypes.ModelAttestation{Model: root(model), EnvironmentClass: class, OutputRoot: root(0xee)}
	if outputs > 0 {
		a.Outputs = bytes.Repeat([]byte{9}, outputs)
	}
	return a
}

// unable is an attestation of a model with a failure.
func unable(model byte, class uint32, failure modelstypes.ModelFailure) modelstypes.ModelAttestation {
	return modelstypes.ModelAttestation{Model: root(model), EnvironmentClass: class, Failure: failure}
}

// found is what a node says that has tried models.
func found() abcitypes.VoteExtension {
	return abcitypes.VoteExtension{Version: voteext.Version, Models: []modelstypes.ModelAttestation{
		proved(1, 1, 5), proved(1, 2, 0), unable(2, 1, modelstypes.MODEL_FAILURE_CRASH),
	}}
}

// drawModels draws attestations in their order.
func drawModels(t *rapid.T, most, outputs int) (models []modelstypes.ModelAttestation) {
	for _, number := range rapid.SliceOfNDistinct(rapid.ByteRange(1, 200), 0, most, rapid.ID).Draw(t, "models") {
		class := rapid.Uint32Range(1, 3).Draw(t, "class")
		if failure := rapid.Int32Range(0, 7).Draw(t, "failure"); rapid.Bool().Draw(t, "failed") && failure > 0 {
			models = append(models, unable(number, class, modelstypes.ModelFailure(failure)))
		} else {
			models = append(models, proved(number, class, rapid.IntRange(0, outputs).Draw(t, "outputs")))
		}
	}
	slices.SortFunc(models, func(a, b modelstypes.ModelAttestation) int { return bytes.Compare(a.Model, b.Model) })
	return models
}

// told are the first bytes of the models that an extension speaks of.
func told(ext abcitypes.VoteExtension) (models []byte) {
	for _, a := range ext.Models {
		models = append(models, a.Model[0])
	}
	return models
}

// shown are those whose outputs it holds.
func shown(ext abcitypes.VoteExtension) (models []byte) {
	for _, a := range ext.Models {
		if len(a.Outputs) > 0 {
			models = append(models, a.Model[0])
		}
	}
	return models
}

func TestDecodeRefusesModels(t *testing.T) {
	cases := []struct {
		reason string
		change func(*abcitypes.VoteExtension)
		want   error
	}{
		{"out of order", func(e *abcitypes.VoteExtension) { slices.Reverse(e.Models) }, voteext.ErrMalformed},
		{"classes out of order", func(e *abcitypes.VoteExtension) { e.Models[0].EnvironmentClass = 3 }, voteext.ErrMalformed},
		{"repeated", func(e *abcitypes.VoteExtension) { e.Models[1] = e.Models[0] }, voteext.ErrMalformed},
		{"a model and class twice with other words", func(e *abcitypes.VoteExtension) { e.Models[1].EnvironmentClass = 1 }, voteext.ErrMalformed},
		{"a model of 31 bytes", func(e *abcitypes.VoteExtension) { e.Models[0].Model = root(1)[1:] }, voteext.ErrMalformed},
		{"no model", func(e *abcitypes.VoteExtension) { e.Models[0].Model = nil }, voteext.ErrMalformed},
		{"class zero", func(e *abcitypes.VoteExtension) { e.Models[0].EnvironmentClass = 0 }, voteext.ErrMalformed},
		{"neither root nor failure", func(e *abcitypes.VoteExtension) { e.Models[1].OutputRoot = nil }, voteext.ErrMalformed},
		{"root and failure", func(e *abcitypes.VoteExtension) { e.Models[1].Failure = modelstypes.MODEL_FAILURE_LOAD }, voteext.ErrMalformed},
		{"outputs and a failure", func(e *abcitypes.VoteExtension) { e.Models[2].Outputs = []byte{1} }, voteext.ErrMalformed},
		{"outputs without a root", func(e *abcitypes.VoteExtension) { e.Models[0].OutputRoot = nil }, voteext.ErrMalformed},
		{"a root of 31 bytes", func(e *abcitypes.VoteExtension) { e.Models[0].OutputRoot = root(1)[1:] }, voteext.ErrMalformed},
		{"an unknown failure", func(e *abcitypes.VoteExtension) { e.Models[2].Failure = 8 }, voteext.ErrMalformed},
		{"a negative failure", func(e *abcitypes.VoteExtension) { e.Models[2].Failure = -1 }, voteext.ErrMalformed},
		{"more outputs than there may be", func(e *abcitypes.VoteExtension) { e.Models[0].Outputs = make([]byte, voteext.MaxGoldenOutput+1) }, voteext.ErrTooLarge},
		{"too many", func(e *abcitypes.VoteExtension) {
			e.Models = nil
			for i := range voteext.MaxModels + 1 {
				e.Models = append(e.Models, proved(byte(i), 1, 0))
			}
		}, voteext.ErrTooLarge},
	}
	for _, c := range cases {
		t.Run(c.reason, func(t *testing.T) {
			ext := found()
			c.change(&ext)
			decoded, err := voteext.Decode(marshal(t, ext))
			require.ErrorIs(t, err, c.want)
			require.Equal(t, abcitypes.VoteExtension{}, decoded)
			_, err = voteext.Encode(ext)
			require.ErrorIs(t, err, c.want)
		})
	}
	ext := found()
	ext.Models[0].Outputs = make([]byte, voteext.MaxGoldenOutput)
	_, err := voteext.Decode(marshal(t, ext))
	require.NoError(t, err, "as many outputs as there may be")
}

func TestExtendVoteLeavesOutModelsThatAreNotSound(t *testing.T) {
	bad := proved(1, 1, 0)
	bad.OutputRoot = nil
	large := proved(2, 1, voteext.MaxGoldenOutput+1)
	got := extend(t, pending{Models: []modelstypes.ModelAttestation{bad, large, proved(3, 1, 4), proved(3, 1, 0), proved(3, 2, 0)}}, nil, height)
	require.Equal(t, []byte{3, 3}, told(got), "each model and class once")
	require.Equal(t, []byte{3}, shown(got), "the first of two with one key")
}

// TestRequestsComeBeforeModels: whatever there is to say of requests leaves the extension as full as without models.
func TestRequestsComeBeforeModels(t *testing.T) {
	items := []voteext.Item{item(1, 110, 10<<10), item(2, 111, 10<<10), item(3, 112, 10<<10)}
	models := []modelstypes.ModelAttestation{proved(1, 1, 12<<10), proved(2, 1, 1<<10), unable(3, 1, modelstypes.MODEL_FAILURE_LOAD)}
	got := extend(t, pending{Items: items, Models: models}, nil, height)
	require.Equal(t, []uint64{1, 2, 3}, outputs(got))
	require.Equal(t, []byte{1, 2, 3}, told(got), "a word on each fits beside them")
	require.Equal(t, []byte{2}, shown(got), "what does not fit goes out without its outputs")

	items = append(items, item(4, 113, 1_810))
	got = extend(t, pending{Items: items, Models: models}, nil, height)
	require.Equal(t, []uint64{1, 2, 3, 4}, outputs(got))
	require.Empty(t, got.Models)

	rapid.Check(t, func(t *rapid.T) {
		var items []voteext.Item
		for i := range rapid.IntRange(0, 20).Draw(t, "items") {
			it := item(uint64(i+1), int64(height+rapid.IntRange(0, 4).Draw(t, "deadline")), rapid.IntRange(0, 9<<10).Draw(t, "output"))
			if rapid.Bool().Draw(t, "sealed") {
				it.Commitment = root(byte(i))
			}
			items = append(items, it)
		}
		models := drawModels(t, 100, voteext.MaxGoldenOutput)
		at := int64(rapid.IntRange(height, height+3).Draw(t, "height"))
		raw := extendRaw(t, pending{Items: items, Models: models}, nil, at)
		require.LessOrEqual(t, len(raw), voteext.MaxBytes)
		with, err := voteext.Decode(raw)
		require.NoError(t, err)
		slices.Reverse(models)
		require.Equal(t, raw, extendRaw(t, pending{Items: items, Models: models}, nil, at), "the order of the source does not matter")
		for _, a := range with.Models {
			at := slices.IndexFunc(models, func(b modelstypes.ModelAttestation) bool { return bytes.Equal(a.Model, b.Model) })
			want := models[at]
			if len(a.Outputs) == 0 {
				want.Outputs = nil
			}
			require.Equal(t, want, a, "nothing but outputs is left out of a word")
		}
		with.Models = nil
		require.Equal(t, extend(t, pending{Items: items}, nil, at), with)
	})
}

// TestEveryModelGetsATurn: of more than fit, each goes out within as many heights as there are.
func TestEveryModelGetsATurn(t *testing.T) {
	var models []modelstypes.ModelAttestation
	for n := range byte(100) {
		models = append(models, proved(n+1, 1, 0))
	}
	models[98], models[99] = proved(99, 1, 16<<10), proved(100, 1, 16<<10)
	words, outputs := map[byte]int{}, map[byte]int{}
	for at := int64(height); at < height+100; at++ {
		got := extend(t, pending{Models: models}, nil, at)
		require.Len(t, got.Models, voteext.MaxModels)
		for _, model := range told(got) {
			words[model]++
		}
		require.LessOrEqual(t, len(shown(got)), 1, "two do not fit beside the words")
		for _, model := range shown(got) {
			outputs[model]++
		}
	}
	for _, a := range models {
		require.Equal(t, voteext.MaxModels, words[a.Model[0]])
	}
	require.Positive(t, outputs[99])
	require.Positive(t, outputs[100])
}

func TestExtendVoteDoesNotRepeatModelsOfTheBlock(t *testing.T) {
	carried := []modelstypes.ModelAttestation{
		proved(1, 1, 0), proved(2, 1, 0), proved(3, 1, 4), proved(4, 1, 0),
		unable(5, 1, modelstypes.MODEL_FAILURE_LOAD), unable(6, 1, modelstypes.MODEL_FAILURE_LOAD), unable(7, 1, modelstypes.MODEL_FAILURE_LOAD),
	}
	seen := &voteext.SeenCache{}
	seen.Put([]byte("block"), voteext.Seen{Own: abcitypes.VoteExtension{Version: voteext.Version, Models: carried}})
	other := proved(4, 1, 0)
	other.OutputRoot = root(0xdd)
	got := extend(t, pending{Models: []modelstypes.ModelAttestation{
		proved(1, 1, 0), // carried
		proved(1, 2, 0), // another class
		proved(2, 1, 6), // its outputs are not carried
		proved(3, 1, 4), // carried
		other,           // a root never changes
		unable(5, 1, modelstypes.MODEL_FAILURE_LOAD),  // carried
		unable(6, 1, modelstypes.MODEL_FAILURE_CRASH), // another failure
		proved(7, 1, 0), // a failure may be followed by a root
	}}, seen, height)
	require.Equal(t, []byte{1, 2, 6, 7}, told(got))
	require.Equal(t, []byte{2}, shown(got))
	require.EqualValues(t, 2, got.Models[0].EnvironmentClass)
}

func TestNextEnvironmentIsPartOfTheCondition(t *testing.T) {
	plain, prepares := status(), status()
	prepares.NextEnvironment = status().Environment
	require.True(t, voteext.SameCondition(prepares, prepares))
	require.False(t, voteext.SameCondition(plain, prepares))
	other := status()
	other.NextEnvironment = status().Environment
	other.NextEnvironment.Isa = "avx512"
	require.False(t, voteext.SameCondition(prepares, other))

	seen := &voteext.SeenCache{}
	seen.Put([]byte("block"), voteext.Seen{Own: abcitypes.VoteExtension{Version: voteext.Version, Status: plain}})
	require.NotNil(t, extend(t, pending{Status: prepares, Items: []voteext.Item{{Outcome: verificationtypes.Outcome{}}}}, seen, height).Status)
}
