package voteext_test

import (
	"bytes"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/opengradient/opengradient/app/abcitypes"
	"github.com/opengradient/opengradient/app/voteext"
	verificationtypes "github.com/opengradient/opengradient/x/verification/types"
)

// committing is an item of a round that takes commitments.
func committing(id uint64, deadline int64) voteext.Item {
	it := item(id, deadline, 0)
	it.Attest, it.Commitment = false, root(byte(id))
	return it
}

// revealing is an item of a round that takes reveals.
func revealing(id uint64, deadline int64, output int) voteext.Item {
	it := item(id, deadline, output)
	it.Salt = root(byte(id))
	return it
}

func TestExtendVoteSendsEachWordInItsForm(t *testing.T) {
	items := []voteext.Item{revealing(4, 110, 10), committing(3, 110), item(2, 110, 10), revealing(1, 110, 0), committing(5, 110)}
	got := extend(t, pending{Items: items}, nil, height)
	require.Equal(t, abcitypes.VoteExtension{
		Version:      voteext.Version,
		Attestations: []verificationtypes.Attestation{attestation(2, 1, rooted(2))},
		Outputs: []verificationtypes.PublishedOutput{
			{RequestId: 2, Attempt: 1, Output: bytes.Repeat([]byte{2}, 10)}, {RequestId: 4, Attempt: 1, Output: bytes.Repeat([]byte{4}, 10)},
		},
		Commitments: []verificationtypes.Commitment{commitment(3, 1, 3), commitment(5, 1, 5)},
		Reveals:     []verificationtypes.Reveal{reveal(1, rooted(1), 1), reveal(4, rooted(4), 4)},
	}, got)
}

func TestExtendVoteTellsNothingBesideACommitment(t *testing.T) {
	it := committing(1, 110)
	it.Attest, it.Salt = true, root(1)
	it.Output, it.Contested = []byte("output"), []byte("output")
	seen := &voteext.SeenCache{}
	seen.Put([]byte("block"), voteext.Seen{Contests: map[voteext.Key]voteext.Contest{it.Key: {Rival: true}}})
	got := extend(t, pending{Items: []voteext.Item{it}}, seen, height)
	require.Equal(t, abcitypes.VoteExtension{
		Version: voteext.Version, Commitments: []verificationtypes.Commitment{commitment(1, 1, 1)},
	}, got)
}

// The words on all attempts share the room: the earliest deadline is first, whatever its form.
func TestExtendVoteSharesTheRoomAmongTheForms(t *testing.T) {
	forms := []func(id uint64, deadline int64) voteext.Item{
		func(id uint64, deadline int64) voteext.Item { return item(id, deadline, 0) },
		committing,
		func(id uint64, deadline int64) voteext.Item { return revealing(id, deadline, 0) },
	}
	var items []voteext.Item
	for id := uint64(1); id <= 1200; id++ {
		items = append(items, forms[id%3](id, height+int64(id)))
	}
	got := extend(t, pending{Items: items}, nil, height)
	n := len(got.Attestations) + len(got.Commitments) + len(got.Reveals)
	require.Less(t, n, 900)
	for i, list := range []int{len(got.Attestations), len(got.Commitments), len(got.Reveals)} {
		require.InDelta(t, n/3, list, 30, "form %d", i)
	}
	require.Equal(t, uint64(3), got.Attestations[0].RequestId)
}

func TestExtendVoteKeepsTheBoundOfEachList(t *testing.T) {
	var items []voteext.Item
	failure := failed(verificationtypes.FAILURE_EXECUTION)
	for id := uint64(1); id <= voteext.MaxAttestations+5; id++ {
		it := item(id, 110, 0)
		it.Outcome = failure
		items = append(items, it)
	}
	items = append(items, committing(5000, 120), revealing(5001, 120, 0))
	got := extend(t, pending{Items: items}, nil, height)
	require.Len(t, got.Attestations, voteext.MaxAttestations)
	require.Len(t, got.Commitments, 1)
	require.Len(t, got.Reveals, 1)
}

func TestExtendVoteDoesNotRepeatSealedWords(t *testing.T) {
	seen := &voteext.SeenCache{}
	seen.Put([]byte("block"), voteext.Seen{Own: abcitypes.VoteExtension{
		Version:     voteext.Version,
		Commitments: []verificationtypes.Commitment{commitment(1, 1, 99), commitment(3, 1, 3)},
		Reveals:     []verificationtypes.Reveal{reveal(2, rooted(2), 2), reveal(5, rooted(77), 5)},
	}})
	got := extend(t, pending{Items: []voteext.Item{
		committing(1, 110), // another commitment is carried: there is never a second one
		revealing(2, 110, 10),
		revealing(3, 110, 10), // the commitment it opens is carried once more
		committing(4, 110),
		revealing(5, 110, 10), // another outcome is carried
	}}, seen, height)
	require.Equal(t, []verificationtypes.Commitment{commitment(4, 1, 4)}, got.Commitments)
	require.Equal(t, []verificationtypes.Reveal{reveal(3, rooted(3), 3)}, got.Reveals)
	require.Equal(t, []uint64{2, 3}, outputs(got))
}

func TestExtendVoteLeavesOutUnsoundSealedWords(t *testing.T) {
	short, long := committing(1, 110), revealing(2, 110, 0)
	short.Commitment, long.Salt = short.Commitment[1:], append(root(1), 1)
	require.Empty(t, extendRaw(t, pending{Items: []voteext.Item{short, long}}, nil, height))
}

func TestExtendVotePublishesAtOnceWhenContested(t *testing.T) {
	waiting := func(attest bool) voteext.Item {
		it := item(1, 110, 0)
		it.Attest, it.Contested = attest, []byte("output")
		return it
	}
	cases := []struct {
		reason  string
		item    voteext.Item
		contest *voteext.Contest
		want    bool
	}{
		{"the block is not known", waiting(true), nil, false},
		{"nobody says otherwise", waiting(true), &voteext.Contest{}, false},
		{"others say the same", waiting(true), &voteext.Contest{Preceded: true}, false},
		{"first of its outcome", waiting(true), &voteext.Contest{Rival: true}, true},
		{"not the first of its outcome", waiting(true), &voteext.Contest{Rival: true, Preceded: true}, false},
		{"the bytes are on their way", waiting(true), &voteext.Contest{Rival: true, Published: true}, false},
		{"recorded before", waiting(false), &voteext.Contest{Rival: true}, true},
		{"recorded before, others follow", waiting(false), &voteext.Contest{Rival: true, Preceded: true}, true},
	}
	for _, c := range cases {
		t.Run(c.reason, func(t *testing.T) {
			seen := &voteext.SeenCache{}
			if c.contest != nil {
				seen.Put([]byte("block"), voteext.Seen{Contests: map[voteext.Key]voteext.Contest{c.item.Key: *c.contest}})
			}
			got := extend(t, pending{Items: []voteext.Item{c.item}}, seen, height)
			require.Equal(t, c.want, len(got.Outputs) == 1)
		})
	}
}

func TestExtendVoteLeavesBytesThatAreOnTheirWay(t *testing.T) {
	seen := &voteext.SeenCache{}
	it := item(1, 110, 10)
	seen.Put([]byte("block"), voteext.Seen{Contests: map[voteext.Key]voteext.Contest{it.Key: {Published: true}}})
	got := extend(t, pending{Items: []voteext.Item{it}}, seen, height)
	require.Len(t, got.Attestations, 1)
	require.Empty(t, got.Outputs)
}

// What is wanted by committed state comes before what the block voted on may ask for.
func TestExtendVotePublishesContestedBytesLast(t *testing.T) {
	early, late := item(1, 105, 0), item(2, 110, 20<<10)
	early.Contested = bytes.Repeat([]byte{1}, 20<<10)
	seen := &voteext.SeenCache{}
	seen.Put([]byte("block"), voteext.Seen{Contests: map[voteext.Key]voteext.Contest{early.Key: {Rival: true}}})
	require.Equal(t, []uint64{2}, outputs(extend(t, pending{Items: []voteext.Item{early, late}}, seen, height)))
}
