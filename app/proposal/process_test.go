package proposal_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	abci "github.com/cometbft/cometbft/abci/types"
	cmtproto "github.com/cometbft/cometbft/proto/tendermint/types"

	"github.com/opengradient/opengradient/app/abcitypes"
	"github.com/opengradient/opengradient/app/proposal"
	"github.com/opengradient/opengradient/app/voteext"
)

// TestProcessRefuses lists what a byzantine proposer could try with the injected commit and the transactions.
func TestProcessRefuses(t *testing.T) {
	signers := []signer{newSigner(1), newSigner(2), newSigner(3), newSigner(4)}
	keys := ringOf(signers...)
	ec := abci.ExtendedCommitInfo{Round: 2}
	for i, s := range signers {
		ec.Votes = append(ec.Votes, s.vote([]byte{byte(i), 1}, 2))
	}
	ec.Votes[3] = abci.ExtendedVoteInfo{Validator: signers[3].validator(), BlockIdFlag: cmtproto.BlockIDFlagNil}
	good := mustEncode(t, ec)
	require.True(t, process(t, keys, ec, good, encodeTx(10, 20)), "the honest block")

	edit := func(f func(*abcitypes.InjectedCommit)) []byte {
		c, err := proposal.Decode(good)
		require.NoError(t, err)
		f(&c)
		b, err := proposal.Encode(c)
		require.NoError(t, err)
		return b
	}
	for name, txs := range map[string][][]byte{
		"no transactions":            {},
		"injection missing":          {encodeTx(10, 20)},
		"injection not first":        {encodeTx(10, 20), good},
		"injection twice":            {good, good},
		"undecodable transaction":    {good, {9, 9, 9}},
		"gas over the limit":         {good, encodeTx(600, 20), encodeTx(600, 20)},
		"gas that overflows":         {good, encodeTx(1<<63, 20), encodeTx(1<<63, 20)},
		"bytes over the limit":       {good, encodeTx(1, 1<<20)},
		"truncated":                  {good[:len(good)-1]},
		"trailing byte":              {append(append([]byte{}, good...), 0)},
		"another version":            {edit(func(c *abcitypes.InjectedCommit) { c.Version = 2 })},
		"another round":              {edit(func(c *abcitypes.InjectedCommit) { c.Round = 1 })},
		"entry dropped":              {edit(func(c *abcitypes.InjectedCommit) { c.Entries = c.Entries[:3] })},
		"entry added":                {edit(func(c *abcitypes.InjectedCommit) { c.Entries = append(c.Entries, abcitypes.InjectedEntry{}) })},
		"entries swapped":            {edit(func(c *abcitypes.InjectedCommit) { c.Entries[0], c.Entries[1] = c.Entries[1], c.Entries[0] })},
		"extension withheld":         {edit(func(c *abcitypes.InjectedCommit) { c.Entries[0] = abcitypes.InjectedEntry{} })},
		"extension edited":           {edit(func(c *abcitypes.InjectedCommit) { c.Entries[0].Extension[0] ^= 1 })},
		"signature edited":           {edit(func(c *abcitypes.InjectedCommit) { c.Entries[0].Signature[0] ^= 1 })},
		"signature left out":         {edit(func(c *abcitypes.InjectedCommit) { c.Entries[0].Signature = nil })},
		"extension for a nil vote":   {edit(func(c *abcitypes.InjectedCommit) { c.Entries[3] = c.Entries[0] })},
		"marker for a nil vote":      {edit(func(c *abcitypes.InjectedCommit) { c.Entries[3].Kind = abcitypes.ENTRY_KIND_MARKER })},
		"content in an absent entry": {edit(func(c *abcitypes.InjectedCommit) { c.Entries[3].Extension = []byte{1} })},
		"marker with content":        {edit(func(c *abcitypes.InjectedCommit) { c.Entries[0].Kind = abcitypes.ENTRY_KIND_MARKER })},
		"unknown kind":               {edit(func(c *abcitypes.InjectedCommit) { c.Entries[0].Kind = 9 })},
		"markers for half of the power": {edit(func(c *abcitypes.InjectedCommit) {
			c.Entries[0] = abcitypes.InjectedEntry{Kind: abcitypes.ENTRY_KIND_MARKER}
			c.Entries[1] = abcitypes.InjectedEntry{Kind: abcitypes.ENTRY_KIND_MARKER}
		})},
		"oversized extension": {edit(func(c *abcitypes.InjectedCommit) { c.Entries[0].Extension = make([]byte, voteext.MaxBytes+1) })},
	} {
		t.Run(name, func(t *testing.T) {
			require.False(t, process(t, keys, ec, txs...))
		})
	}

	t.Run("one marker is accepted", func(t *testing.T) {
		marked := edit(func(c *abcitypes.InjectedCommit) {
			c.Entries[0] = abcitypes.InjectedEntry{Kind: abcitypes.ENTRY_KIND_MARKER}
		})
		require.True(t, process(t, keys, ec, marked))
	})
	t.Run("an entry whose key does not resolve is accepted unchecked", func(t *testing.T) {
		fewer := ringOf(signers[1:]...)
		edited := edit(func(c *abcitypes.InjectedCommit) { c.Entries[0].Extension[0] ^= 1 })
		require.True(t, process(t, fewer, ec, edited))
	})
}

// TestFirstBlockHasNoInjection checks the height at which there is no last commit yet.
func TestFirstBlockHasNoInjection(t *testing.T) {
	h := proposal.NewHandler(firstFit, decodeTx, keyring{}, nil)
	ctx := newContext(1)
	resp, err := h.PrepareProposal(ctx, &abci.RequestPrepareProposal{Height: 1, MaxTxBytes: 1000, Txs: [][]byte{encodeTx(1, 20)}})
	require.NoError(t, err)
	require.Len(t, resp.Txs, 1)
	for name, want := range map[string]struct {
		txs    [][]byte
		accept bool
	}{
		"ordinary":  {resp.Txs, true},
		"injection": {[][]byte{append(append([]byte{}, proposal.Magic...), 8, 1)}, false},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := h.ProcessProposal(ctx, &abci.RequestProcessProposal{Height: 1, Txs: want.txs})
			require.NoError(t, err)
			require.Equal(t, want.accept, got.Status == abci.ResponseProcessProposal_ACCEPT)
		})
	}
}

// TestAcceptedIsTold checks that an accepted block, and only that, is handed on with its hash.
func TestAcceptedIsTold(t *testing.T) {
	a := newSigner(1)
	ec := abci.ExtendedCommitInfo{Votes: []abci.ExtendedVoteInfo{a.vote([]byte("x"), 0)}}
	var told []string
	h := proposal.NewHandler(firstFit, decodeTx, ringOf(a), func(req *abci.RequestProcessProposal, c *abcitypes.InjectedCommit) {
		told = append(told, string(req.Hash)+":"+string(c.Entries[0].Extension))
	})
	good := mustEncode(t, ec)
	for hash, txs := range map[string][][]byte{"refused": {good, {1}}, "accepted": {good}} {
		_, err := h.ProcessProposal(newContext(height), &abci.RequestProcessProposal{
			Height: height, Hash: []byte(hash), Txs: txs, ProposedLastCommit: lastCommit(ec),
		})
		require.NoError(t, err)
	}
	require.Equal(t, []string{"accepted:x"}, told)
}

// FuzzDecode checks that the decoder of injections never panics and accepts only what re-encodes to itself.
func FuzzDecode(f *testing.F) {
	a, b := newSigner(1), newSigner(2)
	f.Add(mustEncode(f, abci.ExtendedCommitInfo{Votes: []abci.ExtendedVoteInfo{a.vote([]byte("x"), 0), b.vote(nil, 0)}}))
	f.Add(proposal.Magic)
	f.Add([]byte{0x00, 'O', 'G', 'V', 'X', 8, 1, 26, 0})
	f.Fuzz(func(t *testing.T, raw []byte) {
		c, err := proposal.Decode(raw)
		if err != nil {
			return
		}
		again, err := proposal.Encode(c)
		require.NoError(t, err)
		require.Equal(t, raw, again)
	})
}
