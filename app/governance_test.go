package app_test

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	sdk "github.com/cosmos/cosmos-sdk/types"
	authtypes "github.com/cosmos/cosmos-sdk/x/auth/types"
	consensustypes "github.com/cosmos/cosmos-sdk/x/consensus/types"
	govtypes "github.com/cosmos/cosmos-sdk/x/gov/types"
	govv1 "github.com/cosmos/cosmos-sdk/x/gov/types/v1"

	"github.com/opengradient/opengradient/testutil/chaintest"
)

// govern passes a proposal with the votes of all delegated coins and returns it after its end.
func govern(t *testing.T, c *chaintest.Chain, msgs ...sdk.Msg) govv1.Proposal {
	t.Helper()
	id, err := c.App.GovKeeper.ProposalID.Peek(c.Ctx())
	require.NoError(t, err)
	proposer := c.Accounts[0].Address
	submit, err := govv1.NewMsgSubmitProposal(msgs, coins(20_000_000), proposer.String(), "", "title", "summary", false)
	require.NoError(t, err)
	deliver(t, c, signTx(t, c, walletOf(c.Accounts[0]), txOptions{mode: aminoJSON},
		submit, govv1.NewMsgVote(proposer, id, govv1.OptionYes, "")))
	for range 5 {
		c.Next()
	}
	proposal, err := c.App.GovKeeper.Proposals.Get(c.Ctx(), id)
	require.NoError(t, err)
	return proposal
}

func shortVotes(t *testing.T) func(map[string]json.RawMessage) {
	return func(state map[string]json.RawMessage) {
		editGenesis(t, state, govtypes.ModuleName, func(g *govv1.GenesisState) {
			voting, expedited := 3*time.Second, 2*time.Second
			g.Params.VotingPeriod, g.Params.ExpeditedVotingPeriod = &voting, &expedited
		})
	}
}

// TestGovernanceChangesParameters passes one proposal with every parameter message of the chain's own modules.
func TestGovernanceChangesParameters(t *testing.T) {
	c := start(t, chaintest.Options{Edit: shortVotes(t)})
	var msgs []sdk.Msg
	authority := authtypes.NewModuleAddress(govtypes.ModuleName)
	for _, module := range []string{"inference", "scheduling", "verification"} {
		msgs = append(msgs, samples["/opengradient."+module+".v1.MsgUpdateParams"](occasion{signer: authority})...)
	}
	proposal := govern(t, c, msgs...)
	require.Equal(t, govv1.StatusPassed, proposal.Status, proposal.FailedReason)
	ctx := c.Ctx()
	inference, version, err := c.App.InferenceKeeper.CurrentParams(ctx)
	require.NoError(t, err)
	require.Equal(t, uint64(2), version)
	require.Equal(t, uint32(2_001), inference.ReusePrice)
	scheduling, version, err := c.App.SchedulingKeeper.CurrentParams(ctx)
	require.NoError(t, err)
	require.Equal(t, uint64(2), version)
	require.Equal(t, uint32(12), scheduling.AttemptBlocks)
	verification, err := c.App.VerificationKeeper.ParamsVersions.Get(ctx, 2)
	require.NoError(t, err)
	require.Equal(t, uint32(4), verification.SettleBlocks)
}

// TestGovernanceKeepsTheBlockLimits passes proposals that break the block limits: their execution fails and changes
// nothing, and the chain goes on.
func TestGovernanceKeepsTheBlockLimits(t *testing.T) {
	c := start(t, chaintest.Options{Edit: shortVotes(t)})
	before, err := c.App.ConsensusParamsKeeper.ParamsStore.Get(c.Ctx())
	require.NoError(t, err)

	proposal := govern(t, c, updateConsensus(func(m *consensustypes.MsgUpdateParams) { m.Block.MaxBytes = 4 << 20 }))
	require.Equal(t, govv1.StatusFailed, proposal.Status)
	require.Contains(t, proposal.FailedReason, "block max_bytes: expected at least")
	proposal = govern(t, c, updateStaking(200))
	require.Equal(t, govv1.StatusFailed, proposal.Status)
	require.Contains(t, proposal.FailedReason, "for 200 validators")

	after, err := c.App.ConsensusParamsKeeper.ParamsStore.Get(c.Ctx())
	require.NoError(t, err)
	require.Equal(t, before, after)
	validators, err := c.App.StakingKeeper.MaxValidators(c.Ctx())
	require.NoError(t, err)
	require.Equal(t, uint32(100), validators)

	proposal = govern(t, c, updateConsensus(func(m *consensustypes.MsgUpdateParams) { m.Block.MaxBytes = 16 << 20 }))
	require.Equal(t, govv1.StatusPassed, proposal.Status, proposal.FailedReason)
	after, err = c.App.ConsensusParamsKeeper.ParamsStore.Get(c.Ctx())
	require.NoError(t, err)
	require.Equal(t, int64(16<<20), after.Block.MaxBytes)
}
