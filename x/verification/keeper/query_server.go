package keeper

import (
	"bytes"
	"context"
	"errors"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/opengradient/opengradient/x/internal/paging"
	"github.com/opengradient/opengradient/x/verification/types"
)

var _ types.QueryServer = queryServer{}

type queryServer struct{ keeper Keeper }

// NewQueryServer gives the query service of the module.
func NewQueryServer(k Keeper) types.QueryServer { return queryServer{keeper: k} }

var errEmptyRequest = status.Error(codes.InvalidArgument, "expected a request, got none")

// Params returns the current parameters and their version.
func (s queryServer) Params(ctx context.Context, req *types.QueryParamsRequest) (*types.QueryParamsResponse, error) {
	if req == nil {
		return nil, errEmptyRequest
	}
	params, version, err := s.keeper.CurrentParams(ctx)
	if err != nil {
		return nil, status.Error(codes.Internal, err.Error())
	}
	return &types.QueryParamsResponse{Params: params, Version: version}, nil
}

// Round returns the round of a request that is open or settling.
func (s queryServer) Round(ctx context.Context, req *types.QueryRoundRequest) (*types.QueryRoundResponse, error) {
	if req == nil {
		return nil, errEmptyRequest
	}
	round, err := s.keeper.Round(ctx, req.RequestId)
	if err != nil {
		return nil, queryError(err, types.ErrRoundNotFound)
	}
	return &types.QueryRoundResponse{Round: round}, nil
}

// Rounds lists the rounds that are open or settling, by request.
func (s queryServer) Rounds(ctx context.Context, req *types.QueryRoundsRequest) (*types.QueryRoundsResponse, error) {
	if req == nil {
		return nil, errEmptyRequest
	}
	model, err := paging.Model("model", req.Model)
	if err != nil {
		return nil, err
	}
	leader, err := paging.Operator("leader", req.Leader)
	if err != nil {
		return nil, err
	}
	if err := paging.Enum("phase", req.Phase, types.Phase_name); err != nil {
		return nil, err
	}
	rounds, page, err := paging.List(ctx, s.keeper.Rounds, req.Pagination, nil,
		func(_ uint64, round types.Round) (types.Round, bool, error) {
			return round, (req.Phase == 0 || round.Phase == req.Phase) && (leader == nil || round.Leader == leader.String()) &&
				(model == nil || bytes.Equal(round.Model, model)), nil
		})
	if err != nil {
		return nil, pageError(err)
	}
	return &types.QueryRoundsResponse{Rounds: rounds, Pagination: page}, nil
}

// Snapshot returns a power snapshot.
func (s queryServer) Snapshot(ctx context.Context, req *types.QuerySnapshotRequest) (*types.QuerySnapshotResponse, error) {
	if req == nil {
		return nil, errEmptyRequest
	}
	snapshot, err := s.keeper.Snapshot(ctx, req.Id)
	if err != nil {
		return nil, queryError(err, types.ErrSnapshotNotFound)
	}
	return &types.QuerySnapshotResponse{Snapshot: snapshot}, nil
}

// ParamsVersion returns the parameters of one version.
func (s queryServer) ParamsVersion(ctx context.Context, req *types.QueryParamsVersionRequest) (*types.QueryParamsVersionResponse, error) {
	if req == nil {
		return nil, errEmptyRequest
	}
	params, err := s.keeper.ParamsAt(ctx, req.Version)
	if err != nil {
		return nil, queryError(err, types.ErrParamsNotFound)
	}
	return &types.QueryParamsVersionResponse{Params: params}, nil
}

// queryError gives an error the status code that clients act on. What is absent has one of its own, and keeps its module's code.
func queryError(err, absent error) error {
	if errors.Is(err, absent) {
		return err
	}
	return status.Error(codes.Internal, err.Error())
}

// pageError leaves what is wrong with a page as it is; everything else means that the state could not be read.
func pageError(err error) error {
	if status.Code(err) == codes.InvalidArgument {
		return err
	}
	return status.Error(codes.Internal, err.Error())
}
