package nodeapi_test

import (
	"context"
	"math"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	grpctypes "github.com/cosmos/cosmos-sdk/types/grpc"
	gogotypes "github.com/cosmos/gogoproto/types"

	"github.com/opengradient/opengradient/app/nodeapi"
	"github.com/opengradient/opengradient/app/nodetypes"
	inferencetypes "github.com/opengradient/opengradient/x/inference/types"
)

func seconds(n int64) *gogotypes.Duration { return &gogotypes.Duration{Seconds: n} }

func TestWaitRequest(t *testing.T) {
	c := newChain()
	c.commit(7, nodetypes.STAGE_FINAL)
	service := nodeapi.NewService(nodeapi.NewWaiters(c.latest))
	for name, tc := range map[string]struct {
		req     *nodetypes.WaitRequestRequest
		reached bool
	}{
		"until it is final, unless it says":  {&nodetypes.WaitRequestRequest{Id: 7}, true},
		"until an earlier stage":             {&nodetypes.WaitRequestRequest{Id: 7, Until: nodetypes.STAGE_ASSIGNED, Timeout: seconds(60)}, true},
		"until a later one, without waiting": {&nodetypes.WaitRequestRequest{Id: 7, Until: nodetypes.STAGE_SETTLED, Timeout: seconds(0)}, false},
	} {
		t.Run(name, func(t *testing.T) {
			res, err := service.WaitRequest(t.Context(), tc.req)
			require.NoError(t, err)
			require.Equal(t, &nodetypes.WaitRequestResponse{
				Request: inferencetypes.Request{Id: 7}, Stage: nodetypes.STAGE_FINAL, Reached: tc.reached, Height: 2,
			}, res)
		})
	}
}

func TestWaitRequestRefuses(t *testing.T) {
	c := newChain()
	c.commit(7, nodetypes.STAGE_ACCEPTED)
	waiters := nodeapi.NewWaiters(c.latest)
	service := nodeapi.NewService(waiters)
	ctx := t.Context()
	at := func(height string) context.Context {
		return metadata.NewIncomingContext(ctx, metadata.Pairs(grpctypes.GRPCBlockHeightHeader, height))
	}
	refused := func(t *testing.T, ctx context.Context, req *nodetypes.WaitRequestRequest, code codes.Code, text string) {
		t.Helper()
		_, err := service.WaitRequest(ctx, req)
		require.Equal(t, code, status.Code(err), err)
		require.ErrorContains(t, err, text)
	}
	for name, tc := range map[string]struct {
		ctx  context.Context
		req  *nodetypes.WaitRequestRequest
		code codes.Code
		text string
	}{
		"nothing":               {ctx, nil, codes.InvalidArgument, "expected a request"},
		"an unknown request":    {ctx, &nodetypes.WaitRequestRequest{Id: 8}, codes.NotFound, "request not found"},
		"a stage that is none":  {ctx, &nodetypes.WaitRequestRequest{Id: 7, Until: 9}, codes.InvalidArgument, "until: expected a stage from 1 to 4, got 9"},
		"a negative stage":      {ctx, &nodetypes.WaitRequestRequest{Id: 7, Until: -1}, codes.InvalidArgument, "until"},
		"a time too long":       {ctx, &nodetypes.WaitRequestRequest{Id: 7, Timeout: seconds(61)}, codes.InvalidArgument, "timeout: expected 0s to 1m0s, got 61.0"},
		"a negative time":       {ctx, &nodetypes.WaitRequestRequest{Id: 7, Timeout: seconds(-1)}, codes.InvalidArgument, "timeout"},
		"a time that overflows": {ctx, &nodetypes.WaitRequestRequest{Id: 7, Timeout: seconds(math.MaxInt64)}, codes.InvalidArgument, "timeout"},
		"a height":              {at("5"), &nodetypes.WaitRequestRequest{Id: 7}, codes.InvalidArgument, "x-cosmos-block-height: expected none"},
		"a height that is none": {at("high"), &nodetypes.WaitRequestRequest{Id: 7}, codes.InvalidArgument, "x-cosmos-block-height"},
	} {
		t.Run(name, func(t *testing.T) { refused(t, tc.ctx, tc.req, tc.code, tc.text) })
	}
	t.Run("while the node stops", func(t *testing.T) {
		waiters.Stop()
		refused(t, ctx, &nodetypes.WaitRequestRequest{Id: 7}, codes.Unavailable, "stopping")
	})
}

func TestStage(t *testing.T) {
	for name, tc := range map[string]struct {
		request inferencetypes.Request
		settled bool
		want    nodetypes.Stage
	}{
		"submitted": {inferencetypes.Request{Status: inferencetypes.REQUEST_STATUS_SUBMITTED}, false, nodetypes.STAGE_ACCEPTED},
		"assigned":  {inferencetypes.Request{Status: inferencetypes.REQUEST_STATUS_ASSIGNED, Attempt: 1}, false, nodetypes.STAGE_ASSIGNED},
		"retrying":  {inferencetypes.Request{Status: inferencetypes.REQUEST_STATUS_RETRYING, Attempt: 1}, false, nodetypes.STAGE_ASSIGNED},
		"finalized": {inferencetypes.Request{Status: inferencetypes.REQUEST_STATUS_FINALIZED, Attempt: 1}, false, nodetypes.STAGE_FINAL},
		"settled":   {inferencetypes.Request{Status: inferencetypes.REQUEST_STATUS_FINALIZED, Attempt: 1}, true, nodetypes.STAGE_SETTLED},
		"failed by verdict": {inferencetypes.Request{
			Status: inferencetypes.REQUEST_STATUS_FAILED, FailureReason: inferencetypes.FAILURE_REASON_EXECUTION,
		}, false, nodetypes.STAGE_FINAL},
		"failed by verdict, settled": {inferencetypes.Request{
			Status: inferencetypes.REQUEST_STATUS_FAILED, FailureReason: inferencetypes.FAILURE_REASON_EXECUTION,
		}, true, nodetypes.STAGE_SETTLED},
		"failed and refunded": {inferencetypes.Request{
			Status: inferencetypes.REQUEST_STATUS_FAILED, FailureReason: inferencetypes.FAILURE_REASON_DEADLINE,
		}, false, nodetypes.STAGE_SETTLED},
		"cancelled": {inferencetypes.Request{Status: inferencetypes.REQUEST_STATUS_CANCELLED}, false, nodetypes.STAGE_SETTLED},
	} {
		t.Run(name, func(t *testing.T) { require.Equal(t, tc.want, nodeapi.Stage(tc.request, tc.settled)) })
	}
}

// TestAPanicIsAnError: the node goes on.
func TestAPanicIsAnError(t *testing.T) {
	_, err := nodeapi.NewService(nil).WaitRequest(t.Context(), &nodetypes.WaitRequestRequest{Id: 7})
	require.Equal(t, codes.Internal, status.Code(err), err)
}

func TestTimes(t *testing.T) {
	require.LessOrEqual(t, nodeapi.DefaultTimeout, nodeapi.MaxTimeout)
	require.Equal(t, time.Minute, nodeapi.MaxTimeout)
}
