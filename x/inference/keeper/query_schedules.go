package keeper

import (
	"context"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"cosmossdk.io/collections"
	sdk "github.com/cosmos/cosmos-sdk/types"
	"github.com/cosmos/cosmos-sdk/types/query"

	"github.com/opengradient/opengradient/x/inference/types"
	"github.com/opengradient/opengradient/x/internal/paging"
)

// Schedule implements types.QueryServer.
func (q queryServer) Schedule(ctx context.Context, req *types.QueryScheduleRequest) (*types.QueryScheduleResponse, error) {
	if req == nil {
		return nil, errEmptyRequest
	}
	s, err := q.k.Schedule(ctx, req.Id)
	if err != nil {
		return nil, err
	}
	return &types.QueryScheduleResponse{Schedule: s}, nil
}

// Schedules implements types.QueryServer.
func (q queryServer) Schedules(ctx context.Context, req *types.QuerySchedulesRequest) (*types.QuerySchedulesResponse, error) {
	if req == nil {
		return nil, errEmptyRequest
	}
	owner, err := paging.Account("owner", req.Owner)
	if err != nil {
		return nil, err
	}
	if err := paging.Enum("status", req.Status, types.ScheduleStatus_name); err != nil {
		return nil, err
	}
	_, sha256, err := q.optionalModel(ctx, req.Model)
	if err != nil {
		return nil, err
	}
	wanted := func(s types.Schedule) bool {
		return (sha256 == "" || s.Model == sha256) && (req.Status == 0 || s.Status == req.Status)
	}
	var (
		schedules []types.Schedule
		page      *query.PageResponse
	)
	if owner == nil {
		schedules, page, err = paging.List(ctx, q.k.Schedules, req.Pagination, nil,
			func(_ uint64, s types.Schedule) (types.Schedule, bool, error) { return s, wanted(s), nil })
	} else {
		under := collections.PairPrefix[[]byte, uint64](owner)
		schedules, page, err = paging.List(ctx, q.k.SchedulesByOwner, req.Pagination, &under,
			func(key collections.Pair[[]byte, uint64], _ collections.NoValue) (types.Schedule, bool, error) {
				s, err := q.k.Schedules.Get(ctx, key.K2())
				return s, wanted(s), err
			})
	}
	if err != nil {
		return nil, err
	}
	return &types.QuerySchedulesResponse{Schedules: schedules, Pagination: page}, nil
}

// ScheduleRuns implements types.QueryServer.
func (q queryServer) ScheduleRuns(ctx context.Context, req *types.QueryScheduleRunsRequest) (*types.QueryScheduleRunsResponse, error) {
	if req == nil {
		return nil, errEmptyRequest
	}
	if _, err := q.k.Schedule(ctx, req.Id); err != nil {
		return nil, err
	}
	under := collections.PairPrefix[uint64, uint32](req.Id)
	runs, page, err := paging.List(ctx, q.k.ScheduleRuns, req.Pagination, &under,
		func(_ collections.Pair[uint64, uint32], r types.ScheduleRun) (types.ScheduleRun, bool, error) {
			return r, true, nil
		})
	if err != nil {
		return nil, err
	}
	return &types.QueryScheduleRunsResponse{Runs: runs, Pagination: page}, nil
}

// IdempotencyKey implements types.QueryServer.
func (q queryServer) IdempotencyKey(ctx context.Context, req *types.QueryIdempotencyKeyRequest) (*types.QueryIdempotencyKeyResponse, error) {
	if req == nil {
		return nil, errEmptyRequest
	}
	requester, err := sdk.AccAddressFromBech32(req.Requester)
	if err != nil {
		return nil, status.Errorf(codes.InvalidArgument, "requester: expected an account address, got %.128q: %s", req.Requester, err)
	}
	key, err := q.k.IdempotencyKey(ctx, requester, req.Key)
	if err != nil {
		return nil, err
	}
	return &types.QueryIdempotencyKeyResponse{Key: key}, nil
}
