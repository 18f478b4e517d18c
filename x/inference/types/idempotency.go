package types

import (
	"crypto/sha256"
	"fmt"

	modelstypes "github.com/opengradient/opengradient/x/models/types"
	schedulingtypes "github.com/opengradient/opengradient/x/scheduling/types"
)

// contentDomain tells the content of an idempotency key apart from every other hash of the chain.
const contentDomain = "opengradient/inference/idempotency/v1"

// MaxIdempotencyKeyLength is the longest idempotency key, in bytes.
const MaxIdempotencyKeyLength = 64

// ValidateIdempotencyKey fails with ErrIdempotencyKey unless the key is 1 to MaxIdempotencyKeyLength bytes of printable
// ASCII, which includes the space.
func ValidateIdempotencyKey(key string) error {
	if key == "" || len(key) > MaxIdempotencyKeyLength {
		return ErrIdempotencyKey.Wrapf("expected 1 to %d bytes, got %d", MaxIdempotencyKeyLength, len(key))
	}
	for i, c := range []byte(key) {
		if c < ' ' || c > '~' {
			return ErrIdempotencyKey.Wrapf("expected printable ASCII, got byte %#x at %d", c, i)
		}
	}
	return nil
}

// Content is what a message asks for. Two messages with the same content may stand for each other; how much each of them
// would pay at most does not belong to it.
type Content struct {
	// Model is the model's sha256 in hexadecimal.
	Model       string
	Tier        Tier
	Sealing     Sealing
	FeeClass    schedulingtypes.FeeClass
	ReuseBlocks uint32
	// Outputs are the names of the wanted outputs, all of them when the message names none.
	Outputs []string
	// InputRoots are the Merkle roots of the inputs, in the order of the requests.
	InputRoots [][]byte
}

// Hash is the SHA-256 over these fields, each preceded by its length as 8 bytes big-endian; integers are 8 bytes
// big-endian:
//
//	domain "opengradient/inference/idempotency/v1"
//	model, the 32 bytes of its SHA-256
//	tier
//	sealing
//	fee class
//	reuse blocks
//	number of wanted outputs, then each name
//	number of requests, then the input root of each, 32 bytes
//
// It fails when the model or a root is not well-formed.
func (c Content) Hash() ([]byte, error) {
	model, ok := modelstypes.ParseModelID(c.Model)
	if !ok {
		return nil, fmt.Errorf("content: model: expected a SHA-256, got %q", c.Model)
	}
	var b fields
	b.text(contentDomain)
	b.bytes(model)
	b.number(uint64(c.Tier))
	b.number(uint64(c.Sealing))
	b.number(uint64(c.FeeClass))
	b.number(uint64(c.ReuseBlocks))
	b.texts(c.Outputs)
	b.number(uint64(len(c.InputRoots)))
	for i, root := range c.InputRoots {
		if len(root) != sha256.Size {
			return nil, fmt.Errorf("content: input root %d: expected %d bytes, got %d", i+1, sha256.Size, len(root))
		}
		b.bytes(root)
	}
	return b.sum(), nil
}

// Remembered tells whether the key still answers in the block of a height.
func (k IdempotencyKey) Remembered(height int64) bool { return height <= k.Expires }
