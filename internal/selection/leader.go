package selection

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"math/big"
)

// leaderDomain separates the seed of this draw from every other use of the hash.
const leaderDomain = "opengradient/scheduling/leader/v1"

// Candidate is what the draw of the leader knows of one member.
type Candidate struct {
	// Power is the member's consensus power; it must not be negative.
	Power int64
	// Reliability is an integer from 0 to 10,000.
	Reliability uint32
	// Free is the compute units per block that the member could take on now; 0 counts as 1.
	Free uint64
	// Passed is true when the member was silent or at fault in an earlier attempt of the same task.
	Passed bool
}

// Weight is power × reliability × max(1, free).
func (c Candidate) Weight() *big.Int {
	weight := big.NewInt(c.Power)
	weight.Mul(weight, new(big.Int).SetUint64(uint64(c.Reliability)))
	return weight.Mul(weight, new(big.Int).SetUint64(max(1, c.Free)))
}

// FreeCapacity is what remains of a node for new work, in compute units: the lesser of what it advertises and what it
// reports as free, less the units of the assignments it leads already. It is never negative.
func FreeCapacity(capacity, reported, leading uint64) uint64 {
	offered := min(capacity, reported)
	if leading >= offered {
		return 0
	}
	return offered - leading
}

// Seed returns SHA-256(domain ‖ length of appHash ‖ appHash ‖ length of digest ‖ digest ‖ attempt): lengths are 8
// bytes and the attempt 4 bytes, big-endian. appHash is the application hash of the previous block, digest is the
// request digest, and attempt counts from 1.
func Seed(appHash, digest []byte, attempt uint32) [32]byte {
	preimage := make([]byte, 0, len(leaderDomain)+8+len(appHash)+8+len(digest)+4)
	preimage = append(preimage, leaderDomain...)
	preimage = binary.BigEndian.AppendUint64(preimage, uint64(len(appHash)))
	preimage = append(preimage, appHash...)
	preimage = binary.BigEndian.AppendUint64(preimage, uint64(len(digest)))
	preimage = append(preimage, digest...)
	preimage = binary.BigEndian.AppendUint32(preimage, attempt)
	return sha256.Sum256(preimage)
}

// Leader returns the position of the candidate that leads an attempt.
//
// Candidates that were silent or at fault in an earlier attempt are passed over, which is waived when nobody else
// remains. Those that remain are drawn by weight; when every weight is zero they are drawn by power alone. It fails
// when there is no candidate or none has power.
func Leader(seed [32]byte, candidates []Candidate) (int, error) {
	weights := make([]*big.Int, len(candidates))
	passOver := remain(candidates)
	if !fill(weights, candidates, passOver, Candidate.Weight) {
		fill(weights, candidates, passOver, func(c Candidate) *big.Int { return big.NewInt(c.Power) })
	}
	leader, err := Draw(seed, weights)
	if err != nil {
		return 0, fmt.Errorf("draw a leader among %d candidates: %w", len(candidates), err)
	}
	return leader, nil
}

// remain reports whether any candidate is left once those to pass over are.
func remain(candidates []Candidate) bool {
	for _, candidate := range candidates {
		if !candidate.Passed {
			return true
		}
	}
	return false
}

// fill sets each weight, with zero for those passed over, and reports whether any is above zero.
func fill(weights []*big.Int, candidates []Candidate, passOver bool, weight func(Candidate) *big.Int) bool {
	positive := false
	for i, candidate := range candidates {
		if passOver && candidate.Passed {
			weights[i] = new(big.Int)
			continue
		}
		weights[i] = weight(candidate)
		positive = positive || weights[i].Sign() > 0
	}
	return positive
}
