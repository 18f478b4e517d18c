package keeper_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"cosmossdk.io/math"

	"github.com/opengradient/opengradient/x/inference/types"
	schedulingtypes "github.com/opengradient/opengradient/x/scheduling/types"
	verificationtypes "github.com/opengradient/opengradient/x/verification/types"
)

// requireRoundTrip exports, imports into a new chain at another height, exports again, and compares.
func (f *fixture) requireRoundTrip() *fixture {
	f.Helper()
	// The last block is the one before the height the fixture has moved on to.
	exported, err := f.k.ExportGenesis(f.ctx.WithBlockHeight(f.ctx.BlockHeight() - 1))
	require.NoError(f, err)
	raw, err := f.cdc.MarshalJSON(exported)
	require.NoError(f, err)
	var state types.GenesisState
	require.NoError(f, f.cdc.UnmarshalJSON(raw, &state))
	require.NoError(f, state.Validate())

	g := newBareFixture(f.checker)
	g.ctx = g.ctx.WithBlockHeight(1001)
	f.models.copyTo(f.ctx, g)
	g.bank.set(g.ctx, moduleAddress(types.ModuleName).String(), math.NewInt(f.escrowed()))
	require.NoError(f, g.k.InitGenesis(g.ctx, state))
	require.NoError(f, g.k.CheckEscrow(g.ctx))
	again, err := g.k.ExportGenesis(g.ctx.WithBlockHeight(1000))
	require.NoError(f, err)
	repeated, err := g.cdc.MarshalJSON(again)
	require.NoError(f, err)
	require.Equal(f, string(raw), string(repeated))
	return g
}

// everyState is a chain with a request and a schedule in every state, and with what is remembered for a time.
func everyState(t *testing.T) *fixture {
	t.Helper()
	f := newFixture(t)
	f.scheduling.basePrice = math.NewInt(70)
	f.setParams(func(p *types.Params) { p.SealFee = math.NewInt(1_000) })
	f.submit(keyed("order-17", input(1), input(2), input(3), input(1), input(1), input(1), input(1)))
	_, err := f.msgs.CancelRequest(f.ctx, &types.MsgCancelRequest{Requester: alice.String(), Id: 7})
	require.NoError(t, err)
	f.createSchedule(schedule(5, 3))
	f.pause(f.createSchedule(schedule(5, 3)))
	f.createSchedule(schedule(5, 1))
	f.cancelSchedule(f.createSchedule(schedule(5, 3)))
	f.assign(2, 3, 4, 5, 6) // the runs of schedules 1 and 3 are requests 8 and 9
	final, failed := f.decision(4), f.failure(5, verificationtypes.FAILURE_EXECUTION)
	f.decide(final, failed, f.impossible(3), f.decision(6))
	f.verification.settlements = []verificationtypes.Settlement{f.settlement(final, agreed, missing, agreed), f.settlement(failed, agreed, agreed, disagreed)}
	f.endBlock()
	msg := reusing(10, input(1), input(2))
	msg.IdempotencyKey = "a"
	require.Equal(t, []uint64{4, 10}, f.submit(msg))
	f.scheduling.refuse = schedulingtypes.ErrQueueFull
	f.endBlocks(4) // a run of schedule 1 is missed
	f.scheduling.refuse = nil
	return f
}

func TestGenesisRoundTripWithOpenRequests(t *testing.T) {
	f := everyState(t)
	g := f.requireRoundTrip()

	require.Equal(t, types.REQUEST_STATUS_SUBMITTED, g.request(1).Status)
	require.Equal(t, types.REQUEST_STATUS_ASSIGNED, g.request(2).Status)
	require.Equal(t, types.REQUEST_STATUS_RETRYING, g.request(3).Status)
	require.Equal(t, types.REQUEST_STATUS_FINALIZED, g.request(6).Status)
	left := f.request(1).FinalDeadline - (f.ctx.BlockHeight() - 1)
	require.Equal(t, 1000+left, g.request(1).FinalDeadline, "the blocks that remain are the same")
	require.Equal(t, f.request(4), g.request(4), "records of the past are unaltered")

	// All indexes are there.
	for status, ids := range map[types.RequestStatus][]uint64{
		types.REQUEST_STATUS_SUBMITTED: {1, 8, 9, 10}, types.REQUEST_STATUS_ASSIGNED: {2}, types.REQUEST_STATUS_RETRYING: {3},
		types.REQUEST_STATUS_FINALIZED: {4, 6}, types.REQUEST_STATUS_FAILED: {5}, types.REQUEST_STATUS_CANCELLED: {7},
	} {
		res, err := g.queries.Requests(g.ctx, &types.QueryRequestsRequest{Status: status})
		require.NoError(t, err)
		var got []uint64
		for _, r := range res.Requests {
			got = append(got, r.Id)
		}
		require.Equal(t, ids, got, status)
	}
	// The next request goes on where the old chain stopped, under the current parameters.
	g.bank.set(g.ctx, alice.String(), math.NewInt(startBalance))
	require.Equal(t, []uint64{11}, g.submit(submission(input(1))))
	require.Equal(t, uint64(2), g.request(11).ParamsVersion)
}

func TestInitGenesisChecksTheBalance(t *testing.T) {
	f := everyState(t)
	state, err := f.k.ExportGenesis(f.ctx)
	require.NoError(t, err)
	g := newBareFixture(t)
	f.models.copyTo(f.ctx, g)
	g.bank.set(g.ctx, moduleAddress(types.ModuleName).String(), math.NewInt(f.escrowed()-1))
	require.ErrorIs(t, g.k.InitGenesis(g.ctx, *state), types.ErrEscrow)
}

func TestGenesisIsRefused(t *testing.T) {
	for name, spoil := range map[string]func(s *types.GenesisState){
		"no params":                     func(s *types.GenesisState) { s.Params = nil },
		"params version left out":       func(s *types.GenesisState) { s.Params = s.Params[1:] },
		"bad params":                    func(s *types.GenesisState) { s.Params[0].Params.FeeShares.Owner++ },
		"request twice":                 func(s *types.GenesisState) { s.Requests[1] = s.Requests[0] },
		"id zero":                       func(s *types.GenesisState) { s.Requests[0].Request.Id = 0 },
		"next id taken":                 func(s *types.GenesisState) { s.NextRequestId = 10 },
		"unknown params version":        func(s *types.GenesisState) { s.Requests[0].Request.ParamsVersion = 3 },
		"other inputs":                  func(s *types.GenesisState) { s.Requests[0].Inputs = []byte("x") },
		"no blocks left":                func(s *types.GenesisState) { s.Requests[0].Request.FinalDeadline = 0 },
		"no escrow while open":          func(s *types.GenesisState) { s.Requests[0].Request.Escrow = math.ZeroInt() },
		"no escrow before the receipt":  func(s *types.GenesisState) { s.Requests[5].Request.Escrow = math.ZeroInt() },
		"part of the escrow":            func(s *types.GenesisState) { s.Requests[5].Request.Escrow = math.OneInt() },
		"escrow after the receipt":      func(s *types.GenesisState) { s.Requests[3].Request.Escrow = s.Requests[3].Request.Fee.Escrow() },
		"escrow of a cancelled request": func(s *types.GenesisState) { s.Requests[6].Request.Escrow = math.OneInt() },
		"fee that does not add up":      func(s *types.GenesisState) { s.Requests[0].Request.Fee.Total = math.OneInt() },
		"status left out":               func(s *types.GenesisState) { s.Requests[0].Request.Status = 0 },
		"reason without failure":        func(s *types.GenesisState) { s.Requests[0].Request.FailureReason = 1 },
		"failure without reason":        func(s *types.GenesisState) { s.Requests[4].Request.FailureReason = 0 },
		"short digest":                  func(s *types.GenesisState) { s.Requests[0].Request.Digest = []byte{1} },
		"no outputs":                    func(s *types.GenesisState) { s.Requests[0].Request.Outputs = nil },
		"tier left out":                 func(s *types.GenesisState) { s.Requests[0].Request.Tier = 0 },
		"bad requester":                 func(s *types.GenesisState) { s.Requests[0].Request.Requester = "x" },
		"result left out":               func(s *types.GenesisState) { s.Results = s.Results[1:] },
		"result of another request":     func(s *types.GenesisState) { s.Results[0].RequestId = 1 },
		"result twice":                  func(s *types.GenesisState) { s.Results[1] = s.Results[0] },
		"result with another output":    func(s *types.GenesisState) { s.Results[0].Output = []byte("x") },
		"receipt left out":              func(s *types.GenesisState) { s.Receipts = s.Receipts[1:] },
		"receipt of an open request":    func(s *types.GenesisState) { s.Receipts[0].RequestId = 1 },
		"receipt twice":                 func(s *types.GenesisState) { s.Receipts[1] = s.Receipts[0] },
		"receipt of another digest":     func(s *types.GenesisState) { s.Receipts[0].Digest = make([]byte, 32) },
		"receipt without evidence":      func(s *types.GenesisState) { s.Receipts[0].EvidenceRoot = nil },
		"receipt that refunds too much": func(s *types.GenesisState) { s.Receipts[0].Refunded = math.NewInt(1_000_000) },
		"receipt of a large committee":  func(s *types.GenesisState) { s.Receipts[0].Committee = []byte{7, 0} },
		"receipt of one without a seat": func(s *types.GenesisState) { s.Receipts[0].Committee = []byte{0b110} },
		"tolerated while missing":       func(s *types.GenesisState) { s.Receipts[0].Tolerated = []byte{2} },
		"inputs gone while open":        func(s *types.GenesisState) { s.Requests[0].Inputs = nil },
		"inputs gone while unsettled":   func(s *types.GenesisState) { s.Requests[5].Inputs = nil },
		"inputs end while open":         func(s *types.GenesisState) { s.Requests[0].InputBlocks = 1 },
		"inputs end while unsettled":    func(s *types.GenesisState) { s.Requests[5].InputBlocks = 1 },
		"inputs kept for ever":          func(s *types.GenesisState) { s.Requests[6].InputBlocks = 0 },
		"inputs kept too long":          func(s *types.GenesisState) { s.Requests[6].InputBlocks = 100_001 },
		"inputs kept for less than 0":   func(s *types.GenesisState) { s.Requests[6].InputBlocks = -1 },
		"inputs gone and still kept":    func(s *types.GenesisState) { s.Requests[6].Inputs = nil },
	} {
		t.Run(name, func(t *testing.T) { requireRefused(t, spoil) })
	}
}

// requireRefused checks that a sound state is refused once it is spoilt.
func requireRefused(t *testing.T, spoil func(s *types.GenesisState)) {
	t.Helper()
	f := everyState(t)
	state, err := f.k.ExportGenesis(f.ctx.WithBlockHeight(f.ctx.BlockHeight() - 1))
	require.NoError(t, err)
	require.NoError(t, state.Validate())
	spoil(state)
	require.ErrorIs(t, state.Validate(), types.ErrInvalidGenesis)
}
