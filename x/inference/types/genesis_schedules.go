package types

import (
	"bytes"
	"crypto/sha256"
	"fmt"

	"github.com/opengradient/opengradient/internal/address"
	"github.com/opengradient/opengradient/internal/tensor"
)

func (g GenesisState) validateSchedules(requests map[uint64]Request) error {
	runs, err := g.validateRuns()
	if err != nil {
		return err
	}
	last, placed := uint64(0), 0
	for _, entry := range g.Schedules {
		s := entry.Schedule
		if s.Id <= last {
			return fmt.Errorf("schedules: expected ascending ids from 1, got %d after %d", s.Id, last)
		}
		last = s.Id
		if len(s.Outputs) == 0 {
			return fmt.Errorf("schedule %d: expected the names of its outputs, got none", s.Id)
		}
		if err := s.Validate(); err != nil {
			return err
		}
		if err := entry.validateInputs(); err != nil {
			return err
		}
		if err := s.validateRuns(runs[s.Id], requests); err != nil {
			return err
		}
		delete(runs, s.Id)
		placed += int(s.Placed)
	}
	if len(runs) > 0 {
		return fmt.Errorf("schedule runs: expected a schedule for each, got %d without", len(runs))
	}
	if g.NextScheduleId <= last {
		return fmt.Errorf("next schedule id: expected above %d, got %d", last, g.NextScheduleId)
	}
	for _, r := range requests {
		if r.ScheduleId != 0 {
			placed--
		}
	}
	if placed != 0 {
		return fmt.Errorf("requests of schedules: expected one for each placed run, %d are too many", -placed)
	}
	return nil
}

// validateRuns checks the order of the runs and gives them by schedule.
func (g GenesisState) validateRuns() (map[uint64][]ScheduleRun, error) {
	runs := make(map[uint64][]ScheduleRun)
	last := uint64(0)
	for _, r := range g.ScheduleRuns {
		if r.ScheduleId < last {
			return nil, fmt.Errorf("schedule runs: expected ascending schedules, got %d after %d", r.ScheduleId, last)
		}
		last = r.ScheduleId
		if want := uint32(len(runs[last])) + 1; r.Run != want {
			return nil, fmt.Errorf("schedule %d: expected run %d, got %d", last, want, r.Run)
		}
		if r.RequestId != 0 && r.Missed != "" || r.RequestId == 0 && !isMissedReason(r.Missed) {
			return nil, fmt.Errorf("schedule %d: run %d: expected a request or a known reason, got request %d and %q", last, r.Run, r.RequestId, r.Missed)
		}
		runs[last] = append(runs[last], r)
	}
	return runs, nil
}

// validateRuns checks that the runs are as many as the schedule says, and that those that were placed are requests of
// their own.
func (s Schedule) validateRuns(runs []ScheduleRun, requests map[uint64]Request) error {
	placed := uint32(0)
	lastRequest := uint64(0)
	for _, run := range runs {
		if run.RequestId == 0 {
			continue
		}
		placed++
		r, ok := requests[run.RequestId]
		if !ok || r.ScheduleId != s.Id || r.Requester != s.Owner || r.Model != s.Model || !bytes.Equal(r.InputRoot, s.InputRoot) {
			return fmt.Errorf("schedule %d: run %d: expected a request of the schedule, got request %d", s.Id, run.Run, run.RequestId)
		}
		if r.Id <= lastRequest {
			return fmt.Errorf("schedule %d: run %d: expected a request after %d, got %d", s.Id, run.Run, lastRequest, r.Id)
		}
		lastRequest = r.Id
	}
	if missed := uint64(len(runs)) - uint64(placed); placed != s.Placed || missed != uint64(s.Missed) {
		return fmt.Errorf("schedule %d: expected %d placed and %d missed runs, got %d and %d", s.Id, s.Placed, s.Missed, placed, missed)
	}
	return nil
}

// Validate checks that the fields fit together. The next height is relative to the last block before the genesis.
func (s Schedule) Validate() error {
	if _, err := address.CanonicalAccount(s.Owner); err != nil {
		return fmt.Errorf("schedule %d: owner: %w", s.Id, err)
	}
	if err := ValidateTier(s.Tier); err != nil {
		return fmt.Errorf("schedule %d: %w", s.Id, err)
	}
	if err := ValidateSealing(s.Sealing); err != nil {
		return fmt.Errorf("schedule %d: %w", s.Id, err)
	}
	if !s.FeeClass.IsKnown() {
		return fmt.Errorf("schedule %d: expected a known fee class, got %s", s.Id, s.FeeClass)
	}
	if len(s.InputRoot) != sha256.Size || s.InputBytes == 0 || s.OutputBytes == 0 || s.ComputeUnits == 0 {
		return fmt.Errorf("schedule %d: expected an input root of %d bytes, inputs, outputs and compute units, got %d bytes, %d, %d and %d",
			s.Id, sha256.Size, len(s.InputRoot), s.InputBytes, s.OutputBytes, s.ComputeUnits)
	}
	if s.MaxFee.IsNil() || s.MaxFee.IsNegative() || s.Deposit.IsNil() || s.Deposit.IsNegative() {
		return fmt.Errorf("schedule %d: expected a max_fee and a deposit of at least 0, got %s and %s", s.Id, s.MaxFee, s.Deposit)
	}
	return s.validateStatus()
}

func (s Schedule) validateStatus() error {
	if _, known := ScheduleStatus_name[int32(s.Status)]; !known || s.Status == SCHEDULE_STATUS_UNSPECIFIED {
		return fmt.Errorf("schedule %d: expected a defined status, got %s", s.Id, s.Status)
	}
	if !s.Status.Live() {
		if s.Remaining != 0 || !s.Deposit.IsZero() || s.NextHeight != 0 || s.EndedHeight == 0 || s.Every == 0 || s.Every > MaxScheduleEvery {
			return fmt.Errorf("schedule %d: expected no runs, deposit or next height once it has ended, got %d, %s and %d",
				s.Id, s.Remaining, s.Deposit, s.NextHeight)
		}
		return nil
	}
	if err := ValidateTerms(s.Every, s.Remaining); err != nil {
		return fmt.Errorf("schedule %d: %w", s.Id, err)
	}
	if s.EndedHeight != 0 {
		return fmt.Errorf("schedule %d: expected no end while it is %s, got height %d", s.Id, s.Status, s.EndedHeight)
	}
	if s.NextHeight < 0 || s.NextHeight > int64(s.Every) || s.Status != SCHEDULE_STATUS_ACTIVE && s.NextHeight != 0 {
		return fmt.Errorf("schedule %d: expected its next run in 0 to %d blocks while it is active, got %d as %s",
			s.Id, s.Every, s.NextHeight, s.Status)
	}
	return nil
}

// validateInputs checks that the inputs are those of the schedule, and gone once it has ended.
func (g GenesisSchedule) validateInputs() error {
	s := g.Schedule
	if !s.Status.Live() {
		if len(g.Inputs) != 0 {
			return fmt.Errorf("schedule %d: expected no inputs once it has ended, got %d bytes", s.Id, len(g.Inputs))
		}
		return nil
	}
	root := tensor.MerkleRoot(g.Inputs)
	if !bytes.Equal(root[:], s.InputRoot) || uint64(len(g.Inputs)) != s.InputBytes {
		return fmt.Errorf("schedule %d: expected %d bytes of inputs with root %x, got %d and %x", s.Id, s.InputBytes, s.InputRoot, len(g.Inputs), root)
	}
	return nil
}
