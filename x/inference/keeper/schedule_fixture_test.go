package keeper_test

import (
	"github.com/stretchr/testify/require"

	sdkmath "cosmossdk.io/math"

	"github.com/opengradient/opengradient/x/inference/types"
	schedulingtypes "github.com/opengradient/opengradient/x/scheduling/types"
)

// runFee is what a run of schedule costs at the default prices: 100 of compute, 160 of bytes, 5 of royalty.
const runFee = 265

// storageFee is what keeping its inputs costs.
const storageFee = 75

// schedule is a schedule of alice for the model "pair" with one row, and with the least deposit.
func schedule(every, count uint32) *types.MsgCreateSchedule {
	return &types.MsgCreateSchedule{
		Owner: alice.String(), Model: "pair", Inputs: input(1).Inputs, Tier: types.TIER_QUORUM, MaxFee: sdkmath.NewInt(1_000),
		Every: every, Count: count, Deposit: sdkmath.NewInt(int64(count) * runFee),
	}
}

func (f *fixture) createSchedule(msg *types.MsgCreateSchedule) uint64 {
	f.Helper()
	res, err := f.msgs.CreateSchedule(f.ctx, msg)
	require.NoError(f, err)
	return res.Id
}

func (f *fixture) schedule(id uint64) types.Schedule {
	f.Helper()
	res, err := f.queries.Schedule(f.ctx, &types.QueryScheduleRequest{Id: id})
	require.NoError(f, err)
	return res.Schedule
}

func (f *fixture) runs(id uint64) []types.ScheduleRun {
	f.Helper()
	res, err := f.queries.ScheduleRuns(f.ctx, &types.QueryScheduleRunsRequest{Id: id})
	require.NoError(f, err)
	return res.Runs
}

func (f *fixture) topUp(id uint64, deposit int64, count uint32) {
	f.Helper()
	_, err := f.msgs.TopUpSchedule(f.ctx, &types.MsgTopUpSchedule{Owner: alice.String(), Id: id, Deposit: sdkmath.NewInt(deposit), Count: count})
	require.NoError(f, err)
}

func (f *fixture) pause(id uint64) {
	f.Helper()
	_, err := f.msgs.PauseSchedule(f.ctx, &types.MsgPauseSchedule{Owner: alice.String(), Id: id})
	require.NoError(f, err)
}

func (f *fixture) resume(id uint64) {
	f.Helper()
	_, err := f.msgs.ResumeSchedule(f.ctx, &types.MsgResumeSchedule{Owner: alice.String(), Id: id})
	require.NoError(f, err)
}

func (f *fixture) cancelSchedule(id uint64) int64 {
	f.Helper()
	res, err := f.msgs.CancelSchedule(f.ctx, &types.MsgCancelSchedule{Owner: alice.String(), Id: id})
	require.NoError(f, err)
	return res.Refunded.Int64()
}

func (f *fixture) hasScheduleInputs(id uint64) bool {
	f.Helper()
	has, err := f.k.ScheduleInputs.Has(f.ctx, id)
	require.NoError(f, err)
	return has
}

// expireOverdue ends, with the next block, the open requests whose final deadline has come.
func (f *fixture) expireOverdue() {
	f.Helper()
	require.NoError(f, f.k.Requests.Walk(f.ctx, nil, func(id uint64, r types.Request) (bool, error) {
		if r.Status.Open() && r.FinalDeadline <= f.ctx.BlockHeight() {
			f.scheduling.due = append(f.scheduling.due, schedulingtypes.Expiry{RequestID: id, Final: true})
		}
		return false, nil
	}))
}
