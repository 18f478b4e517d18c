package types

import (
	"crypto/sha256"
	"fmt"

	sdk "github.com/cosmos/cosmos-sdk/types"

	"github.com/opengradient/opengradient/internal/address"
)

// Open is true until the request has its verdict or has ended without one.
func (s RequestStatus) Open() bool {
	return s == REQUEST_STATUS_SUBMITTED || s == REQUEST_STATUS_ASSIGNED || s == REQUEST_STATUS_RETRYING
}

// Charged is true when a request that failed for this reason pays its fee like one with a result.
func (r FailureReason) Charged() bool {
	return r == FAILURE_REASON_EXECUTION || r == FAILURE_REASON_OUTPUT_LIMIT
}

// Settles is true when the request has a verdict, so that a receipt follows or has followed.
func (r Request) Settles() bool {
	return r.Status == REQUEST_STATUS_FINALIZED || r.Status == REQUEST_STATUS_FAILED && r.FailureReason.Charged()
}

// Validate checks that the fields fit together. It does not look at the escrow of a request with a verdict: whether
// that is settled is known from its receipt.
func (r Request) Validate() error {
	if r.Id == 0 {
		return fmt.Errorf("request: expected an id of at least 1, got 0")
	}
	if _, err := r.ComputeDigest(""); err != nil {
		return err
	}
	if len(r.Digest) != DigestSize {
		return fmt.Errorf("request %d: digest: expected %d bytes, got %d", r.Id, DigestSize, len(r.Digest))
	}
	if err := ValidateTier(r.Tier); err != nil {
		return fmt.Errorf("request %d: %w", r.Id, err)
	}
	if !r.FeeClass.IsKnown() {
		return fmt.Errorf("request %d: expected a known fee class, got %s", r.Id, r.FeeClass)
	}
	if len(r.Outputs) == 0 || r.ComputeUnits == 0 || r.OutputBytes == 0 || r.OutputBytes > r.MaxOutputBytes {
		return fmt.Errorf("request %d: expected outputs within %d bytes and compute units, got %d outputs, %d bytes, %d units",
			r.Id, r.MaxOutputBytes, len(r.Outputs), r.OutputBytes, r.ComputeUnits)
	}
	if _, ok := RequestStatus_name[int32(r.Status)]; !ok || r.Status == REQUEST_STATUS_UNSPECIFIED {
		return fmt.Errorf("request %d: expected a defined status, got %s", r.Id, r.Status)
	}
	_, known := FailureReason_name[int32(r.FailureReason)]
	if failed := r.Status == REQUEST_STATUS_FAILED; !known || failed != (r.FailureReason != FAILURE_REASON_UNSPECIFIED) {
		return fmt.Errorf("request %d: status %s does not go with failure reason %s", r.Id, r.Status, r.FailureReason)
	}
	return r.validateEscrow()
}

func (r Request) validateEscrow() error {
	if r.Escrow.IsNil() || r.Escrow.IsNegative() {
		return fmt.Errorf("request %d: escrow: expected at least 0, got %s", r.Id, r.Escrow)
	}
	switch held := r.Fee.Escrow(); {
	case r.Status.Open() && !r.Escrow.Equal(held):
		return fmt.Errorf("request %d: expected the escrow of an open request to be %s, got %s", r.Id, held, r.Escrow)
	case !r.Status.Open() && !r.Settles() && !r.Escrow.IsZero():
		return fmt.Errorf("request %d: expected an ended request to have no escrow, got %s", r.Id, r.Escrow)
	case r.Settles() && !r.Escrow.IsZero() && !r.Escrow.Equal(held):
		return fmt.Errorf("request %d: expected escrow %s or 0, got %s", r.Id, held, r.Escrow)
	default:
		return nil
	}
}

// RequesterAddress is the address of the requester.
func (r Request) RequesterAddress() (sdk.AccAddress, error) {
	a, err := address.ParseAccount(r.Requester)
	if err != nil {
		return nil, fmt.Errorf("request %d: requester: %w", r.Id, err)
	}
	return a, nil
}

// Validate checks the lengths of the hashes, the fee, and that the bitmaps fit together.
func (r Receipt) Validate() error {
	for _, h := range []struct {
		name  string
		value []byte
	}{{"digest", r.Digest}, {"input root", r.InputRoot}, {"evidence root", r.EvidenceRoot}} {
		if len(h.value) != sha256.Size {
			return fmt.Errorf("receipt %d: %s: expected %d bytes, got %d", r.RequestId, h.name, sha256.Size, len(h.value))
		}
	}
	if err := r.Fee.Validate(); err != nil {
		return fmt.Errorf("receipt %d: %w", r.RequestId, err)
	}
	if r.Refunded.IsNil() || r.Refunded.IsNegative() || r.Refunded.GT(r.Fee.Escrow()) {
		return fmt.Errorf("receipt %d: refunded: expected 0 to %s, got %s", r.RequestId, r.Fee.Escrow(), r.Refunded)
	}
	return r.validateMembers()
}
