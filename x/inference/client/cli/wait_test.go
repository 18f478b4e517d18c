package cli

import (
	"context"
	"errors"
	"testing"

	"github.com/stretchr/testify/require"
	"google.golang.org/grpc"

	"github.com/opengradient/opengradient/x/inference/types"
)

// script is a chain on which a request goes through statuses, one per query.
type script struct {
	types.QueryClient
	requests []types.Request
}

func (s *script) Request(context.Context, *types.QueryRequestRequest, ...grpc.CallOption) (*types.QueryRequestResponse, error) {
	r := s.requests[0]
	if len(s.requests) > 1 {
		s.requests = s.requests[1:]
	}
	return &types.QueryRequestResponse{Request: r}, nil
}

func TestWaitFinal(t *testing.T) {
	open := types.Request{Status: types.REQUEST_STATUS_ASSIGNED}
	for name, tc := range map[string]struct {
		then types.Request
		err  string
	}{
		"final":     {types.Request{Status: types.REQUEST_STATUS_FINALIZED}, ""},
		"failed":    {types.Request{Status: types.REQUEST_STATUS_FAILED, FailureReason: types.FAILURE_REASON_EXECUTION}, "FAILURE_REASON_EXECUTION"},
		"cancelled": {types.Request{Status: types.REQUEST_STATUS_CANCELLED}, "REQUEST_STATUS_CANCELLED"},
	} {
		t.Run(name, func(t *testing.T) {
			err := waitFinal(t.Context(), &script{requests: []types.Request{open, tc.then}}, 7)
			if tc.err == "" {
				require.NoError(t, err)
				return
			}
			require.ErrorContains(t, err, tc.err)
		})
	}
	t.Run("time is over", func(t *testing.T) {
		ctx, cancel := context.WithCancelCause(t.Context())
		cancel(errors.New("over"))
		err := waitFinal(ctx, &script{requests: []types.Request{open}}, 7)
		require.ErrorIs(t, err, context.Canceled)
		require.ErrorContains(t, err, "REQUEST_STATUS_ASSIGNED")
	})
}
