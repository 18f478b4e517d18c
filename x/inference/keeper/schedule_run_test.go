package keeper_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"cosmossdk.io/collections"
	"cosmossdk.io/math"
	sdk "github.com/cosmos/cosmos-sdk/types"

	"github.com/opengradient/opengradient/x/inference/types"
	schedulingtypes "github.com/opengradient/opengradient/x/scheduling/types"
	verificationtypes "github.com/opengradient/opengradient/x/verification/types"
)

// A run is a request like one that the owner submits in the same block, but for its schedule.
func TestRunIsAnOrdinaryRequest(t *testing.T) {
	for name, change := range map[string]func(m *types.MsgCreateSchedule, s *types.MsgSubmitRequests){
		"default": func(*types.MsgCreateSchedule, *types.MsgSubmitRequests) {},
		"committee, sealed, priority": func(m *types.MsgCreateSchedule, s *types.MsgSubmitRequests) {
			m.Tier, s.Tier = types.TIER_COMMITTEE, types.TIER_COMMITTEE
			m.Sealing, s.Sealing = types.SEALING_SEALED, types.SEALING_SEALED
			m.FeeClass, s.FeeClass = schedulingtypes.FEE_CLASS_PRIORITY, schedulingtypes.FEE_CLASS_PRIORITY
		},
		"some outputs, economy": func(m *types.MsgCreateSchedule, s *types.MsgSubmitRequests) {
			m.Outputs, s.Outputs = []string{"twice"}, []string{"twice"}
			m.FeeClass, s.FeeClass = schedulingtypes.FEE_CLASS_ECONOMY, schedulingtypes.FEE_CLASS_ECONOMY
		},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFixture(t)
			create, submit := schedule(7, 3), submission(input(1))
			change(create, submit)
			f.submit(submit)
			schedule := f.createSchedule(create)
			pool := f.balance(communityPool)
			f.endBlock()
			submitted, run := f.request(1), f.request(2)
			require.Equal(t, submitted.Fee.Bytes.Int64(), f.balance(communityPool)-pool)
			digest, err := run.ComputeDigest("opengradient-test-1")
			require.NoError(t, err)
			require.Equal(t, digest, run.Digest)
			submittedInputs, err := f.k.Inputs.Get(f.ctx, 1)
			require.NoError(t, err)
			runInputs, err := f.k.Inputs.Get(f.ctx, 2)
			require.NoError(t, err)
			require.Equal(t, submittedInputs, runInputs)
			submittedTask, err := f.scheduling.task(f.ctx, 1)
			require.NoError(t, err)
			runTask, err := f.scheduling.task(f.ctx, 2)
			require.NoError(t, err)

			submitted.Id, submitted.ScheduleId, submitted.Digest = run.Id, schedule, run.Digest
			require.Equal(t, submitted, run)
			submittedTask.RequestId, submittedTask.Digest = 2, run.Digest
			require.Equal(t, submittedTask, runTask)
			require.Equal(t, create.Deposit.Sub(run.Fee.Total), f.schedule(schedule).Deposit)
			require.NoError(t, f.k.CheckEscrow(f.ctx))
		})
	}
}

func TestRunIsSettledLikeAnyOther(t *testing.T) {
	f := newFixture(t)
	f.createSchedule(schedule(7, 3))
	f.endBlock()
	f.assign(1)
	d := f.decision(1)
	f.decide(d)
	f.verification.settlements = []verificationtypes.Settlement{f.settlement(d, agreed, agreed, missing)}
	before := f.balance(alice.String())
	f.endBlock()
	receipt, err := f.queries.Receipt(f.ctx, &types.QueryReceiptRequest{Id: 1})
	require.NoError(t, err)
	require.Equal(t, f.request(1).Digest, receipt.Receipt.Digest)
	require.Equal(t, receipt.Receipt.Refunded.Int64(), f.balance(alice.String())-before, "the refund goes to the owner, not to the deposit")
	require.Equal(t, int64(2*runFee), f.escrowed())
}

func TestScheduleRunsToItsEnd(t *testing.T) {
	f := newFixture(t)
	msg := schedule(3, 3)
	msg.Deposit = msg.Deposit.AddRaw(50)
	id := f.createSchedule(msg)
	for height := int64(10); height < 20; height++ {
		require.Equal(t, height, f.ctx.BlockHeight())
		f.ctx = f.ctx.WithEventManager(sdk.NewEventManager())
		f.endBlock()
		s := f.schedule(id)
		placed := min(uint32(height-10)/3+1, 3)
		require.Equal(t, placed, s.Placed)
		require.Len(t, f.runs(id), int(placed))
		if due := (height-10)%3 == 0 && height <= 16; due {
			require.Equal(t, []*types.EventScheduleRun{{ScheduleId: id, Run: placed, RequestId: uint64(placed)}}, eventsOf[*types.EventScheduleRun](f))
		} else {
			require.Empty(t, eventsOf[*types.EventScheduleRun](f))
		}
		if height < 16 {
			require.Equal(t, types.SCHEDULE_STATUS_ACTIVE, s.Status)
			require.Equal(t, int64(10+3*placed), s.NextHeight)
			require.True(t, f.hasScheduleInputs(id))
			continue
		}
		require.Equal(t, types.SCHEDULE_STATUS_COMPLETED, s.Status)
		require.Equal(t, int64(16), s.EndedHeight)
		require.True(t, s.Deposit.IsZero())
		require.False(t, f.hasScheduleInputs(id))
		if height == 16 {
			require.Equal(t, []*types.EventScheduleEnded{{Id: id, Status: s.Status, Refunded: "50"}}, eventsOf[*types.EventScheduleEnded](f))
		}
	}
	require.Equal(t, int64(startBalance-storageFee-3*runFee), f.balance(alice.String()), "what was left is returned")
	require.Equal(t, []types.ScheduleRun{
		{ScheduleId: id, Run: 1, Height: 10, RequestId: 1},
		{ScheduleId: id, Run: 2, Height: 13, RequestId: 2},
		{ScheduleId: id, Run: 3, Height: 16, RequestId: 3},
	}, f.runs(id))
	require.NoError(t, f.k.CheckEscrow(f.ctx))
}

func TestMissedRunsAreNotCharged(t *testing.T) {
	params := func(change func(p *types.Params)) func(*fixture, uint64) {
		return func(f *fixture, _ uint64) { f.setParams(change) }
	}
	for name, tc := range map[string]struct {
		spoil func(f *fixture, id uint64)
		want  string
	}{
		"price above the maximum fee": {func(f *fixture, _ uint64) { f.scheduling.basePrice = math.NewInt(836) }, "max_fee"},
		"price above the deposit":     {func(f *fixture, _ uint64) { f.scheduling.basePrice = math.NewInt(835) }, "deposit"},
		"eligible power too low":      {func(f *fixture, _ uint64) { f.scheduling.eligible = 59 }, "eligible_power"},
		"queue full":                  {func(f *fixture, _ uint64) { f.scheduling.refuse = schedulingtypes.ErrQueueFull }, "queue_full"},
		"no deadline slot":            {func(f *fixture, _ uint64) { f.scheduling.refuse = schedulingtypes.ErrNoDeadlineSlot }, "deadline_slot"},
		"task too large":              {func(f *fixture, _ uint64) { f.scheduling.refuse = schedulingtypes.ErrTaskTooLarge }, "limits"},
		"inputs too large":            {params(func(p *types.Params) { p.MaxInputBytes = 20 }), "limits"},
		"outputs too large":           {params(func(p *types.Params) { p.MaxOutputBytes = 20 }), "limits"},
		"any other refusal":           {func(f *fixture, _ uint64) { f.scheduling.refuse = errBroken }, "internal"},
		"no price":                    {func(f *fixture, _ uint64) { f.scheduling.unpriced = errBroken }, "internal"},
		"inputs lost": {func(f *fixture, id uint64) {
			require.NoError(f, f.k.ScheduleInputs.Remove(f.ctx, id))
		}, "internal"},
		"byte fee cannot be paid": {func(f *fixture, _ uint64) { f.bank.broken = true }, "internal"},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFixture(t)
			id := f.createSchedule(schedule(7, 3)) // the deposit is 795
			f.ctx = f.ctx.WithEventManager(sdk.NewEventManager())
			tc.spoil(f, id)
			held, own := f.escrowed(), f.balance(alice.String())
			f.endBlock()
			s := f.schedule(id)
			require.Equal(t, []uint32{0, 1, 2}, []uint32{s.Placed, s.Missed, s.Remaining})
			require.Equal(t, int64(17), s.NextHeight)
			require.Equal(t, int64(795), s.Deposit.Int64())
			require.Equal(t, []int64{held, own}, []int64{f.escrowed(), f.balance(alice.String())})
			require.Equal(t, []types.ScheduleRun{{ScheduleId: id, Run: 1, Height: 10, Missed: tc.want}}, f.runs(id))
			require.Equal(t, []*types.EventScheduleRun{{ScheduleId: id, Run: 1, Missed: tc.want}}, eventsOf[*types.EventScheduleRun](f))
			require.Empty(t, eventsOf[*types.EventRequestSubmitted](f))
			next, err := f.k.NextRequestID.Get(f.ctx)
			require.NoError(t, err)
			require.Equal(t, uint64(1), next, "no id is used up")
			require.NoError(t, f.k.CheckEscrow(f.ctx))
		})
	}
}

func TestMissedRunsAlsoComplete(t *testing.T) {
	f := newFixture(t)
	id := f.createSchedule(schedule(1, 2))
	f.scheduling.refuse = schedulingtypes.ErrQueueFull
	f.endBlocks(2)
	s := f.schedule(id)
	require.Equal(t, types.SCHEDULE_STATUS_COMPLETED, s.Status)
	require.Equal(t, uint32(2), s.Missed)
	require.Equal(t, int64(startBalance-storageFee), f.balance(alice.String()), "all of the deposit is returned")
	require.Zero(t, f.escrowed())
}

func TestRestOfTheDepositGoesToTheCommunityWhenTheOwnerCannotReceive(t *testing.T) {
	f := newFixture(t)
	msg := schedule(1, 1)
	msg.Deposit = msg.Deposit.AddRaw(50)
	id := f.createSchedule(msg)
	f.bank.blocked[alice.String()] = true
	f.ctx = f.ctx.WithEventManager(sdk.NewEventManager())
	f.endBlock()
	require.Equal(t, types.SCHEDULE_STATUS_COMPLETED, f.schedule(id).Status)
	require.Equal(t, []*types.EventScheduleEnded{{Id: id, Status: types.SCHEDULE_STATUS_COMPLETED, Refunded: "0"}}, eventsOf[*types.EventScheduleEnded](f))
	require.Equal(t, storageFee+f.request(1).Fee.Bytes.Int64()+50, f.balance(communityPool))
	require.NoError(t, f.k.CheckEscrow(f.ctx))
}

// The last run ends the schedule. When the deposit can be returned to nobody, the schedule is paused with all it holds,
// and the block goes on.
func TestScheduleThatCannotEndIsPaused(t *testing.T) {
	f := newFixture(t)
	stuck, other := f.createSchedule(schedule(1, 1)), f.createSchedule(schedule(1, 2))
	f.bank.broken = true
	f.endBlock()
	s := f.schedule(stuck)
	require.Equal(t, types.SCHEDULE_STATUS_PAUSED, s.Status)
	require.Equal(t, uint32(1), s.Remaining)
	require.Empty(t, f.runs(stuck))
	require.Equal(t, "internal", f.runs(other)[0].Missed)
	require.NoError(t, f.k.CheckEscrow(f.ctx))
	f.bank.broken = false
	f.resume(stuck)
	f.endBlock()
	require.Equal(t, types.SCHEDULE_STATUS_COMPLETED, f.schedule(stuck).Status)
}

// Runs that are over the bound come in the next blocks, those planned first before the others, and delay none after them.
func TestRunsPerBlockAreBounded(t *testing.T) {
	f := newFixture(t)
	f.setParams(func(p *types.Params) { p.MaxRunsPerBlock = 2 })
	for range 5 {
		f.createSchedule(schedule(4, 2))
	}
	heights := func() (all [][]int64) {
		for id := uint64(1); id <= 5; id++ {
			var own []int64
			for _, r := range f.runs(id) {
				own = append(own, r.Height)
			}
			all = append(all, own)
		}
		return all
	}
	f.endBlock()
	require.Equal(t, [][]int64{{10}, {10}, nil, nil, nil}, heights())
	f.endBlocks(2)
	require.Equal(t, [][]int64{{10}, {10}, {11}, {11}, {12}}, heights())
	f.endBlocks(5)
	require.Equal(t, [][]int64{{10, 14}, {10, 14}, {11, 15}, {11, 15}, {12, 16}}, heights(),
		"the third was planned for 14 and is late for the bound alone")
}

func TestLateRunsDoNotDrift(t *testing.T) {
	f := newFixture(t)
	f.setParams(func(p *types.Params) { p.MaxRunsPerBlock = 1 })
	f.createSchedule(schedule(100, 2))
	late := f.createSchedule(schedule(10, 2))
	f.endBlocks(2)
	require.Equal(t, int64(11), f.runs(late)[0].Height)
	require.Equal(t, int64(20), f.schedule(late).NextHeight, "ten blocks after the height that was planned")
}

// wide is a schedule whose inputs take so many rows of 8 bytes.
func wide(every, count uint32, rows int) *types.MsgCreateSchedule {
	m := schedule(every, count)
	m.Inputs, m.Outputs = input(rows).Inputs, []string{"twice"}
	m.MaxFee = math.NewInt(10_000_000)
	m.Deposit = m.MaxFee.MulRaw(int64(count))
	return m
}

func TestInputsCopiedPerBlockAreBounded(t *testing.T) {
	for name, tc := range map[string]struct {
		rows []int
		want []int // runs after each block
	}{
		"those that fit":     {[]int{50_000, 50_000, 50_000, 50_000}, []int{2, 4}},
		"one at the least":   {[]int{200_000, 200_000}, []int{1, 2}},
		"in their order":     {[]int{50_000, 100_000, 1}, []int{1, 3}},
		"small ones at once": {[]int{1, 1, 1, 1, 1}, []int{5, 5}},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFixture(t)
			f.bank.set(f.ctx, alice.String(), math.NewInt(1_000_000_000_000))
			f.setParams(func(p *types.Params) { p.MaxInputBytes = 4 << 20 })
			for _, rows := range tc.rows {
				f.createSchedule(wide(1_000, 2, rows))
			}
			for _, want := range tc.want {
				f.endBlock()
				got := 0
				require.NoError(t, f.k.ScheduleRuns.Walk(f.ctx, nil, func(collections.Pair[uint64, uint32], types.ScheduleRun) (bool, error) {
					got++
					return false, nil
				}))
				require.Equal(t, want, got)
			}
		})
	}
}

// A missed run copies nothing, so that it takes no room of the others.
func TestMissedRunsTakeNoRoom(t *testing.T) {
	f := newFixture(t)
	f.bank.set(f.ctx, alice.String(), math.NewInt(1_000_000_000_000))
	for range 4 {
		f.createSchedule(wide(1_000, 2, 50_000))
	}
	f.scheduling.refuse = schedulingtypes.ErrQueueFull
	f.endBlock()
	for id := uint64(1); id <= 4; id++ {
		require.Equal(t, uint32(1), f.schedule(id).Missed)
	}
}

// More schedules than a block has runs for, which come in every block, do not keep another one from its run for longer
// than one round of all: what they are behind is not made up for.
func TestSchedulesThatAreBehindTakeTurns(t *testing.T) {
	f := newFixture(t)
	f.setParams(func(p *types.Params) { p.MaxRunsPerBlock = 2 })
	for range 8 {
		f.createSchedule(schedule(1, 100))
	}
	f.endBlocks(20)
	late := f.createSchedule(schedule(1_000, 1))
	created := f.ctx.BlockHeight()
	f.endBlocks(5)
	require.Equal(t, types.SCHEDULE_STATUS_COMPLETED, f.schedule(late).Status)
	require.LessOrEqual(t, f.runs(late)[0].Height-created, int64(4))
}
