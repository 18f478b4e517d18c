package selection

import (
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"math/big"
)

// MaxTotalBits is the largest size, in bits, of the sum of the weights of one draw. A weight of the chain is at most
// power (63 bits) × reliability (14 bits) × free capacity (30 bits); 256 bits leave room for any number of members.
const MaxTotalBits = 256

// maxTries bounds the rejection sampling. One try is accepted with a probability of at least one half: all of them
// fail with a probability of at most 2^-256, as likely as finding a preimage of a given hash.
const maxTries = 256

var (
	// ErrNoWeights is returned when there is nobody to draw from.
	ErrNoWeights = errors.New("no weights to draw from")
	// ErrInvalidWeight is returned for a weight that is missing or negative.
	ErrInvalidWeight = errors.New("invalid weight")
	// ErrTotalWeight is returned when the sum of the weights is zero or larger than MaxTotalBits bits.
	ErrTotalWeight = errors.New("invalid total weight")
)

// Draw returns the position of one weight, drawn with a probability of weight / sum of all weights.
//
// The draw is without bias: block i of the random stream is SHA-256(seed ‖ i as 8 bytes big-endian), read as a
// big-endian integer and cut to its low bits, as many as the sum has; the first one below the sum is the point. The
// result is the first position whose running total exceeds the point. A weight of zero is never drawn.
func Draw(seed [32]byte, weights []*big.Int) (int, error) {
	if len(weights) == 0 {
		return 0, ErrNoWeights
	}
	total := new(big.Int)
	for i, weight := range weights {
		if weight == nil || weight.Sign() < 0 {
			return 0, fmt.Errorf("%w: expected an integer of at least 0 at position %d, got %v", ErrInvalidWeight, i, weight)
		}
		total.Add(total, weight)
	}
	if total.Sign() == 0 || total.BitLen() > MaxTotalBits {
		return 0, fmt.Errorf("%w: expected 1 to %d bits, got %d", ErrTotalWeight, MaxTotalBits, total.BitLen())
	}

	point := point(seed, total)
	running := new(big.Int)
	for i, weight := range weights {
		running.Add(running, weight)
		if point.Cmp(running) < 0 {
			return i, nil
		}
	}
	// The point is below the total, which the running sum has reached by now.
	return 0, fmt.Errorf("%w: %s is not above the point %s", ErrTotalWeight, total, point)
}

// point returns an integer drawn evenly from [0, total). total must be positive.
func point(seed [32]byte, total *big.Int) *big.Int {
	bits := uint(total.BitLen())
	mask := new(big.Int).Lsh(big.NewInt(1), bits)
	mask.Sub(mask, big.NewInt(1))

	var block [sha256.Size + 8]byte
	copy(block[:], seed[:])
	value := new(big.Int)
	for try := uint64(0); try < maxTries; try++ {
		binary.BigEndian.PutUint64(block[sha256.Size:], try)
		digest := sha256.Sum256(block[:])
		value.SetBytes(digest[:])
		value.And(value, mask)
		if value.Cmp(total) < 0 {
			return value
		}
	}
	// Out of tries: the last value still gives a point, so that the draw always ends.
	return value.Mod(value, total)
}
