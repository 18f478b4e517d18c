package types

import (
	"crypto/sha256"
	"fmt"

	modelstypes "github.com/opengradient/opengradient/x/models/types"
)

// identityDomain tells the identity of a reusable receipt apart from every other hash of the chain.
const identityDomain = "opengradient/inference/reuse/v1"

// Identity names what a request asks for, as far as its result and the trust in it depend on that: the receipt of one
// request can stand for another one of the same identity. It is the SHA-256 over these fields, each preceded by its
// length as 8 bytes big-endian; integers are 8 bytes big-endian:
//
//	domain "opengradient/inference/reuse/v1"
//	model, the 32 bytes of its SHA-256
//	input root, 32 bytes
//	number of wanted outputs, then each name, in the order of the result
//	tier
//
// It fails when model or input root are not well-formed.
func (r Request) Identity() ([]byte, error) {
	model, ok := modelstypes.ParseModelID(r.Model)
	if !ok {
		return nil, fmt.Errorf("request %d: model: expected a SHA-256, got %q", r.Id, r.Model)
	}
	if len(r.InputRoot) != sha256.Size {
		return nil, fmt.Errorf("request %d: input root: expected %d bytes, got %d", r.Id, sha256.Size, len(r.InputRoot))
	}
	var b fields
	b.text(identityDomain)
	b.bytes(model)
	b.bytes(r.InputRoot)
	b.texts(r.Outputs)
	b.number(uint64(r.Tier))
	return b.sum(), nil
}

// Stands tells whether the receipt can stand for a request of its identity in the block of a height: it was settled at
// most window blocks ago, and it is sealed when the request would be.
func (e ReusableReceipt) Stands(height int64, window uint32, sealed bool) bool {
	return height-e.SettledHeight <= int64(window) && (e.Sealed || !sealed)
}
