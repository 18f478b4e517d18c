package keeper_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"cosmossdk.io/math"
	sdk "github.com/cosmos/cosmos-sdk/types"
	"github.com/cosmos/cosmos-sdk/types/query"

	"github.com/opengradient/opengradient/x/inference/types"
)

func TestTopUpPaysForMoreRuns(t *testing.T) {
	f := newFixture(t)
	id := f.createSchedule(schedule(1, 1))
	f.ctx = f.ctx.WithEventManager(sdk.NewEventManager())
	f.topUp(id, 2*runFee, 2)
	s := f.schedule(id)
	require.Equal(t, []*types.EventScheduleChanged{
		{Id: id, Status: types.SCHEDULE_STATUS_ACTIVE, Remaining: 3, Deposit: s.Deposit.String()},
	}, eventsOf[*types.EventScheduleChanged](f))
	require.Equal(t, int64(3*runFee), s.Deposit.Int64())
	require.Equal(t, int64(3*runFee), f.escrowed())
	f.endBlocks(3)
	require.Equal(t, types.SCHEDULE_STATUS_COMPLETED, f.schedule(id).Status)
	require.Equal(t, uint32(3), f.schedule(id).Placed)
	require.Equal(t, int64(startBalance-storageFee-3*runFee), f.balance(alice.String()))
}

// Runs alone may be added as far as the deposit pays for them: a million runs for nothing would be missed one by one, in
// the place of runs of others.
func TestTopUpOfRunsAlone(t *testing.T) {
	f := newFixture(t)
	msg := schedule(1, 1)
	msg.Deposit = math.NewInt(3*runFee - 1)
	id := f.createSchedule(msg)
	f.topUp(id, 0, 1)
	f.requireUnchanged(func() {
		_, err := f.msgs.TopUpSchedule(f.ctx, &types.MsgTopUpSchedule{Owner: alice.String(), Id: id, Count: 1})
		require.ErrorIs(t, err, types.ErrDeposit)
	})
	f.topUp(id, 1, 1)
	f.endBlocks(3)
	require.Equal(t, uint32(3), f.schedule(id).Placed)
	require.Equal(t, types.SCHEDULE_STATUS_COMPLETED, f.schedule(id).Status)
}

// When the price has risen, more money alone is always taken, and more runs only with all of their price.
func TestTopUpAtAHigherPrice(t *testing.T) {
	f := newFixture(t)
	id := f.createSchedule(schedule(1, 2))
	f.scheduling.basePrice = math.NewInt(200)
	f.topUp(id, 1, 0)
	f.requireUnchanged(func() {
		_, err := f.msgs.TopUpSchedule(f.ctx, &types.MsgTopUpSchedule{Owner: alice.String(), Id: id, Deposit: math.NewInt(runFee + 100), Count: 1})
		require.ErrorIs(t, err, types.ErrDeposit)
	})
	f.topUp(id, runFee+299, 1)
}

// Runs that would be missed are not added, whatever the deposit is: more money alone is.
func TestTopUpOfRunsThatWouldBeMissed(t *testing.T) {
	for name, tc := range map[string]struct {
		spoil func(f *fixture)
		want  error
	}{
		"price above the maximum fee": {func(f *fixture) { f.scheduling.basePrice = math.NewInt(836) }, types.ErrMaxFee},
		"too little power":            {func(f *fixture) { f.scheduling.eligible = 59 }, types.ErrEligiblePower},
		"inputs too large":            {func(f *fixture) { f.setParams(func(p *types.Params) { p.MaxInputBytes = 20 }) }, types.ErrInputTooLarge},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFixture(t)
			id := f.createSchedule(schedule(1, 1))
			tc.spoil(f)
			f.requireUnchanged(func() {
				_, err := f.msgs.TopUpSchedule(f.ctx, &types.MsgTopUpSchedule{Owner: alice.String(), Id: id, Deposit: math.NewInt(10_000), Count: 1})
				require.ErrorIs(t, err, tc.want)
			})
			f.topUp(id, 10_000, 0)
		})
	}
}

// The runs of a paused schedule wait; they are not missed.
func TestPauseHoldsRunsBack(t *testing.T) {
	f := newFixture(t)
	id := f.createSchedule(schedule(3, 3))
	f.endBlock()
	f.ctx = f.ctx.WithEventManager(sdk.NewEventManager())
	f.pause(id)
	f.endBlocks(20)
	s := f.schedule(id)
	require.Equal(t, types.SCHEDULE_STATUS_PAUSED, s.Status)
	require.Equal(t, []uint32{1, 0, 2}, []uint32{s.Placed, s.Missed, s.Remaining})
	require.Zero(t, s.NextHeight)
	f.topUp(id, 1, 0)
	f.resume(id)
	require.Len(t, eventsOf[*types.EventScheduleChanged](f), 3)
	height := f.ctx.BlockHeight()
	require.Equal(t, height, f.schedule(id).NextHeight)
	f.endBlocks(4)
	require.Equal(t, []types.ScheduleRun{
		{ScheduleId: id, Run: 1, Height: 10, RequestId: 1},
		{ScheduleId: id, Run: 2, Height: height, RequestId: 2},
		{ScheduleId: id, Run: 3, Height: height + 3, RequestId: 3},
	}, f.runs(id))
}

func TestCancelSchedule(t *testing.T) {
	for name, before := range map[string]func(f *fixture, id uint64){
		"active": func(*fixture, uint64) {},
		"paused": func(f *fixture, id uint64) { f.pause(id) },
	} {
		t.Run(name, func(t *testing.T) {
			f := newFixture(t)
			id := f.createSchedule(schedule(3, 3))
			f.endBlock()
			before(f, id)
			f.ctx = f.ctx.WithEventManager(sdk.NewEventManager())
			require.Equal(t, int64(2*runFee), f.cancelSchedule(id))
			s := f.schedule(id)
			require.Equal(t, types.SCHEDULE_STATUS_CANCELLED, s.Status)
			require.Equal(t, int64(11), s.EndedHeight)
			require.True(t, s.Deposit.IsZero())
			require.False(t, f.hasScheduleInputs(id))
			require.Equal(t, []*types.EventScheduleEnded{{Id: id, Status: s.Status, Refunded: "530"}}, eventsOf[*types.EventScheduleEnded](f))
			f.endBlocks(10)
			require.Len(t, f.runs(id), 1, "no run comes any more")
			require.True(t, f.request(1).Status.Open(), "what was placed goes on")
			require.True(t, f.hasInputs(1), "with inputs of its own")
			require.NoError(t, f.k.CheckEscrow(f.ctx))
		})
	}
}

func TestCancelledDepositGoesToTheCommunityWhenTheOwnerCannotReceive(t *testing.T) {
	f := newFixture(t)
	id := f.createSchedule(schedule(3, 3))
	f.bank.blocked[alice.String()] = true
	require.Zero(t, f.cancelSchedule(id))
	require.Equal(t, int64(storageFee+3*runFee), f.balance(communityPool))
	require.NoError(t, f.k.CheckEscrow(f.ctx))
}

// The request of a run may be cancelled like any other; its schedule goes on.
func TestCancelTheRequestOfARun(t *testing.T) {
	f := newFixture(t)
	id := f.createSchedule(schedule(3, 3))
	f.endBlock()
	_, err := f.msgs.CancelRequest(f.ctx, &types.MsgCancelRequest{Requester: alice.String(), Id: 1})
	require.NoError(t, err)
	f.endBlocks(3)
	require.Equal(t, uint32(2), f.schedule(id).Placed)
	require.NoError(t, f.k.CheckEscrow(f.ctx))
}

func TestChangesOfASchedule(t *testing.T) {
	type call = func(f *fixture, who string, id uint64) error
	calls := map[string]call{
		"top up": func(f *fixture, who string, id uint64) error {
			_, err := f.msgs.TopUpSchedule(f.ctx, &types.MsgTopUpSchedule{Owner: who, Id: id, Deposit: math.NewInt(5)})
			return err
		},
		"pause": func(f *fixture, who string, id uint64) error {
			_, err := f.msgs.PauseSchedule(f.ctx, &types.MsgPauseSchedule{Owner: who, Id: id})
			return err
		},
		"resume": func(f *fixture, who string, id uint64) error {
			_, err := f.msgs.ResumeSchedule(f.ctx, &types.MsgResumeSchedule{Owner: who, Id: id})
			return err
		},
		"cancel": func(f *fixture, who string, id uint64) error {
			_, err := f.msgs.CancelSchedule(f.ctx, &types.MsgCancelSchedule{Owner: who, Id: id})
			return err
		},
	}
	allowed := map[types.ScheduleStatus][]string{
		types.SCHEDULE_STATUS_ACTIVE:    {"top up", "pause", "cancel"},
		types.SCHEDULE_STATUS_PAUSED:    {"top up", "resume", "cancel"},
		types.SCHEDULE_STATUS_COMPLETED: nil,
		types.SCHEDULE_STATUS_CANCELLED: nil,
	}
	reach := map[types.ScheduleStatus]func(f *fixture, id uint64){
		types.SCHEDULE_STATUS_ACTIVE:    func(*fixture, uint64) {},
		types.SCHEDULE_STATUS_PAUSED:    func(f *fixture, id uint64) { f.pause(id) },
		types.SCHEDULE_STATUS_COMPLETED: func(f *fixture, _ uint64) { f.endBlock() },
		types.SCHEDULE_STATUS_CANCELLED: func(f *fixture, id uint64) { f.cancelSchedule(id) },
	}
	for name, change := range calls {
		for status, path := range reach {
			t.Run(name+" "+status.String(), func(t *testing.T) {
				f := newFixture(t)
				id := f.createSchedule(schedule(1, 1))
				path(f, id)
				require.Equal(t, status, f.schedule(id).Status)
				f.requireUnchanged(func() {
					require.ErrorIs(t, change(f, bob.String(), id), types.ErrNotScheduleOwner)
					require.ErrorIs(t, change(f, alice.String(), 99), types.ErrScheduleNotFound)
					require.Error(t, change(f, "x", id))
				})
				for _, fine := range allowed[status] {
					if fine == name {
						require.NoError(t, change(f, alice.String(), id))
						return
					}
				}
				f.requireUnchanged(func() {
					require.ErrorIs(t, change(f, alice.String(), id), types.ErrScheduleStatus)
				})
			})
		}
	}
}

func TestTopUpRefuses(t *testing.T) {
	for name, tc := range map[string]struct {
		msg  types.MsgTopUpSchedule
		want error
	}{
		"nothing":             {types.MsgTopUpSchedule{Deposit: math.ZeroInt()}, types.ErrScheduleTerms},
		"nothing set":         {types.MsgTopUpSchedule{}, types.ErrScheduleTerms},
		"less than before":    {types.MsgTopUpSchedule{Deposit: math.NewInt(-5), Count: 1}, types.ErrScheduleTerms},
		"runs without money":  {types.MsgTopUpSchedule{Count: 1}, types.ErrDeposit},
		"too many runs":       {types.MsgTopUpSchedule{Count: types.MaxScheduleRuns - 2}, types.ErrScheduleTerms},
		"deposit not covered": {types.MsgTopUpSchedule{Deposit: math.NewInt(startBalance)}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFixture(t)
			tc.msg.Owner, tc.msg.Id = alice.String(), f.createSchedule(schedule(1, 3))
			f.requireUnchanged(func() {
				_, err := f.msgs.TopUpSchedule(f.ctx, &tc.msg)
				require.Error(t, err)
				if tc.want != nil {
					require.ErrorIs(t, err, tc.want)
				}
			})
		})
	}
}

func TestSchedulesAreListedAndPaged(t *testing.T) {
	f := newFixture(t)
	for i := range 5 {
		msg := schedule(1, 3)
		if i%2 == 1 {
			msg.Owner = bob.String()
		}
		f.createSchedule(msg)
	}
	for name, tc := range map[string]struct {
		req  types.QuerySchedulesRequest
		want []uint64
	}{
		"all":       {types.QuerySchedulesRequest{}, []uint64{1, 2, 3, 4, 5}},
		"of one":    {types.QuerySchedulesRequest{Owner: bob.String()}, []uint64{2, 4}},
		"of nobody": {types.QuerySchedulesRequest{Owner: owner.String()}, nil},
		"a page":    {types.QuerySchedulesRequest{Owner: alice.String(), Pagination: &query.PageRequest{Limit: 2}}, []uint64{1, 3}},
		"reversed":  {types.QuerySchedulesRequest{Pagination: &query.PageRequest{Reverse: true, Limit: 1}}, []uint64{5}},
	} {
		t.Run(name, func(t *testing.T) {
			res, err := f.queries.Schedules(f.ctx, &tc.req)
			require.NoError(t, err)
			var got []uint64
			for _, s := range res.Schedules {
				got = append(got, s.Id)
			}
			require.Equal(t, tc.want, got)
		})
	}
	_, err := f.queries.Schedules(f.ctx, &types.QuerySchedulesRequest{Owner: "x"})
	require.Error(t, err)
	_, err = f.queries.Schedule(f.ctx, &types.QueryScheduleRequest{Id: 99})
	require.ErrorIs(t, err, types.ErrScheduleNotFound)
	_, err = f.queries.ScheduleRuns(f.ctx, &types.QueryScheduleRunsRequest{Id: 99})
	require.ErrorIs(t, err, types.ErrScheduleNotFound)

	f.endBlocks(3)
	runs, err := f.queries.ScheduleRuns(f.ctx, &types.QueryScheduleRunsRequest{Id: 2, Pagination: &query.PageRequest{Reverse: true, Limit: 2}})
	require.NoError(t, err)
	require.Equal(t, []uint32{3, 2}, []uint32{runs.Runs[0].Run, runs.Runs[1].Run}, "only its own, newest first")
}
