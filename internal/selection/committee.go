package selection

import (
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"math/big"
)

// committeeDomain separates the seeds of these draws from every other use of the hash.
const committeeDomain = "opengradient/scheduling/committee/v1"

var (
	// ErrInvalidLeader is returned when the leader is not one of the members.
	ErrInvalidLeader = errors.New("invalid leader")
	// ErrTooLittlePower is returned when all members together hold no more than a third of all power.
	ErrTooLittlePower = errors.New("too little power for a committee")
)

// Committee returns the positions, ascending, of the members that make an attempt as a committee. The leader has a
// seat; the others are drawn one after the other by power alone and without replacement, until the power of all seats
// is strictly more than a third of totalPower and there are two seats. A single member is a committee of its own.
//
// The seed is the leader's, see Seed. Draw k, from 1, is that of Draw with the seed SHA-256(domain ‖ seed ‖ k as 8
// bytes big-endian) and the powers of the members that have no seat yet.
//
// More than a third of all power cannot be dishonest as long as consensus itself is safe: one seat at least is then
// honest, however the seed came about. totalPower is the power of all validators, members or not. Every power must be
// positive and their sum at most totalPower; it fails otherwise, and when the members hold too little.
func Committee(seed [32]byte, powers []int64, leader int, totalPower int64) ([]int, error) {
	remaining, err := sum(powers, totalPower)
	if err != nil {
		return nil, err
	}
	// For integers, above the third rounded down is the same as strictly above the third.
	third := totalPower / 3
	if remaining <= third {
		return nil, fmt.Errorf("%w: expected more than %d of %d, got %d", ErrTooLittlePower, third, totalPower, remaining)
	}
	if leader < 0 || leader >= len(powers) {
		return nil, fmt.Errorf("%w: expected a position from 0 to %d, got %d", ErrInvalidLeader, len(powers)-1, leader)
	}

	seated := make([]bool, len(powers))
	var held int64
	count := 0
	take := func(position int) {
		seated[position] = true
		held += powers[position]
		remaining -= powers[position]
		count++
	}
	take(leader)
	// The loop ends: all members together hold enough, and each turn seats one more.
	for k := uint64(1); held <= third || count < min(2, len(powers)); k++ {
		take(drawUnseated(committeeSeed(seed, k), powers, seated, remaining))
	}

	seats := make([]int, 0, count)
	for position, has := range seated {
		if has {
			seats = append(seats, position)
		}
	}
	return seats, nil
}

// sum adds up the powers, none of which may be below 1, and none of the partial sums above the limit.
func sum(powers []int64, limit int64) (int64, error) {
	var total int64
	for i, power := range powers {
		if power <= 0 {
			return 0, fmt.Errorf("%w: expected a power of at least 1 at position %d, got %d", ErrInvalidWeight, i, power)
		}
		if power > limit-total {
			return 0, fmt.Errorf("%w: expected powers of at most %d together, got %d more after %d", ErrTotalWeight, limit, power, total)
		}
		total += power
	}
	return total, nil
}

// drawUnseated is Draw over the powers of those that have no seat, which are positive and add up to remaining.
func drawUnseated(seed [32]byte, powers []int64, seated []bool, remaining int64) int {
	left := point(seed, big.NewInt(remaining)).Int64()
	last := 0
	for position, power := range powers {
		if seated[position] {
			continue
		}
		if left < power {
			return position
		}
		left -= power
		last = position
	}
	// The point is below the sum of the powers, so that it is found above.
	return last
}

// committeeSeed is the seed of the k-th draw.
func committeeSeed(seed [32]byte, k uint64) [32]byte {
	preimage := make([]byte, 0, len(committeeDomain)+len(seed)+8)
	preimage = append(preimage, committeeDomain...)
	preimage = append(preimage, seed[:]...)
	preimage = binary.BigEndian.AppendUint64(preimage, k)
	return sha256.Sum256(preimage)
}
