package app_test

import (
	"encoding/json"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	abci "github.com/cometbft/cometbft/abci/types"
	cmtproto "github.com/cometbft/cometbft/proto/tendermint/types"
	cmttypes "github.com/cometbft/cometbft/types"
	dbm "github.com/cosmos/cosmos-db"
	"github.com/cosmos/cosmos-sdk/baseapp"

	"github.com/opengradient/opengradient/app/abcitypes"
	"github.com/opengradient/opengradient/app/voteext"
	"github.com/opengradient/opengradient/testutil/chaintest"
	inferencetypes "github.com/opengradient/opengradient/x/inference/types"
	schedulingtypes "github.com/opengradient/opengradient/x/scheduling/types"
	verificationtypes "github.com/opengradient/opengradient/x/verification/types"
)

// The requests of the exported chain, by the stage they are in.
const (
	settled      = 1 // with a receipt
	final        = 2 // with a verdict, not settled
	failed       = 3 // with a charged failure, not settled
	silent       = 4 // assigned, no attestations
	partial      = 5 // assigned, two of four attestations
	unpublished  = 6 // agreed upon, but the bytes are missing
	retrying     = 7 // its first attempt ended without agreement
	firstQueued  = 8
	secondQueued = 9
	cancelled    = 10
)

// chainWithOpenRequests is a chain with requests in every stage.
func chainWithOpenRequests(t *testing.T, options ...func(*baseapp.BaseApp)) *chaintest.Chain {
	t.Helper()
	c := start(t, chaintest.Options{BaseAppOptions: options, Edit: func(state map[string]json.RawMessage) {
		editGenesis(t, state, schedulingtypes.ModuleName, func(g *schedulingtypes.GenesisState) {
			g.Params[0].Params.MaxAssignmentsPerBlock = retrying - settled
		})
	}})
	from := c.Accounts[0]
	register(t, c)
	deliver(t, c, signTx(t, c, walletOf(from), txOptions{}, submission(from.Address, 1)))
	for range 6 {
		c.Next()
	}
	receipt, err := c.App.InferenceKeeper.Receipts.Has(c.Ctx(), settled)
	require.NoError(t, err)
	require.True(t, receipt)

	c.Extend = func(i int, _ int64) []byte {
		b, err := voteext.Encode(divided(c, i))
		require.NoError(t, err)
		return b
	}
	deliver(t, c, signTx(t, c, walletOf(from), txOptions{}, submission(from.Address, cancelled-settled),
		&inferencetypes.MsgCancelRequest{Requester: from.Address.String(), Id: cancelled}))
	c.Next()
	return c
}

// divided is what validator i says so that the requests part: none is ready for more work, and each attempt gets the
// attestations of its stage.
func divided(c *chaintest.Chain, i int) abcitypes.VoteExtension {
	ext := c.Extension(i, func(i int, id uint64) []byte {
		switch {
		case id == silent, id == partial && i >= 2:
			return nil
		default:
			return answer(i, id)
		}
	})
	ext.Status.Ready = false
	for k := range ext.Attestations {
		// Half a failure and half a root leave no verdict, by equality or within the tolerance.
		if id := ext.Attestations[k].RequestId; id == failed || id == retrying && i >= 2 {
			ext.Attestations[k].Outcome = verificationtypes.Outcome{Failure: verificationtypes.FAILURE_EXECUTION}
		}
	}
	ext.Outputs = slices.DeleteFunc(ext.Outputs, func(o verificationtypes.PublishedOutput) bool {
		return o.RequestId == failed || o.RequestId == unpublished || o.RequestId == retrying
	})
	return ext
}

func requireStages(t *testing.T, c *chaintest.Chain) {
	t.Helper()
	for id, status := range map[uint64]inferencetypes.RequestStatus{
		settled: inferencetypes.REQUEST_STATUS_FINALIZED, final: inferencetypes.REQUEST_STATUS_FINALIZED,
		failed: inferencetypes.REQUEST_STATUS_FAILED, silent: inferencetypes.REQUEST_STATUS_ASSIGNED,
		partial: inferencetypes.REQUEST_STATUS_ASSIGNED, unpublished: inferencetypes.REQUEST_STATUS_ASSIGNED,
		retrying: inferencetypes.REQUEST_STATUS_RETRYING, firstQueued: inferencetypes.REQUEST_STATUS_SUBMITTED,
		secondQueued: inferencetypes.REQUEST_STATUS_SUBMITTED, cancelled: inferencetypes.REQUEST_STATUS_CANCELLED,
	} {
		r := request(t, c, id)
		require.Equal(t, status, r.Status, "request %d", id)
		require.Equal(t, id == settled || id == cancelled, r.Escrow.IsZero(), "escrow of request %d", id)
	}
	decided, err := c.App.VerificationKeeper.Rounds.Get(c.Ctx(), unpublished)
	require.NoError(t, err)
	require.NotZero(t, decided.Decided)
	require.Equal(t, verificationtypes.PHASE_OPEN, decided.Phase)
	half, err := c.App.VerificationKeeper.Rounds.Get(c.Ctx(), partial)
	require.NoError(t, err)
	require.Len(t, half.Candidates, 1)
	require.Equal(t, int64(20), half.Candidates[0].Power)
}

// TestOpenRequestsOutliveAnExport exports a chain with requests in every stage and lets them end in the new chain: at
// the height at which the old one stopped, and from a first block.
func TestOpenRequestsOutliveAnExport(t *testing.T) {
	old := chainWithOpenRequests(t)
	requireStages(t, old)
	exported, err := old.App.Export(nil)
	require.NoError(t, err)
	require.Equal(t, old.Height()+1, exported.Height)
	require.Equal(t, exported.Height, exported.ConsensusParams.Abci.VoteExtensionsEnableHeight)
	require.Len(t, exported.Validators, len(old.Validators))
	before := request(t, old, silent)

	for name, initial := range map[string]int64{"at the next height": exported.Height, "from the first block": 1, "much later": 1_000_000} {
		t.Run(name, func(t *testing.T) {
			c := old.Import(exported.AppState, initial)
			c.Attest(answer)
			c.Next()
			require.Equal(t, before.FinalDeadline-old.Height(), request(t, c, silent).FinalDeadline-(initial-1), "blocks that remain")
			require.NoError(t, c.App.InferenceKeeper.CheckEscrow(c.Ctx()))
			for range 16 {
				c.Next()
				require.NoError(t, c.App.InferenceKeeper.CheckEscrow(c.Ctx()))
			}
			requireAllEnded(t, c)
		})
	}
}

func requireAllEnded(t *testing.T, c *chaintest.Chain) {
	t.Helper()
	ctx := c.Ctx()
	for id := uint64(settled); id <= cancelled; id++ {
		r := request(t, c, id)
		require.True(t, r.Escrow.IsZero(), "escrow of request %d", id)
		receipt, err := c.App.InferenceKeeper.Receipts.Has(ctx, id)
		require.NoError(t, err)
		require.Equal(t, id != cancelled, receipt, "receipt of request %d", id)
		switch id {
		case failed:
			require.Equal(t, inferencetypes.FAILURE_REASON_EXECUTION, r.FailureReason)
		case cancelled:
			require.Equal(t, inferencetypes.REQUEST_STATUS_CANCELLED, r.Status)
		default:
			require.Equal(t, inferencetypes.REQUEST_STATUS_FINALIZED, r.Status, "request %d", id)
			result, err := c.App.InferenceKeeper.Results.Get(ctx, id)
			require.NoError(t, err)
			require.Equal(t, answer(0, id), result.Output)
		}
	}
	require.Equal(t, uint32(2), request(t, c, retrying).Attempt)
	for name, count := range map[string]func() (int, error){
		"rounds": func() (n int, err error) {
			err = c.App.VerificationKeeper.Rounds.Walk(ctx, nil, func(uint64, verificationtypes.Round) (bool, error) { n++; return false, nil })
			return n, err
		},
		"tasks": func() (n int, err error) {
			err = c.App.SchedulingKeeper.Tasks.Walk(ctx, nil, func(uint64, schedulingtypes.Task) (bool, error) { n++; return false, nil })
			return n, err
		},
	} {
		n, err := count()
		require.NoError(t, err)
		require.Zero(t, n, "open %s", name)
	}
	module := c.App.AccountKeeper.GetModuleAddress(inferencetypes.ModuleName)
	require.Zero(t, balance(c, module), "coins held for requests")
}

// TestExportImportExport imports an exported state and exports it again before the first block: every module gives
// back what it was given.
func TestExportImportExport(t *testing.T) {
	old := chainWithOpenRequests(t)
	exported, err := old.App.Export(nil)
	require.NoError(t, err)
	var validators []abci.ValidatorUpdate
	for _, v := range exported.Validators {
		validators = append(validators, cmttypes.TM2PB.ValidatorUpdate(cmttypes.NewValidator(v.PubKey, v.Power)))
	}
	next := reopen(t, dbm.NewMemDB())
	_, err = next.InitChain(&abci.RequestInitChain{
		ChainId: chaintest.ChainID, InitialHeight: exported.Height, ConsensusParams: &exported.ConsensusParams,
		AppStateBytes: exported.AppState, Validators: validators, Time: old.Ctx().BlockTime(),
	})
	require.NoError(t, err)
	ctx := next.NewContextLegacy(false, cmtproto.Header{ChainID: chaintest.ChainID, Height: exported.Height - 1})
	again, err := next.ModuleManager.ExportGenesisForModules(ctx, next.EncodingConfig().Codec, nil)
	require.NoError(t, err)
	var before map[string]json.RawMessage
	require.NoError(t, json.Unmarshal(exported.AppState, &before))
	require.Len(t, again, len(before))
	for module, state := range before {
		require.JSONEq(t, string(state), string(again[module]), module)
	}
}
