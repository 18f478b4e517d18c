package types

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"

	sdk "github.com/cosmos/cosmos-sdk/types"

	"github.com/opengradient/opengradient/internal/address"
	"github.com/opengradient/opengradient/internal/agreement"
)

const (
	snapshotDomain = "opengradient/verification/snapshot/v1"
	// MaxMembers bounds the members of a snapshot. It is far above any validator set this chain can have.
	MaxMembers = 10_000
)

// Validate checks the members (well-formed operators in ascending order of address bytes, positive powers) and that
// their power is within the total. It says nothing about id and references. It returns ErrInvalidSnapshot.
func (s Snapshot) Validate() error {
	if n := len(s.Members); n == 0 || n > MaxMembers {
		return ErrInvalidSnapshot.Wrapf("expected 1 to %d members, got %d", MaxMembers, n)
	}
	var (
		previous sdk.ValAddress
		rest     = s.TotalPower
	)
	for i, member := range s.Members {
		operator, err := ParseOperator(member.Operator)
		if err != nil {
			return ErrInvalidSnapshot.Wrapf("member %d: %s", i, err)
		}
		if bytes.Compare(previous, operator) >= 0 {
			return ErrInvalidSnapshot.Wrapf("expected operators in ascending order, got %s at %d", member.Operator, i)
		}
		if member.Power <= 0 {
			return ErrInvalidSnapshot.Wrapf("expected positive power of %s, got %d", member.Operator, member.Power)
		}
		if rest -= member.Power; rest < 0 {
			return ErrInvalidSnapshot.Wrapf("expected members within the total power %d, got more at %s", s.TotalPower, member.Operator)
		}
		previous = operator
	}
	return nil
}

// ParseOperator reads an operator address in its one canonical spelling.
func ParseOperator(operator string) (sdk.ValAddress, error) {
	parsed, err := address.CanonicalOperator(operator)
	if err != nil {
		return nil, ErrInvalidSnapshot.Wrapf("expected an operator address, got %q: %s", operator, err)
	}
	return parsed, nil
}

// EligiblePower is the power of all members.
func (s Snapshot) EligiblePower() int64 {
	var sum int64
	for _, member := range s.Members {
		sum += member.Power
	}
	return sum
}

// Threshold is the least power that wins a round of tier QUORUM in this electorate.
func (s Snapshot) Threshold() int64 { return agreement.Threshold(s.EligiblePower(), s.TotalPower) }

// Position is the index of an operator among the members, -1 when it is not one.
func (s Snapshot) Position(operator string) int {
	for i, member := range s.Members {
		if member.Operator == operator {
			return i
		}
	}
	return -1
}

// ContentHash identifies an electorate: SHA-256 over a domain tag, the total power, the count of members and for each
// its operator with a length and its power, all integers as 8 bytes little-endian. Id and references are not in it.
func (s Snapshot) ContentHash() [sha256.Size]byte {
	buf := make([]byte, 0, len(snapshotDomain)+16+80*len(s.Members))
	buf = append(buf, snapshotDomain...)
	buf = binary.LittleEndian.AppendUint64(buf, uint64(s.TotalPower))
	buf = binary.LittleEndian.AppendUint64(buf, uint64(len(s.Members)))
	for _, member := range s.Members {
		buf = binary.LittleEndian.AppendUint64(buf, uint64(len(member.Operator)))
		buf = append(buf, member.Operator...)
		buf = binary.LittleEndian.AppendUint64(buf, uint64(member.Power))
	}
	return sha256.Sum256(buf)
}
