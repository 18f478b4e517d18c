package keeper_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/opengradient/opengradient/x/inference/types"
	schedulingtypes "github.com/opengradient/opengradient/x/scheduling/types"
	verificationtypes "github.com/opengradient/opengradient/x/verification/types"
)

// One request that cannot go on ends FAILED(INTERNAL) with a refund; the chain, and the other requests, go on.
func TestOneFaultyRequestDoesNotStopTheOthers(t *testing.T) {
	for name, fault := range map[string]func(f *fixture, bad, good uint64){
		"decision of another attempt": func(f *fixture, bad, good uint64) {
			d := f.decision(bad)
			d.Attempt = 7
			f.decide(d, f.decision(good))
		},
		"decision of unknown kind": func(f *fixture, bad, good uint64) {
			f.decide(verificationtypes.Decision{RequestID: bad, Attempt: 1}, f.decision(good))
		},
		"decision of unknown failure": func(f *fixture, bad, good uint64) {
			f.decide(f.failure(bad, 9), f.decision(good))
		},
		"task lost": func(f *fixture, bad, good uint64) {
			require.NoError(f, f.scheduling.Complete(f.ctx, bad))
			f.decide(f.decision(bad), f.decision(good))
		},
		"retry of a task lost": func(f *fixture, bad, good uint64) {
			require.NoError(f, f.scheduling.Complete(f.ctx, bad))
			f.scheduling.due = []schedulingtypes.Expiry{{RequestID: bad}}
			f.endBlock()
			f.decide(f.decision(good))
		},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFixture(t)
			ids := f.submit(submission(input(1), input(1)))
			f.assign(ids...)
			fault(f, ids[0], ids[1])
			f.requireEnded(ids[0], types.REQUEST_STATUS_FAILED, types.FAILURE_REASON_INTERNAL)
			require.Equal(t, types.REQUEST_STATUS_FINALIZED, f.request(ids[1]).Status)
		})
	}
}

func TestRoundThatCannotBeClosedEndsTheRequest(t *testing.T) {
	f, id := start(t)
	f.verification.unclosable = errBroken
	f.scheduling.due = []schedulingtypes.Expiry{{RequestID: id}}
	f.endBlock()
	f.requireEnded(id, types.REQUEST_STATUS_FAILED, types.FAILURE_REASON_INTERNAL)
}

func TestRoundThatCannotOpenEndsTheRequest(t *testing.T) {
	for name, spoil := range map[string]func(f *fixture, p *schedulingtypes.Placement){
		"refused":                  func(f *fixture, _ *schedulingtypes.Placement) { f.verification.refuse = errBroken },
		"no assignment":            func(_ *fixture, p *schedulingtypes.Placement) { p.Task.Assignment = nil },
		"committee in tier QUORUM": func(_ *fixture, p *schedulingtypes.Placement) { p.Seats = committee },
	} {
		t.Run(name, func(t *testing.T) {
			f := newFixture(t)
			id := f.submit(submission(input(1)))[0]
			p := f.placement(id)
			spoil(f, &p)
			f.scheduling.placements = []schedulingtypes.Placement{p}
			f.endBlock()
			f.requireEnded(id, types.REQUEST_STATUS_FAILED, types.FAILURE_REASON_INTERNAL)
		})
	}
}

func TestUnknownRequestsChangeNothing(t *testing.T) {
	f, id := start(t)
	f.requireUnchanged(func() {
		f.decide(verificationtypes.Decision{RequestID: 99, Attempt: 1, Kind: verificationtypes.DecisionImpossible})
		f.scheduling.due = []schedulingtypes.Expiry{{RequestID: 99, Final: true}}
		d := f.decision(id)
		d.RequestID = 99
		f.verification.settlements = []verificationtypes.Settlement{f.settlement(d, agreed, agreed, agreed)}
		f.endBlock()
	})
}

func TestSecondAssignmentOfAnAssignedRequestEndsIt(t *testing.T) {
	f, id := start(t)
	f.scheduling.placements = []schedulingtypes.Placement{f.placement(id)}
	f.endBlock()
	f.requireEnded(id, types.REQUEST_STATUS_FAILED, types.FAILURE_REASON_INTERNAL)
}

func TestDeadlineOfAFinalRequestLeavesItsResult(t *testing.T) {
	f, id := start(t)
	f.decide(f.decision(id))
	f.scheduling.due = []schedulingtypes.Expiry{{RequestID: id, Final: true}}
	f.endBlock()
	require.Equal(t, types.REQUEST_STATUS_FINALIZED, f.request(id).Status)
	require.True(t, f.request(id).Escrow.IsPositive())
}

func TestSettlementThatFailsRefundsAll(t *testing.T) {
	for name, spoil := range map[string]func(f *fixture, s *verificationtypes.Settlement){
		"conduct of too few members": func(_ *fixture, s *verificationtypes.Settlement) { s.Outcomes = s.Outcomes[:2] },
		"timeliness left out":        func(_ *fixture, s *verificationtypes.Settlement) { s.Timeliness = nil },
		"votes of too few members":   func(_ *fixture, s *verificationtypes.Settlement) { s.Round.Votes = s.Round.Votes[:2] },
		"publisher not a member":     func(_ *fixture, s *verificationtypes.Settlement) { s.Round.Candidates[0].Publisher = operator(7) },
		"publisher did not agree":    func(_ *fixture, s *verificationtypes.Settlement) { s.Outcomes[2] = missing },
		"member without power":       func(_ *fixture, s *verificationtypes.Settlement) { s.Snapshot.Members[0].Power = 0 },
	} {
		t.Run(name, func(t *testing.T) {
			f := newFixture(t)
			ids := f.submit(submission(input(1), input(1)))
			f.assign(ids...)
			bad, good := f.decision(ids[0]), f.decision(ids[1])
			f.decide(bad, good)
			spoilt := f.settlement(bad, agreed, agreed, agreed)
			spoil(f, &spoilt)
			f.verification.settlements = []verificationtypes.Settlement{spoilt, f.settlement(good, agreed, agreed, agreed)}
			f.endBlock()
			f.requireEnded(ids[0], types.REQUEST_STATUS_FINALIZED, 0)
			f.requireEnded(ids[1], types.REQUEST_STATUS_FINALIZED, 0)
			receipt, err := f.k.Receipts.Get(f.ctx, ids[0])
			require.NoError(t, err)
			require.Equal(t, int64(105), receipt.Refunded.Int64())
			require.Equal(t, int64(20+30), f.balance(operator(2)), "the other one is paid")
		})
	}
}

func TestSecondSettlementChangesNothing(t *testing.T) {
	f, id := start(t)
	d := f.decision(id)
	f.decide(d)
	s := f.settlement(d, agreed, agreed, agreed)
	f.verification.settlements = []verificationtypes.Settlement{s}
	f.endBlock()
	f.requireUnchanged(func() {
		f.verification.settlements = []verificationtypes.Settlement{s}
		f.endBlock()
	})
}

func TestWhoCannotBePaidLeavesTheirPartToTheCommunity(t *testing.T) {
	for name, tc := range map[string]struct {
		spoil func(f *fixture)
		part  int64
	}{
		"validator gone":          {func(f *fixture) { f.staking.gone[operator(2)] = true }, 50},
		"validator not allocated": {func(f *fixture) { f.bank.unpayable[operator(2)] = true }, 50},
		"owner blocked":           {func(f *fixture) { f.bank.blocked[owner.String()] = true }, 15},
		"requester blocked":       {func(f *fixture) { f.bank.blocked[alice.String()] = true }, 12},
	} {
		t.Run(name, func(t *testing.T) {
			f, id := start(t)
			d := f.decision(id)
			f.decide(d)
			tc.spoil(f)
			before := f.balance(communityPool)
			f.verification.settlements = []verificationtypes.Settlement{f.settlement(d, agreed, missing, agreed)}
			f.endBlock()
			f.requireEnded(id, types.REQUEST_STATUS_FINALIZED, 0)
			require.Equal(t, 10+tc.part, f.balance(communityPool)-before)
		})
	}
}

func TestRefundToABlockedRequesterGoesToTheCommunity(t *testing.T) {
	f, id := start(t)
	f.bank.blocked[alice.String()] = true
	before := f.balance(communityPool)
	f.scheduling.due = []schedulingtypes.Expiry{{RequestID: id, Final: true}}
	f.endBlock()
	f.requireEnded(id, types.REQUEST_STATUS_FAILED, types.FAILURE_REASON_DEADLINE)
	require.Equal(t, int64(105), f.balance(communityPool)-before)
}

// Faults that are nobody's request are errors: the state of a module cannot be trusted any more.
func TestBrokenModulesAreErrors(t *testing.T) {
	t.Run("record", func(t *testing.T) {
		f, _ := start(t)
		f.verification.broken = errBroken
		require.ErrorIs(t, f.k.RecordVotes(f.ctx, nil), errBroken)
	})
	t.Run("advance", func(t *testing.T) {
		f, _ := start(t)
		f.verification.stuck = errBroken
		require.ErrorIs(t, f.k.EndBlock(f.ctx), errBroken)
	})
	t.Run("settle", func(t *testing.T) {
		f, _ := start(t)
		f.verification.broken = errBroken
		require.ErrorIs(t, f.k.EndBlock(f.ctx), errBroken)
	})
	t.Run("schedule", func(t *testing.T) {
		f, _ := start(t)
		f.scheduling.broken = errBroken
		require.ErrorIs(t, f.k.EndBlock(f.ctx), errBroken)
	})
	t.Run("module account cannot pay at all", func(t *testing.T) {
		f, id := start(t)
		f.bank.broken = true
		f.scheduling.due = []schedulingtypes.Expiry{{RequestID: id, Final: true}}
		require.ErrorIs(t, f.k.EndBlock(f.ctx), errBroken)
	})
}
