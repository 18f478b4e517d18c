package types

import (
	errorsmod "cosmossdk.io/errors"
	"cosmossdk.io/math"

	"github.com/opengradient/opengradient/internal/pricing"
	"github.com/opengradient/opengradient/internal/queue"
)

// Upper bounds of the parameters. They keep every sum of heights and every per-block loop far from overflow, whatever
// governance decides.
const (
	// MaxBlockComputeUnits bounds Params.BlockComputeUnits.
	MaxBlockComputeUnits uint64 = 1_000_000_000_000
	// MaxBlockOutputBytes bounds Params.BlockOutputBytes.
	MaxBlockOutputBytes uint64 = 64 << 20
	// MaxAssignmentsPerBlock bounds Params.MaxAssignmentsPerBlock. A vote extension of 32 KiB has to hold what a node
	// says of as many attempts in every block, and outputs: an attestation takes up to 50 bytes, a sealed one 130 in two votes.
	MaxAssignmentsPerBlock uint32 = 256
	// MaxQueueDepth bounds Params.MaxQueueDepth.
	MaxQueueDepth uint32 = 1_000_000
	// MaxQueueBlocks bounds Params.QueueBlocks.
	MaxQueueBlocks uint32 = 1_000_000
	// MaxAttemptBlocks bounds Params.AttemptBlocks.
	MaxAttemptBlocks uint32 = 100_000
	// MaxAttempts bounds Params.MaxAttempts.
	MaxAttempts uint32 = 32
	// MaxDeadlineQuota bounds Params.DeadlineQuota.
	MaxDeadlineQuota uint32 = 10_000
	// MaxHeartbeatWindow bounds Params.HeartbeatWindow.
	MaxHeartbeatWindow uint32 = 1_000_000
	// MaxEnvironmentClasses bounds Params.MaxEnvironmentClasses.
	MaxEnvironmentClasses uint32 = 65_536
)

// MaxPrice bounds every price, in uopg: 10^18.
var MaxPrice = math.NewIntWithDecimal(1, 18)

// DefaultParams returns the parameters of a new chain.
func DefaultParams() Params {
	return Params{
		BlockComputeUnits:      20_000,
		BlockOutputBytes:       65_536,
		MaxAssignmentsPerBlock: 64,
		MaxQueueDepth:          10_000,
		QueueBlocks:            100,
		AttemptBlocks:          10,
		MaxAttempts:            3,
		DeadlineQuota:          256,
		HeartbeatWindow:        12,
		MaxEnvironmentClasses:  256,
		UnprovenCapacity:       1_000,
		StandardHeadStart:      10,
		PriorityHeadStart:      30,
		MinBasePrice:           math.NewInt(100),
		MaxBasePrice:           math.NewIntWithDecimal(1, 12),
		TargetUtilisation:      9_000,
		MaxPriceFall:           1_250,
	}
}

// Validate checks every parameter against its bounds: from 1 up to the constant of its name, and those of the queue's
// order and of the price against each other. It returns ErrInvalidParams with the first one that is outside.
func (p Params) Validate() error {
	for _, field := range []struct {
		name       string
		value, max uint64
	}{
		{"block_compute_units", p.BlockComputeUnits, MaxBlockComputeUnits},
		{"block_output_bytes", p.BlockOutputBytes, MaxBlockOutputBytes},
		{"max_assignments_per_block", uint64(p.MaxAssignmentsPerBlock), uint64(MaxAssignmentsPerBlock)},
		{"max_queue_depth", uint64(p.MaxQueueDepth), uint64(MaxQueueDepth)},
		{"queue_blocks", uint64(p.QueueBlocks), uint64(MaxQueueBlocks)},
		{"attempt_blocks", uint64(p.AttemptBlocks), uint64(MaxAttemptBlocks)},
		{"max_attempts", uint64(p.MaxAttempts), uint64(MaxAttempts)},
		{"deadline_quota", uint64(p.DeadlineQuota), uint64(MaxDeadlineQuota)},
		{"heartbeat_window", uint64(p.HeartbeatWindow), uint64(MaxHeartbeatWindow)},
		{"max_environment_classes", uint64(p.MaxEnvironmentClasses), uint64(MaxEnvironmentClasses)},
		{"unproven_capacity", p.UnprovenCapacity, MaxCapacity},
	} {
		if field.value == 0 || field.value > field.max {
			return errorsmod.Wrapf(ErrInvalidParams, "%s: expected 1 to %d, got %d", field.name, field.max, field.value)
		}
	}
	if p.StandardHeadStart > p.PriorityHeadStart || p.PriorityHeadStart > p.QueueBlocks {
		return errorsmod.Wrapf(ErrInvalidParams, "head starts: expected standard at most priority, and priority at most queue_blocks %d, got %d and %d",
			p.QueueBlocks, p.StandardHeadStart, p.PriorityHeadStart)
	}
	for _, price := range []struct {
		name  string
		value math.Int
	}{{"min_base_price", p.MinBasePrice}, {"max_base_price", p.MaxBasePrice}} {
		if price.value.IsNil() || price.value.IsNegative() || price.value.GT(MaxPrice) {
			return errorsmod.Wrapf(ErrInvalidParams, "%s: expected 0 to %s, got %s", price.name, MaxPrice, price.value)
		}
	}
	if err := p.Market().Validate(); err != nil {
		return errorsmod.Wrap(ErrInvalidParams, err.Error())
	}
	return nil
}

// Limits are what the attempts that begin in one block may take together.
func (p Params) Limits() queue.Limits {
	return queue.Limits{Tasks: p.MaxAssignmentsPerBlock, Units: p.BlockComputeUnits, Bytes: p.BlockOutputBytes}
}

// HeadStarts are those of the fee classes.
func (p Params) HeadStarts() queue.HeadStarts {
	return queue.HeadStarts{Standard: p.StandardHeadStart, Priority: p.PriorityHeadStart}
}

// QueueRule says how much may wait.
func (p Params) QueueRule() queue.Rule {
	return queue.Rule{
		Limits: p.Limits(), MaxTasks: uint64(p.MaxQueueDepth), MaxBlocks: p.QueueBlocks, HeadStarts: p.HeadStarts(),
	}
}

// Market is the rule of the base price.
func (p Params) Market() pricing.Market {
	return pricing.Market{
		Min: p.MinBasePrice.BigInt(), Max: p.MaxBasePrice.BigInt(), Target: p.TargetUtilisation, MaxFall: p.MaxPriceFall,
	}
}

// Lifetime is the number of blocks from the acceptance of a task to its final deadline.
func (p Params) Lifetime() int64 {
	return int64(p.QueueBlocks) + int64(p.MaxAttempts)*int64(p.AttemptBlocks)
}
