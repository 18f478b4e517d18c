package app_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	cmtproto "github.com/cometbft/cometbft/proto/tendermint/types"
	sdk "github.com/cosmos/cosmos-sdk/types"
	stakingtypes "github.com/cosmos/cosmos-sdk/x/staking/types"

	"github.com/opengradient/opengradient/app"
	"github.com/opengradient/opengradient/app/abcitypes"
	"github.com/opengradient/opengradient/app/voteext"
	"github.com/opengradient/opengradient/internal/tensor"
	"github.com/opengradient/opengradient/testutil/chaintest"
	inferencetypes "github.com/opengradient/opengradient/x/inference/types"
	schedulingtypes "github.com/opengradient/opengradient/x/scheduling/types"
	verificationtypes "github.com/opengradient/opengradient/x/verification/types"
)

// The bounds of the chains that TestEveryRequestEnds draws; parameters change within them.
const (
	maxLifetime = 5 + 3*4
	maxSettle   = 4
)

// TestEveryRequestEnds lets validators say whatever they like, while their powers and the parameters change and the
// chain is exported and started anew: every request ends by the deadline it was accepted with, with its escrow gone,
// and no block meets an inconsistent state.
func TestEveryRequestEnds(t *testing.T) {
	ends := map[string]int{}
	rapid.Check(t, func(t *rapid.T) {
		w := newWhim(t)
		busy := rapid.IntRange(4, 14).Draw(t, "busy blocks")
		export := rapid.IntRange(0, 2*busy).Draw(t, "export after")
		for i := range busy {
			if i == export {
				w.export()
			}
			w.block(w.messages()...)
		}
		for range maxLifetime + maxSettle + 1 {
			w.block()
		}
		err := w.c.App.InferenceKeeper.Requests.Walk(w.c.Ctx(), nil, func(id uint64, r inferencetypes.Request) (bool, error) {
			require.False(t, r.Status.Open(), "request %d is %s", id, r.Status)
			require.True(t, r.Escrow.IsZero(), "escrow of request %d", id)
			require.NotEqual(t, inferencetypes.FAILURE_REASON_INTERNAL, r.FailureReason, "request %d", id)
			ends[r.Status.String()]++
			ends[r.FailureReason.String()]++
			return false, nil
		})
		require.NoError(t, err)
	})
	t.Log("ends of requests:", ends)
	for _, want := range []fmt.Stringer{
		inferencetypes.REQUEST_STATUS_FINALIZED, inferencetypes.FAILURE_REASON_DEADLINE, inferencetypes.FAILURE_REASON_NO_AGREEMENT,
	} {
		require.NotZero(t, ends[want.String()], "no request drawn ended with %s", want)
	}
}

// whim draws what happens on a chain.
type whim struct {
	t *rapid.T
	c *chaintest.Chain
}

func newWhim(t *rapid.T) *whim {
	w := &whim{t: t}
	faucet := walletOf(chaintest.AccountOf(0)).address().String()
	w.c = chaintest.New(t, chaintest.Options{
		// A slash leaves a validator of power 2 with power; one of power 1 would leave the set, and might be the last.
		Powers:   rapid.SliceOfN(rapid.Int64Range(2, 20), 1, 5).Draw(t, "powers"),
		Accounts: 2,
		Edit: func(state map[string]json.RawMessage) {
			editGenesis(t, state, schedulingtypes.ModuleName, func(g *schedulingtypes.GenesisState) {
				g.Params[0].Params = w.schedulingParams()
			})
		},
		Consensus: func(p *cmtproto.ConsensusParams) { p.Authority = &cmtproto.AuthorityParams{Authority: faucet} },
	})
	w.c.Attest(answer)
	w.c.Next()
	register(t, w.c)
	w.c.Extend = w.extension
	return w
}

func (w *whim) schedulingParams() schedulingtypes.Params {
	p := schedulingtypes.DefaultParams()
	p.MaxAssignmentsPerBlock = rapid.Uint32Range(1, 4).Draw(w.t, "assignments")
	p.QueueBlocks = rapid.Uint32Range(1, 5).Draw(w.t, "queue blocks")
	p.PriorityHeadStart = rapid.Uint32Range(0, p.QueueBlocks).Draw(w.t, "head start of priority")
	p.StandardHeadStart = rapid.Uint32Range(0, p.PriorityHeadStart).Draw(w.t, "head start of standard")
	p.UnprovenCapacity = rapid.Uint64Range(1, 100).Draw(w.t, "unproven capacity")
	p.TargetUtilisation = rapid.Uint32Range(1, 10_000).Draw(w.t, "target")
	p.AttemptBlocks = rapid.Uint32Range(1, 4).Draw(w.t, "attempt blocks")
	p.MaxAttempts = rapid.Uint32Range(1, 3).Draw(w.t, "attempts")
	p.HeartbeatWindow = rapid.Uint32Range(1, 20).Draw(w.t, "heartbeat window")
	return p
}

// messages are those of the next block.
func (w *whim) messages() (msgs []sdk.Msg) {
	t, from := w.t, w.c.Accounts[0].Address
	next := nextRequestID(t, w.c)
	for range rapid.IntRange(0, 3).Draw(t, "messages") {
		switch rapid.IntRange(0, 7).Draw(t, "message") {
		case 0:
			msgs = append(msgs, &inferencetypes.MsgCancelRequest{Requester: from.String(), Id: rapid.Uint64Range(1, next+2).Draw(t, "cancelled")})
		case 1:
			msgs = append(msgs, &schedulingtypes.MsgUpdateParams{Authority: from.String(), Params: w.schedulingParams()})
		case 2:
			params := verificationtypes.DefaultParams()
			params.SettleBlocks = rapid.Uint32Range(1, maxSettle).Draw(t, "settle blocks")
			params.PublisherTurnBlocks = rapid.Uint32Range(1, 3).Draw(t, "turn")
			params.MaxCandidates = rapid.Uint32Range(2, 4).Draw(t, "candidates")
			params.SoftBlocks = rapid.Uint32Range(1, 6).Draw(t, "soft blocks")
			params.ArbitrationBlocks = rapid.Uint32Range(1, 6).Draw(t, "arbitration blocks")
			msgs = append(msgs, &verificationtypes.MsgUpdateParams{Authority: from.String(), Params: params})
		case 3:
			amount := sdk.NewInt64Coin(app.BondDenom, 1_000_000*rapid.Int64Range(1, 8).Draw(t, "delegated"))
			at := rapid.IntRange(0, len(w.c.Validators)-1).Draw(t, "validator")
			validator := w.c.Validators[at].Operator.String()
			// The first validator keeps its coins: a chain without any power has no genesis.
			if at > 0 && rapid.Bool().Draw(t, "undelegate") {
				msgs = append(msgs, stakingtypes.NewMsgUndelegate(from.String(), validator, amount))
			} else {
				msgs = append(msgs, stakingtypes.NewMsgDelegate(from.String(), validator, amount))
			}
		default:
			msgs = append(msgs, submission(from, rapid.IntRange(1, 4).Draw(t, "requests")))
		}
	}
	return msgs
}

// block executes a block with one transaction per message, each of which may fail.
func (w *whim) block(msgs ...sdk.Msg) {
	var txs [][]byte
	for i, msg := range msgs {
		txs = append(txs, signTx(w.t, w.c, walletOf(w.c.Accounts[0]), txOptions{ahead: uint64(i)}, msg))
	}
	resp := w.c.Next(txs...)
	require.Empty(w.t, typedEvents(w.t, resp, &abcitypes.EventInjectionDropped{}), "block %d", w.c.Height())
	ctx := w.c.Ctx()
	require.NoError(w.t, w.c.App.InferenceKeeper.CheckEscrow(ctx))
	err := w.c.App.InferenceKeeper.Requests.Walk(ctx, nil, func(id uint64, r inferencetypes.Request) (bool, error) {
		if r.Status.Open() {
			require.Less(w.t, w.c.Height(), r.FinalDeadline, "request %d is %s", id, r.Status)
		}
		return false, nil
	})
	require.NoError(w.t, err)
}

// export goes on with the exported state in a new chain.
func (w *whim) export() {
	exported, err := w.c.App.Export(nil)
	require.NoError(w.t, err)
	initial := rapid.SampledFrom([]int64{1, exported.Height, 1_000}).Draw(w.t, "initial height")
	w.c = w.c.Import(exported.AppState, initial)
	w.c.Extend = w.extension
	w.block()
}

// extension is what validator i says: mostly something about the open rounds, sometimes about others, now and then
// nothing or garbage.
func (w *whim) extension(i int, _ int64) []byte {
	t := w.t
	switch rapid.IntRange(0, 9).Draw(t, "extension") {
	case 0:
		return nil
	case 1:
		return rapid.SliceOfN(rapid.Byte(), 0, 30).Draw(t, "garbage")
	}
	ext := abcitypes.VoteExtension{Version: voteext.Version}
	if rapid.IntRange(0, 3).Draw(t, "status") > 0 {
		ext.Status = &schedulingtypes.NodeStatus{
			Ready: rapid.IntRange(0, 5).Draw(t, "ready") > 0, FreeCapacity: rapid.Uint64Range(0, 100_000).Draw(t, "free"),
			Environment: chaintest.Environment(), WorkerVersion: "test",
		}
	}
	attempts := map[uint64]uint32{}
	err := w.c.App.VerificationKeeper.Rounds.Walk(w.c.Ctx(), nil, func(id uint64, r verificationtypes.Round) (bool, error) {
		attempts[id] = r.Attempt
		return false, nil
	})
	require.NoError(t, err)
	if rapid.IntRange(0, 4).Draw(t, "stray") == 0 {
		attempts[rapid.Uint64Range(1, 40).Draw(t, "stray id")] = rapid.Uint32Range(1, 4).Draw(t, "stray attempt")
	}
	for _, id := range slices.Sorted(maps.Keys(attempts)) {
		w.speak(&ext, id, attempts[id])
	}
	b, err := voteext.Encode(ext)
	require.NoError(t, err)
	return b
}

// speak adds what a validator says of one attempt.
func (w *whim) speak(ext *abcitypes.VoteExtension, id uint64, attempt uint32) {
	t := w.t
	out := answer(0, id)
	outcome := verificationtypes.Outcome{}
	switch rapid.IntRange(0, 9).Draw(t, "outcome") {
	case 0:
		return
	case 1:
		out = output(-1)
	case 2:
		outcome.Failure = verificationtypes.FAILURE_EXECUTION
	case 3:
		out = []byte("not a list of tensors")
	}
	if outcome.Failure == verificationtypes.FAILURE_NONE {
		root := tensor.MerkleRoot(out)
		outcome.OutputRoot = root[:]
	}
	if rapid.IntRange(0, 4).Draw(t, "attest") > 0 {
		ext.Attestations = append(ext.Attestations, verificationtypes.Attestation{
			RequestId: id, Attempt: attempt, Outcome: outcome, EnvironmentClass: rapid.Uint32Range(1, 2).Draw(t, "class"),
		})
	}
	if rapid.IntRange(0, 2).Draw(t, "publish") == 0 {
		ext.Outputs = append(ext.Outputs, verificationtypes.PublishedOutput{RequestId: id, Attempt: attempt, Output: out})
	}
}
