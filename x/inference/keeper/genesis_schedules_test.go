package keeper_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"cosmossdk.io/math"

	"github.com/opengradient/opengradient/x/inference/types"
)

// A schedule in the middle of its life goes on as it would have.
func TestScheduleGoesOnAfterAnExport(t *testing.T) {
	f := newFixture(t)
	f.createSchedule(schedule(5, 3))
	f.pause(f.createSchedule(schedule(5, 2)))
	f.endBlocks(4) // in block 14; the next run is planned for 15
	g := f.requireRoundTrip()
	require.Equal(t, int64(1002), g.schedule(1).NextHeight, "two blocks after the last one")
	require.Equal(t, f.runs(1), g.runs(1))
	g.endBlocks(7)
	require.Equal(t, []types.ScheduleRun{
		{ScheduleId: 1, Run: 1, Height: 10, RequestId: 1},
		{ScheduleId: 1, Run: 2, Height: 1002, RequestId: 2},
		{ScheduleId: 1, Run: 3, Height: 1007, RequestId: 3},
	}, g.runs(1))
	require.Equal(t, types.SCHEDULE_STATUS_COMPLETED, g.schedule(1).Status)
	g.resume(2)
	g.endBlock()
	require.Equal(t, uint32(1), g.schedule(2).Placed)
	require.NoError(t, g.k.CheckEscrow(g.ctx))
	g.bank.set(g.ctx, alice.String(), math.NewInt(startBalance))
	require.Equal(t, uint64(3), g.createSchedule(schedule(1, 1)), "ids go on")
}

// Those that wait for the bound of a block are due at once after an import.
func TestOverdueSchedulesAreDueAfterAnExport(t *testing.T) {
	f := newFixture(t)
	f.setParams(func(p *types.Params) { p.MaxRunsPerBlock = 1 })
	for range 3 {
		f.createSchedule(schedule(100, 2))
	}
	f.endBlock()
	g := f.requireRoundTrip()
	require.Equal(t, int64(1000), g.schedule(2).NextHeight)
	g.endBlocks(2)
	require.Equal(t, int64(1001), g.runs(2)[0].Height)
	require.Equal(t, int64(1002), g.runs(3)[0].Height)
}

func TestLiveSchedulesAreCountedAfterAnExport(t *testing.T) {
	f := everyState(t) // with one active, one paused, one completed and one cancelled schedule
	g := f.requireRoundTrip()
	g.setParams(func(p *types.Params) { p.MaxSchedules = 2 })
	g.bank.set(g.ctx, alice.String(), math.NewInt(startBalance))
	_, err := g.msgs.CreateSchedule(g.ctx, schedule(1, 1))
	require.ErrorIs(t, err, types.ErrTooManySchedules)
	g.cancelSchedule(2)
	require.Equal(t, uint64(5), g.createSchedule(schedule(1, 1)))
}

func TestMemoryLastsAsLongAfterAnExport(t *testing.T) {
	f := newFixture(t)
	f.setParams(func(p *types.Params) { p.IdempotencyBlocks, p.ReuseBlocks = 8, 6 })
	first := f.settled(keyed("order-17", input(1))) // submitted in block 10, settled in block 11
	f.endBlocks(2)
	g := f.requireRoundTrip() // block 13 is the last one, and 1000 stands for it
	g.bank.set(g.ctx, bob.String(), math.NewInt(startBalance))
	require.Equal(t, first, g.submit(keyed("order-17", input(1))))
	require.Equal(t, first, g.submit(reusing(3, input(1))), "three blocks after its settlement")
	require.Equal(t, []uint64{2}, g.submit(reusing(2, input(1))))
	g.endBlocks(3)
	require.Equal(t, first, g.submit(reusing(100, input(1))), "in the last block")
	g.endBlock()
	require.Equal(t, []uint64{3}, g.submit(reusing(100, input(1))))
	known, err := g.key(alice.String(), "order-17")
	require.NoError(t, err)
	require.Equal(t, first, known.Ids, "in the last block")
	g.endBlock()
	_, err = g.key(alice.String(), "order-17")
	require.ErrorIs(t, err, types.ErrIdempotencyKeyNotFound)
}

// The store orders addresses of several lengths by their length; a genesis state by their bytes.
func TestKeysAreExportedInTheOrderOfTheirRequesters(t *testing.T) {
	f := newFixture(t)
	for _, who := range [][]byte{{0xff}, {0x01, 0x02}, alice} {
		msg := keyed("b", input(1))
		msg.Requester = accAddress(who)
		f.bank.set(f.ctx, msg.Requester, math.NewInt(startBalance))
		f.submit(msg)
		again := keyed("a", input(1))
		again.Requester = msg.Requester
		f.submit(again)
	}
	f.endBlock()
	f.requireRoundTrip()
}

func TestGenesisOfSchedulesIsRefused(t *testing.T) {
	schedule := func(i int, spoil func(s *types.Schedule)) func(*types.GenesisState) {
		return func(g *types.GenesisState) { spoil(&g.Schedules[i].Schedule) }
	}
	const active, paused, completed, cancelled = 0, 1, 2, 3
	for name, spoil := range map[string]func(s *types.GenesisState){
		"schedule twice":              func(s *types.GenesisState) { s.Schedules[1] = s.Schedules[0] },
		"id zero":                     schedule(active, func(s *types.Schedule) { s.Id = 0 }),
		"next id taken":               func(s *types.GenesisState) { s.NextScheduleId = 4 },
		"next id zero":                func(s *types.GenesisState) { s.NextScheduleId = 0 },
		"bad owner":                   schedule(active, func(s *types.Schedule) { s.Owner = "x" }),
		"owner spelled otherwise":     schedule(paused, func(s *types.Schedule) { s.Owner = upper(s.Owner) }),
		"no outputs":                  schedule(active, func(s *types.Schedule) { s.Outputs = nil }),
		"no tier":                     schedule(active, func(s *types.Schedule) { s.Tier = 0 }),
		"unknown sealing":             schedule(active, func(s *types.Schedule) { s.Sealing = 3 }),
		"unknown fee class":           schedule(active, func(s *types.Schedule) { s.FeeClass = 3 }),
		"no maximum fee":              schedule(active, func(s *types.Schedule) { s.MaxFee = math.Int{} }),
		"negative maximum fee":        schedule(active, func(s *types.Schedule) { s.MaxFee = math.NewInt(-1) }),
		"no interval":                 schedule(active, func(s *types.Schedule) { s.Every = 0 }),
		"no interval once ended":      schedule(completed, func(s *types.Schedule) { s.Every = 0 }),
		"too many runs":               schedule(active, func(s *types.Schedule) { s.Remaining = types.MaxScheduleRuns + 1 }),
		"active without runs":         schedule(active, func(s *types.Schedule) { s.Remaining = 0 }),
		"runs once ended":             schedule(cancelled, func(s *types.Schedule) { s.Remaining = 1 }),
		"no deposit":                  schedule(active, func(s *types.Schedule) { s.Deposit = math.Int{} }),
		"negative deposit":            schedule(active, func(s *types.Schedule) { s.Deposit = math.NewInt(-1) }),
		"deposit once ended":          schedule(completed, func(s *types.Schedule) { s.Deposit = math.OneInt() }),
		"no status":                   schedule(active, func(s *types.Schedule) { s.Status = 0 }),
		"unknown status":              schedule(active, func(s *types.Schedule) { s.Status = 5 }),
		"next run after the interval": schedule(active, func(s *types.Schedule) { s.NextHeight = 6 }),
		"next run in the past":        schedule(active, func(s *types.Schedule) { s.NextHeight = -1 }),
		"next run while paused":       schedule(paused, func(s *types.Schedule) { s.NextHeight = 1 }),
		"next run once ended":         schedule(completed, func(s *types.Schedule) { s.NextHeight = 1 }),
		"ended while active":          schedule(active, func(s *types.Schedule) { s.EndedHeight = 9 }),
		"ended at no height":          schedule(cancelled, func(s *types.Schedule) { s.EndedHeight = 0 }),
		"short input root":            schedule(active, func(s *types.Schedule) { s.InputRoot = s.InputRoot[:31] }),
		"other input root":            schedule(paused, func(s *types.Schedule) { s.InputRoot[0]++ }),
		"other input bytes":           schedule(active, func(s *types.Schedule) { s.InputBytes++ }),
		"no output bytes":             schedule(active, func(s *types.Schedule) { s.OutputBytes = 0 }),
		"no compute units":            schedule(active, func(s *types.Schedule) { s.ComputeUnits = 0 }),
		"inputs gone":                 func(s *types.GenesisState) { s.Schedules[paused].Inputs = nil },
		"inputs once ended":           func(s *types.GenesisState) { s.Schedules[completed].Inputs = s.Schedules[active].Inputs },
		"more placed than runs":       schedule(active, func(s *types.Schedule) { s.Placed++ }),
		"fewer missed than runs":      schedule(active, func(s *types.Schedule) { s.Missed-- }),
		"run left out":                func(s *types.GenesisState) { s.ScheduleRuns = s.ScheduleRuns[1:] },
		"run twice":                   func(s *types.GenesisState) { s.ScheduleRuns[1] = s.ScheduleRuns[0] },
		"runs out of order": func(s *types.GenesisState) {
			s.ScheduleRuns[0], s.ScheduleRuns[2] = s.ScheduleRuns[2], s.ScheduleRuns[0]
		},
		"run of no schedule":            func(s *types.GenesisState) { s.ScheduleRuns[2].ScheduleId = 9 },
		"run neither placed nor missed": func(s *types.GenesisState) { s.ScheduleRuns[1].Missed = "" },
		"run placed and missed":         func(s *types.GenesisState) { s.ScheduleRuns[0].Missed = "max_fee" },
		"unknown reason":                func(s *types.GenesisState) { s.ScheduleRuns[1].Missed = "weather" },
		"run of another request":        func(s *types.GenesisState) { s.ScheduleRuns[0].RequestId = 1 },
		"run of the other's request":    func(s *types.GenesisState) { s.ScheduleRuns[0].RequestId = 9 },
		"run of no request":             func(s *types.GenesisState) { s.ScheduleRuns[0].RequestId = 99 },
		"request of no run":             func(s *types.GenesisState) { s.Requests[0].Request.ScheduleId = 1 },
	} {
		t.Run(name, func(t *testing.T) { requireRefused(t, spoil) })
	}
}

func TestGenesisOfMemoryIsRefused(t *testing.T) {
	key := func(i int, spoil func(k *types.IdempotencyKey)) func(*types.GenesisState) {
		return func(g *types.GenesisState) { spoil(&g.IdempotencyKeys[i]) }
	}
	receipt := func(spoil func(r *types.ReusableReceipt)) func(*types.GenesisState) {
		return func(g *types.GenesisState) { spoil(&g.ReusableReceipts[0]) }
	}
	const ofAlice, ofBob = 0, 1
	for name, spoil := range map[string]func(s *types.GenesisState){
		"key twice": func(s *types.GenesisState) { s.IdempotencyKeys[1] = s.IdempotencyKeys[0] },
		"keys out of order": func(s *types.GenesisState) {
			s.IdempotencyKeys[0], s.IdempotencyKeys[1] = s.IdempotencyKeys[1], s.IdempotencyKeys[0]
		},
		"bad requester":               key(ofAlice, func(k *types.IdempotencyKey) { k.Requester = "x" }),
		"requester spelled otherwise": key(ofAlice, func(k *types.IdempotencyKey) { k.Requester = upper(k.Requester) }),
		"no key":                      key(ofAlice, func(k *types.IdempotencyKey) { k.Key = "" }),
		"short content":               key(ofAlice, func(k *types.IdempotencyKey) { k.Content = k.Content[:31] }),
		"no ids":                      key(ofAlice, func(k *types.IdempotencyKey) { k.Ids = nil }),
		"unknown id":                  key(ofAlice, func(k *types.IdempotencyKey) { k.Ids[0] = 99 }),
		"request of somebody else":    key(ofAlice, func(k *types.IdempotencyKey) { k.Ids[0] = 10 }),
		"request of a schedule":       key(ofAlice, func(k *types.IdempotencyKey) { k.Ids[0] = 8 }),
		"reused without being asked":  key(ofBob, func(k *types.IdempotencyKey) { k.Reused = []uint64{6} }),
		"reused without a result":     key(ofBob, func(k *types.IdempotencyKey) { k.Ids[0], k.Reused[0] = 5, 5 }),
		"reused but not said":         key(ofBob, func(k *types.IdempotencyKey) { k.Reused = nil }),
		"key that is forgotten":       key(ofAlice, func(k *types.IdempotencyKey) { k.Expires = 0 }),
		"key kept too long":           key(ofAlice, func(k *types.IdempotencyKey) { k.Expires = 50_001 }),
		"receipt twice":               func(s *types.GenesisState) { s.ReusableReceipts = append(s.ReusableReceipts, s.ReusableReceipts[0]) },
		"other identity":              receipt(func(r *types.ReusableReceipt) { r.Identity[0]++ }),
		"unknown request":             receipt(func(r *types.ReusableReceipt) { r.RequestId = 99 }),
		"request without a receipt":   receipt(func(r *types.ReusableReceipt) { r.RequestId = 6 }),
		"request that failed":         receipt(func(r *types.ReusableReceipt) { r.RequestId = 5 }),
		"sealed though it was not":    receipt(func(r *types.ReusableReceipt) { r.Sealed = true }),
		"settled in the future":       receipt(func(r *types.ReusableReceipt) { r.SettledHeight = 1 }),
		"settled too long ago":        receipt(func(r *types.ReusableReceipt) { r.SettledHeight = -10_000 }),
		"settled before all time":     receipt(func(r *types.ReusableReceipt) { r.SettledHeight = -1 << 63 }),
		"receipt that is dropped":     receipt(func(r *types.ReusableReceipt) { r.Expires = 0 }),
		"receipt kept too long":       receipt(func(r *types.ReusableReceipt) { r.Expires = 10_001 }),
	} {
		t.Run(name, func(t *testing.T) { requireRefused(t, spoil) })
	}
}
