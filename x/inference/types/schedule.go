package types

import (
	"fmt"

	"cosmossdk.io/math"
	sdk "github.com/cosmos/cosmos-sdk/types"

	"github.com/opengradient/opengradient/internal/address"
	"github.com/opengradient/opengradient/internal/pricing"
)

// Bounds of the terms of a schedule.
const (
	// MaxScheduleEvery is the most blocks from one run to the next.
	MaxScheduleEvery = 10_000_000
	// MaxScheduleRuns is the most runs that a schedule can have before it.
	MaxScheduleRuns = 1_000_000
)

// Live is true until the schedule has ended.
func (s ScheduleStatus) Live() bool {
	return s == SCHEDULE_STATUS_ACTIVE || s == SCHEDULE_STATUS_PAUSED
}

// ValidateTerms checks how often a schedule runs. It fails with ErrScheduleTerms.
func ValidateTerms(every, count uint32) error {
	if every == 0 || every > MaxScheduleEvery {
		return ErrScheduleTerms.Wrapf("every: expected 1 to %d blocks, got %d", MaxScheduleEvery, every)
	}
	if count == 0 || count > MaxScheduleRuns {
		return ErrScheduleTerms.Wrapf("count: expected 1 to %d runs, got %d", MaxScheduleRuns, count)
	}
	return nil
}

// CheckDeposit fails with ErrDeposit unless the deposit pays for so many runs of a fee.
func CheckDeposit(deposit, fee math.Int, count uint32) error {
	if need := fee.Mul(math.NewIntFromUint64(uint64(count))); deposit.LT(need) {
		return ErrDeposit.Wrapf("expected at least %s%s for %d runs of %s%s, got %s%s", need, Denom, count, fee, Denom, deposit, Denom)
	}
	return nil
}

// Service is what each run asks for, as far as its price follows.
func (s Schedule) Service() Service { return Service{Tier: s.Tier, Class: s.FeeClass} }

// Work is the measured size of a run.
func (s Schedule) Work() pricing.Work {
	return pricing.Work{Units: s.ComputeUnits, InputBytes: s.InputBytes, OutputBytes: s.OutputBytes}
}

// Runs is the number of runs that have come, placed or missed.
func (s Schedule) Runs() uint32 { return s.Placed + s.Missed }

// ToppedUp is the schedule with more to pay its runs with, more runs, or both. It fails with ErrScheduleStatus once the
// schedule has ended, and with ErrScheduleTerms when nothing is added or too many runs are.
func (s Schedule) ToppedUp(deposit math.Int, count uint32) (Schedule, error) {
	if !s.Status.Live() {
		return Schedule{}, ErrScheduleStatus.Wrapf("top up: expected %s or %s, got %s", SCHEDULE_STATUS_ACTIVE, SCHEDULE_STATUS_PAUSED, s.Status)
	}
	if deposit.IsNegative() || deposit.IsZero() && count == 0 {
		return Schedule{}, ErrScheduleTerms.Wrapf("top up: expected a deposit or runs above 0, got %s%s and %d runs", deposit, Denom, count)
	}
	if count > MaxScheduleRuns-s.Remaining {
		return Schedule{}, ErrScheduleTerms.Wrapf("top up: expected at most %d more runs after the %d that remain, got %d",
			MaxScheduleRuns-s.Remaining, s.Remaining, count)
	}
	s.Deposit, s.Remaining = s.Deposit.Add(deposit), s.Remaining+count
	return s, nil
}

// Paused is the schedule with its runs held back. It fails with ErrScheduleStatus unless the schedule is active.
func (s Schedule) Paused() (Schedule, error) {
	if s.Status != SCHEDULE_STATUS_ACTIVE {
		return Schedule{}, ErrScheduleStatus.Wrapf("pause: expected %s, got %s", SCHEDULE_STATUS_ACTIVE, s.Status)
	}
	s.Status, s.NextHeight = SCHEDULE_STATUS_PAUSED, 0
	return s, nil
}

// Resumed is the schedule with its next run at the end of the block of a height. It fails with ErrScheduleStatus unless
// the schedule is paused.
func (s Schedule) Resumed(height int64) (Schedule, error) {
	if s.Status != SCHEDULE_STATUS_PAUSED {
		return Schedule{}, ErrScheduleStatus.Wrapf("resume: expected %s, got %s", SCHEDULE_STATUS_PAUSED, s.Status)
	}
	s.Status, s.NextHeight = SCHEDULE_STATUS_ACTIVE, height
	return s, nil
}

// Charged is the schedule after it has paid the fee of a run. It fails with ErrMaxFee when the run costs more than the
// owner allows, and with ErrDeposit when too little is left.
func (s Schedule) Charged(fee Fee) (Schedule, error) {
	if err := CheckMaxFee(fee.Total, s.MaxFee); err != nil {
		return Schedule{}, err
	}
	if err := CheckDeposit(s.Deposit, fee.Total, 1); err != nil {
		return Schedule{}, err
	}
	s.Deposit = s.Deposit.Sub(fee.Total)
	return s, nil
}

// Ran is the schedule after a run in the block of a height, placed or missed. The next one comes every blocks after the
// height for which this one was planned, so that a late run does not delay those that follow, but not before the next
// block: a schedule that is further behind would come before all others until it has made up for it, and as many of them
// as a block has runs for would keep everybody else out.
func (s Schedule) Ran(placed bool, height int64) Schedule {
	if placed {
		s.Placed++
	} else {
		s.Missed++
	}
	s.Remaining--
	s.NextHeight = max(s.NextHeight+int64(s.Every), height+1)
	return s
}

// Ended is the schedule after its end. The caller returns the deposit.
func (s Schedule) Ended(status ScheduleStatus, height int64) Schedule {
	s.Status, s.EndedHeight = status, height
	s.Remaining, s.NextHeight, s.Deposit = 0, 0, math.ZeroInt()
	return s
}

// OwnerAddress is the address of the owner.
func (s Schedule) OwnerAddress() (sdk.AccAddress, error) {
	a, err := address.ParseAccount(s.Owner)
	if err != nil {
		return nil, fmt.Errorf("schedule %d: owner: %w", s.Id, err)
	}
	return a, nil
}
