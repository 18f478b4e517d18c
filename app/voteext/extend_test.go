package voteext_test

import (
	"bytes"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	abci "github.com/cometbft/cometbft/abci/types"
	sdk "github.com/cosmos/cosmos-sdk/types"

	"github.com/opengradient/opengradient/app/abcitypes"
	"github.com/opengradient/opengradient/app/voteext"
	verificationtypes "github.com/opengradient/opengradient/x/verification/types"
)

// pending is a source that says the same every time.
type pending voteext.Pending

func (p pending) Pending() voteext.Pending { return voteext.Pending(p) }

// broken is a source that panics.
type broken struct{}

func (broken) Pending() voteext.Pending { panic("broken") }

const height = 100

func item(id uint64, deadline int64, output int) voteext.Item {
	it := voteext.Item{
		Key:              voteext.Key{RequestID: id, Attempt: 1},
		Outcome:          rooted(byte(id)),
		EnvironmentClass: 1,
		Deadline:         deadline,
		Attest:           true,
	}
	if output > 0 {
		it.Output = bytes.Repeat([]byte{byte(id)}, output)
	}
	return it
}

func extendRaw(t require.TestingT, src voteext.Source, seen *voteext.SeenCache, at int64) []byte {
	h := voteext.NewHandler(src, seen, nil)
	resp, err := h.ExtendVote(sdk.Context{}, &abci.RequestExtendVote{Hash: []byte("block"), Height: at})
	require.NoError(t, err)
	require.NotNil(t, resp.VoteExtension)
	return resp.VoteExtension
}

func extend(t require.TestingT, src voteext.Source, seen *voteext.SeenCache, at int64) abcitypes.VoteExtension {
	ext, err := voteext.Decode(extendRaw(t, src, seen, at))
	require.NoError(t, err)
	return ext
}

func attested(ext abcitypes.VoteExtension) (ids []uint64) {
	for _, a := range ext.Attestations {
		ids = append(ids, a.RequestId)
	}
	return ids
}

func outputs(ext abcitypes.VoteExtension) (ids []uint64) {
	for _, o := range ext.Outputs {
		ids = append(ids, o.RequestId)
	}
	return ids
}

func TestExtendVoteIsEmptyWhen(t *testing.T) {
	cases := []struct {
		reason string
		source voteext.Source
	}{
		{"the node has no duty", nil},
		{"there is nothing to say", pending{}},
		{"the source panics", broken{}},
	}
	for _, c := range cases {
		t.Run(c.reason, func(t *testing.T) {
			require.Empty(t, extendRaw(t, c.source, nil, height))
		})
	}
}

func TestExtendVoteSurvivesANilRequest(t *testing.T) {
	resp, err := voteext.NewHandler(pending{}, nil, nil).ExtendVote(sdk.Context{}, nil)
	require.NoError(t, err)
	require.Empty(t, resp.VoteExtension)
}

func TestExtendVoteLeavesOutWhatIsNotSound(t *testing.T) {
	bad := item(1, 110, 0)
	bad.Outcome = verificationtypes.Outcome{}
	unnamed := item(0, 110, 0)
	unclassed := item(2, 110, 0)
	unclassed.EnvironmentClass = 0
	st := status()
	st.WorkerVersion = string(bytes.Repeat([]byte{'v'}, 100))
	got := extend(t, pending{Status: st, Items: []voteext.Item{bad, unnamed, unclassed, item(3, 110, 0), item(3, 110, 0)}}, nil, height)
	require.Nil(t, got.Status)
	require.Equal(t, []uint64{3}, attested(got))
}

func TestExtendVoteLeavesOutWhatComesTooLate(t *testing.T) {
	// The vote at a height is recorded by the block after it.
	got := extend(t, pending{Items: []voteext.Item{item(1, height-1, 9), item(2, height, 9), item(3, height+1, 9)}}, nil, height)
	require.Equal(t, []uint64{3}, attested(got))
	require.Equal(t, []uint64{3}, outputs(got))
}

func TestExtendVotePutsAttestationsBeforeOutputs(t *testing.T) {
	items := []voteext.Item{item(900, 101, 20<<10), item(901, 102, 20<<10)}
	for id := uint64(1); id <= 300; id++ {
		items = append(items, item(id, 110, 0))
	}
	got := extend(t, pending{Items: items}, nil, height)
	require.Len(t, got.Attestations, 302)
	require.Empty(t, got.Outputs, "300 attestations leave no room for 20 KiB")
}

func TestExtendVoteTakesTheOldestDeadlineFirst(t *testing.T) {
	items := []voteext.Item{item(1, 120, 10<<10), item(2, 110, 10<<10), item(3, 105, 10<<10), item(4, 130, 10<<10)}
	got := extend(t, pending{Items: items}, nil, height)
	require.Equal(t, []uint64{1, 2, 3, 4}, attested(got))
	require.Equal(t, []uint64{1, 2, 3}, outputs(got))
}

func TestExtendVoteSkipsWhatDoesNotFit(t *testing.T) {
	got := extend(t, pending{Items: []voteext.Item{item(1, 101, 33<<10), item(2, 110, 100)}}, nil, height)
	require.Equal(t, []uint64{1, 2}, attested(got))
	require.Equal(t, []uint64{2}, outputs(got))
}

func TestExtendVoteGivesEveryRequestATurn(t *testing.T) {
	var items []voteext.Item
	for id := uint64(1); id <= 7; id++ {
		items = append(items, item(id, 1000, 9<<10))
	}
	sent := map[uint64]int{}
	for at := int64(height); at < height+7; at++ {
		ids := outputs(extend(t, pending{Items: items}, nil, at))
		require.Len(t, ids, 3)
		for _, id := range ids {
			sent[id]++
		}
	}
	for id := uint64(1); id <= 7; id++ {
		require.Equal(t, 3, sent[id], "request %d", id)
	}
}

func TestExtendVoteNeverPublishesWithoutTheAttestation(t *testing.T) {
	var items []voteext.Item
	for id := uint64(1); id <= voteext.MaxAttestations+5; id++ {
		it := item(id, 110, 0)
		it.Outcome = failed(verificationtypes.FAILURE_EXECUTION)
		items = append(items, it)
	}
	items = append(items, item(5000, 120, 10))
	got := extend(t, pending{Items: items}, nil, height)
	require.Len(t, got.Attestations, voteext.MaxAttestations)
	require.Empty(t, got.Outputs)
}

func TestExtendVoteDoesNotRepeatTheBlock(t *testing.T) {
	recorded := item(1, 110, 10)
	recorded.Attest = false
	base := pending{Status: status(), Items: []voteext.Item{recorded, item(2, 110, 10), item(3, 110, 10), item(4, 110, 10)}}
	seenStatus := status()
	seenStatus.FreeCapacity, seenStatus.QueueDepth = 1, 9
	seen := &voteext.SeenCache{}
	seen.Put([]byte("block"), voteext.Seen{Own: abcitypes.VoteExtension{
		Version: voteext.Version,
		Status:  seenStatus,
		Attestations: []verificationtypes.Attestation{
			attestation(2, 1, rooted(2)),
			attestation(3, 1, rooted(99)),
		},
		Outputs: []verificationtypes.PublishedOutput{published(1, 1, 10)},
	}})
	seen.Put([]byte("another block"), voteext.Seen{Own: full()})

	got := extend(t, base, seen, height)
	require.Nil(t, got.Status, "only the load differs")
	require.Equal(t, []uint64{4}, attested(got), "2 is carried, 3 has its one word")
	require.Equal(t, []uint64{2, 4}, outputs(got), "1 is carried, 3 attests another root in the block")

	base.Status.ModelsReady = [][]byte{bytes.Repeat([]byte{1}, 32)}
	require.NotNil(t, extend(t, base, seen, height).Status, "the block does not tell of the model")
	seenStatus.ModelsReady = [][]byte{bytes.Repeat([]byte{0}, 32), bytes.Repeat([]byte{1}, 32)}
	require.Nil(t, extend(t, base, seen, height).Status)
	base.Status.ModelsDropped = [][]byte{bytes.Repeat([]byte{2}, 32)}
	require.NotNil(t, extend(t, base, seen, height).Status, "the block does not tell that a model is gone")
	base.Status.ModelsDropped = nil

	seenStatus.Ready = false
	require.NotNil(t, extend(t, base, seen, height).Status)
}

func TestSeenCacheIsBounded(t *testing.T) {
	var c voteext.SeenCache
	for i := range 100 {
		c.Put([]byte{byte(i)}, voteext.Seen{Own: abcitypes.VoteExtension{Version: uint32(i)}})
		c.Put([]byte{byte(i)}, voteext.Seen{Own: abcitypes.VoteExtension{Version: uint32(i + 1)}})
	}
	kept := 0
	for i := range 100 {
		if seen, ok := c.Get([]byte{byte(i)}); ok {
			kept++
			require.Equal(t, uint32(i+1), seen.Own.Version)
		}
	}
	require.Equal(t, 16, kept)
	_, ok := c.Get([]byte{99})
	require.True(t, ok)
	c.Put(nil, voteext.Seen{Own: full()})
	_, ok = c.Get(nil)
	require.False(t, ok)
}

func TestExtendVoteIsDeterministicAndWithinTheCap(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p := pending{}
		if rapid.Bool().Draw(t, "status") {
			p.Status = status()
		}
		n := rapid.IntRange(0, 60).Draw(t, "items")
		for i := range n {
			it := item(uint64(i+1)*uint64(rapid.IntRange(1, 1<<20).Draw(t, "spread")), int64(height+rapid.IntRange(0, 4).Draw(t, "deadline")), rapid.IntRange(0, 9<<10).Draw(t, "output"))
			it.Attempt = rapid.Uint32Range(1, 400).Draw(t, "attempt")
			it.Outcome = drawOutcome(t)
			it.Attest = rapid.Bool().Draw(t, "attest")
			switch fill := root(byte(i)); rapid.IntRange(0, 3).Draw(t, "sealed") {
			case 0:
				it.Commitment = fill
			case 1:
				it.Salt = fill
			}
			if rapid.Bool().Draw(t, "only when contested") {
				it.Output, it.Contested = nil, it.Output
			}
			p.Items = append(p.Items, it)
		}
		at := int64(height + rapid.IntRange(0, 3).Draw(t, "height"))
		first := extendRaw(t, p, nil, at)
		require.LessOrEqual(t, len(first), voteext.MaxBytes)
		extend(t, p, nil, at)

		unique := map[voteext.Key]int{}
		for _, it := range p.Items {
			unique[it.Key]++
		}
		shuffled := pending{Status: p.Status}
		for _, i := range rapid.Permutation(indices(n)).Draw(t, "order") {
			if unique[p.Items[i].Key] == 1 {
				shuffled.Items = append(shuffled.Items, p.Items[i])
			}
		}
		if len(shuffled.Items) == n {
			require.Equal(t, first, extendRaw(t, shuffled, nil, at), "the order of the source does not matter")
		}
	})
}

// The cap is used to the last byte: with a single output, an extension of
// exactly MaxBytes is sent and one byte more is not.
func TestExtendVoteCountsBytesExactly(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p := pending{}
		if rapid.Bool().Draw(t, "status") {
			p.Status = status()
		}
		for i := range rapid.IntRange(0, 200).Draw(t, "attestations") {
			p.Items = append(p.Items, item(uint64(i+1), height+1, 0))
		}
		last := item(1<<40, height+2, 1)
		room := voteext.MaxBytes - len(extendRaw(t, pending{Status: p.Status, Items: append(p.Items, last)}, nil, height))
		// Both lengths around the byte grow from one byte of varint to two or three.
		most := 0
		for n := room + 1; n > 1; n-- {
			last.Output = make([]byte, n)
			o := verificationtypes.PublishedOutput{RequestId: last.RequestID, Attempt: 1, Output: last.Output}
			one := verificationtypes.PublishedOutput{RequestId: last.RequestID, Attempt: 1, Output: []byte{0}}
			if size(o)-size(one) <= room {
				most = n
				break
			}
		}
		last.Output = make([]byte, most)
		fits := extendRaw(t, pending{Status: p.Status, Items: append(p.Items, last)}, nil, height)
		ext, err := voteext.Decode(fits)
		require.NoError(t, err)
		require.Len(t, ext.Outputs, 1)
		require.Greater(t, len(fits), voteext.MaxBytes-3)

		last.Output = make([]byte, most+1)
		got := extend(t, pending{Status: p.Status, Items: append(p.Items, last)}, nil, height)
		require.Empty(t, got.Outputs)
		require.Len(t, got.Attestations, len(p.Items)+1)
	})
}

// size is what an output adds to an extension, by encoding one.
func size(o verificationtypes.PublishedOutput) int {
	ext := abcitypes.VoteExtension{Version: voteext.Version, Outputs: []verificationtypes.PublishedOutput{o}}
	return ext.Size()
}

func indices(n int) []int {
	s := make([]int, n)
	for i := range s {
		s[i] = i
	}
	return s
}

func TestVerifyVoteExtensionRefusesOnlySize(t *testing.T) {
	h := voteext.NewHandler(nil, nil, nil)
	cases := []struct {
		reason string
		req    *abci.RequestVerifyVoteExtension
		want   abci.ResponseVerifyVoteExtension_VerifyStatus
	}{
		{"empty", &abci.RequestVerifyVoteExtension{}, abci.ResponseVerifyVoteExtension_ACCEPT},
		{"malformed", &abci.RequestVerifyVoteExtension{VoteExtension: []byte{0xff}}, abci.ResponseVerifyVoteExtension_ACCEPT},
		{"at the cap", &abci.RequestVerifyVoteExtension{VoteExtension: make([]byte, voteext.MaxBytes)}, abci.ResponseVerifyVoteExtension_ACCEPT},
		{"above the cap", &abci.RequestVerifyVoteExtension{VoteExtension: make([]byte, voteext.MaxBytes+1)}, abci.ResponseVerifyVoteExtension_REJECT},
		{"a panic inside", nil, abci.ResponseVerifyVoteExtension_ACCEPT},
	}
	for _, c := range cases {
		t.Run(c.reason, func(t *testing.T) {
			resp, err := h.VerifyVoteExtension(sdk.Context{}, c.req)
			require.NoError(t, err)
			require.Equal(t, c.want, resp.Status)
		})
	}
}
