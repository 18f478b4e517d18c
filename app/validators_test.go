package app_test

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	abci "github.com/cometbft/cometbft/abci/types"
	sdk "github.com/cosmos/cosmos-sdk/types"
	stakingtypes "github.com/cosmos/cosmos-sdk/x/staking/types"

	"github.com/opengradient/opengradient/app"
	"github.com/opengradient/opengradient/testutil/chaintest"
	inferencetypes "github.com/opengradient/opengradient/x/inference/types"
)

// leaving takes the last validator of a chain out of its commits two blocks after the block that dismissed it, as
// CometBFT does.
func leaving(t *testing.T, c *chaintest.Chain, resp *abci.ResponseFinalizeBlock) {
	t.Helper()
	require.Len(t, resp.ValidatorUpdates, 1)
	require.Zero(t, resp.ValidatorUpdates[0].Power)
	c.Next()
	c.Validators = c.Validators[:len(c.Validators)-1]
}

// TestRequestsOutliveAValidator removes a validator while rounds that it is a member of are open and others settle: its
// part goes to the community, every request ends, and the chain can be exported with the node it left behind.
func TestRequestsOutliveAValidator(t *testing.T) {
	c := start(t, chaintest.Options{Edit: func(state map[string]json.RawMessage) {
		editGenesis(t, state, stakingtypes.ModuleName, func(g *stakingtypes.GenesisState) {
			g.Params.UnbondingTime = 2 * time.Second
		})
	}})
	from := c.Accounts[0]
	deliver(t, c, signTx(t, c, walletOf(from), txOptions{}, registration(from.Address, "linear", 1)))
	deliver(t, c, signTx(t, c, walletOf(from), txOptions{}, submission(from.Address, 3)))
	last := c.Validators[len(c.Validators)-1]
	tokens := sdk.TokensFromConsensusPower(last.Power, sdk.DefaultPowerReduction)
	leave := &stakingtypes.MsgUndelegate{
		DelegatorAddress: from.Address.String(), ValidatorAddress: last.Operator.String(), Amount: sdk.NewCoin(app.BondDenom, tokens),
	}
	leaving(t, c, c.Next(signTx(t, c, walletOf(from), txOptions{}, leave, submission(from.Address, 3))))
	for range 3 {
		c.Next()
	}
	_, err := c.App.StakingKeeper.GetValidator(c.Ctx(), last.Operator)
	require.ErrorIs(t, err, stakingtypes.ErrNoValidatorFound, "the validator is gone before the last settlement")
	deliver(t, c, signTx(t, c, walletOf(from), txOptions{}, submission(from.Address, 3)))
	for range 8 {
		c.Next()
		require.NoError(t, c.App.InferenceKeeper.CheckEscrow(c.Ctx()))
	}
	for id := uint64(1); id < nextRequestID(t, c); id++ {
		r := request(t, c, id)
		require.Equal(t, inferencetypes.REQUEST_STATUS_FINALIZED, r.Status, "request %d", id)
		require.True(t, r.Escrow.IsZero(), "request %d", id)
	}
	exported, err := c.App.Export(nil)
	require.NoError(t, err)
	next := c.Import(exported.AppState, exported.Height)
	next.Attest(answer)
	next.Next()
	next.Next()
}
