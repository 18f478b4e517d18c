package types

import (
	"crypto/sha256"
	"fmt"

	"github.com/opengradient/opengradient/internal/address"
	modelstypes "github.com/opengradient/opengradient/x/models/types"
)

// digestDomain tells request digests apart from every other hash of the chain.
const digestDomain = "opengradient/inference/request/v3"

// DigestSize is the length of a request digest in bytes.
const DigestSize = sha256.Size

// ComputeDigest is the SHA-256 that binds everything a request asks for and was promised. It is taken over these
// fields, each preceded by its length as 8 bytes big-endian; integers are 8 bytes big-endian, amounts decimal text:
//
//	domain "opengradient/inference/request/v3"
//	chain id
//	request id
//	requester, the address bytes
//	model, the 32 bytes of its SHA-256
//	input root, 32 bytes
//	number of wanted outputs, then each name
//	tier
//	1 when sealed, otherwise 0
//	fee class
//	schedule id, 0 when the request is no run of a schedule
//	fee: compute, bytes, royalty
//	params version
//
// It fails when requester, model or input root are not well-formed or an amount is missing.
func (r Request) ComputeDigest(chainID string) ([]byte, error) {
	requester, err := address.ParseAccount(r.Requester)
	if err != nil {
		return nil, fmt.Errorf("request %d: requester: %w", r.Id, err)
	}
	model, ok := modelstypes.ParseModelID(r.Model)
	if !ok {
		return nil, fmt.Errorf("request %d: model: expected a SHA-256, got %q", r.Id, r.Model)
	}
	if len(r.InputRoot) != sha256.Size {
		return nil, fmt.Errorf("request %d: input root: expected %d bytes, got %d", r.Id, sha256.Size, len(r.InputRoot))
	}
	if err := r.Fee.Validate(); err != nil {
		return nil, fmt.Errorf("request %d: %w", r.Id, err)
	}
	var b fields
	b.text(digestDomain)
	b.text(chainID)
	b.number(r.Id)
	b.bytes(requester)
	b.bytes(model)
	b.bytes(r.InputRoot)
	b.texts(r.Outputs)
	b.number(uint64(r.Tier))
	if r.Sealed {
		b.number(1)
	} else {
		b.number(0)
	}
	b.number(uint64(r.FeeClass))
	b.number(r.ScheduleId)
	b.text(r.Fee.Compute.String())
	b.text(r.Fee.Bytes.String())
	b.text(r.Fee.Royalty.String())
	b.number(r.ParamsVersion)
	return b.sum(), nil
}
