package app_test

import (
	"encoding/json"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	abci "github.com/cometbft/cometbft/abci/types"
	cmtproto "github.com/cometbft/cometbft/proto/tendermint/types"
	stakingtypes "github.com/cosmos/cosmos-sdk/x/staking/types"

	"github.com/opengradient/opengradient/app/abcitypes"
	"github.com/opengradient/opengradient/app/proposal"
	"github.com/opengradient/opengradient/app/voteext"
	"github.com/opengradient/opengradient/internal/tensor"
	"github.com/opengradient/opengradient/testutil/chaintest"
	inferencetypes "github.com/opengradient/opengradient/x/inference/types"
	schedulingtypes "github.com/opengradient/opengradient/x/scheduling/types"
	verificationtypes "github.com/opengradient/opengradient/x/verification/types"
)

// tallied is the number of requests that one block decides: as many as may begin in one.
const tallied = 64

// speech is what every validator says of one open round.
type speech func(ext *abcitypes.VoteExtension, i, validators int, round verificationtypes.Round)

// BenchmarkTally runs the pre-blocker of the real application over committed state, with the injection of the block in
// which every open request becomes final: all validators attest one outcome; or they reveal what they committed to; or
// half of them differ from the others in the last bits, and the bytes come by which the chain finds that out. The
// baseline of the same run is the same block without a word on any request. Nothing is written to the tree, as in a
// pre-blocker; checking signatures is part of the proposal and not of this.
func BenchmarkTally(b *testing.B) {
	for _, validators := range []int{4, 50, 150} {
		for _, kind := range []struct {
			name          string
			sealing       inferencetypes.Sealing
			before, final speech
		}{
			{"quiet", inferencetypes.SEALING_OPEN, nil, nil},
			{"attested", inferencetypes.SEALING_OPEN, nil, attested},
			{"revealed", inferencetypes.SEALING_SEALED, committed, revealed},
			{"arbitrated", inferencetypes.SEALING_OPEN, contested, published},
		} {
			b.Run(fmt.Sprintf("validators=%d/%s", validators, kind.name), func(b *testing.B) {
				c := tallyChain(b, validators, kind.sealing)
				if kind.before != nil {
					c.Extend = func(i int, _ int64) []byte { return encoded(b, c, i, kind.before) }
					c.Next() // begins to carry it
					c.Next()
				}
				final := runTally(b, c, tallyBlock(b, c, kind.final))
				if kind.final == nil {
					require.Zero(b, final)
				} else {
					require.Equal(b, tallied, final, "requests that the block made final")
					request := float64(b.Elapsed().Nanoseconds()) / float64(b.N) / tallied
					b.ReportMetric(request, "ns/request")
					b.ReportMetric(request/float64(validators), "ns/attestation")
				}
			})
		}
	}
}

func attestation(round verificationtypes.Round, output []byte) verificationtypes.Attestation {
	return verificationtypes.Attestation{
		RequestId: round.RequestId, Attempt: round.Attempt, EnvironmentClass: 1,
		Outcome: verificationtypes.NewRootOutcome(tensor.MerkleRoot(output)),
	}
}

func publication(round verificationtypes.Round, output []byte) verificationtypes.PublishedOutput {
	return verificationtypes.PublishedOutput{RequestId: round.RequestId, Attempt: round.Attempt, Output: output}
}

// publishes spreads the bytes over the validators.
func publishes(i, validators int, round verificationtypes.Round) bool {
	return int(round.RequestId)%validators == i
}

func attested(ext *abcitypes.VoteExtension, i, validators int, round verificationtypes.Round) {
	output := answer(i, round.RequestId)
	ext.Attestations = append(ext.Attestations, attestation(round, output))
	if publishes(i, validators, round) {
		ext.Outputs = append(ext.Outputs, publication(round, output))
	}
}

func tallySalt() []byte { return make([]byte, verificationtypes.SaltSize) }

func committed(ext *abcitypes.VoteExtension, i, _ int, round verificationtypes.Round) {
	commitment := verificationtypes.NewCommitment(round.Digest, round.Attempt, chaintest.Operator(i).String(), tallySalt(),
		attestation(round, answer(i, round.RequestId)).Outcome)
	ext.Commitments = append(ext.Commitments, verificationtypes.Commitment{
		RequestId: round.RequestId, Attempt: round.Attempt, Commitment: commitment[:],
	})
}

func revealed(ext *abcitypes.VoteExtension, i, validators int, round verificationtypes.Round) {
	output := answer(i, round.RequestId)
	ext.Reveals = append(ext.Reveals, verificationtypes.Reveal{Attestation: attestation(round, output), Salt: tallySalt()})
	if publishes(i, validators, round) {
		ext.Outputs = append(ext.Outputs, publication(round, output))
	}
}

// nearly is one of two outputs that differ in the last bits.
func nearly(i int, id uint64) []byte { return output(1 + float32(id) + float32(i%2)*float32(id)*1e-6) }

func contested(ext *abcitypes.VoteExtension, i, _ int, round verificationtypes.Round) {
	ext.Attestations = append(ext.Attestations, attestation(round, nearly(i, round.RequestId)))
}

func published(ext *abcitypes.VoteExtension, i, validators int, round verificationtypes.Round) {
	if publishes(i, validators, round) || publishes((i+validators-1)%validators, validators, round) {
		ext.Outputs = append(ext.Outputs, publication(round, nearly(i, round.RequestId)))
	}
}

// tallyChain has open rounds of which every validator is a member.
func tallyChain(b *testing.B, validators int, sealing inferencetypes.Sealing) *chaintest.Chain {
	b.Helper()
	powers := make([]int64, validators)
	for i := range powers {
		powers[i] = 10
	}
	c := start(b, chaintest.Options{Powers: powers, Edit: func(state map[string]json.RawMessage) {
		editGenesis(b, state, schedulingtypes.ModuleName, func(g *schedulingtypes.GenesisState) {
			g.Params[0].Params.MaxAssignmentsPerBlock = tallied
		})
		editGenesis(b, state, stakingtypes.ModuleName, func(g *stakingtypes.GenesisState) {
			g.Params.MaxValidators = max(g.Params.MaxValidators, uint32(validators))
		})
	}})
	from := c.Accounts[0]
	register(b, c)
	submit := submission(from.Address, tallied)
	submit.Sealing = sealing
	c.Extend = func(i int, _ int64) []byte { return encoded(b, c, i, nil) }
	deliver(b, c, c.Tx(from, 0, submit))
	return c
}

// encoded is the extension of a validator that is ready and says something of every open round, or nothing.
func encoded(b *testing.B, c *chaintest.Chain, i int, says speech) []byte {
	b.Helper()
	ext := abcitypes.VoteExtension{Version: voteext.Version, Status: &schedulingtypes.NodeStatus{
		Ready: true, FreeCapacity: 100_000, Environment: chaintest.Environment(), WorkerVersion: "test",
	}}
	if says != nil {
		err := c.App.VerificationKeeper.Rounds.Walk(c.Ctx(), nil, func(_ uint64, round verificationtypes.Round) (bool, error) {
			says(&ext, i, len(c.Validators), round)
			return false, nil
		})
		require.NoError(b, err)
	}
	bytes, err := voteext.Encode(ext)
	require.NoError(b, err)
	return bytes
}

// tallyBlock is the next block, with what the validators say.
func tallyBlock(b *testing.B, c *chaintest.Chain, says speech) *abci.RequestFinalizeBlock {
	b.Helper()
	commit := abcitypes.InjectedCommit{Version: proposal.Version}
	block := &abci.RequestFinalizeBlock{Height: c.Height() + 1}
	for i, v := range c.Validators {
		commit.Entries = append(commit.Entries, abcitypes.InjectedEntry{
			Kind: abcitypes.ENTRY_KIND_PRESENT, Extension: encoded(b, c, i, says), Signature: []byte("checked before"),
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

// runTally gives the number of requests that the block makes final.
func runTally(b *testing.B, c *chaintest.Chain, block *abci.RequestFinalizeBlock) (final int) {
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
	for id := uint64(1); id <= tallied; id++ {
		r, err := c.App.InferenceKeeper.Request(ctx, id)
		require.NoError(b, err)
		if r.Status == inferencetypes.REQUEST_STATUS_FINALIZED {
			final++
		}
	}
	return final
}
