package types

import (
	"crypto/sha256"
)

// RoundOpening asks for a round.
type RoundOpening struct {
	RequestID uint64
	// Attempt is counted from 1.
	Attempt uint32
	// Leader is one of the members.
	Leader string
	// Members are the eligible operators with their powers, ordered by operator address bytes.
	Members []Member
	// TotalPower is the power of all bonded validators.
	TotalPower int64
	// MaxOutputBytes bounds the canonical output.
	MaxOutputBytes uint64
	// Rule is the rule of the attempt.
	Rule Rule
	// Seats are the positions in Members, ascending, that have a seat: the leader and at least one other. Empty for
	// RULE_QUORUM, where all have one.
	Seats []int
	// Sealed asks for commitments before reveals.
	Sealed bool
	// Digest is the request digest: 32 bytes.
	Digest []byte
	// Model is the SHA-256 of the model: 32 bytes.
	Model []byte
}

// Validate checks what a round keeps of its opening: rule and seats, the digest that commitments bind, and the model. It
// returns ErrInvalidRound.
func (o RoundOpening) Validate() error {
	if len(o.Digest) != sha256.Size || len(o.Model) != sha256.Size {
		return ErrInvalidRound.Wrapf("expected a digest and a model of %d bytes, got %d and %d", sha256.Size, len(o.Digest), len(o.Model))
	}
	switch o.Rule {
	case RULE_QUORUM:
		if len(o.Seats) > 0 {
			return ErrInvalidRound.Wrapf("expected no seats under %s, got %d", o.Rule, len(o.Seats))
		}
		return nil
	case RULE_COMMITTEE:
		return o.validateSeats()
	default:
		return ErrInvalidRound.Wrapf("expected a known rule, got %s", o.Rule)
	}
}

func (o RoundOpening) validateSeats() error {
	if len(o.Seats) == 0 {
		return ErrInvalidRound.Wrapf("expected seats under %s, got none", o.Rule)
	}
	previous, leads := -1, false
	for _, seat := range o.Seats {
		if seat <= previous || seat >= len(o.Members) {
			return ErrInvalidRound.Wrapf("expected ascending seats below %d, got %d after %d", len(o.Members), seat, previous)
		}
		previous = seat
		leads = leads || o.Members[seat].Operator == o.Leader
	}
	if !leads {
		return ErrInvalidRound.Wrapf("expected a seat of the leader %s, got none", o.Leader)
	}
	return nil
}
