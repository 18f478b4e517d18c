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

// Seat is what the draw of a committee knows of one member.
type Seat struct {
	// Power is the member's consensus power, above 0.
	Power int64
	// Environment is the index of the member's environment class.
	Environment uint32
}

// establishedPart is the part of the members' power from which an environment class counts for the mix of a committee: a
// tenth. Below it a class could be one that a single node has made up.
const establishedPart = 10

// Committee returns the positions, ascending, of the members that make an attempt as a committee. The leader has a
// seat; the others are drawn one after the other by power alone and without replacement, until the power of all seats
// is strictly more than a third of totalPower and there are two seats. A single member is a committee of its own.
//
// The first of these draws is among the members of other environment classes than the leader's that hold a tenth of
// the members' power at least, class by class, when there are any: a fault of one runtime on one processor then does
// not pass unseen (ADR 0034). Whatever is drawn, the next paragraph holds.
//
// The seed is the leader's, see Seed. Draw k, from 1, is that of Draw with the seed SHA-256(domain ‖ seed ‖ k as 8
// bytes big-endian) and the powers of the members that take part in it and have no seat yet.
//
// More than a third of all power cannot be dishonest as long as consensus itself is safe: one seat at least is then
// honest, however the seed came about. totalPower is the power of all validators, members or not. Every power must be
// positive and their sum at most totalPower; it fails otherwise, and when the members hold too little.
func Committee(seed [32]byte, members []Seat, leader int, totalPower int64) ([]int, error) {
	all, err := sum(members, totalPower)
	if err != nil {
		return nil, err
	}
	// For integers, above the third rounded down is the same as strictly above the third.
	third := totalPower / 3
	if all <= third {
		return nil, fmt.Errorf("%w: expected more than %d of %d, got %d", ErrTooLittlePower, third, totalPower, all)
	}
	if leader < 0 || leader >= len(members) {
		return nil, fmt.Errorf("%w: expected a position from 0 to %d, got %d", ErrInvalidLeader, len(members)-1, leader)
	}

	// open holds the power with which each member takes part in the next draw: none once it has a seat.
	open := make([]int64, len(members))
	for i, member := range members {
		open[i] = member.Power
	}
	seated := make([]bool, len(members))
	var held int64
	count := 0
	take := func(position int) {
		seated[position], open[position] = true, 0
		held += members[position].Power
		count++
	}
	take(leader)
	// The loop ends: all members together hold enough, and each turn seats one more.
	for k := uint64(1); held <= third || count < min(2, len(members)); k++ {
		powers, remaining := open, all-held
		if k == 1 {
			if others, power := otherEnvironments(members, leader, all); power > 0 {
				powers, remaining = others, power
			}
		}
		take(drawPosition(committeeSeed(seed, k), powers, remaining))
	}

	seats := make([]int, 0, count)
	for position, has := range seated {
		if has {
			seats = append(seats, position)
		}
	}
	return seats, nil
}

// otherEnvironments are the powers of the members of established environment classes other than the leader's, zero for
// all others, and their sum.
func otherEnvironments(members []Seat, leader int, all int64) (powers []int64, total int64) {
	held := make(map[uint32]int64)
	for _, member := range members {
		held[member.Environment] += member.Power
	}
	powers = make([]int64, len(members))
	for i, member := range members {
		class := member.Environment
		if class == members[leader].Environment || held[class] < all/establishedPart+min(all%establishedPart, 1) {
			continue
		}
		powers[i] = member.Power
		total += member.Power
	}
	return powers, total
}

// sum adds up the powers, none of which may be below 1, and none of the partial sums above the limit.
func sum(members []Seat, limit int64) (int64, error) {
	var total int64
	for i, member := range members {
		power := member.Power
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

// drawPosition is Draw over powers that are not negative and add up to total, which is positive.
func drawPosition(seed [32]byte, powers []int64, total int64) int {
	left := point(seed, big.NewInt(total)).Int64()
	last := 0
	for position, power := range powers {
		if power == 0 {
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
