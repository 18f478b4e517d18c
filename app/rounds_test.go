package app_test

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	sdkmath "cosmossdk.io/math"
	abci "github.com/cometbft/cometbft/abci/types"
	"github.com/cometbft/cometbft/crypto/ed25519"
	cmtproto "github.com/cometbft/cometbft/proto/tendermint/types"
	sdk "github.com/cosmos/cosmos-sdk/types"
	stakingtypes "github.com/cosmos/cosmos-sdk/x/staking/types"

	"github.com/opengradient/opengradient/app"
	"github.com/opengradient/opengradient/app/abcitypes"
	"github.com/opengradient/opengradient/app/voteext"
	"github.com/opengradient/opengradient/testutil/chaintest"
	inferencetypes "github.com/opengradient/opengradient/x/inference/types"
	schedulingtypes "github.com/opengradient/opengradient/x/scheduling/types"
	verificationtypes "github.com/opengradient/opengradient/x/verification/types"
)

// A round of five validators of equal power, the last of which changes while the round is in each of its phases. The
// last two compute outputs that differ from the others' in the last bits.
const (
	changing = 4
	oneRound = 1 // the request
	power    = 10
)

// lastBits is what validator i computes: two environment classes within the tolerance of each other.
func lastBits(i int, id uint64) []byte {
	v := 1 + float32(id)
	if i >= 3 {
		v += 0.000001
	}
	return output(v)
}

// stage is a phase of a round and how validators behave so that it is reached and not left.
type stage struct {
	phase  verificationtypes.Phase
	sealed bool
	// says changes what validator i has to say; nil leaves it.
	says func(i int, ext *abcitypes.VoteExtension)
	// outputs are what validators compute.
	outputs chaintest.Output
	// reached tells the stage from others of the same phase.
	reached func(round verificationtypes.Round) bool
}

func silenceFrom(first int, commitments, words, bytes bool) func(int, *abcitypes.VoteExtension) {
	return func(i int, ext *abcitypes.VoteExtension) {
		if i < first {
			return
		}
		if commitments {
			ext.Commitments = nil
		}
		if words {
			ext.Attestations, ext.Reveals = nil, nil
		}
		if words || bytes {
			ext.Outputs = nil
		}
	}
}

func spoken(round verificationtypes.Round) (count int) {
	for _, vote := range round.Votes {
		if vote.Candidate > 0 {
			count++
		}
	}
	return count
}

func sealed(round verificationtypes.Round) (count int) {
	for _, vote := range round.Votes {
		if len(vote.Commitment) > 0 {
			count++
		}
	}
	return count
}

var stages = map[string]stage{
	"committing": {
		phase: verificationtypes.PHASE_COMMITTING, sealed: true, says: silenceFrom(2, true, false, false), outputs: answer,
		reached: func(r verificationtypes.Round) bool { return sealed(r) == 2 },
	},
	"open and sealed": {
		phase: verificationtypes.PHASE_OPEN, sealed: true, says: silenceFrom(1, false, true, false), outputs: answer,
		reached: func(r verificationtypes.Round) bool { return spoken(r) == 1 },
	},
	"open": {
		phase: verificationtypes.PHASE_OPEN, says: silenceFrom(1, false, true, false), outputs: answer,
		reached: func(r verificationtypes.Round) bool { return spoken(r) == 1 },
	},
	"contested": {
		phase: verificationtypes.PHASE_OPEN, outputs: lastBits,
		says: func(i int, ext *abcitypes.VoteExtension) {
			if ext.Outputs = nil; i == 2 || i == changing {
				ext.Attestations = nil
			}
		},
		reached: func(r verificationtypes.Round) bool { return r.ContestedHeight > 0 && spoken(r) == 3 },
	},
	"arbitrating": {
		phase: verificationtypes.PHASE_ARBITRATING, says: silenceFrom(0, false, false, true), outputs: lastBits,
		reached: func(r verificationtypes.Round) bool { return len(r.Candidates) == 2 },
	},
	"settling": {
		phase: verificationtypes.PHASE_SETTLING, says: silenceFrom(changing, false, true, false), outputs: answer,
		reached: func(r verificationtypes.Round) bool { return spoken(r) == changing },
	},
	"settling after arbitration": {
		phase: verificationtypes.PHASE_SETTLING, outputs: lastBits,
		reached: func(r verificationtypes.Round) bool { return r.Arbitrated },
	},
}

// underChange is a chain whose last validator is operated by the second account.
type underChange struct {
	*chaintest.Chain
	t     *testing.T
	stage stage
}

func newUnderChange(t *testing.T, s stage) *underChange {
	t.Helper()
	u := &underChange{t: t, stage: s}
	u.Chain = chaintest.New(t, chaintest.Options{
		Accounts: 2, Powers: []int64{power, power, power, power},
		Edit: func(state map[string]json.RawMessage) {
			editGenesis(t, state, stakingtypes.ModuleName, func(g *stakingtypes.GenesisState) { g.Params.UnbondingTime = 5 * time.Second })
		},
		Consensus: func(p *cmtproto.ConsensusParams) {
			p.Authority = &cmtproto.AuthorityParams{Authority: chaintest.AccountOf(0).Address.String()}
		},
	})
	u.Attest(s.outputs)
	u.Next()
	from, joined := u.Accounts[0], u.Accounts[1]
	key := ed25519.GenPrivKeyFromSecret([]byte("joined"))
	create, err := stakingtypes.NewMsgCreateValidator(sdk.ValAddress(joined.Address).String(), consensusKey(t, key), u.coin(power),
		stakingtypes.Description{Moniker: "joined"},
		stakingtypes.NewCommissionRates(sdkmath.LegacyZeroDec(), sdkmath.LegacyZeroDec(), sdkmath.LegacyZeroDec()), u.coin(power/2).Amount)
	require.NoError(t, err)
	deliver(t, u.Chain, u.Tx(from, 0, registration(from.Address, "linear", 1)), u.Tx(joined, 0, create, &schedulingtypes.MsgRegisterNode{
		Operator: sdk.ValAddress(joined.Address).String(), Capacity: 100_000, MemoryBytes: 1 << 30, TaskClasses: schedulingtypes.AllTaskClasses(),
	}))
	u.Admitted("linear")
	u.Validators = append(u.Validators, chaintest.Validator{Key: key, Power: power, Operator: sdk.ValAddress(joined.Address)})
	u.Next()
	u.Next()
	u.Next()
	submit := submission(from.Address, 1)
	submit.Sealing = inferencetypes.SEALING_OPEN
	if s.sealed {
		submit.Sealing = inferencetypes.SEALING_SEALED
	}
	u.Extend = func(i int, _ int64) []byte {
		ext := u.Extension(i, s.outputs)
		if s.says != nil {
			s.says(i, &ext)
		}
		b, err := voteext.Encode(ext)
		require.NoError(t, err)
		return b
	}
	deliver(t, u.Chain, u.Tx(from, 0, submit))
	return u
}

func (u *underChange) coin(power int64) sdk.Coin {
	return sdk.NewCoin(app.BondDenom, sdk.TokensFromConsensusPower(power, sdk.DefaultPowerReduction))
}

func (u *underChange) round() (verificationtypes.Round, error) {
	return u.App.VerificationKeeper.Round(u.Ctx(), oneRound)
}

// reach goes on until the round is in the stage.
func (u *underChange) reach() {
	u.t.Helper()
	for range 8 {
		if round, err := u.round(); err == nil && round.Phase == u.stage.phase && u.stage.reached(round) {
			require.Len(u.t, round.Votes, changing+1, "members of the round")
			return
		}
		u.Next()
	}
	round, err := u.round()
	require.Fail(u.t, "the round does not reach its stage", "%v %v", round, err)
}

// dismissed takes the last validator out of the commits after the block that dismissed it.
func (u *underChange) dismissed(resp *abci.ResponseFinalizeBlock) {
	u.t.Helper()
	for i, result := range resp.TxResults {
		require.Zero(u.t, result.Code, "result %d: %s", i, result.Log)
	}
	require.Len(u.t, resp.ValidatorUpdates, 1)
	require.Zero(u.t, resp.ValidatorUpdates[0].Power)
	u.Next()
	u.Validators = u.Validators[:changing]
}

func (u *underChange) undelegate(power int64) *abci.ResponseFinalizeBlock {
	joined := u.Accounts[1]
	return u.Next(u.Tx(joined, 0, &stakingtypes.MsgUndelegate{
		DelegatorAddress: joined.Address.String(), ValidatorAddress: sdk.ValAddress(joined.Address).String(), Amount: u.coin(power),
	}))
}

// changes happen to the last validator, or to the whole chain.
var changes = map[string]func(u *underChange){
	"a validator leaves": func(u *underChange) {
		u.dismissed(u.undelegate(power))
		u.Attest(u.stage.outputs)
		for range 5 {
			u.Next()
		}
		_, err := u.App.StakingKeeper.GetValidator(u.Ctx(), sdk.ValAddress(u.Accounts[1].Address))
		require.ErrorIs(u.t, err, stakingtypes.ErrNoValidatorFound)
	},
	"a validator unbonds": func(u *underChange) {
		joined := u.Accounts[1].Address
		delegate := stakingtypes.NewMsgDelegate(u.Accounts[0].Address.String(), sdk.ValAddress(joined).String(), u.coin(1))
		// Below the least self-delegation the validator is jailed; without its own stake it stays, and unbonds.
		deliver(u.t, u.Chain, u.Tx(u.Accounts[0], 0, delegate))
		u.dismissed(u.undelegate(power))
		v, err := u.App.StakingKeeper.GetValidator(u.Ctx(), sdk.ValAddress(joined))
		require.NoError(u.t, err)
		require.True(u.t, v.IsUnbonding())
	},
	"a validator is jailed": func(u *underChange) {
		u.dismissed(u.undelegate(power - 1))
		v, err := u.App.StakingKeeper.GetValidator(u.Ctx(), sdk.ValAddress(u.Accounts[1].Address))
		require.NoError(u.t, err)
		require.True(u.t, v.IsJailed())
	},
	"a validator rotates its key": func(u *underChange) {
		joined := u.Accounts[1]
		key := ed25519.GenPrivKeyFromSecret([]byte("rotated"))
		rotate, err := stakingtypes.NewMsgRotateConsPubKey(sdk.ValAddress(joined.Address).String(), consensusKey(u.t, key))
		require.NoError(u.t, err)
		deliver(u.t, u.Chain, u.Tx(joined, 0, rotate))
		u.Next()
		u.Validators[changing].Key = key
	},
	"the state goes on in a new chain": func(u *underChange) {
		exported, err := u.App.Export(nil)
		require.NoError(u.t, err)
		u.Chain = u.Import(exported.AppState, exported.Height)
	},
	"governance changes every parameter": func(u *underChange) {
		authority := u.Accounts[0].Address.String()
		inference, scheduling, verification := inferencetypes.DefaultParams(), schedulingtypes.DefaultParams(), verificationtypes.DefaultParams()
		inference.FeeShares = inferencetypes.FeeShares{Publisher: 10_000}
		scheduling.AttemptBlocks, scheduling.MaxAttempts = 1, 1
		verification.SettleBlocks, verification.MaxCandidates, verification.SealBlocks = 9, 2, 90
		verification.Tolerances.Fp32 = sdkmath.LegacyZeroDec()
		deliver(u.t, u.Chain, u.Tx(u.Accounts[0], 0,
			&inferencetypes.MsgUpdateParams{Authority: authority, Params: inference},
			&schedulingtypes.MsgUpdateParams{Authority: authority, Params: scheduling},
			&verificationtypes.MsgUpdateParams{Authority: authority, Params: verification}))
	},
}

// TestRoundsUnderChange changes the chain while a round is in each of its phases: the request gets its result under the
// rules that it was accepted under, its escrow is paid out to the last coin, and nobody is punished.
func TestRoundsUnderChange(t *testing.T) {
	for phase, stage := range stages {
		for name, change := range changes {
			t.Run(phase+", "+name, func(t *testing.T) {
				u := newUnderChange(t, stage)
				u.reach()
				change(u)
				u.Attest(stage.outputs)
				var settled []*inferencetypes.EventRequestSettled
				for range 20 {
					resp := u.Next()
					require.Empty(t, typedEvents(t, resp, &abcitypes.EventInjectionDropped{}))
					require.NoError(t, u.App.InferenceKeeper.CheckEscrow(u.Ctx()))
					settled = append(settled, typedEvents(t, resp, &inferencetypes.EventRequestSettled{})...)
				}
				u.requireEnd(settled)
			})
		}
	}
}

func (u *underChange) requireEnd(settled []*inferencetypes.EventRequestSettled) {
	t, ctx := u.t, u.Ctx()
	t.Helper()
	r := request(t, u.Chain, oneRound)
	require.Equal(t, inferencetypes.REQUEST_STATUS_FINALIZED, r.Status, r.FailureReason)
	require.True(t, r.Escrow.IsZero())
	require.LessOrEqual(t, r.FinalHeight, r.FinalDeadline)
	result, err := u.App.InferenceKeeper.Results.Get(ctx, oneRound)
	require.NoError(t, err)
	require.Contains(t, [][]byte{u.stage.outputs(0, oneRound), u.stage.outputs(changing, oneRound)}, result.Output)
	receipt, err := u.App.InferenceKeeper.Receipts.Get(ctx, oneRound)
	require.NoError(t, err)
	require.Equal(t, int64(verificationtypes.DefaultSettleBlocks), receipt.SettledHeight-receipt.FinalHeight, "blocks to settle")
	if len(settled) > 0 {
		require.Len(t, settled, 1)
		sum := sdkmath.ZeroInt()
		for _, p := range settled[0].Payouts {
			sum = sum.Add(p.Amount)
		}
		require.Equal(t, r.Fee.Escrow(), sum, "the payouts are the escrow")
	}
	module := u.App.AccountKeeper.GetModuleAddress(inferencetypes.ModuleName)
	require.Zero(t, balance(u.Chain, module), "coins held for requests")
	err = u.App.VerificationKeeper.Conducts.Walk(ctx, nil, func(operator sdk.ValAddress, conduct verificationtypes.Conduct) (bool, error) {
		require.Zero(t, conduct.Faults+uint64(conduct.Contradicted)+uint64(conduct.SlashedHeight), "conduct of %s", operator)
		return false, nil
	})
	require.NoError(t, err)
	err = u.App.SchedulingKeeper.Nodes.Walk(ctx, nil, func(operator sdk.ValAddress, node schedulingtypes.Node) (bool, error) {
		require.False(t, node.IsJailed(), "jail of %s: %s", operator, node.JailReason)
		return false, nil
	})
	require.NoError(t, err)
	_, err = u.App.Export(nil)
	require.NoError(t, err)
}
