package types

// Defaults and bounds of the parameters.
const (
	// DefaultSettleBlocks is how many blocks a round takes attestations after its verdict.
	DefaultSettleBlocks uint32 = 3
	// DefaultPublisherTurnBlocks is the length of one member's turn to publish, in blocks.
	DefaultPublisherTurnBlocks uint32 = 2
	// DefaultMaxCandidates is how many distinct outcomes a round tells apart.
	DefaultMaxCandidates uint32 = 8

	// MaxSettleBlocks bounds settle_blocks: payment waits that long.
	MaxSettleBlocks uint32 = 1_000
	// MaxPublisherTurnBlocks bounds publisher_turn_blocks.
	MaxPublisherTurnBlocks uint32 = 1_000
	// MinMaxCandidates keeps room for a contradiction of the first outcome.
	MinMaxCandidates uint32 = 2
	// MaxMaxCandidates bounds the state of one round.
	MaxMaxCandidates uint32 = 64
)

// DefaultParams are the parameters of a new chain.
func DefaultParams() Params {
	return Params{
		SettleBlocks:        DefaultSettleBlocks,
		PublisherTurnBlocks: DefaultPublisherTurnBlocks,
		MaxCandidates:       DefaultMaxCandidates,
	}
}

// Validate checks every parameter against its bounds. It returns ErrInvalidParams.
func (p Params) Validate() error {
	for _, bound := range []struct {
		name             string
		value, low, high uint32
	}{
		{"settle_blocks", p.SettleBlocks, 1, MaxSettleBlocks},
		{"publisher_turn_blocks", p.PublisherTurnBlocks, 1, MaxPublisherTurnBlocks},
		{"max_candidates", p.MaxCandidates, MinMaxCandidates, MaxMaxCandidates},
	} {
		if bound.value < bound.low || bound.value > bound.high {
			return ErrInvalidParams.Wrapf("%s: expected %d to %d, got %d", bound.name, bound.low, bound.high, bound.value)
		}
	}
	return nil
}
