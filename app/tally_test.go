package app_test

import (
	"encoding/json"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	abci "github.com/cometbft/cometbft/abci/types"
	cmtproto "github.com/cometbft/cometbft/proto/tendermint/types"

	"github.com/opengradient/opengradient/app/abcitypes"
	"github.com/opengradient/opengradient/app/proposal"
	"github.com/opengradient/opengradient/app/voteext"
	"github.com/opengradient/opengradient/testutil/chaintest"
	inferencetypes "github.com/opengradient/opengradient/x/inference/types"
	schedulingtypes "github.com/opengradient/opengradient/x/scheduling/types"
)

// tallied is the number of requests that one block decides: as many as may begin in one.
const tallied = 64

// BenchmarkTally runs the pre-blocker of the real application over committed state, with the injection of a block in
// which every validator attests the outcome of every open request and the leaders publish: all of them become final. The
// baseline of the same run is the same block without a word on any request. Nothing is written to the tree, as in a
// pre-blocker; checking signatures is part of the proposal and not of this.
func BenchmarkTally(b *testing.B) {
	for _, validators := range []int{4, 50, 150} {
		b.Run(fmt.Sprintf("validators=%d", validators), func(b *testing.B) {
			c := tallyChain(b, validators)
			quiet, attested := tallyBlock(b, c, false), tallyBlock(b, c, true)
			b.Run("quiet", func(b *testing.B) { runTally(b, c, quiet, 0) })
			b.Run("attested", func(b *testing.B) {
				runTally(b, c, attested, tallied)
				b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/tallied, "ns/request")
				b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/tallied/float64(validators), "ns/attestation")
			})
		})
	}
}

// tallyChain has open rounds of which every validator is a member.
func tallyChain(b *testing.B, validators int) *chaintest.Chain {
	b.Helper()
	powers := make([]int64, validators)
	for i := range powers {
		powers[i] = 10
	}
	c := start(b, chaintest.Options{Powers: powers, Edit: func(state map[string]json.RawMessage) {
		editGenesis(b, state, schedulingtypes.ModuleName, func(g *schedulingtypes.GenesisState) {
			g.Params[0].Params.MaxAssignmentsPerBlock = tallied
		})
	}})
	from := c.Accounts[0]
	deliver(b, c, signTx(b, c, walletOf(from), txOptions{}, registration(from.Address, "linear", 1)))
	deliver(b, c, c.Tx(from, 0, submission(from.Address, tallied)))
	return c
}

// tallyBlock is the block in which the validators speak: of the requests, or of nothing but their readiness.
func tallyBlock(b *testing.B, c *chaintest.Chain, attest bool) *abci.RequestFinalizeBlock {
	b.Helper()
	commit := abcitypes.InjectedCommit{Version: proposal.Version}
	block := &abci.RequestFinalizeBlock{Height: c.Height() + 1}
	for i, v := range c.Validators {
		extension := c.Extension(i, answer)
		if !attest {
			extension = abcitypes.VoteExtension{Version: extension.Version, Status: extension.Status}
		}
		encoded, err := voteext.Encode(extension)
		require.NoError(b, err)
		commit.Entries = append(commit.Entries, abcitypes.InjectedEntry{
			Kind: abcitypes.ENTRY_KIND_PRESENT, Extension: encoded, Signature: []byte("checked before"),
		})
		block.DecidedLastCommit.Votes = append(block.DecidedLastCommit.Votes, abci.VoteInfo{
			Validator: abci.Validator{Address: v.Key.PubKey().Address(), Power: v.Power}, BlockIdFlag: cmtproto.BlockIDFlagCommit,
		})
	}
	injection, err := proposal.Encode(commit)
	require.NoError(b, err)
	block.Txs = [][]byte{injection}
	return block
}

func runTally(b *testing.B, c *chaintest.Chain, block *abci.RequestFinalizeBlock, final int) {
	b.Helper()
	b.ReportAllocs()
	handler := c.App.PreBlocker()
	ctx := c.Ctx()
	params := c.App.GetConsensusParams(ctx)
	for b.Loop() {
		b.StopTimer()
		ctx = c.Ctx().WithBlockHeight(block.Height).WithConsensusParams(params)
		b.StartTimer()
		_, err := handler.PreBlock(ctx, block)
		require.NoError(b, err)
	}
	b.StopTimer()
	ended := 0
	for id := uint64(1); id <= tallied; id++ {
		r, err := c.App.InferenceKeeper.Request(ctx, id)
		require.NoError(b, err)
		if r.Status == inferencetypes.REQUEST_STATUS_FINALIZED {
			ended++
		}
	}
	require.Equal(b, final, ended, "requests that the block made final")
}
