package types

import (
	"crypto/sha256"
	"encoding/binary"
)

const (
	commitmentDomain = "opengradient/verification/commitment/v1"
	// SaltSize is the length of a salt in bytes.
	SaltSize = 32
	// CommitmentSize is the length of a commitment in bytes.
	CommitmentSize = sha256.Size
)

// NewCommitment seals an outcome: SHA-256 over the domain tag, the request digest (which binds the chain, the request and
// all it asks for), the attempt, the operator, the salt and the outcome. Everything of no fixed length is preceded by its
// length; integers are 8 bytes little-endian. See ADR 0023.
func NewCommitment(digest []byte, attempt uint32, operator string, salt []byte, outcome Outcome) [CommitmentSize]byte {
	le := binary.LittleEndian
	var buf []byte
	field := func(b []byte) {
		buf = le.AppendUint64(buf, uint64(len(b)))
		buf = append(buf, b...)
	}
	field([]byte(commitmentDomain))
	field(digest)
	buf = le.AppendUint64(buf, uint64(attempt))
	field([]byte(operator))
	field(salt)
	buf = le.AppendUint64(buf, uint64(outcome.Failure))
	field(outcome.OutputRoot)
	return sha256.Sum256(buf)
}
