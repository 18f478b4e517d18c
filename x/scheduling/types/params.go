package types

import errorsmod "cosmossdk.io/errors"

// Upper bounds of the parameters. They keep every sum of heights and every per-block loop far from overflow, whatever
// governance decides.
const (
	// MaxBlockComputeUnits bounds Params.BlockComputeUnits.
	MaxBlockComputeUnits uint64 = 1_000_000_000_000
	// MaxBlockOutputBytes bounds Params.BlockOutputBytes.
	MaxBlockOutputBytes uint64 = 64 << 20
	// MaxAssignmentsPerBlock bounds Params.MaxAssignmentsPerBlock.
	MaxAssignmentsPerBlock uint32 = 4096
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
		HeartbeatWindow:        30,
		MaxEnvironmentClasses:  256,
	}
}

// Validate checks every parameter against its bounds: from 1 up to the constant of its name. It returns
// ErrInvalidParams with the first one that is outside.
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
	} {
		if field.value == 0 || field.value > field.max {
			return errorsmod.Wrapf(ErrInvalidParams, "%s: expected 1 to %d, got %d", field.name, field.max, field.value)
		}
	}
	return nil
}

// Lifetime is the number of blocks from the acceptance of a task to its final deadline.
func (p Params) Lifetime() int64 {
	return int64(p.QueueBlocks) + int64(p.MaxAttempts)*int64(p.AttemptBlocks)
}
