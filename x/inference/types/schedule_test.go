package types_test

import (
	"errors"
	"fmt"
	"math"
	"testing"

	"github.com/stretchr/testify/require"

	errorsmod "cosmossdk.io/errors"
	sdkmath "cosmossdk.io/math"

	"github.com/opengradient/opengradient/x/inference/types"
	modelstypes "github.com/opengradient/opengradient/x/models/types"
	schedulingtypes "github.com/opengradient/opengradient/x/scheduling/types"
)

func sampleSchedule() types.Schedule {
	return types.Schedule{
		Id: 3, MaxFee: sdkmath.NewInt(300), Every: 7, Remaining: 4, Deposit: sdkmath.NewInt(1_000),
		Status: types.SCHEDULE_STATUS_ACTIVE, NextHeight: 50, Placed: 2, Missed: 1,
	}
}

func TestScheduleTerms(t *testing.T) {
	require.NoError(t, types.ValidateTerms(1, 1))
	require.NoError(t, types.ValidateTerms(types.MaxScheduleEvery, types.MaxScheduleRuns))
	for name, terms := range map[string][2]uint32{
		"no interval": {0, 1}, "no runs": {1, 0}, "too seldom": {types.MaxScheduleEvery + 1, 1}, "too many runs": {1, types.MaxScheduleRuns + 1},
	} {
		t.Run(name, func(t *testing.T) {
			require.ErrorIs(t, types.ValidateTerms(terms[0], terms[1]), types.ErrScheduleTerms)
		})
	}
}

func TestDepositSaysWhatIsMissing(t *testing.T) {
	require.NoError(t, types.CheckDeposit(sdkmath.NewInt(300), sdkmath.NewInt(100), 3))
	require.EqualError(t, types.CheckDeposit(sdkmath.NewInt(299), sdkmath.NewInt(100), 3),
		"expected at least 300uopg for 3 runs of 100uopg, got 299uopg: deposit too small")
	require.ErrorIs(t, types.CheckDeposit(sdkmath.NewInt(-1), sdkmath.ZeroInt(), 3), types.ErrDeposit)
}

func TestTopUp(t *testing.T) {
	for name, tc := range map[string]struct {
		deposit       int64
		count         uint32
		wantDeposit   int64
		wantRemaining uint32
	}{
		"deposit":  {50, 0, 1_050, 4},
		"runs":     {0, 5, 1_000, 9},
		"both":     {50, 5, 1_050, 9},
		"the most": {0, types.MaxScheduleRuns - 4, 1_000, types.MaxScheduleRuns},
	} {
		t.Run(name, func(t *testing.T) {
			s, err := sampleSchedule().ToppedUp(sdkmath.NewInt(tc.deposit), tc.count)
			require.NoError(t, err)
			want := sampleSchedule()
			want.Deposit, want.Remaining = sdkmath.NewInt(tc.wantDeposit), tc.wantRemaining
			require.Equal(t, want, s)
		})
	}
	for name, tc := range map[string]struct {
		deposit int64
		count   uint32
		status  types.ScheduleStatus
		want    error
	}{
		"nothing":           {0, 0, types.SCHEDULE_STATUS_ACTIVE, types.ErrScheduleTerms},
		"less than before":  {-1, 5, types.SCHEDULE_STATUS_ACTIVE, types.ErrScheduleTerms},
		"too many runs":     {0, types.MaxScheduleRuns - 3, types.SCHEDULE_STATUS_ACTIVE, types.ErrScheduleTerms},
		"numbers that wrap": {0, math.MaxUint32, types.SCHEDULE_STATUS_PAUSED, types.ErrScheduleTerms},
		"completed":         {1, 1, types.SCHEDULE_STATUS_COMPLETED, types.ErrScheduleStatus},
		"cancelled":         {1, 1, types.SCHEDULE_STATUS_CANCELLED, types.ErrScheduleStatus},
	} {
		t.Run(name, func(t *testing.T) {
			s := sampleSchedule()
			s.Status = tc.status
			_, err := s.ToppedUp(sdkmath.NewInt(tc.deposit), tc.count)
			require.ErrorIs(t, err, tc.want)
		})
	}
}

func TestPauseAndResume(t *testing.T) {
	paused, err := sampleSchedule().Paused()
	require.NoError(t, err)
	require.Equal(t, types.SCHEDULE_STATUS_PAUSED, paused.Status)
	require.Zero(t, paused.NextHeight)
	resumed, err := paused.Resumed(99)
	require.NoError(t, err)
	want := sampleSchedule()
	want.NextHeight = 99
	require.Equal(t, want, resumed)

	for status := range types.ScheduleStatus_name {
		s := sampleSchedule()
		s.Status = types.ScheduleStatus(status)
		_, err := s.Paused()
		require.Equal(t, s.Status != types.SCHEDULE_STATUS_ACTIVE, errors.Is(err, types.ErrScheduleStatus), s.Status)
		_, err = s.Resumed(99)
		require.Equal(t, s.Status != types.SCHEDULE_STATUS_PAUSED, errors.Is(err, types.ErrScheduleStatus), s.Status)
	}
}

func TestCharge(t *testing.T) {
	for name, tc := range map[string]struct {
		fee, deposit int64
		want         error
	}{
		"within both":           {300, 300, nil},
		"above the maximum fee": {301, 1_000, types.ErrMaxFee},
		"above what is left":    {300, 299, types.ErrDeposit},
		"free":                  {0, 0, nil},
	} {
		t.Run(name, func(t *testing.T) {
			s := sampleSchedule()
			s.Deposit = sdkmath.NewInt(tc.deposit)
			charged, err := s.Charged(types.Fee{Total: sdkmath.NewInt(tc.fee)})
			if tc.want != nil {
				require.ErrorIs(t, err, tc.want)
				return
			}
			require.NoError(t, err)
			require.Equal(t, tc.deposit-tc.fee, charged.Deposit.Int64())
		})
	}
}

func TestRunsDoNotDrift(t *testing.T) {
	s := sampleSchedule().Ran(true, 56).Ran(false, 60)
	require.Equal(t, int64(50+2*7), s.NextHeight)
	require.Equal(t, []uint32{2, 3, 2, 5}, []uint32{s.Remaining, s.Placed, s.Missed, s.Runs()})
}

func TestRunsThatAreFarBehindAreNotMadeUpFor(t *testing.T) {
	s := sampleSchedule().Ran(true, 57)
	require.Equal(t, int64(58), s.NextHeight)
	require.Equal(t, int64(65), s.Ran(false, 58).NextHeight)
}

func TestEndedHoldsNothing(t *testing.T) {
	s := sampleSchedule().Ended(types.SCHEDULE_STATUS_CANCELLED, 60)
	require.False(t, s.Status.Live())
	require.True(t, s.Deposit.IsZero())
	require.Zero(t, s.NextHeight)
	require.Zero(t, s.Remaining)
	require.Equal(t, int64(60), s.EndedHeight)
	require.Equal(t, uint32(3), s.Runs(), "what has come stays")
}

func TestMissedReasons(t *testing.T) {
	for _, tc := range []struct {
		err  error
		want string
	}{
		{types.ErrMaxFee, "max_fee"},
		{types.ErrDeposit, "deposit"},
		{types.ErrEligiblePower, "eligible_power"},
		{schedulingtypes.ErrQueueFull, "queue_full"},
		{schedulingtypes.ErrNoDeadlineSlot, "deadline_slot"},
		{schedulingtypes.ErrTaskTooLarge, "limits"},
		{types.ErrInputTooLarge, "limits"},
		{types.ErrOutputTooLarge, "limits"},
		{types.ErrComputeTooLarge, "limits"},
		{types.ErrModelNotUsable, "model"},
		{modelstypes.ErrModelNotFound, "internal"},
		{errors.New("anything"), "internal"},
	} {
		t.Run(fmt.Sprint(tc.err), func(t *testing.T) {
			require.Equal(t, tc.want, types.MissedReason(tc.err))
			require.Equal(t, tc.want, types.MissedReason(errorsmod.Wrap(tc.err, "wrapped")))
		})
	}
}
