package client

import (
	"errors"
	"fmt"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	inferencetypes "github.com/opengradient/opengradient/x/inference/types"
)

// Stage is how far a request has come.
type Stage uint8

// The stages of a request, in their order.
const (
	// StageAccepted: a block has taken the request and its fee.
	StageAccepted Stage = iota + 1
	// StageAssigned: validators are at work.
	StageAssigned
	// StageFinal: the verdict stands and the answer can be read.
	StageFinal
	// StageSettled: the receipt is sealed.
	StageSettled
)

// String implements fmt.Stringer.
func (s Stage) String() string {
	switch s {
	case StageAccepted:
		return "accepted"
	case StageAssigned:
		return "assigned"
	case StageFinal:
		return "final"
	case StageSettled:
		return "settled"
	default:
		return fmt.Sprintf("stage %d", uint8(s))
	}
}

// Status is where a request stands.
type Status struct {
	Stage Stage
	// Request is the chain's record of it.
	Request inferencetypes.Request
	// Outputs and OutputRoot are the answer, from StageFinal on.
	Outputs    []Tensor
	OutputRoot []byte
	// Receipt is the permanent record, at StageSettled.
	Receipt *inferencetypes.QueryReceiptResponse
}

// FailedError is a request that ended without an answer.
type FailedError struct {
	// Request is the chain's record: its status is REQUEST_STATUS_FAILED with the reason, or REQUEST_STATUS_CANCELLED.
	Request inferencetypes.Request
}

// Error implements error.
func (e *FailedError) Error() string {
	r := e.Request
	if r.Status == inferencetypes.REQUEST_STATUS_CANCELLED {
		return fmt.Sprintf("request %d: expected an answer, it was cancelled", r.Id)
	}
	why := map[inferencetypes.FailureReason]string{
		inferencetypes.FAILURE_REASON_DEADLINE:     "its time was over before validators agreed; the fee is refunded, beside its bytes",
		inferencetypes.FAILURE_REASON_NO_AGREEMENT: "validators did not agree; the fee is refunded, beside its bytes",
		inferencetypes.FAILURE_REASON_EXECUTION:    "validators agree that the model fails on these inputs",
		inferencetypes.FAILURE_REASON_OUTPUT_LIMIT: "validators agree that its outputs are too large",
		inferencetypes.FAILURE_REASON_INTERNAL:     "the chain could not carry it on; the fee is refunded, beside its bytes",
	}[r.FailureReason]
	if why == "" {
		why = r.FailureReason.String()
	}
	return fmt.Sprintf("request %d: expected an answer, it failed at height %d: %s", r.Id, r.FinalHeight, why)
}

// errMalformed is an answer of the node that makes no sense.
var errMalformed = errors.New("malformed answer")

// passing tells whether a failure is one of the connection that may be over soon.
func passing(err error) bool {
	var failed *FailedError
	if errors.As(err, &failed) || errors.Is(err, errMalformed) {
		return false
	}
	switch status.Code(err) {
	case codes.Unavailable, codes.DeadlineExceeded, codes.ResourceExhausted, codes.Aborted, codes.Unknown:
		return true
	default:
		return false
	}
}

func isNotFound(err error) bool { return status.Code(err) == codes.NotFound }
