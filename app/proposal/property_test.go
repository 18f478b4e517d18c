package proposal_test

import (
	"math"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	abci "github.com/cometbft/cometbft/abci/types"
	cmtproto "github.com/cometbft/cometbft/proto/tendermint/types"
	cmttypes "github.com/cometbft/cometbft/types"
	sdk "github.com/cosmos/cosmos-sdk/types"

	"github.com/opengradient/opengradient/app/proposal"
	"github.com/opengradient/opengradient/app/voteext"
)

// TestPrepareImpliesProcess builds proposals from random commits and mempools, junk included, and checks that
// every honest validator accepts what an honest proposer builds, within the byte limit it was given.
func TestPrepareImpliesProcess(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		ec, keys := drawCommit(t)
		var txs [][]byte
		for range rapid.IntRange(0, 20).Draw(t, "txs") {
			switch rapid.IntRange(0, 7).Draw(t, "kind") {
			case 0:
				txs = append(txs, rapid.SliceOfN(rapid.Byte(), 0, 40).Draw(t, "junk"))
			case 1:
				txs = append(txs, append(append([]byte{}, proposal.Magic...), 1, 2, 3))
			case 2:
				// Added to other gas limits, these overflow.
				txs = append(txs, encodeTx(math.MaxUint64-rapid.Uint64Range(1, 400).Draw(t, "room"), 20))
			case 3:
				txs = append(txs, encodeTx(noFee, 20))
			default:
				txs = append(txs, encodeTx(rapid.Uint64Range(0, 400).Draw(t, "gas"), rapid.IntRange(9, 4000).Draw(t, "size")))
			}
		}
		maxBytes := rapid.Int64Range(20_000, 400_000).Draw(t, "maxBytes")
		h := proposal.NewHandler(firstFit, decodeTx, keys, nil)
		resp, err := h.PrepareProposal(newContext(height), &abci.RequestPrepareProposal{
			Height: height, MaxTxBytes: maxBytes, Txs: txs, LocalLastCommit: ec,
		})
		require.NoError(t, err)
		require.LessOrEqual(t, cmttypes.ComputeProtoSizeForTxs(cmttypes.ToTxs(resp.Txs)), maxBytes)
		require.True(t, proposal.IsInjection(resp.Txs[0]))
		require.True(t, process(t, keys, ec, resp.Txs...), "an honest proposal must be accepted")
	})
}

// drawCommit draws up to nine validators of which some are absent and at most one, with less than a third of the
// power, has an extension over the cap.
func drawCommit(t *rapid.T) (abci.ExtendedCommitInfo, keyring) {
	n := rapid.IntRange(4, 9).Draw(t, "validators")
	round := rapid.Int32Range(0, 3).Draw(t, "round")
	oversized := rapid.IntRange(-1, n-1).Draw(t, "oversized")
	ec := abci.ExtendedCommitInfo{Round: round}
	keys := keyring{}
	for i := range n {
		s := newSigner(byte(i))
		if !rapid.Bool().Draw(t, "forgotten key") || i != oversized {
			keys[string(s.key.PubKey().Address())] = s.key.PubKey()
		}
		size := rapid.IntRange(0, 2000).Draw(t, "extension")
		flag := rapid.IntRange(0, 4).Draw(t, "flag")
		switch {
		case i == oversized:
			ec.Votes = append(ec.Votes, s.vote(make([]byte, voteext.MaxBytes+1), round))
		case flag == 0:
			ec.Votes = append(ec.Votes, abci.ExtendedVoteInfo{Validator: s.validator(), BlockIdFlag: cmtproto.BlockIDFlagAbsent})
		case flag == 1:
			ec.Votes = append(ec.Votes, abci.ExtendedVoteInfo{Validator: s.validator(), BlockIdFlag: cmtproto.BlockIDFlagNil})
		default:
			ec.Votes = append(ec.Votes, s.vote(rapid.SliceOfN(rapid.Byte(), size, size).Draw(t, "bytes"), round))
		}
	}
	return ec, keys
}

// TestPreparePanicsAreContained checks that a proposer whose selection of transactions panics or fails still
// proposes the injection.
func TestPreparePanicsAreContained(t *testing.T) {
	a, b := newSigner(1), newSigner(2)
	ec := abci.ExtendedCommitInfo{Votes: []abci.ExtendedVoteInfo{a.vote([]byte("x"), 0), b.vote(nil, 0)}}
	h := proposal.NewHandler(nil, decodeTx, ringOf(a, b), nil)
	resp, err := h.PrepareProposal(newContext(height), &abci.RequestPrepareProposal{
		Height: height, MaxTxBytes: 10_000, Txs: [][]byte{encodeTx(1, 20)}, LocalLastCommit: ec,
	})
	require.NoError(t, err)
	require.Len(t, resp.Txs, 1)
	require.True(t, process(t, ringOf(a, b), ec, resp.Txs...))
}

// TestPrepareLeavesTheRequestAlone checks that the request, which optimistic execution shares, is not edited.
func TestPrepareLeavesTheRequestAlone(t *testing.T) {
	a := newSigner(1)
	req := &abci.RequestPrepareProposal{
		Height: height, MaxTxBytes: 10_000, Txs: [][]byte{{1, 2, 3}, encodeTx(1, 20)},
		LocalLastCommit: abci.ExtendedCommitInfo{Votes: []abci.ExtendedVoteInfo{a.vote([]byte("x"), 0)}},
	}
	h := proposal.NewHandler(firstFit, decodeTx, ringOf(a), nil)
	resp, err := h.PrepareProposal(newContext(height), req)
	require.NoError(t, err)
	require.Len(t, resp.Txs, 2)
	require.Equal(t, [][]byte{{1, 2, 3}, encodeTx(1, 20)}, req.Txs)
	require.EqualValues(t, 10_000, req.MaxTxBytes)
}

// TestLargestBecomeMarkers checks that the largest extensions give way, and no more of them than must.
func TestLargestBecomeMarkers(t *testing.T) {
	a, b, c := newSigner(1), newSigner(2), newSigner(3)
	ec := abci.ExtendedCommitInfo{Votes: []abci.ExtendedVoteInfo{
		a.vote(make([]byte, 1000), 0), b.vote(make([]byte, 3000), 0), c.vote(make([]byte, 2000), 0),
	}}
	got, err := proposal.BuildCommit(ec, 4000)
	require.NoError(t, err)
	require.Len(t, got.Entries[0].Extension, 1000)
	require.Empty(t, got.Entries[1].Extension)
	require.Len(t, got.Entries[2].Extension, 2000)
	_, err = proposal.BuildCommit(ec, 5)
	require.ErrorContains(t, err, "expected at most 5 bytes")
}

// TestOneBadTransactionSparesTheOthers checks that what cannot be in a block does not keep out what can.
func TestOneBadTransactionSparesTheOthers(t *testing.T) {
	a := newSigner(1)
	ec := abci.ExtendedCommitInfo{Votes: []abci.ExtendedVoteInfo{a.vote([]byte("x"), 0)}}
	good := encodeTx(600, 20)
	for name, bad := range map[string][]byte{
		"it does not decode":         {1, 2, 3},
		"it is an injected commit":   proposal.Magic,
		"it has no fee":              encodeTx(noFee, 20),
		"its gas is above the limit": encodeTx(1001, 20),
		"its gas overflows":          encodeTx(math.MaxUint64-500, 20),
		"there is no gas left":       encodeTx(500, 20),
	} {
		t.Run(name, func(t *testing.T) {
			h := proposal.NewHandler(unbounded, decodeTx, ringOf(a), nil)
			resp, err := h.PrepareProposal(newContext(height), &abci.RequestPrepareProposal{
				Height: height, MaxTxBytes: 10_000, Txs: [][]byte{good, bad, encodeTx(400, 20)}, LocalLastCommit: ec,
			})
			require.NoError(t, err)
			require.Equal(t, [][]byte{good, encodeTx(400, 20)}, resp.Txs[1:])
			require.True(t, process(t, ringOf(a), ec, resp.Txs...))
			require.False(t, process(t, ringOf(a), ec, append(resp.Txs, bad)...))
		})
	}
}

// unbounded selects every transaction, whatever gas they want together.
func unbounded(_ sdk.Context, req *abci.RequestPrepareProposal) (*abci.ResponsePrepareProposal, error) {
	return &abci.ResponsePrepareProposal{Txs: req.Txs}, nil
}
