package app_test

import (
	"bytes"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	sdkmath "cosmossdk.io/math"
	"github.com/cometbft/cometbft/crypto/ed25519"
	codectypes "github.com/cosmos/cosmos-sdk/codec/types"
	sdk "github.com/cosmos/cosmos-sdk/types"
	stakingtypes "github.com/cosmos/cosmos-sdk/x/staking/types"

	"github.com/opengradient/opengradient/app"
	"github.com/opengradient/opengradient/internal/tensor"
	"github.com/opengradient/opengradient/testutil/chaintest"
	verificationtypes "github.com/opengradient/opengradient/x/verification/types"
)

// openAmongAll opens a round of request 1 with every bonded validator.
func openAmongAll(t *testing.T, c *chaintest.Chain, ctx sdk.Context) {
	t.Helper()
	opening := verificationtypes.RoundOpening{
		RequestID: 1, Attempt: 1, MaxOutputBytes: 8192, Rule: verificationtypes.RULE_QUORUM,
		Digest: make([]byte, 32), Model: make([]byte, 32),
	}
	for _, v := range c.Validators {
		opening.Members = append(opening.Members, verificationtypes.Member{Operator: v.Operator.String(), Power: v.Power})
		opening.TotalPower += v.Power
	}
	slices.SortFunc(opening.Members, func(x, y verificationtypes.Member) int {
		a, err := verificationtypes.ParseOperator(x.Operator)
		require.NoError(t, err)
		b, err := verificationtypes.ParseOperator(y.Operator)
		require.NoError(t, err)
		return bytes.Compare(a, b)
	})
	opening.Leader = opening.Members[0].Operator
	require.NoError(t, c.App.VerificationKeeper.OpenRound(ctx, opening))
}

// equivocate has a validator attest two outcomes, and gives what left the supply.
func equivocate(t *testing.T, c *chaintest.Chain, ctx sdk.Context, culprit string) (burned sdkmath.Int) {
	t.Helper()
	before := c.App.BankKeeper.GetSupply(ctx, app.BondDenom).Amount
	for i := range byte(2) {
		ctx = ctx.WithBlockHeight(ctx.BlockHeight() + 2)
		_, err := c.App.VerificationKeeper.Record(ctx, []verificationtypes.OperatorVotes{{
			Operator: culprit,
			Attestations: []verificationtypes.Attestation{{
				RequestId: 1, Attempt: 1, EnvironmentClass: 1, Outcome: verificationtypes.NewRootOutcome(tensor.MerkleRoot([]byte{i})),
			}},
		}})
		require.NoError(t, err)
	}
	return before.Sub(c.App.BankKeeper.GetSupply(ctx, app.BondDenom).Amount)
}

// A proven fault burns stake of the real staking module, and cannot fail when there is nothing to burn.
func TestAFaultBurnsStake(t *testing.T) {
	type change func(t *testing.T, c *chaintest.Chain, ctx sdk.Context, v stakingtypes.Validator)
	set := func(t *testing.T, c *chaintest.Chain, ctx sdk.Context, v stakingtypes.Validator) {
		t.Helper()
		require.NoError(t, c.App.StakingKeeper.SetValidator(ctx, v))
	}
	for _, tc := range []struct {
		name   string
		change change
		burns  bool
	}{
		{"bonded", set, true},
		{"with another consensus key than at the opening", func(t *testing.T, c *chaintest.Chain, ctx sdk.Context, v stakingtypes.Validator) {
			key, err := codectypes.NewAnyWithValue(consensusKey(t, ed25519.GenPrivKeyFromSecret([]byte("another"))))
			require.NoError(t, err)
			v.ConsensusPubkey = key
			set(t, c, ctx, v)
			require.NoError(t, c.App.StakingKeeper.SetValidatorByConsAddr(ctx, v))
		}, true},
		{"unbonded", func(t *testing.T, c *chaintest.Chain, ctx sdk.Context, v stakingtypes.Validator) {
			v.Status = stakingtypes.Unbonded
			set(t, c, ctx, v)
		}, false},
		{"gone", func(t *testing.T, c *chaintest.Chain, ctx sdk.Context, v stakingtypes.Validator) {
			v.Status, v.Tokens, v.DelegatorShares = stakingtypes.Unbonded, sdkmath.ZeroInt(), sdkmath.LegacyZeroDec()
			set(t, c, ctx, v)
			require.NoError(t, c.App.StakingKeeper.RemoveValidator(ctx, c.Validators[1].Operator))
		}, false},
		{"the pool holds too little", func(t *testing.T, c *chaintest.Chain, ctx sdk.Context, v stakingtypes.Validator) {
			all := c.App.BankKeeper.GetAllBalances(ctx, c.App.AccountKeeper.GetModuleAddress(stakingtypes.BondedPoolName))
			require.NoError(t, c.App.BankKeeper.SendCoinsFromModuleToModule(ctx, stakingtypes.BondedPoolName, stakingtypes.NotBondedPoolName, all))
		}, false},
	} {
		t.Run(tc.name, func(t *testing.T) {
			c := chaintest.New(t, chaintest.Options{})
			c.Next()
			ctx := c.Ctx()
			operator := c.Validators[1].Operator
			v, err := c.App.StakingKeeper.GetValidator(ctx, operator)
			require.NoError(t, err)
			openAmongAll(t, c, ctx)
			tc.change(t, c, ctx, v)
			burned := equivocate(t, c, ctx, operator.String())

			conduct, err := c.App.VerificationKeeper.Conducts.Get(ctx, operator)
			require.NoError(t, err)
			require.Equal(t, uint64(1), conduct.Faults)
			if !tc.burns {
				require.True(t, burned.IsZero(), "expected nothing to burn, got %s", burned)
				return
			}
			want := sdk.TokensFromConsensusPower(c.Validators[1].Power, sdk.DefaultPowerReduction).QuoRaw(100)
			require.Equal(t, want.String(), burned.String())
			after, err := c.App.StakingKeeper.GetValidator(ctx, operator)
			require.NoError(t, err)
			require.Equal(t, v.Tokens.Sub(want).String(), after.Tokens.String())
			require.False(t, after.IsJailed(), "expected no jail in consensus")
		})
	}
}
