package types

import (
	"cosmossdk.io/math"

	"github.com/opengradient/opengradient/internal/agreement"
	"github.com/opengradient/opengradient/internal/conduct"
)

// Defaults of the parameters.
const (
	// DefaultSettleBlocks is how many blocks a round takes attestations after its verdict.
	DefaultSettleBlocks uint32 = 3
	// DefaultPublisherTurnBlocks is the length of one member's turn to publish, in blocks.
	DefaultPublisherTurnBlocks uint32 = 2
	// DefaultMaxCandidates is how many distinct outcomes a round tells apart.
	DefaultMaxCandidates uint32 = agreement.MaxContenders
	// DefaultSealBlocks is how many blocks a sealed round waits for every commitment.
	DefaultSealBlocks uint32 = 3
	// DefaultSoftBlocks is how many blocks a contested round waits for equality.
	DefaultSoftBlocks uint32 = 4
	// DefaultArbitrationBlocks is how many blocks an arbitration waits for outputs.
	DefaultArbitrationBlocks uint32 = 4
	// DefaultCompareElements is how many elements one block compares: four worst arbitrations of outputs of 16 KiB.
	DefaultCompareElements uint64 = 4_000_000
	// DefaultConductWindow is how many rounds the conduct of an operator is measured over.
	DefaultConductWindow uint32 = 100
	// DefaultMaxMissed is how many rounds of the window may be missed.
	DefaultMaxMissed uint32 = 50
	// DefaultMaxContradicted is how many rounds of the window may be contradicted.
	DefaultMaxContradicted uint32 = 5
	// DefaultConductJailBlocks is how long a node is jailed for its window.
	DefaultConductJailBlocks uint32 = 600
	// DefaultFaultJailBlocks is how long a node is jailed for a proven fault.
	DefaultFaultJailBlocks uint32 = 10_000
	// DefaultCorroborationPower is one third of all power in basis points, rounded up.
	DefaultCorroborationPower uint32 = MinCorroborationPower
	// DefaultEvidenceBlocks is how long evidence is kept.
	DefaultEvidenceBlocks uint32 = 100_000
)

// Bounds of the parameters.
const (
	// MaxSettleBlocks bounds settle_blocks: payment waits that long.
	MaxSettleBlocks uint32 = 1_000
	// MaxPublisherTurnBlocks bounds publisher_turn_blocks.
	MaxPublisherTurnBlocks uint32 = 1_000
	// MinMaxCandidates keeps room for a contradiction of the first outcome.
	MinMaxCandidates uint32 = 2
	// MaxMaxCandidates bounds the state of one round and the pairs that are compared: all candidates can take part.
	MaxMaxCandidates uint32 = agreement.MaxContenders
	// MaxSealBlocks bounds seal_blocks.
	MaxSealBlocks uint32 = 100
	// MaxSoftBlocks bounds soft_blocks.
	MaxSoftBlocks uint32 = 1_000
	// MaxArbitrationBlocks bounds arbitration_blocks.
	MaxArbitrationBlocks uint32 = 1_000
	// MinCompareOutputBytes is the size of outputs of which one arbitration must always fit in a block's budget.
	MinCompareOutputBytes = 16 << 10
	// MaxCompareElements bounds compare_elements: a block that compares so much takes a second or so.
	MaxCompareElements uint64 = 100_000_000
	// MinConductWindow keeps one bad round from being a tenth of the reliability or more.
	MinConductWindow uint32 = 10
	// MaxConductWindow bounds the state of one operator.
	MaxConductWindow uint32 = conduct.MaxWindow
	// MaxJailBlocks bounds both times in jail.
	MaxJailBlocks uint32 = 10_000_000
	// BasisPoints is the whole of which corroboration_power is a part.
	BasisPoints uint32 = 10_000
	// MinCorroborationPower is above a third: less power than that cannot frame an operator. See ADR 0026.
	MinCorroborationPower uint32 = 3_334
	// MaxEvidenceBlocks bounds evidence_blocks.
	MaxEvidenceBlocks uint32 = 100_000_000
)

// MinCompareElements is the least budget that can hold up no arbitration of outputs of MinCompareOutputBytes for ever.
func MinCompareElements() uint64 {
	return uint64(agreement.WorstArbitrationCost(MinCompareOutputBytes))
}

// MaxSlashFraction bounds slash_fraction.
func MaxSlashFraction() math.LegacyDec { return math.LegacyNewDecWithPrec(5, 1) }

// DefaultParams are the parameters of a new chain.
func DefaultParams() Params {
	return Params{
		SettleBlocks:        DefaultSettleBlocks,
		PublisherTurnBlocks: DefaultPublisherTurnBlocks,
		MaxCandidates:       DefaultMaxCandidates,
		SealBlocks:          DefaultSealBlocks,
		SoftBlocks:          DefaultSoftBlocks,
		ArbitrationBlocks:   DefaultArbitrationBlocks,
		Tolerances:          NewTolerances(agreement.DefaultTaus()),
		CompareElements:     DefaultCompareElements,
		ConductWindow:       DefaultConductWindow,
		MaxMissed:           DefaultMaxMissed,
		MaxContradicted:     DefaultMaxContradicted,
		ConductJailBlocks:   DefaultConductJailBlocks,
		FaultJailBlocks:     DefaultFaultJailBlocks,
		SlashFraction:       math.LegacyNewDecWithPrec(1, 2),
		CorroborationPower:  DefaultCorroborationPower,
		EvidenceBlocks:      DefaultEvidenceBlocks,
	}
}

// Validate checks every parameter against its bounds. It returns ErrInvalidParams.
func (p Params) Validate() error {
	for _, bound := range []struct {
		name             string
		value, low, high uint64
	}{
		{"settle_blocks", uint64(p.SettleBlocks), 1, uint64(MaxSettleBlocks)},
		{"publisher_turn_blocks", uint64(p.PublisherTurnBlocks), 1, uint64(MaxPublisherTurnBlocks)},
		{"max_candidates", uint64(p.MaxCandidates), uint64(MinMaxCandidates), uint64(MaxMaxCandidates)},
		{"seal_blocks", uint64(p.SealBlocks), 1, uint64(MaxSealBlocks)},
		{"soft_blocks", uint64(p.SoftBlocks), 1, uint64(MaxSoftBlocks)},
		{"arbitration_blocks", uint64(p.ArbitrationBlocks), 1, uint64(MaxArbitrationBlocks)},
		{"compare_elements", p.CompareElements, MinCompareElements(), MaxCompareElements},
		{"conduct_window", uint64(p.ConductWindow), uint64(MinConductWindow), uint64(MaxConductWindow)},
		{"conduct_jail_blocks", uint64(p.ConductJailBlocks), 1, uint64(MaxJailBlocks)},
		{"fault_jail_blocks", uint64(p.FaultJailBlocks), 1, uint64(MaxJailBlocks)},
		{"corroboration_power", uint64(p.CorroborationPower), uint64(MinCorroborationPower), uint64(BasisPoints)},
		{"evidence_blocks", uint64(p.EvidenceBlocks), 1, uint64(MaxEvidenceBlocks)},
	} {
		if bound.value < bound.low || bound.value > bound.high {
			return ErrInvalidParams.Wrapf("%s: expected %d to %d, got %d", bound.name, bound.low, bound.high, bound.value)
		}
	}
	if err := p.ConductRule().Validate(); err != nil {
		return ErrInvalidParams.Wrapf("conduct_window, max_missed and max_contradicted: %s", err)
	}
	if err := p.Tolerances.Validate(); err != nil {
		return err
	}
	if p.SlashFraction.IsNil() || p.SlashFraction.IsNegative() || p.SlashFraction.GT(MaxSlashFraction()) {
		return ErrInvalidParams.Wrapf("slash_fraction: expected 0 to %s, got %s", MaxSlashFraction(), p.SlashFraction)
	}
	return nil
}

// Taus are the tolerances in the form in which outputs are compared. The parameters must be valid.
func (p Params) Taus() agreement.Taus { return p.Tolerances.Taus() }

// ConductRule is the rule for the window of an operator.
func (p Params) ConductRule() conduct.Rule {
	return conduct.Rule{Window: p.ConductWindow, MaxMissed: p.MaxMissed, MaxContradicted: p.MaxContradicted}
}

// Corroborated tells whether so much power is at least the part of all power that corroborates a contradiction. It is
// exact: nothing is rounded and nothing overflows.
func (p Params) Corroborated(power, total int64) bool {
	whole, rest := total/int64(BasisPoints), total%int64(BasisPoints)
	part := int64(p.CorroborationPower)
	// ceil(total·part / 10,000) without the product of two large numbers.
	least := whole*part + (rest*part+int64(BasisPoints)-1)/int64(BasisPoints)
	return power >= least
}
