package app_test

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	sdkmath "cosmossdk.io/math"
	abci "github.com/cometbft/cometbft/abci/types"
	"github.com/cometbft/cometbft/crypto/ed25519"
	cryptocodec "github.com/cosmos/cosmos-sdk/crypto/codec"
	cryptotypes "github.com/cosmos/cosmos-sdk/crypto/types"
	sdk "github.com/cosmos/cosmos-sdk/types"
	stakingtypes "github.com/cosmos/cosmos-sdk/x/staking/types"

	"github.com/opengradient/opengradient/app"
	"github.com/opengradient/opengradient/app/abcitypes"
	"github.com/opengradient/opengradient/internal/agreement"
	"github.com/opengradient/opengradient/testutil/chaintest"
	inferencetypes "github.com/opengradient/opengradient/x/inference/types"
	schedulingtypes "github.com/opengradient/opengradient/x/scheduling/types"
	verificationtypes "github.com/opengradient/opengradient/x/verification/types"
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
	register(t, c)
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

// join bonds a validator of the second account, with its node, and gives it a place in the chain's commits.
func join(t *testing.T, c *chaintest.Chain, account chaintest.Account, key ed25519.PrivKey, power int64) {
	t.Helper()
	operator := sdk.ValAddress(account.Address)
	create, err := stakingtypes.NewMsgCreateValidator(operator.String(), consensusKey(t, key),
		sdk.NewCoin(app.BondDenom, sdk.TokensFromConsensusPower(power, sdk.DefaultPowerReduction)),
		stakingtypes.Description{Moniker: "joined"},
		stakingtypes.NewCommissionRates(sdkmath.LegacyZeroDec(), sdkmath.LegacyZeroDec(), sdkmath.LegacyZeroDec()), sdkmath.OneInt())
	require.NoError(t, err)
	deliver(t, c, signTx(t, c, walletOf(account), txOptions{}, create, &schedulingtypes.MsgRegisterNode{
		// The transaction may spell the address as it likes.
		Operator: strings.ToUpper(operator.String()), Capacity: 100_000, MemoryBytes: 1 << 30, TaskClasses: schedulingtypes.AllTaskClasses(),
	}))
	c.Next()
	c.Validators = append(c.Validators, chaintest.Validator{Key: key, Power: power, Operator: operator})
}

func consensusKey(t *testing.T, key ed25519.PrivKey) cryptotypes.PubKey {
	t.Helper()
	pub, err := cryptocodec.FromCmtPubKeyInterface(key.PubKey())
	require.NoError(t, err)
	return pub
}

// TestAValidatorThatRotatesItsKey joins a validator and rotates its consensus key, which signs two blocks later. The
// operator speaks in every block, with the one key or the other, and agrees in every round.
func TestAValidatorThatRotatesItsKey(t *testing.T) {
	c := start(t, chaintest.Options{Accounts: 2})
	from, joined := c.Accounts[0], c.Accounts[1]
	oldKey, newKey := ed25519.GenPrivKeyFromSecret([]byte("old")), ed25519.GenPrivKeyFromSecret([]byte("new"))
	join(t, c, joined, oldKey, 10)
	register(t, c)
	for range 2 {
		c.Next()
	}
	deliver(t, c, signTx(t, c, walletOf(from), txOptions{}, submission(from.Address, 1)))

	rotate, err := stakingtypes.NewMsgRotateConsPubKey(sdk.ValAddress(joined.Address).String(), consensusKey(t, newKey))
	require.NoError(t, err)
	deliver(t, c, signTx(t, c, walletOf(joined), txOptions{}, rotate, submission(joined.Address, 1)))
	c.Next(signTx(t, c, walletOf(from), txOptions{}, submission(from.Address, 1)))
	c.Validators[4].Key = newKey
	for range 8 {
		require.Empty(t, typedEvents(t, c.Next(), &abcitypes.EventExtensionIgnored{}))
		require.NoError(t, c.App.InferenceKeeper.CheckEscrow(c.Ctx()))
	}
	for id := uint64(1); id < nextRequestID(t, c); id++ {
		require.Equal(t, inferencetypes.REQUEST_STATUS_FINALIZED, request(t, c, id).Status, "request %d", id)
		receipt, err := c.App.InferenceKeeper.Receipts.Get(c.Ctx(), id)
		require.NoError(t, err)
		outcomes, err := agreement.UnpackOutcomes[verificationtypes.MemberOutcome](receipt.MemberOutcomes, 5)
		require.NoError(t, err)
		for i, o := range outcomes {
			require.Equal(t, verificationtypes.MEMBER_OUTCOME_AGREED, o, "member %d of request %d", i, id)
		}
	}
	_, err = c.App.Export(nil)
	require.NoError(t, err)
}
