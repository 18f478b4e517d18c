package sim

import (
	"math/big"

	"github.com/opengradient/opengradient/internal/pricing"
	"github.com/opengradient/opengradient/internal/queue"
)

// Params are the parameters of the chain that scheduling depends on.
type Params struct {
	// Rule has the limits of a block, how much may wait, and the head starts.
	Rule queue.Rule
	// AttemptBlocks is the time of one attempt, MaxAttempts their number, DeadlineQuota the most tasks of one final deadline.
	AttemptBlocks, MaxAttempts, DeadlineQuota int64
	// HeartbeatWindow is the age from which a status is stale.
	HeartbeatWindow int64
	// UnprovenCapacity is what a node counts for that has not been observed.
	UnprovenCapacity uint64
	// Market is the rule of the base price.
	Market pricing.Market
	// MinEligiblePower is the part of all power that must be eligible for a submission, in basis points.
	MinEligiblePower int64
	// BytePrice is the price of a byte.
	BytePrice *big.Int
	// Tiers and Classes are the multipliers in basis points.
	Quorum, Committee           uint32
	Economy, Standard, Priority uint32
	// SoftBlocks, SettleBlocks and TurnBlocks are the times of a round.
	SoftBlocks, SettleBlocks, TurnBlocks int64
	// Window, MaxMissed and JailBlocks are the rule of conduct.
	Window, MaxMissed, JailBlocks int64
}

// DefaultParams are those of a new chain.
func DefaultParams() Params {
	return Params{
		Rule: queue.Rule{
			Limits:     queue.Limits{Tasks: 64, Units: 20_000, Bytes: 65_536},
			MaxTasks:   10_000,
			MaxBlocks:  100,
			HeadStarts: queue.HeadStarts{Standard: 10, Priority: 30},
		},
		AttemptBlocks: 10, MaxAttempts: 3, DeadlineQuota: 256,
		HeartbeatWindow:  12,
		UnprovenCapacity: 1_000,
		Market:           pricing.Market{Min: big.NewInt(100), Max: big.NewInt(1_000_000_000_000), Target: 9_000, MaxFall: 1_250},
		MinEligiblePower: 6_000,
		BytePrice:        big.NewInt(1),
		Quorum:           10_000, Committee: 5_000,
		Economy: 7_500, Standard: 10_000, Priority: 20_000,
		SoftBlocks: 4, SettleBlocks: 3, TurnBlocks: 2,
		Window: 100, MaxMissed: 50, JailBlocks: 600,
	}
}

// Lifetime is the number of blocks from the acceptance of a task to its final deadline.
func (p Params) Lifetime() int64 {
	return int64(p.Rule.MaxBlocks) + p.MaxAttempts*p.AttemptBlocks
}

// ClassMultiplier scales the compute part of the fee of a class.
func (p Params) ClassMultiplier(c queue.Class) uint32 {
	switch c {
	case queue.Economy:
		return p.Economy
	case queue.Priority:
		return p.Priority
	default:
		return p.Standard
	}
}

// TierMultiplier scales the compute part of the fee of a tier.
func (p Params) TierMultiplier(committee bool) uint32 {
	if committee {
		return p.Committee
	}
	return p.Quorum
}
