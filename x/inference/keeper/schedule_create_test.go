package keeper_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"cosmossdk.io/math"
	storetypes "github.com/cosmos/cosmos-sdk/store/v2/types"
	sdk "github.com/cosmos/cosmos-sdk/types"

	"github.com/opengradient/opengradient/internal/tensor"
	"github.com/opengradient/opengradient/x/inference/types"
	modelstypes "github.com/opengradient/opengradient/x/models/types"
	schedulingtypes "github.com/opengradient/opengradient/x/scheduling/types"
)

func TestCreateSchedule(t *testing.T) {
	f := newFixture(t)
	msg := schedule(7, 3)
	msg.Sealing, msg.FeeClass = types.SEALING_SEALED, schedulingtypes.FEE_CLASS_ECONOMY
	f.ctx = f.ctx.WithEventManager(sdk.NewEventManager())
	id := f.createSchedule(msg)
	require.Equal(t, uint64(1), id)

	s := f.schedule(id)
	model, err := f.models.Find(f.ctx, "pair")
	require.NoError(t, err)
	memory, err := model.MemoryBytes(map[string]int64{"N": 1})
	require.NoError(t, err)
	encoded, err := f.k.ScheduleInputs.Get(f.ctx, id)
	require.NoError(t, err)
	root := tensor.MerkleRoot(encoded)
	require.Equal(t, types.Schedule{
		Id: 1, Owner: alice.String(), Model: model.Sha256, Outputs: []string{"sum", "twice"}, Tier: types.TIER_QUORUM,
		Sealing: types.SEALING_SEALED, FeeClass: schedulingtypes.FEE_CLASS_ECONOMY, MaxFee: math.NewInt(1_000), Every: 7, Remaining: 3,
		Deposit: math.NewInt(3 * runFee), Status: types.SCHEDULE_STATUS_ACTIVE, NextHeight: 10, InputRoot: root[:],
		InputBytes: uint64(len(encoded)), OutputBytes: s.OutputBytes, ComputeUnits: 1, MemoryBytes: memory, CreatedHeight: 10,
	}, s)
	require.Equal(t, runFee, int(s.InputBytes+s.OutputBytes)+105)
	require.Equal(t, storageFee, int(s.InputBytes))
	require.Equal(t, int64(startBalance-storageFee-3*runFee), f.balance(alice.String()))
	require.Equal(t, int64(3*runFee), f.escrowed())
	require.NoError(t, f.k.CheckEscrow(f.ctx))
	require.Equal(t, []*types.EventScheduleCreated{{Id: 1, Owner: alice.String(), Model: model.Sha256, Every: 7, Count: 3}},
		eventsOf[*types.EventScheduleCreated](f))

	f.endBlock()
	r := f.request(1)
	require.Equal(t, id, r.ScheduleId, "the first run comes at the end of the block")
	require.Equal(t, uint64(2), f.createSchedule(schedule(1, 1)))
}

// eventsOf are the events of a type that the context has seen.
func eventsOf[T any](f *fixture) []T {
	f.Helper()
	var found []T
	for _, event := range f.ctx.EventManager().ABCIEvents() {
		if !strings.HasPrefix(event.Type, "opengradient.") {
			continue
		}
		parsed, err := sdk.ParseTypedEvent(event)
		require.NoError(f, err)
		if e, ok := parsed.(T); ok {
			found = append(found, e)
		}
	}
	return found
}

func TestCreateScheduleRefuses(t *testing.T) {
	type change = func(f *fixture, m *types.MsgCreateSchedule)
	message := func(spoil func(m *types.MsgCreateSchedule)) change {
		return func(_ *fixture, m *types.MsgCreateSchedule) { spoil(m) }
	}
	params := func(spoil func(p *types.Params)) change {
		return func(f *fixture, _ *types.MsgCreateSchedule) { f.setParams(spoil) }
	}
	for name, tc := range map[string]struct {
		change change
		want   error
	}{
		"bad owner":         {message(func(m *types.MsgCreateSchedule) { m.Owner = "x" }), nil},
		"no interval":       {message(func(m *types.MsgCreateSchedule) { m.Every = 0 }), types.ErrScheduleTerms},
		"interval too long": {message(func(m *types.MsgCreateSchedule) { m.Every = types.MaxScheduleEvery + 1 }), types.ErrScheduleTerms},
		"no runs":           {message(func(m *types.MsgCreateSchedule) { m.Count = 0 }), types.ErrScheduleTerms},
		"too many runs":     {message(func(m *types.MsgCreateSchedule) { m.Count = types.MaxScheduleRuns + 1 }), types.ErrScheduleTerms},
		"unknown model":     {message(func(m *types.MsgCreateSchedule) { m.Model = "none" }), modelstypes.ErrModelNotFound},
		"no tier":           {message(func(m *types.MsgCreateSchedule) { m.Tier = 0 }), types.ErrTierUnavailable},
		"unknown sealing":   {message(func(m *types.MsgCreateSchedule) { m.Sealing = 3 }), types.ErrSealing},
		"unknown fee class": {message(func(m *types.MsgCreateSchedule) { m.FeeClass = 3 }), types.ErrFeeClass},
		"unknown output":    {message(func(m *types.MsgCreateSchedule) { m.Outputs = []string{"none"} }), modelstypes.ErrOutputUnknown},
		"input missing":     {message(func(m *types.MsgCreateSchedule) { m.Inputs = m.Inputs[:1] }), types.ErrInputName},
		"other datatype":    {message(func(m *types.MsgCreateSchedule) { m.Inputs[0].Datatype = "UINT64" }), types.ErrInputDatatype},
		"other shape":       {message(func(m *types.MsgCreateSchedule) { m.Inputs[0].Shape = []int64{1, 1} }), types.ErrInputShape},
		"malformed":         {message(func(m *types.MsgCreateSchedule) { m.Inputs[0].Contents = nil }), types.ErrInputMalformed},
		"inputs too large":  {params(func(p *types.Params) { p.MaxInputBytes = 20 }), types.ErrInputTooLarge},
		"outputs too large": {params(func(p *types.Params) { p.MaxOutputBytes = 20 }), types.ErrOutputTooLarge},
		"too much computation": {func(f *fixture, m *types.MsgCreateSchedule) {
			f.setParams(func(p *types.Params) { p.MaxComputeUnits = 1 })
			raiseCost(f)
			m.Inputs = input(2).Inputs
		}, types.ErrComputeTooLarge},
		"maximum fee below a run": {message(func(m *types.MsgCreateSchedule) { m.MaxFee = math.NewInt(runFee - 1) }), types.ErrMaxFee},
		"no maximum fee":          {message(func(m *types.MsgCreateSchedule) { m.MaxFee = math.Int{} }), types.ErrMaxFee},
		"deposit below all runs":  {message(func(m *types.MsgCreateSchedule) { m.Deposit = m.Deposit.SubRaw(1) }), types.ErrDeposit},
		"no deposit":              {message(func(m *types.MsgCreateSchedule) { m.Deposit = math.Int{} }), types.ErrDeposit},
		"price has risen": {func(f *fixture, _ *types.MsgCreateSchedule) {
			f.scheduling.basePrice = math.NewInt(101)
		}, types.ErrDeposit},
		"too little power": {func(f *fixture, _ *types.MsgCreateSchedule) { f.scheduling.eligible = 59 }, types.ErrEligiblePower},
		"deposit not covered": {func(f *fixture, m *types.MsgCreateSchedule) {
			f.bank.set(f.ctx, alice.String(), m.Deposit.SubRaw(1))
		}, nil},
		"no price": {func(f *fixture, _ *types.MsgCreateSchedule) { f.scheduling.unpriced = errBroken }, errBroken},
		"no room": {func(f *fixture, _ *types.MsgCreateSchedule) {
			f.setParams(func(p *types.Params) { p.MaxSchedules = 2 })
			f.createSchedule(schedule(5, 2))
			f.pause(f.createSchedule(schedule(5, 2)))
		}, types.ErrTooManySchedules},
		"schedules switched off": {params(func(p *types.Params) { p.MaxSchedules = 0 }), types.ErrTooManySchedules},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFixture(t)
			msg := schedule(7, 3)
			tc.change(f, msg)
			f.requireUnchanged(func() {
				_, err := f.msgs.CreateSchedule(f.ctx, msg)
				require.Error(t, err)
				if tc.want != nil {
					require.ErrorIs(t, err, tc.want)
				}
			})
		})
	}
}

func TestDepositErrorSaysBothNumbers(t *testing.T) {
	f := newFixture(t)
	msg := schedule(7, 3)
	msg.Deposit = math.NewInt(790)
	_, err := f.msgs.CreateSchedule(f.ctx, msg)
	require.EqualError(t, err, "expected at least 795uopg for 3 runs of 265uopg, got 790uopg: deposit too small")
}

func TestEndedSchedulesMakeRoom(t *testing.T) {
	f := newFixture(t)
	f.setParams(func(p *types.Params) { p.MaxSchedules = 2 })
	first := f.createSchedule(schedule(5, 2))
	f.createSchedule(schedule(5, 1))
	_, err := f.msgs.CreateSchedule(f.ctx, schedule(5, 2))
	require.ErrorIs(t, err, types.ErrTooManySchedules)
	f.cancelSchedule(first)
	f.createSchedule(schedule(5, 1))
	f.endBlock() // both end with their only run
	f.createSchedule(schedule(5, 2))
	f.createSchedule(schedule(5, 2))
	_, err = f.msgs.CreateSchedule(f.ctx, schedule(5, 2))
	require.ErrorIs(t, err, types.ErrTooManySchedules)
}

func TestCreateScheduleChargesGasBeforeTheWork(t *testing.T) {
	f := newFixture(t)
	msg := schedule(7, 3)
	msg.Inputs = input(2000).Inputs
	msg.Inputs[0].Datatype = "NONE" // would be refused
	f.ctx = f.ctx.WithGasMeter(storetypes.NewGasMeter(60_000))
	require.PanicsWithValue(t, storetypes.ErrorOutOfGas{Descriptor: "inference inputs"}, func() {
		_, _ = f.msgs.CreateSchedule(f.ctx, msg)
	})
}
