package voteext_test

import (
	"bytes"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/opengradient/opengradient/app/abcitypes"
	"github.com/opengradient/opengradient/app/voteext"
	"github.com/opengradient/opengradient/internal/tensor"
	verificationtypes "github.com/opengradient/opengradient/x/verification/types"
)

// block is an injection of what the validators say; a nil extension is garbage.
func block(t *testing.T, exts ...*abcitypes.VoteExtension) abcitypes.InjectedCommit {
	t.Helper()
	var c abcitypes.InjectedCommit
	for _, ext := range exts {
		entry := abcitypes.InjectedEntry{Kind: abcitypes.ENTRY_KIND_PRESENT, Extension: []byte("garbage")}
		if ext != nil {
			ext.Version = voteext.Version
			b, err := voteext.Encode(*ext)
			require.NoError(t, err)
			entry.Extension = b
		}
		c.Entries = append(c.Entries, entry)
	}
	return c
}

func attests(id uint64, o verificationtypes.Outcome) *abcitypes.VoteExtension {
	return &abcitypes.VoteExtension{Attestations: []verificationtypes.Attestation{attestation(id, 1, o)}}
}

func reveals(id uint64, o verificationtypes.Outcome) *abcitypes.VoteExtension {
	return &abcitypes.VoteExtension{Reveals: []verificationtypes.Reveal{reveal(id, o, 9)}}
}

func publishes(ext *abcitypes.VoteExtension, id uint64, output []byte) *abcitypes.VoteExtension {
	ext.Outputs = []verificationtypes.PublishedOutput{{RequestId: id, Attempt: 1, Output: output}}
	return ext
}

func TestInspectTellsHowAWordStands(t *testing.T) {
	output := []byte("output")
	mine := verificationtypes.NewRootOutcome(tensor.MerkleRoot(output))
	other := rooted(1)
	nothing := func() *abcitypes.VoteExtension { return &abcitypes.VoteExtension{} }
	cases := []struct {
		reason string
		before *abcitypes.VoteExtension
		own    *abcitypes.VoteExtension
		after  *abcitypes.VoteExtension
		// words are asked about beside what stands in own.
		words map[voteext.Key]verificationtypes.Outcome
		want  voteext.Contest
	}{
		{"alone", nothing(), attests(1, mine), nothing(), nil, voteext.Contest{}},
		{"all agree, one before", attests(1, mine), attests(1, mine), attests(1, mine), nil, voteext.Contest{Preceded: true}},
		{"all agree, as the first", nothing(), attests(1, mine), attests(1, mine), nil, voteext.Contest{}},
		{"another outcome before", attests(1, other), attests(1, mine), attests(1, mine), nil, voteext.Contest{Rival: true}},
		{"another outcome after", attests(1, mine), attests(1, mine), attests(1, other), nil, voteext.Contest{Rival: true, Preceded: true}},
		{"a failure", attests(1, failed(verificationtypes.FAILURE_EXECUTION)), attests(1, mine), nothing(), nil, voteext.Contest{Rival: true}},
		{"reveals", reveals(1, mine), reveals(1, mine), reveals(1, other), nil, voteext.Contest{Rival: true, Preceded: true}},
		{"another request", attests(2, other), attests(1, mine), nothing(), nil, voteext.Contest{}},
		{"garbage beside it", nil, attests(1, mine), attests(1, other), nil, voteext.Contest{Rival: true}},
		{"bytes of the outcome", publishes(attests(1, mine), 1, output), attests(1, mine), nothing(), nil, voteext.Contest{Preceded: true, Published: true}},
		{"bytes from later in the commit", nothing(), attests(1, mine), publishes(nothing(), 1, output), nil, voteext.Contest{Published: true}},
		{"other bytes", publishes(attests(1, mine), 1, []byte("noise")), attests(1, mine), nothing(), nil, voteext.Contest{Preceded: true}},
		{"asked about, not in the block", attests(1, mine), nothing(), attests(1, other), map[voteext.Key]verificationtypes.Outcome{
			{RequestID: 1, Attempt: 1}: mine,
		}, voteext.Contest{Rival: true, Preceded: true}},
		{"what the block says counts", nothing(), attests(1, mine), attests(1, mine), map[voteext.Key]verificationtypes.Outcome{
			{RequestID: 1, Attempt: 1}: other,
		}, voteext.Contest{}},
		{"not asked about", attests(1, other), nothing(), attests(1, mine), nil, voteext.Contest{}},
	}
	for _, c := range cases {
		t.Run(c.reason, func(t *testing.T) {
			seen := voteext.Inspect(block(t, c.before, c.own, c.after), 1, c.words)
			require.Equal(t, c.want, seen.Contests[voteext.Key{RequestID: 1, Attempt: 1}])
			require.Equal(t, *c.own, seen.Own)
		})
	}
}

func TestInspectNeverFails(t *testing.T) {
	key := voteext.Key{RequestID: 1, Attempt: 1}
	words := map[voteext.Key]verificationtypes.Outcome{key: rooted(3)}
	injected := block(t, attests(1, rooted(1)), nil)
	injected.Entries = append(injected.Entries, abcitypes.InjectedEntry{}, abcitypes.InjectedEntry{Extension: bytes.Repeat([]byte{1}, voteext.MaxBytes+1)})
	for _, own := range []int{-1, 4, 1 << 40} {
		require.Equal(t, voteext.Seen{}, voteext.Inspect(injected, own, words))
	}
	for _, own := range []int{1, 2, 3} {
		require.True(t, voteext.Inspect(injected, own, words).Contests[key].Rival, "entry %d", own)
	}
}
