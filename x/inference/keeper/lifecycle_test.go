package keeper_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"cosmossdk.io/math"
	sdk "github.com/cosmos/cosmos-sdk/types"
	distributiontypes "github.com/cosmos/cosmos-sdk/x/distribution/types"

	"github.com/opengradient/opengradient/x/inference/keeper"
	"github.com/opengradient/opengradient/x/inference/types"
	modelstypes "github.com/opengradient/opengradient/x/models/types"
	schedulingtypes "github.com/opengradient/opengradient/x/scheduling/types"
	verificationtypes "github.com/opengradient/opengradient/x/verification/types"
)

// start is a fixture with one request that is assigned.
func start(t *testing.T) (*fixture, uint64) {
	t.Helper()
	f := newFixture(t)
	id := f.submit(submission(input(1)))[0]
	f.assign(id)
	require.Equal(t, types.REQUEST_STATUS_ASSIGNED, f.request(id).Status)
	return f, id
}

func (f *fixture) requireEnded(id uint64, status types.RequestStatus, reason types.FailureReason) {
	f.Helper()
	r := f.request(id)
	require.Equal(f, status, r.Status)
	require.Equal(f, reason, r.FailureReason)
	require.True(f, r.Escrow.IsZero())
	require.NoError(f, r.Validate())
	_, err := f.scheduling.task(f.ctx, id)
	require.ErrorIs(f, err, schedulingtypes.ErrTaskNotFound)
	require.False(f, f.verification.hasRound(f.ctx, id))
	require.NoError(f, f.k.CheckEscrow(f.ctx))
}

func TestAssignOpensARound(t *testing.T) {
	f, id := start(t)
	r := f.request(id)
	require.Equal(t, uint32(1), r.Attempt)
	require.Equal(t, int64(10), r.AssignedHeight)
	model, ok := modelstypes.ParseModelID(r.Model)
	require.True(t, ok)
	require.Equal(t, []verificationtypes.RoundOpening{{
		RequestID: id, Attempt: 1, Leader: operator(0), Members: members(), TotalPower: 100, MaxOutputBytes: 8192,
		Rule: verificationtypes.RULE_QUORUM, Digest: r.Digest, Model: model,
	}}, f.verification.openings)
}

func TestResultIsFinalAtTheVerdictAndPaidAtSettlement(t *testing.T) {
	f, id := start(t)
	escrow := f.escrowed()
	community := f.balance(communityPool)
	d := f.decision(id)
	f.decide(d)

	r := f.request(id)
	require.Equal(t, types.REQUEST_STATUS_FINALIZED, r.Status)
	require.Equal(t, int64(11), r.FinalHeight)
	require.Equal(t, escrow, f.escrowed(), "the escrow stays until settlement")
	res, err := f.queries.Result(f.ctx, &types.QueryResultRequest{Id: id})
	require.NoError(t, err)
	require.Equal(t, d.Output, res.Result.Output)
	require.Equal(t, d.Outcome.OutputRoot, res.Result.OutputRoot)
	require.Equal(t, []types.Tensor{floats("sum", []int64{1, 3}, 1, 2, 3), int64s("twice", 14)}, res.Outputs)
	_, err = f.queries.Receipt(f.ctx, &types.QueryReceiptRequest{Id: id})
	require.ErrorIs(t, err, types.ErrNotSettled)

	s := f.settlement(d, agreed, missing, agreed)
	f.verification.settlements = []verificationtypes.Settlement{s}
	f.ctx = f.ctx.WithEventManager(sdk.NewEventManager())
	f.endBlock()
	f.requireEnded(id, types.REQUEST_STATUS_FINALIZED, 0)

	// 100 for compute: publisher 20, members 60 by power 30:20:50, owner 10, community 10; royalty 5 to the owner.
	require.Equal(t, int64(18), f.balance(operator(0)))
	require.Equal(t, int64(0), f.balance(operator(1)))
	require.Equal(t, int64(20+30), f.balance(operator(2)))
	require.Equal(t, int64(15), f.balance(owner.String()))
	require.Equal(t, int64(10), f.balance(communityPool)-community)
	require.Equal(t, int64(startBalance)-r.Fee.Total.Int64()+12, f.balance(alice.String()), "the absent member's part is refunded")
	require.Equal(t, int64(0), f.escrowed())

	receipt, err := f.queries.Receipt(f.ctx, &types.QueryReceiptRequest{Id: id})
	require.NoError(t, err)
	require.NoError(t, receipt.Receipt.Validate())
	require.Equal(t, types.Receipt{
		RequestId: id, Digest: r.Digest, Model: r.Model, InputRoot: r.InputRoot, Tier: r.Tier, Outcome: d.Outcome, Attempt: 1,
		Leader: operator(0), Publisher: operator(2), SnapshotId: 9, MemberOutcomes: s.Bitmap, SubmittedHeight: 10,
		AssignedHeight: 10, FinalHeight: 11, SettledHeight: 11, Fee: r.Fee, Refunded: math.NewInt(12), EvidenceRoot: s.EvidenceRoot[:],
	}, receipt.Receipt)
	require.Equal(t, []types.ReceiptMember{
		{Operator: operator(0), Power: 30, Outcome: agreed, Seat: true}, {Operator: operator(1), Power: 20, Outcome: missing, Seat: true},
		{Operator: operator(2), Power: 50, Outcome: agreed, Seat: true},
	}, receipt.Members)
	require.Equal(t, int64(100), receipt.TotalPower)
	require.Equal(t, []types.Payout{
		{Recipient: operator(2), Share: keeper.SharePublisher, Amount: math.NewInt(20)},
		{Recipient: operator(0), Share: keeper.ShareMember, Amount: math.NewInt(18)},
		{Recipient: operator(2), Share: keeper.ShareMember, Amount: math.NewInt(30)},
		{Recipient: owner.String(), Share: keeper.ShareOwner, Amount: math.NewInt(15)},
		{Recipient: alice.String(), Share: keeper.ShareRefund, Amount: math.NewInt(12)},
		{Recipient: moduleAddress(distributiontypes.ModuleName).String(), Share: keeper.ShareCommunity, Amount: math.NewInt(10)},
	}, f.settledPayouts())
}

// settledPayouts are the payouts of the only settlement since the event manager was replaced.
func (f *fixture) settledPayouts() []types.Payout {
	f.Helper()
	var payouts []types.Payout
	for _, event := range f.ctx.EventManager().Events() {
		if event.Type != "opengradient.inference.v1.EventRequestSettled" {
			continue
		}
		typed, err := sdk.ParseTypedEvent(sdk.Events{event}.ToABCIEvents()[0])
		require.NoError(f, err)
		for _, p := range typed.(*types.EventRequestSettled).Payouts {
			payouts = append(payouts, *p)
		}
	}
	return payouts
}

func TestFailureOutcomeIsCharged(t *testing.T) {
	for name, tc := range map[string]struct {
		failure verificationtypes.Failure
		reason  types.FailureReason
	}{
		"execution":    {verificationtypes.FAILURE_EXECUTION, types.FAILURE_REASON_EXECUTION},
		"output limit": {verificationtypes.FAILURE_OUTPUT_LIMIT, types.FAILURE_REASON_OUTPUT_LIMIT},
	} {
		t.Run(name, func(t *testing.T) {
			f, id := start(t)
			d := f.failure(id, tc.failure)
			f.decide(d)
			require.Equal(t, types.REQUEST_STATUS_FAILED, f.request(id).Status)
			require.True(t, f.request(id).Escrow.IsPositive())
			_, err := f.queries.Result(f.ctx, &types.QueryResultRequest{Id: id})
			require.ErrorIs(t, err, types.ErrNotFinal)

			f.verification.settlements = []verificationtypes.Settlement{f.settlement(d, agreed, disagreed, agreed)}
			f.endBlock()
			f.requireEnded(id, types.REQUEST_STATUS_FAILED, tc.reason)
			// No publisher: 80 for the members by power.
			require.Equal(t, int64(24), f.balance(operator(0)))
			require.Equal(t, int64(0), f.balance(operator(1)))
			require.Equal(t, int64(40), f.balance(operator(2)))
			receipt, err := f.k.Receipts.Get(f.ctx, id)
			require.NoError(t, err)
			require.Equal(t, int64(16), receipt.Refunded.Int64())
			require.Empty(t, receipt.Publisher)
		})
	}
}

func TestImpossibleAgreementBringsAnotherAttempt(t *testing.T) {
	f, id := start(t)
	f.decide(f.impossible(id))
	require.Equal(t, types.REQUEST_STATUS_RETRYING, f.request(id).Status)
	require.False(t, f.verification.hasRound(f.ctx, id))
	require.NoError(t, f.k.CheckEscrow(f.ctx))
	f.assign(id)
	require.Equal(t, uint32(2), f.request(id).Attempt)

	f.scheduling.again = false
	f.decide(f.impossible(id))
	f.requireEnded(id, types.REQUEST_STATUS_FAILED, types.FAILURE_REASON_NO_AGREEMENT)
	require.Equal(t, int64(startBalance)-f.request(id).Fee.Bytes.Int64(), f.balance(alice.String()), "all but the byte fee is refunded")
}

func TestDeadlines(t *testing.T) {
	t.Run("of an attempt, with another to follow", func(t *testing.T) {
		f, id := start(t)
		f.scheduling.due = []schedulingtypes.Expiry{{RequestID: id, Attempts: 1}}
		f.endBlock()
		require.Equal(t, types.REQUEST_STATUS_RETRYING, f.request(id).Status)
		require.False(t, f.verification.hasRound(f.ctx, id))
	})
	t.Run("of the last attempt", func(t *testing.T) {
		f, id := start(t)
		f.scheduling.again = false
		f.scheduling.due = []schedulingtypes.Expiry{{RequestID: id, Attempts: 3}}
		f.endBlock()
		f.requireEnded(id, types.REQUEST_STATUS_FAILED, types.FAILURE_REASON_NO_AGREEMENT)
	})
	t.Run("final, during an attempt", func(t *testing.T) {
		f, id := start(t)
		f.scheduling.due = []schedulingtypes.Expiry{{RequestID: id, Final: true, Attempts: 1}}
		f.endBlock()
		f.requireEnded(id, types.REQUEST_STATUS_FAILED, types.FAILURE_REASON_DEADLINE)
		require.Equal(t, int64(11), f.request(id).FinalHeight)
	})
	t.Run("final, in the queue", func(t *testing.T) {
		f := newFixture(t)
		id := f.submit(submission(input(1)))[0]
		f.scheduling.due = []schedulingtypes.Expiry{{RequestID: id, Final: true}}
		f.endBlock()
		f.requireEnded(id, types.REQUEST_STATUS_FAILED, types.FAILURE_REASON_DEADLINE)
	})
}

func TestCancel(t *testing.T) {
	f := newFixture(t)
	ids := f.submit(submission(input(1), input(1)))
	res, err := f.msgs.CancelRequest(f.ctx, &types.MsgCancelRequest{Requester: alice.String(), Id: ids[0]})
	require.NoError(t, err)
	require.Equal(t, int64(105), res.Refunded.Int64())
	f.requireEnded(ids[0], types.REQUEST_STATUS_CANCELLED, 0)
	require.Equal(t, int64(105), f.escrowed(), "the other request keeps its escrow")
}

func TestCancelRefuses(t *testing.T) {
	for name, tc := range map[string]struct {
		change func(f *fixture, m *types.MsgCancelRequest)
		want   error
	}{
		"bad requester":   {func(_ *fixture, m *types.MsgCancelRequest) { m.Requester = "x" }, nil},
		"unknown request": {func(_ *fixture, m *types.MsgCancelRequest) { m.Id = 99 }, types.ErrRequestNotFound},
		"someone else's":  {func(_ *fixture, m *types.MsgCancelRequest) { m.Requester = bob.String() }, types.ErrNotRequester},
		"assigned":        {func(f *fixture, m *types.MsgCancelRequest) { f.assign(m.Id) }, types.ErrNotCancellable},
		"retrying": {func(f *fixture, m *types.MsgCancelRequest) {
			f.assign(m.Id)
			f.decide(f.impossible(m.Id))
		}, types.ErrNotCancellable},
		"final": {func(f *fixture, m *types.MsgCancelRequest) {
			f.assign(m.Id)
			f.decide(f.decision(m.Id))
		}, types.ErrNotCancellable},
		"cancelled before": {func(f *fixture, m *types.MsgCancelRequest) {
			_, err := f.msgs.CancelRequest(f.ctx, m)
			require.NoError(f, err)
		}, types.ErrNotCancellable},
		"scheduling holds it": {func(f *fixture, m *types.MsgCancelRequest) {
			task, err := f.scheduling.task(f.ctx, m.Id)
			require.NoError(f, err)
			task.Attempts = 1
			f.scheduling.put(f.ctx, task)
		}, types.ErrNotCancellable},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFixture(t)
			msg := &types.MsgCancelRequest{Requester: alice.String(), Id: f.submit(submission(input(1)))[0]}
			tc.change(f, msg)
			f.requireUnchanged(func() {
				_, err := f.msgs.CancelRequest(f.ctx, msg)
				require.Error(t, err)
				if tc.want != nil {
					require.ErrorIs(t, err, tc.want)
				}
			})
		})
	}
}
