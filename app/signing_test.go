package app_test

import (
	"bytes"
	"encoding/json"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	sdkmath "cosmossdk.io/math"
	cmtproto "github.com/cometbft/cometbft/proto/tendermint/types"
	"github.com/cosmos/cosmos-sdk/crypto/keys/ed25519"
	sdk "github.com/cosmos/cosmos-sdk/types"
	sdkerrors "github.com/cosmos/cosmos-sdk/types/errors"
	"github.com/cosmos/cosmos-sdk/types/tx/signing"
	"github.com/cosmos/cosmos-sdk/x/authz"
	banktypes "github.com/cosmos/cosmos-sdk/x/bank/types"
	"github.com/cosmos/cosmos-sdk/x/feegrant"
	stakingtypes "github.com/cosmos/cosmos-sdk/x/staking/types"

	"github.com/opengradient/opengradient/app"
	"github.com/opengradient/opengradient/testutil/chaintest"
	modelstypes "github.com/opengradient/opengradient/x/models/types"
	schedulingtypes "github.com/opengradient/opengradient/x/scheduling/types"
)

const (
	direct    = signing.SignMode_SIGN_MODE_DIRECT
	aminoJSON = signing.SignMode_SIGN_MODE_LEGACY_AMINO_JSON
	// grantedFee is what a transaction costs whose fee is paid under a grant.
	grantedFee = 1_234
)

// TestEveryMessageInEveryWay delivers every message of the chain's own modules, signed in each mode, by a multisig
// account, under authz and with the fee paid by another account.
func TestEveryMessageInEveryWay(t *testing.T) {
	for name, way := range map[string]struct {
		mode     signing.SignMode
		multisig bool
		authz    bool
		feegrant bool
	}{
		"direct":                     {mode: direct},
		"amino JSON":                 {mode: aminoJSON},
		"multisig, amino JSON":       {mode: aminoJSON, multisig: true},
		"authz, direct":              {mode: direct, authz: true},
		"authz, amino JSON":          {mode: aminoJSON, authz: true},
		"feegrant, direct":           {mode: direct, feegrant: true},
		"feegrant, amino JSON":       {mode: aminoJSON, feegrant: true},
		"multisig with feegrant":     {mode: aminoJSON, multisig: true, feegrant: true},
		"multisig grants with authz": {mode: aminoJSON, multisig: true, authz: true},
	} {
		t.Run(name, func(t *testing.T) {
			signer := oneKey()
			if way.multisig {
				signer = twoOfThree()
			}
			c := start(t, chaintest.Options{Accounts: 2, Edit: jailed(t, signer.address()), Consensus: func(p *cmtproto.ConsensusParams) {
				p.Authority = &cmtproto.AuthorityParams{Authority: signer.address().String()}
			}})
			sender, options := signer, txOptions{mode: way.mode}
			grantee, payer := walletOf(c.Accounts[1]), c.Accounts[1].Address
			establish(t, c, signer)
			if way.authz {
				deliver(t, c, signTx(t, c, signer, txOptions{mode: way.mode}, grants(t, signer.address(), grantee.address())...))
				sender = grantee
			}
			if way.feegrant {
				grant, err := feegrant.NewMsgGrantAllowance(&feegrant.BasicAllowance{SpendLimit: coins(1_000_000)}, payer, signer.address())
				require.NoError(t, err)
				deliver(t, c, signTx(t, c, walletOf(c.Accounts[1]), txOptions{}, grant))
				options.granter, options.fee = payer, grantedFee
			}
			for serial, url := range sampledURLs() {
				before := balance(c, payer)
				msgs := samples[url](occasion{
					signer: signer.address(), request: nextRequestID(t, c), schedule: nextScheduleID(t, c),
					upload: nextFileID(t, c), serial: serial + 1,
				})
				if way.authz {
					exec := authz.NewMsgExec(grantee.address(), msgs)
					msgs = []sdk.Msg{&exec}
				}
				raw := signTx(t, c, sender, options, msgs...)
				_, _, err := c.App.Simulate(raw)
				require.NoError(t, err, "%s: simulated", url)
				deliver(t, c, raw)
				require.Equal(t, options.fee, before-balance(c, payer), "%s: paid by the granter", url)
			}
			requireEffects(t, c, signer.address())
		})
	}
}

// jailed adds the operator's node to a genesis, in jail and with its time over.
func jailed(t *testing.T, operator sdk.AccAddress) func(map[string]json.RawMessage) {
	return func(state map[string]json.RawMessage) {
		editGenesis(t, state, schedulingtypes.ModuleName, func(g *schedulingtypes.GenesisState) {
			node := schedulingtypes.NewNode(sdk.ValAddress(operator).String(), 1_000, 1<<30, schedulingtypes.AllTaskClasses())
			node.JailReason = schedulingtypes.JailReasonMissed
			at, _ := slices.BinarySearchFunc(g.Nodes, sdk.ValAddress(operator), func(n schedulingtypes.Node, key sdk.ValAddress) int {
				other, err := sdk.ValAddressFromBech32(n.Operator)
				require.NoError(t, err)
				return bytes.Compare(other, key)
			})
			g.Nodes = slices.Insert(g.Nodes, at, node)
		})
	}
}

// establish makes the signer the operator of a validator without power, and the owner of an admitted and a rejected model.
// The model "linear" is of another.
func establish(t *testing.T, c *chaintest.Chain, signer wallet) {
	t.Helper()
	faucet := c.Accounts[0]
	c.AttestWith(chaintest.Attester{Output: answer, Try: func(_ int, m modelstypes.Model, _ uint32) chaintest.Trial {
		if m.Name == brokenName {
			return chaintest.Trial{Failure: modelstypes.MODEL_FAILURE_CRASH}
		}
		return chaintest.Trial{Outputs: c.Golden(m, 0)}
	}})
	register(t, c)
	deliver(t, c, signTx(t, c, walletOf(faucet), txOptions{},
		registration(faucet.Address, spareName, 1.125), registration(faucet.Address, brokenName, 1.25),
		banktypes.NewMsgSend(faucet.Address, signer.address(), coins(100_000_000)),
		&modelstypes.MsgTransferName{Owner: faucet.Address.String(), Name: spareName, NewOwner: signer.address().String()},
		&modelstypes.MsgTransferName{Owner: faucet.Address.String(), Name: brokenName, NewOwner: signer.address().String()},
	))
	c.Admitted(spareName)
	create, err := stakingtypes.NewMsgCreateValidator(
		sdk.ValAddress(signer.address()).String(), ed25519.GenPrivKeyFromSecret([]byte("consensus")).PubKey(),
		sdk.NewInt64Coin(app.BondDenom, 500_000), stakingtypes.Description{Moniker: "operator"},
		stakingtypes.NewCommissionRates(sdkmath.LegacyZeroDec(), sdkmath.LegacyZeroDec(), sdkmath.LegacyZeroDec()), sdkmath.OneInt(),
	)
	require.NoError(t, err)
	deliver(t, c, signTx(t, c, signer, txOptions{mode: aminoJSON}, create))
}

// grants allow the grantee every message of the chain's own modules.
func grants(t *testing.T, granter, grantee sdk.AccAddress) []sdk.Msg {
	t.Helper()
	var msgs []sdk.Msg
	for _, url := range sampledURLs() {
		grant, err := authz.NewMsgGrant(granter, grantee, authz.NewGenericAuthorization(url), nil)
		require.NoError(t, err)
		msgs = append(msgs, grant)
	}
	return msgs
}

// requireEffects checks that the messages were not only accepted.
func requireEffects(t *testing.T, c *chaintest.Chain, signer sdk.AccAddress) {
	t.Helper()
	ctx := c.Ctx()
	node, err := c.App.SchedulingKeeper.Nodes.Get(ctx, sdk.ValAddress(signer))
	require.NoError(t, err)
	require.Equal(t, uint64(5_000), node.Capacity)
	require.False(t, node.IsJailed())
	_, version, err := c.App.InferenceKeeper.CurrentParams(ctx)
	require.NoError(t, err)
	require.Equal(t, uint64(2), version)
	_, version, err = c.App.SchedulingKeeper.CurrentParams(ctx)
	require.NoError(t, err)
	require.Equal(t, uint64(2), version)
	version, err = c.App.VerificationKeeper.ParamsCurrent.Get(ctx)
	require.NoError(t, err)
	require.Equal(t, uint64(2), version)
	require.Equal(t, uint64(8), nextRequestID(t, c), "three requests, one that was cancelled, and the first runs of three schedules")
	require.Equal(t, uint64(6), nextScheduleID(t, c), "a schedule of each message on them")
	require.NoError(t, c.App.InferenceKeeper.CheckEscrow(ctx))
	require.Equal(t, modelstypes.MODEL_STATUS_DEPRECATED, c.Model(spareName+":stable").Status)
	models, err := c.App.ModelsKeeper.Params.Get(ctx)
	require.NoError(t, err)
	require.EqualValues(t, 201, models.AdmissionBlocks)
}

// TestSignaturesCoverNestedFields changes one byte deep inside a signed message: no signature may survive that.
func TestSignaturesCoverNestedFields(t *testing.T) {
	for name, mode := range map[string]signing.SignMode{"direct": direct, "amino JSON": aminoJSON} {
		t.Run(name, func(t *testing.T) {
			c := start(t, chaintest.Options{Accounts: 2})
			register(t, c)
			from := c.Accounts[1]
			msg := submission(from.Address, 1)
			raw := signTx(t, c, walletOf(from), txOptions{mode: mode}, msg)
			contents := msg.Requests[0].Inputs[0].Contents
			at := bytes.Index(raw, contents)
			require.Positive(t, at)
			forged := bytes.Clone(raw)
			forged[at]++

			resp := c.Next(forged)
			require.Equal(t, sdkerrors.ErrUnauthorized.ABCICode(), resp.TxResults[1].Code, resp.TxResults[1].Log)
			deliver(t, c, raw)
		})
	}
}
