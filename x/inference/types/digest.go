package types

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"

	sdk "github.com/cosmos/cosmos-sdk/types"
)

// digestDomain tells request digests apart from every other hash of the chain.
const digestDomain = "opengradient/inference/request/v2"

// DigestSize is the length of a request digest in bytes.
const DigestSize = sha256.Size

// ComputeDigest is the SHA-256 that binds everything a request asks for and was promised. It is taken over these
// fields, each preceded by its length as 8 bytes big-endian; integers are 8 bytes big-endian, amounts decimal text:
//
//	domain "opengradient/inference/request/v2"
//	chain id
//	request id
//	requester, the address bytes
//	model, the 32 bytes of its SHA-256
//	input root, 32 bytes
//	number of wanted outputs, then each name
//	tier
//	1 when sealed, otherwise 0
//	fee: compute, bytes, royalty
//	params version
//
// It fails when requester, model or input root are not well-formed or an amount is missing.
func (r Request) ComputeDigest(chainID string) ([]byte, error) {
	requester, err := sdk.AccAddressFromBech32(r.Requester)
	if err != nil {
		return nil, fmt.Errorf("request %d: requester: %w", r.Id, err)
	}
	model, ok := ParseModelID(r.Model)
	if !ok {
		return nil, fmt.Errorf("request %d: model: expected a SHA-256, got %q", r.Id, r.Model)
	}
	if len(r.InputRoot) != sha256.Size {
		return nil, fmt.Errorf("request %d: input root: expected %d bytes, got %d", r.Id, sha256.Size, len(r.InputRoot))
	}
	if err := r.Fee.Validate(); err != nil {
		return nil, fmt.Errorf("request %d: %w", r.Id, err)
	}
	var b []byte
	field := func(v []byte) {
		b = binary.BigEndian.AppendUint64(b, uint64(len(v)))
		b = append(b, v...)
	}
	number := func(v uint64) { field(binary.BigEndian.AppendUint64(nil, v)) }
	field([]byte(digestDomain))
	field([]byte(chainID))
	number(r.Id)
	field(requester)
	field(model)
	field(r.InputRoot)
	number(uint64(len(r.Outputs)))
	for _, name := range r.Outputs {
		field([]byte(name))
	}
	number(uint64(r.Tier))
	if r.Sealed {
		number(1)
	} else {
		number(0)
	}
	field([]byte(r.Fee.Compute.String()))
	field([]byte(r.Fee.Bytes.String()))
	field([]byte(r.Fee.Royalty.String()))
	number(r.ParamsVersion)
	sum := sha256.Sum256(b)
	return sum[:], nil
}
