package server

import (
	"context"
	"errors"
	"runtime/debug"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	"github.com/opengradient/opengradient/internal/worker/backend"
	"github.com/opengradient/opengradient/internal/worker/wire"
)

// mark puts the outcome into the call's trailing metadata. Without a call, as in a direct use of the server, there is
// nothing to mark and the status code has to do.
func mark(ctx context.Context, outcome string) {
	_ = grpc.SetTrailer(ctx, metadata.Pairs(wire.OutcomeTrailer, outcome))
}

// runFailure turns an error of a run into a status, marked if it is deterministic.
func runFailure(ctx context.Context, err error) error {
	switch {
	case errors.Is(err, backend.ErrExecution), errors.Is(err, backend.ErrUnsupported):
		mark(ctx, wire.OutcomeExecutionError)
		return status.Error(codes.Aborted, err.Error())
	case errors.Is(err, backend.ErrMemory):
		mark(ctx, wire.OutcomeTooLarge)
		return status.Error(codes.ResourceExhausted, err.Error())
	default:
		return status.Error(codes.Internal, err.Error())
	}
}

// outputLimit says that outputs are larger than allowed.
func outputLimit(ctx context.Context, limit int64) error {
	mark(ctx, wire.OutcomeOutputLimit)
	return status.Errorf(codes.Aborted, "the outputs exceed the limit of %d bytes", limit)
}

// loadFailure turns an error of a load into a status, marked if no node can load the model.
func loadFailure(ctx context.Context, err error) error {
	switch {
	case errors.Is(err, backend.ErrModel):
		mark(ctx, wire.OutcomeModelRefused)
		return status.Error(codes.FailedPrecondition, err.Error())
	case errors.Is(err, backend.ErrMemory), errors.Is(err, errBudget):
		mark(ctx, wire.OutcomeTooLarge)
		return status.Error(codes.ResourceExhausted, err.Error())
	default:
		return status.Error(codes.Internal, err.Error())
	}
}

// recoverPanic answers a call that panics instead of ending the process, which would lose every session.
func recoverPanic(ctx context.Context, req any, _ *grpc.UnaryServerInfo, handle grpc.UnaryHandler) (resp any, err error) {
	defer func() {
		if p := recover(); p != nil {
			resp, err = nil, status.Errorf(codes.Internal, "panic: %v\n%s", p, debug.Stack())
		}
	}()
	return handle(ctx, req)
}
