package types

import (
	"cosmossdk.io/math"

	"github.com/opengradient/opengradient/internal/pricing"
)

// Bounds that no parameter passes, so that a vote cannot make a block unbounded or an amount overflow.
const (
	maxInputBytesLimit  = 4 << 20
	maxOutputBytesLimit = 16 << 10 // half of a vote extension
	maxRequestsLimit    = 1024
	maxMultiplier       = 1_000_000 // one hundred times
	maxGasPerByte       = 1_000_000
	maxInputBlocks      = 1_000_000_000
	maxKeptBlocks       = 10_000_000
	maxSchedulesLimit   = 1_000_000
	maxRunsLimit        = 256
)

// MaxAmount bounds every price, in uopg: 10^18.
var MaxAmount = math.NewIntWithDecimal(1, 18)

// DefaultParams are the parameters of a new chain.
func DefaultParams() Params {
	return Params{
		MaxInputBytes:         640 << 10,
		MaxOutputBytes:        8 << 10,
		MaxRequestsPerMessage: 64,
		MinEligiblePower:      6_000,
		BytePrice:             math.NewInt(1),
		QuorumMultiplier:      pricing.BasisPoints,
		FeeShares:             FeeShares{Publisher: 2_000, Members: 6_000, Owner: 1_000, Community: 1_000},
		InputGasPerByte:       5,
		MaxComputeUnits:       20_000,
		CommitteeMultiplier:   pricing.BasisPoints / 2,
		SealFee:               math.NewInt(1_000_000),
		InputBlocks:           100_000,
		EconomyMultiplier:     7_500,
		PriorityMultiplier:    20_000,
		IdempotencyBlocks:     50_000,
		ReuseBlocks:           10_000,
		ReusePrice:            1_000,
		MaxSchedules:          10_000,
		MaxRunsPerBlock:       16,
	}
}

// Validate checks every parameter against its bounds. It fails with ErrInvalidParams.
func (p Params) Validate() error {
	for _, b := range []struct {
		name             string
		value, low, high uint64
	}{
		{"max_input_bytes", p.MaxInputBytes, 1, maxInputBytesLimit},
		{"max_output_bytes", p.MaxOutputBytes, 1, maxOutputBytesLimit},
		{"max_requests_per_message", uint64(p.MaxRequestsPerMessage), 1, maxRequestsLimit},
		{"min_eligible_power", uint64(p.MinEligiblePower), 1, pricing.BasisPoints},
		{"quorum_multiplier", uint64(p.QuorumMultiplier), 1, maxMultiplier},
		{"input_gas_per_byte", p.InputGasPerByte, 0, maxGasPerByte},
		{"max_compute_units", p.MaxComputeUnits, 1, 1 << 62},
		{"committee_multiplier", uint64(p.CommitteeMultiplier), 1, maxMultiplier},
		{"input_blocks", uint64(p.InputBlocks), 0, maxInputBlocks},
		{"economy_multiplier", uint64(p.EconomyMultiplier), 1, pricing.BasisPoints},
		{"priority_multiplier", uint64(p.PriorityMultiplier), pricing.BasisPoints, maxMultiplier},
		{"idempotency_blocks", uint64(p.IdempotencyBlocks), 1, maxKeptBlocks},
		{"reuse_blocks", uint64(p.ReuseBlocks), 0, maxKeptBlocks},
		{"reuse_price", uint64(p.ReusePrice), 0, pricing.BasisPoints},
		{"max_schedules", uint64(p.MaxSchedules), 0, maxSchedulesLimit},
		{"max_runs_per_block", uint64(p.MaxRunsPerBlock), 1, maxRunsLimit},
	} {
		if b.value < b.low || b.value > b.high {
			return ErrInvalidParams.Wrapf("%s: expected %d to %d, got %d", b.name, b.low, b.high, b.value)
		}
	}
	for _, a := range []struct {
		name  string
		value math.Int
	}{{"byte_price", p.BytePrice}, {"seal_fee", p.SealFee}} {
		if err := checkAmount(a.value); err != nil {
			return ErrInvalidParams.Wrapf("%s: %s", a.name, err)
		}
	}
	if err := p.FeeShares.pricing().Validate(); err != nil {
		return ErrInvalidParams.Wrapf("fee_shares: %s", err)
	}
	return nil
}
