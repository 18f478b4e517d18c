package keeper_test

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"cosmossdk.io/math"
	sdk "github.com/cosmos/cosmos-sdk/types"

	"github.com/opengradient/opengradient/x/inference/types"
	schedulingtypes "github.com/opengradient/opengradient/x/scheduling/types"
)

// booked is what the machine expects a schedule to be.
type booked struct {
	owner                                   string
	every, remaining, placed, missed, price int64
	deposit, next                           int64
	status                                  types.ScheduleStatus
}

// scheduleMachine drives schedules through random histories and keeps its own books beside the keeper.
type scheduleMachine struct {
	*fixture
	books    []*booked // by id, from 1
	requests uint64
	bound    int64      // of runs in a block
	reasons  [][]string // of each schedule's runs, empty for those placed
}

func (m *scheduleMachine) live() (ids []uint64) {
	for i, b := range m.books {
		if b.status.Live() {
			ids = append(ids, uint64(i)+1)
		}
	}
	return ids
}

// fee is what a run costs now.
func (m *scheduleMachine) fee() int64 { return m.scheduling.basePrice.Int64() + 165 }

func (m *scheduleMachine) Create(t *rapid.T) {
	who := rapid.SampledFrom([]sdk.AccAddress{alice, bob}).Draw(t, "owner").String()
	msg := schedule(rapid.Uint32Range(1, 5).Draw(t, "every"), rapid.Uint32Range(1, 6).Draw(t, "count"))
	msg.Owner = who
	extra := rapid.Int64Range(-200, 500).Draw(t, "more than the runs cost")
	msg.Deposit = math.NewInt(int64(msg.Count)*m.fee() + extra)
	msg.MaxFee = math.NewInt(m.fee() + rapid.Int64Range(-5, 200).Draw(t, "room"))
	res, err := m.msgs.CreateSchedule(m.ctx, msg)
	fine := extra >= 0 && msg.MaxFee.Int64() >= m.fee() && m.scheduling.eligible >= 60 && len(m.live()) < 8
	require.Equal(t, fine, err == nil, "%v", err)
	if err != nil {
		return
	}
	m.books = append(m.books, &booked{
		owner: who, every: int64(msg.Every), remaining: int64(msg.Count), price: msg.MaxFee.Int64(), deposit: msg.Deposit.Int64(),
		next: m.ctx.BlockHeight(), status: types.SCHEDULE_STATUS_ACTIVE,
	})
	m.reasons = append(m.reasons, nil)
	require.Equal(t, uint64(len(m.books)), res.Id)
}

// pick draws a schedule, live or not.
func (m *scheduleMachine) pick(t *rapid.T) (uint64, *booked) {
	if len(m.books) == 0 {
		return 0, nil
	}
	id := rapid.IntRange(1, len(m.books)).Draw(t, "id")
	return uint64(id), m.books[id-1]
}

func (m *scheduleMachine) TopUp(t *rapid.T) {
	id, b := m.pick(t)
	if b == nil {
		return
	}
	deposit, count := rapid.Int64Range(-1, 1_000).Draw(t, "deposit"), rapid.Uint32Range(0, 3).Draw(t, "count")
	_, err := m.msgs.TopUpSchedule(m.ctx, &types.MsgTopUpSchedule{Owner: b.owner, Id: id, Deposit: math.NewInt(deposit), Count: count})
	covered := count == 0 || b.deposit+deposit >= (b.remaining+int64(count))*m.fee() && b.price >= m.fee() && m.scheduling.eligible >= 60
	require.Equal(t, b.status.Live() && deposit >= 0 && deposit+int64(count) > 0 && covered, err == nil, "%v", err)
	if err == nil {
		b.deposit, b.remaining = b.deposit+deposit, b.remaining+int64(count)
	}
}

func (m *scheduleMachine) PauseOrResume(t *rapid.T) {
	id, b := m.pick(t)
	if b == nil {
		return
	}
	if rapid.Bool().Draw(t, "pause") {
		_, err := m.msgs.PauseSchedule(m.ctx, &types.MsgPauseSchedule{Owner: b.owner, Id: id})
		require.Equal(t, b.status == types.SCHEDULE_STATUS_ACTIVE, err == nil)
		if err == nil {
			b.status, b.next = types.SCHEDULE_STATUS_PAUSED, 0
		}
		return
	}
	_, err := m.msgs.ResumeSchedule(m.ctx, &types.MsgResumeSchedule{Owner: b.owner, Id: id})
	require.Equal(t, b.status == types.SCHEDULE_STATUS_PAUSED, err == nil)
	if err == nil {
		b.status, b.next = types.SCHEDULE_STATUS_ACTIVE, m.ctx.BlockHeight()
	}
}

func (m *scheduleMachine) Cancel(t *rapid.T) {
	id, b := m.pick(t)
	if b == nil {
		return
	}
	res, err := m.msgs.CancelSchedule(m.ctx, &types.MsgCancelSchedule{Owner: b.owner, Id: id})
	require.Equal(t, b.status.Live(), err == nil)
	if err != nil {
		return
	}
	want := b.deposit
	if m.bank.blocked[b.owner] {
		want = 0
	}
	require.Equal(t, want, res.Refunded.Int64())
	b.end(types.SCHEDULE_STATUS_CANCELLED)
}

func (b *booked) end(status types.ScheduleStatus) {
	b.status, b.deposit, b.remaining, b.next = status, 0, 0, 0
}

// Block ends a block in which the queue may be full after some, the power too low, or the module account unable to pay.
func (m *scheduleMachine) Block(t *rapid.T) {
	free := -1
	if rapid.IntRange(0, 2).Draw(t, "queue full") == 0 {
		free = rapid.IntRange(0, 3).Draw(t, "after")
		m.scheduling.refuse, m.scheduling.refuseAt = schedulingtypes.ErrQueueFull, free
	}
	m.scheduling.eligible = rapid.SampledFrom([]int64{100, 100, 100, 50}).Draw(t, "eligible")
	m.bank.broken = rapid.IntRange(0, 9).Draw(t, "broken") == 0 && len(m.scheduling.due) == 0 // who ends is refunded
	var due []uint64
	for i, b := range m.books {
		if b.status == types.SCHEDULE_STATUS_ACTIVE && b.next <= m.ctx.BlockHeight() {
			due = append(due, uint64(i)+1)
		}
	}
	slices.SortStableFunc(due, func(x, y uint64) int { return int(m.books[x-1].next - m.books[y-1].next) })
	before := m.requests
	for _, id := range due[:min(len(due), 16*int(m.bound))] {
		if m.requests-before < uint64(m.bound) {
			m.expectRun(id, &free)
		}
	}
	m.endBlock()
	m.scheduling.refuse, m.bank.broken = nil, false
}

// expectRun is the rule of a run, written down a second time.
func (m *scheduleMachine) expectRun(id uint64, free *int) {
	b := m.books[id-1]
	reason := ""
	switch {
	case m.fee() > b.price:
		reason = "max_fee"
	case m.fee() > b.deposit:
		reason = "deposit"
	case m.scheduling.eligible < 60:
		reason = "eligible_power"
	case m.bank.broken:
		reason = "internal"
	case *free == 0:
		reason = "queue_full"
	}
	if b.remaining == 1 && m.bank.broken && b.deposit > 0 {
		b.status, b.next = types.SCHEDULE_STATUS_PAUSED, 0 // it cannot end
		return
	}
	b.remaining, b.next = b.remaining-1, max(b.next+b.every, m.ctx.BlockHeight()+1)
	m.reasons[id-1] = append(m.reasons[id-1], reason)
	if reason == "" {
		b.placed, b.deposit = b.placed+1, b.deposit-m.fee()
		m.requests++
		*free--
	} else {
		b.missed++
	}
	if b.remaining == 0 {
		b.end(types.SCHEDULE_STATUS_COMPLETED)
	}
}

func (m *scheduleMachine) Price(t *rapid.T) {
	m.scheduling.basePrice = math.NewInt(rapid.Int64Range(0, 300).Draw(t, "base"))
}

func (m *scheduleMachine) Hurdle(t *rapid.T) {
	m.bank.blocked[rapid.SampledFrom([]string{alice.String(), bob.String()}).Draw(t, "blocked")] = rapid.Bool().Draw(t, "is blocked")
}

func (m *scheduleMachine) Bound(t *rapid.T) {
	m.bound = rapid.Int64Range(1, 4).Draw(t, "runs")
	m.setParams(func(p *types.Params) { p.MaxRunsPerBlock = uint32(m.bound) })
}

func (m *scheduleMachine) Export(t *rapid.T) {
	if rapid.IntRange(0, 3).Draw(t, "skip") == 0 {
		m.expireOverdue()
		m.Block(t) // a state is exported between blocks
		m.requireRoundTrip()
	}
}

// Check holds after every step.
func (m *scheduleMachine) Check(t *rapid.T) {
	require.NoError(t, m.k.CheckEscrow(m.ctx))
	total := int64(0)
	for _, who := range []string{alice.String(), bob.String(), owner.String(), communityPool, moduleAddress(types.ModuleName).String()} {
		total += m.balance(who)
	}
	require.Equal(t, int64(2*startBalance), total, "no coin appears or disappears")
	live := uint64(0)
	for i, b := range m.books {
		s := m.schedule(uint64(i) + 1)
		require.Equal(t, *b, booked{
			owner: s.Owner, every: int64(s.Every), remaining: int64(s.Remaining), placed: int64(s.Placed), missed: int64(s.Missed),
			price: s.MaxFee.Int64(), deposit: s.Deposit.Int64(), next: s.NextHeight, status: s.Status,
		}, "schedule %d", s.Id)
		require.Equal(t, s.Status.Live(), m.hasScheduleInputs(s.Id))
		var reasons []string
		for _, r := range m.runs(s.Id) {
			reasons = append(reasons, r.Missed)
		}
		require.Equal(t, m.reasons[i], reasons)
		if s.Status.Live() {
			live++
		}
	}
	counted, err := m.k.LiveSchedules.Get(m.ctx)
	require.NoError(t, err)
	require.Equal(t, live, counted)
	next, err := m.k.NextRequestID.Get(m.ctx)
	require.NoError(t, err)
	require.Equal(t, m.requests+1, next)
}

// Whatever is done with schedules, in whatever order, each is what a second bookkeeping says, coins are conserved, and
// the module account holds exactly the escrows and the deposits.
func TestSchedulesKeepTheirBooks(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		m := &scheduleMachine{fixture: newFixture(t), bound: 16}
		m.setParams(func(p *types.Params) { p.MaxSchedules = 8 })
		t.Repeat(map[string]func(*rapid.T){
			"create": m.Create, "top up": m.TopUp, "pause or resume": m.PauseOrResume, "cancel": m.Cancel, "block": m.Block,
			"blocks": m.Block, "price": m.Price, "hurdle": m.Hurdle, "bound": m.Bound, "export": m.Export, "": m.Check,
		})
	})
}
