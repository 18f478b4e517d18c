package keeper_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"cosmossdk.io/collections"
	"cosmossdk.io/math"
	sdk "github.com/cosmos/cosmos-sdk/types"

	"github.com/opengradient/opengradient/x/inference/types"
	verificationtypes "github.com/opengradient/opengradient/x/verification/types"
)

// reusing is a submission of bob that takes a receipt of at most so many blocks.
func reusing(blocks uint32, inputs ...types.InferenceInput) *types.MsgSubmitRequests {
	msg := submission(inputs...)
	msg.Requester, msg.ReuseBlocks = bob.String(), blocks
	return msg
}

// settled submits a message, and settles its requests in the next two blocks.
func (f *fixture) settled(msg *types.MsgSubmitRequests) []uint64 {
	f.Helper()
	ids := f.submit(msg)
	f.assign(ids...)
	for _, id := range ids {
		d := f.decision(id)
		f.decide(d)
		f.verification.settlements = append(f.verification.settlements, f.settlement(d, agreed, agreed, agreed))
	}
	f.endBlock()
	return ids
}

func TestReuse(t *testing.T) {
	f := newFixture(t)
	first := f.settled(submission(input(1)))
	f.ctx = f.ctx.WithEventManager(sdk.NewEventManager())
	held, own, pool, royalties := f.escrowed(), f.balance(bob.String()), f.balance(communityPool), f.balance(owner.String())
	msg := reusing(10, input(1))
	msg.MaxFee = math.NewInt(15)
	res, err := f.msgs.SubmitRequests(f.ctx, msg)
	require.NoError(t, err)
	require.Equal(t, &types.MsgSubmitRequestsResponse{Ids: first, Reused: first}, res)
	require.Equal(t, int64(15), own-f.balance(bob.String()), "a tenth of the compute part and the royalty")
	require.Equal(t, int64(10), f.balance(communityPool)-pool)
	require.Equal(t, int64(5), f.balance(owner.String())-royalties)
	require.Equal(t, held, f.escrowed())
	require.Equal(t, []*types.EventReceiptReused{{Id: first[0], Requester: bob.String(), Fee: "15"}}, eventsOf[*types.EventReceiptReused](f))
	require.Empty(t, eventsOf[*types.EventRequestSubmitted](f))
	require.Equal(t, alice.String(), f.request(first[0]).Requester)
	quote, err := f.queries.Quote(f.ctx, &types.QueryQuoteRequest{Model: "pair"})
	require.NoError(t, err)
	require.Equal(t, int64(15), quote.ReuseFee.Int64())
}

func TestWhatIsReused(t *testing.T) {
	// The receipt of request 1 is settled in block 11; the message comes in block 12.
	params := func(change func(p *types.Params)) func(*fixture, *types.MsgSubmitRequests) {
		return func(f *fixture, _ *types.MsgSubmitRequests) { f.setParams(change) }
	}
	for name, tc := range map[string]struct {
		change func(f *fixture, m *types.MsgSubmitRequests)
		want   bool
	}{
		"the same":             {func(*fixture, *types.MsgSubmitRequests) {}, true},
		"not wanted":           {func(_ *fixture, m *types.MsgSubmitRequests) { m.ReuseBlocks = 0 }, false},
		"other inputs":         {func(_ *fixture, m *types.MsgSubmitRequests) { m.Requests[0] = input(2) }, false},
		"other tier":           {func(_ *fixture, m *types.MsgSubmitRequests) { m.Tier = types.TIER_COMMITTEE }, false},
		"fewer outputs":        {func(_ *fixture, m *types.MsgSubmitRequests) { m.Outputs = []string{"sum"} }, false},
		"outputs turned round": {func(_ *fixture, m *types.MsgSubmitRequests) { m.Outputs = []string{"twice", "sum"} }, false},
		"outputs spelled":      {func(_ *fixture, m *types.MsgSubmitRequests) { m.Outputs = []string{"sum", "twice"} }, true},
		"other fee class":      {func(_ *fixture, m *types.MsgSubmitRequests) { m.FeeClass = 1 }, true},
		"sealed wanted":        {func(_ *fixture, m *types.MsgSubmitRequests) { m.Sealing = types.SEALING_SEALED }, false},
		"sealed by its fee": {func(f *fixture, _ *types.MsgSubmitRequests) {
			f.setParams(func(p *types.Params) { p.SealFee = math.NewInt(runFee) })
		}, false},
		"open wanted": {func(f *fixture, m *types.MsgSubmitRequests) {
			f.setParams(func(p *types.Params) { p.SealFee = math.NewInt(runFee) })
			m.Sealing = types.SEALING_OPEN
		}, true},
		"youngest age":          {func(_ *fixture, m *types.MsgSubmitRequests) { m.ReuseBlocks = 1 }, true},
		"at its age":            {func(f *fixture, m *types.MsgSubmitRequests) { m.ReuseBlocks = 5; f.endBlocks(4) }, true},
		"above its age":         {func(f *fixture, m *types.MsgSubmitRequests) { m.ReuseBlocks = 5; f.endBlocks(5) }, false},
		"at the governed age":   {func(f *fixture, _ *types.MsgSubmitRequests) { f.endBlocks(7) }, true},
		"above the governed":    {func(f *fixture, _ *types.MsgSubmitRequests) { f.endBlocks(8) }, false},
		"governed age lowered":  {func(f *fixture, _ *types.MsgSubmitRequests) { f.setReuse(3); f.endBlocks(3) }, false},
		"governed age still on": {func(f *fixture, _ *types.MsgSubmitRequests) { f.setReuse(3); f.endBlocks(2) }, true},
		"switched off":          {params(func(p *types.Params) { p.ReuseBlocks = 0 }), false},
		"without power":         {func(f *fixture, _ *types.MsgSubmitRequests) { f.scheduling.eligible = 0 }, true},
		"fee within the maximum": {func(_ *fixture, m *types.MsgSubmitRequests) {
			m.MaxFee = math.NewInt(15)
		}, true},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFixture(t)
			f.setReuse(8)
			first := f.settled(submission(input(1)))
			msg := reusing(100, input(1))
			tc.change(f, msg)
			res, err := f.msgs.SubmitRequests(f.ctx, msg)
			require.NoError(t, err)
			if tc.want {
				require.Equal(t, first, res.Reused)
				require.Equal(t, first, res.Ids)
			} else {
				require.Empty(t, res.Reused)
				require.Equal(t, []uint64{2}, res.Ids)
			}
			require.NoError(t, f.k.CheckEscrow(f.ctx))
		})
	}
}

func (f *fixture) setReuse(blocks uint32) {
	f.Helper()
	f.setParams(func(p *types.Params) { p.ReuseBlocks = blocks })
}

func TestSealedReceiptsStandForSealedRequests(t *testing.T) {
	f := newFixture(t)
	msg := submission(input(1))
	msg.Sealing = types.SEALING_SEALED
	first := f.settled(msg)
	again := reusing(10, input(1))
	again.Sealing = types.SEALING_SEALED
	require.Equal(t, first, f.submit(again))
	require.Equal(t, first, f.submit(reusing(10, input(1))), "and for open ones")
}

// Requests of one message may be reused and new; their ids keep the order of the message.
func TestReuseOfSome(t *testing.T) {
	f := newFixture(t)
	f.settled(submission(input(1), input(2)))
	res, err := f.msgs.SubmitRequests(f.ctx, reusing(10, input(3), input(2), input(1), input(4), input(2)))
	require.NoError(t, err)
	require.Equal(t, []uint64{3, 2, 1, 4, 2}, res.Ids)
	require.Equal(t, []uint64{2, 1, 2}, res.Reused, "and each is paid for")
	require.NoError(t, f.k.CheckEscrow(f.ctx))
}

func TestReuseIsAnsweredAgain(t *testing.T) {
	f := newFixture(t)
	f.settled(submission(input(1)))
	msg := reusing(10, input(1), input(2))
	msg.IdempotencyKey = "order-17"
	first, err := f.msgs.SubmitRequests(f.ctx, msg)
	require.NoError(t, err)
	f.endBlocks(50)
	f.requireUnchanged(func() {
		again, err := f.msgs.SubmitRequests(f.ctx, msg)
		require.NoError(t, err)
		require.Equal(t, &types.MsgSubmitRequestsResponse{Ids: first.Ids, Reused: first.Reused, AnsweredBefore: true}, again)
	})
	require.Equal(t, []uint64{1}, first.Reused)
	f.requireRoundTrip()
}

func TestReuseThatCannotBePaid(t *testing.T) {
	for name, spoil := range map[string]func(f *fixture, m *types.MsgSubmitRequests){
		"maximum fee below": func(_ *fixture, m *types.MsgSubmitRequests) { m.MaxFee = math.NewInt(14) },
		"nothing left":      func(f *fixture, _ *types.MsgSubmitRequests) { f.bank.set(f.ctx, bob.String(), math.NewInt(9)) },
		"royalty not left":  func(f *fixture, _ *types.MsgSubmitRequests) { f.bank.set(f.ctx, bob.String(), math.NewInt(14)) },
		"royalty stuck":     func(f *fixture, _ *types.MsgSubmitRequests) { f.bank.broken = true },
	} {
		t.Run(name, func(t *testing.T) {
			f := newFixture(t)
			f.settled(submission(input(1)))
			msg := reusing(10, input(1))
			spoil(f, msg)
			f.requireUnchanged(func() {
				_, err := f.msgs.SubmitRequests(f.ctx, msg)
				require.Error(t, err)
			})
		})
	}
}

func TestRoyaltyGoesToTheCommunityWhenTheOwnerCannotReceive(t *testing.T) {
	f := newFixture(t)
	first := f.settled(submission(input(1)))
	f.bank.blocked[owner.String()] = true
	pool := f.balance(communityPool)
	require.Equal(t, first, f.submit(reusing(10, input(1))))
	require.Equal(t, int64(15), f.balance(communityPool)-pool)
	require.NoError(t, f.k.CheckEscrow(f.ctx))
}

func TestReuseMayBeFree(t *testing.T) {
	f := newFixture(t)
	f.settled(submission(input(1)))
	f.setParams(func(p *types.Params) { p.ReusePrice = 0 })
	m, err := f.models.Find(f.ctx, "pair")
	require.NoError(t, err)
	m.Royalty = math.ZeroInt()
	f.models.set(f.ctx, m)
	msg := reusing(10, input(1))
	msg.MaxFee = math.ZeroInt()
	f.requireUnchanged(func() { require.Equal(t, []uint64{1}, f.submit(msg)) })
}

func TestWhatIsNotOffered(t *testing.T) {
	for name, end := range map[string]func(f *fixture, id uint64){
		"before its settlement": func(f *fixture, id uint64) { f.decide(f.decision(id)) },
		"failure": func(f *fixture, id uint64) {
			d := f.failure(id, verificationtypes.FAILURE_EXECUTION)
			f.decide(d)
			f.verification.settlements = []verificationtypes.Settlement{f.settlement(d, agreed, agreed, agreed)}
			f.endBlock()
		},
		"settled by a refund": func(f *fixture, id uint64) {
			d := f.decision(id)
			f.decide(d)
			f.verification.settlements = []verificationtypes.Settlement{f.settlement(d, agreed, agreed, missing)}
			f.endBlock()
		},
		"while it is switched off": func(f *fixture, id uint64) {
			f.setReuse(0)
			d := f.decision(id)
			f.decide(d)
			f.verification.settlements = []verificationtypes.Settlement{f.settlement(d, agreed, agreed, agreed)}
			f.endBlock()
			f.setReuse(100)
		},
	} {
		t.Run(name, func(t *testing.T) {
			f, id := start(t)
			end(f, id)
			require.Equal(t, []uint64{2}, f.submit(reusing(10, input(1))))
		})
	}
}

func (f *fixture) reusable() (list []types.ReusableReceipt) {
	f.Helper()
	require.NoError(f, f.k.ReusableReceipts.Walk(f.ctx, nil, func(_ []byte, e types.ReusableReceipt) (bool, error) {
		list = append(list, e)
		return false, nil
	}))
	return list
}

// A newer receipt takes the place of the older one, with its time.
func TestNewerReceiptsReplaceOlderOnes(t *testing.T) {
	f := newFixture(t)
	f.setReuse(8)
	f.settled(submission(input(1))) // settled in block 11
	f.endBlocks(3)
	second := f.settled(submission(input(1))) // settled in block 16
	require.Len(t, f.reusable(), 1)
	require.Equal(t, int64(16), f.reusable()[0].SettledHeight)
	f.endBlocks(6) // the first would be dropped at the end of block 19
	require.Equal(t, second, f.submit(reusing(100, input(1))))
	f.endBlocks(1)
	require.Equal(t, second, f.submit(reusing(100, input(1))), "in block 24, the last one")
	f.endBlock()
	require.Empty(t, f.reusable())
	require.NoError(t, f.k.ReusableExpiries.Walk(f.ctx, nil, func(collections.Pair[int64, []byte]) (bool, error) {
		require.Fail(t, "the index is empty in the end")
		return true, nil
	}))
}

func TestDroppingReusableReceiptsIsBounded(t *testing.T) {
	f := newFixture(t)
	f.setParams(func(p *types.Params) { p.ReuseBlocks, p.MaxRequestsPerMessage, p.MaxOutputBytes = 1, 300, 16<<10 })
	msg := submission()
	for rows := range 300 {
		msg.Requests = append(msg.Requests, input(rows+1))
	}
	f.settled(msg)
	require.Len(t, f.reusable(), 300)
	f.endBlock()
	require.Len(t, f.reusable(), 44)
	f.endBlock()
	require.Empty(t, f.reusable())
}
