package service

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"time"

	"google.golang.org/grpc/codes"

	"github.com/opengradient/opengradient/internal/gateway/binary"
	"github.com/opengradient/opengradient/internal/gateway/chain"
	"github.com/opengradient/opengradient/internal/gateway/jobs"
	"github.com/opengradient/opengradient/internal/gateway/keys"
	"github.com/opengradient/opengradient/internal/gateway/ledger"
	"github.com/opengradient/opengradient/internal/oip/codec"
	"github.com/opengradient/opengradient/internal/oipjson"
)

// Code is a kind of failure, as both protocols have it.
type Code struct {
	HTTP int
	GRPC codes.Code
}

// The kinds of failures.
var (
	Invalid         = Code{http.StatusBadRequest, codes.InvalidArgument}
	Unauthenticated = Code{http.StatusUnauthorized, codes.Unauthenticated}
	Forbidden       = Code{http.StatusForbidden, codes.PermissionDenied}
	NotFound        = Code{http.StatusNotFound, codes.NotFound}
	Conflict        = Code{http.StatusConflict, codes.AlreadyExists}
	TooLarge        = Code{http.StatusRequestEntityTooLarge, codes.ResourceExhausted}
	TooMany         = Code{http.StatusTooManyRequests, codes.ResourceExhausted}
	Internal        = Code{http.StatusInternalServerError, codes.Internal}
	Unsupported     = Code{http.StatusNotImplemented, codes.Unimplemented}
	Unavailable     = Code{http.StatusServiceUnavailable, codes.Unavailable}
	Timeout         = Code{http.StatusGatewayTimeout, codes.DeadlineExceeded}
	Cancelled       = Code{499, codes.Canceled} // the client went away: nobody reads it
)

// Error is a failure as a client is told of it.
type Error struct {
	Code
	Message string
	// RetryAfter is when the same call may succeed; 0 when that is not known.
	RetryAfter time.Duration
	// Job is the job that the call has made or found; empty when there is none.
	Job string
}

// Error implements error.
func (e *Error) Error() string { return e.Message }

// RetrySeconds is RetryAfter in whole seconds, rounded up, as headers have it.
func (e *Error) RetrySeconds() string {
	return strconv.FormatInt(int64((e.RetryAfter+time.Second-1)/time.Second), 10)
}

// Errorf makes an Error.
func Errorf(c Code, format string, args ...any) *Error {
	return &Error{Code: c, Message: fmt.Sprintf(format, args...)}
}

// AsError classifies an error. What is not known is internal: its text is for the log, not for the client.
func AsError(err error) *Error {
	var own *Error
	var invalid *chain.InvalidError
	var unavailable *chain.UnavailableError
	switch {
	case errors.As(err, &own):
		return own
	case errors.As(err, &invalid):
		return Errorf(Invalid, "%s", invalid)
	case errors.As(err, &unavailable):
		return &Error{Code: Unavailable, Message: unavailable.Error(), RetryAfter: 5 * time.Second}
	case errors.Is(err, chain.ErrNotFound), errors.Is(err, jobs.ErrNoJob):
		return Errorf(NotFound, "%s", err)
	case errors.Is(err, oipjson.ErrJSON), errors.Is(err, binary.ErrRequest), errors.Is(err, codec.ErrMessage):
		return Errorf(Invalid, "%s", err)
	case errors.Is(err, jobs.ErrConflict):
		return Errorf(Conflict, "%s: expected the same request, or another key", err)
	case errors.Is(err, ledger.ErrQuota):
		return Errorf(TooMany, "%s", err)
	case errors.Is(err, jobs.ErrConcurrency), errors.Is(err, jobs.ErrWaiting):
		return &Error{Code: TooMany, Message: err.Error(), RetryAfter: time.Second}
	case errors.Is(err, jobs.ErrBusy), errors.Is(err, jobs.ErrStopping):
		return &Error{Code: Unavailable, Message: err.Error(), RetryAfter: 5 * time.Second}
	case errors.Is(err, jobs.ErrChain):
		return &Error{Code: Unavailable, Message: jobs.ErrChain.Error(), RetryAfter: 5 * time.Second}
	case errors.Is(err, keys.ErrUnknown):
		return Errorf(Unauthenticated, "%s: expected the header Authorization: Bearer KEY with a key of this gateway", err)
	case errors.Is(err, keys.ErrRevoked):
		return Errorf(Forbidden, "%s", err)
	case errors.Is(err, context.DeadlineExceeded):
		return Errorf(Timeout, "the time for the answer is over")
	case errors.Is(err, context.Canceled):
		return Errorf(Cancelled, "the client went away")
	default:
		return &Error{Code: Internal, Message: "internal error, see the log of the gateway"}
	}
}

// failed is the answer to a request that ended without outputs.
func failed(j jobs.Job) *Error {
	code := Internal
	switch j.Failure.Reason {
	case "refused", "price":
		code = Invalid
	case "quota":
		code = TooMany
	case "unavailable", "deadline", "no_agreement", "internal", "cancelled":
		code = Unavailable
	}
	return &Error{Code: code, Message: j.Failure.Reason + ": " + j.Failure.Message, Job: j.ID}
}
