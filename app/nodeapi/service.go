package nodeapi

import (
	"context"
	"errors"
	"strconv"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	grpctypes "github.com/cosmos/cosmos-sdk/types/grpc"
	gogotypes "github.com/cosmos/gogoproto/types"

	"github.com/opengradient/opengradient/app/nodetypes"
	inferencetypes "github.com/opengradient/opengradient/x/inference/types"
)

const (
	// WaitPath is the route of WaitRequest, with the pattern of gorilla/mux.
	WaitPath = "/opengradient/node/v1/requests/{id}/wait"
	// DefaultTimeout is how long a call waits when it does not say.
	DefaultTimeout = 30 * time.Second
	// MaxTimeout bounds how long a call waits.
	MaxTimeout = 60 * time.Second
)

// service is the gRPC service of a node. It must not be reached through ABCI, where one mutex guards all connections: a
// call that waits would stop consensus.
type service struct{ waiters *Waiters }

var _ nodetypes.ServiceServer = service{}

// NewService gives the gRPC service over waiters.
func NewService(waiters *Waiters) nodetypes.ServiceServer { return service{waiters} }

// WaitRequest implements nodetypes.ServiceServer. A panic is an error, as with the queries: the gRPC server itself does not
// recover.
func (s service) WaitRequest(ctx context.Context, req *nodetypes.WaitRequestRequest) (_ *nodetypes.WaitRequestResponse, err error) {
	defer func() {
		if r := recover(); r != nil {
			err = status.Errorf(codes.Internal, "waiting: %v", r)
		}
	}()
	return s.wait(ctx, req)
}

func (s service) wait(ctx context.Context, req *nodetypes.WaitRequestRequest) (*nodetypes.WaitRequestResponse, error) {
	if req == nil {
		return nil, status.Error(codes.InvalidArgument, "expected a request, got none")
	}
	if md, ok := metadata.FromIncomingContext(ctx); ok {
		if heights := md.Get(grpctypes.GRPCBlockHeightHeader); len(heights) > 0 && heights[0] != "0" {
			return nil, status.Errorf(codes.InvalidArgument, "%s: expected none, got %.32q: this call reads the last block",
				grpctypes.GRPCBlockHeightHeader, heights[0])
		}
	}
	until, err := stageOf(req.Until)
	if err != nil {
		return nil, err
	}
	timeout, err := timeoutOf(req.Timeout)
	if err != nil {
		return nil, err
	}
	standing, err := s.waiters.Wait(ctx, req.Id, until, timeout)
	if err != nil {
		return nil, waitError(err)
	}
	// Whoever asks without gRPC's transport does without the header.
	_ = grpc.SetHeader(ctx, metadata.Pairs(grpctypes.GRPCBlockHeightHeader, strconv.FormatInt(standing.Height, 10)))
	return &nodetypes.WaitRequestResponse{
		Request: standing.Request, Stage: standing.Stage, Reached: standing.Stage >= until, Height: standing.Height,
	}, nil
}

func stageOf(until nodetypes.Stage) (nodetypes.Stage, error) {
	if until == nodetypes.STAGE_UNSPECIFIED {
		return nodetypes.STAGE_FINAL, nil
	}
	if _, known := nodetypes.Stage_name[int32(until)]; !known {
		return 0, status.Errorf(codes.InvalidArgument, "until: expected a stage from %d to %d, got %d",
			nodetypes.STAGE_ACCEPTED, nodetypes.STAGE_SETTLED, until)
	}
	return until, nil
}

func timeoutOf(d *gogotypes.Duration) (time.Duration, error) {
	if d == nil {
		return DefaultTimeout, nil
	}
	timeout, err := gogotypes.DurationFromProto(d)
	if err != nil || timeout < 0 || timeout > MaxTimeout {
		return 0, status.Errorf(codes.InvalidArgument, "timeout: expected 0s to %s, got %d.%09ds", MaxTimeout, d.Seconds, d.Nanos)
	}
	return timeout, nil
}

func waitError(err error) error {
	switch {
	case errors.Is(err, inferencetypes.ErrRequestNotFound):
		return err
	case errors.Is(err, ErrTooManyWaiting):
		return status.Errorf(codes.ResourceExhausted, "%s: expected at most %d: ask later or another node", err, MaxWaiting)
	case errors.Is(err, ErrStopping):
		return status.Errorf(codes.Unavailable, "%s: ask again or another node", err)
	default:
		return status.Error(codes.Unavailable, err.Error())
	}
}

// Stage is how far a request has come. Settled tells whether it has its receipt.
func Stage(r inferencetypes.Request, settled bool) nodetypes.Stage {
	switch {
	case r.Status.Open() && r.Attempt == 0:
		return nodetypes.STAGE_ACCEPTED
	case r.Status.Open():
		return nodetypes.STAGE_ASSIGNED
	case r.Settles() && !settled:
		return nodetypes.STAGE_FINAL
	default:
		return nodetypes.STAGE_SETTLED
	}
}
