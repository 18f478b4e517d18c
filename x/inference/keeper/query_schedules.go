package keeper

import (
	"context"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"cosmossdk.io/collections"
	sdk "github.com/cosmos/cosmos-sdk/types"
	"github.com/cosmos/cosmos-sdk/types/query"

	"github.com/opengradient/opengradient/x/inference/types"
)

// Schedule implements types.QueryServer.
func (q queryServer) Schedule(ctx context.Context, req *types.QueryScheduleRequest) (*types.QueryScheduleResponse, error) {
	s, err := q.k.Schedule(ctx, req.Id)
	if err != nil {
		return nil, err
	}
	return &types.QueryScheduleResponse{Schedule: s}, nil
}

// Schedules implements types.QueryServer.
func (q queryServer) Schedules(ctx context.Context, req *types.QuerySchedulesRequest) (*types.QuerySchedulesResponse, error) {
	var (
		schedules []types.Schedule
		page      *query.PageResponse
		err       error
	)
	if req.Owner == "" {
		schedules, page, err = query.CollectionPaginate(ctx, q.k.Schedules, req.Pagination,
			func(_ uint64, s types.Schedule) (types.Schedule, error) { return s, nil })
	} else {
		owner, parseErr := sdk.AccAddressFromBech32(req.Owner)
		if parseErr != nil {
			return nil, status.Errorf(codes.InvalidArgument, "owner: %s", parseErr)
		}
		schedules, page, err = query.CollectionPaginate(ctx, q.k.SchedulesByOwner, req.Pagination,
			func(key collections.Pair[[]byte, uint64], _ collections.NoValue) (types.Schedule, error) {
				return q.k.Schedules.Get(ctx, key.K2())
			}, query.WithCollectionPaginationPairPrefix[[]byte, uint64](owner))
	}
	if err != nil {
		return nil, err
	}
	return &types.QuerySchedulesResponse{Schedules: schedules, Pagination: page}, nil
}

// ScheduleRuns implements types.QueryServer.
func (q queryServer) ScheduleRuns(ctx context.Context, req *types.QueryScheduleRunsRequest) (*types.QueryScheduleRunsResponse, error) {
	if _, err := q.k.Schedule(ctx, req.Id); err != nil {
		return nil, err
	}
	runs, page, err := query.CollectionPaginate(ctx, q.k.ScheduleRuns, req.Pagination,
		func(_ collections.Pair[uint64, uint32], r types.ScheduleRun) (types.ScheduleRun, error) {
			return r, nil
		},
		query.WithCollectionPaginationPairPrefix[uint64, uint32](req.Id))
	if err != nil {
		return nil, err
	}
	return &types.QueryScheduleRunsResponse{Runs: runs, Pagination: page}, nil
}

// IdempotencyKey implements types.QueryServer.
func (q queryServer) IdempotencyKey(ctx context.Context, req *types.QueryIdempotencyKeyRequest) (*types.QueryIdempotencyKeyResponse, error) {
	requester, err := sdk.AccAddressFromBech32(req.Requester)
	if err != nil {
		return nil, status.Errorf(codes.InvalidArgument, "requester: %s", err)
	}
	key, err := q.k.IdempotencyKey(ctx, requester, req.Key)
	if err != nil {
		return nil, err
	}
	return &types.QueryIdempotencyKeyResponse{Key: key}, nil
}
