package keeper

import (
	"context"
	"errors"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"cosmossdk.io/collections"
	sdk "github.com/cosmos/cosmos-sdk/types"

	"github.com/opengradient/opengradient/x/internal/paging"
	"github.com/opengradient/opengradient/x/verification/types"
)

// Conduct returns what is remembered of one operator.
func (s queryServer) Conduct(ctx context.Context, req *types.QueryConductRequest) (*types.QueryConductResponse, error) {
	if req == nil {
		return nil, errEmptyRequest
	}
	address, err := types.ParseOperator(req.Operator)
	if err != nil {
		return nil, status.Error(codes.InvalidArgument, err.Error())
	}
	found, err := s.keeper.Conducts.Get(ctx, address)
	if errors.Is(err, collections.ErrNotFound) {
		err = types.ErrConductNotFound.Wrapf("expected a round of %s, got none", req.Operator)
	}
	if err != nil {
		return nil, queryError(err, types.ErrConductNotFound)
	}
	return &types.QueryConductResponse{Conduct: found}, nil
}

// Conducts lists what is remembered, by operator.
func (s queryServer) Conducts(ctx context.Context, req *types.QueryConductsRequest) (*types.QueryConductsResponse, error) {
	if req == nil {
		return nil, errEmptyRequest
	}
	conducts, page, err := paging.List(ctx, s.keeper.Conducts, req.Pagination, nil,
		func(_ sdk.ValAddress, conduct types.Conduct) (types.Conduct, bool, error) {
			return conduct, !req.Faulty || conduct.Faults > 0, nil
		})
	if err != nil {
		return nil, pageError(err)
	}
	return &types.QueryConductsResponse{Conducts: conducts, Pagination: page}, nil
}

// Divergences lists how far environment classes were from each other.
func (s queryServer) Divergences(ctx context.Context, req *types.QueryDivergencesRequest) (*types.QueryDivergencesResponse, error) {
	if req == nil {
		return nil, errEmptyRequest
	}
	model, err := paging.Model("model", req.Model)
	if err != nil {
		return nil, err
	}
	var under *divergenceKey
	if model != nil {
		prefix := collections.TriplePrefix[[]byte, uint32, uint32](model)
		under = &prefix
	}
	class := req.EnvironmentClass
	divergences, page, err := paging.List(ctx, s.keeper.Divergences, req.Pagination, under,
		func(_ divergenceKey, d types.Divergence) (types.Divergence, bool, error) {
			return d, class == 0 || d.VerdictClass == class || d.OtherClass == class, nil
		})
	if err != nil {
		return nil, pageError(err)
	}
	return &types.QueryDivergencesResponse{Divergences: divergences, Pagination: page}, nil
}

// Evidence returns the evidence of a settled request while it is kept.
func (s queryServer) Evidence(ctx context.Context, req *types.QueryEvidenceRequest) (*types.QueryEvidenceResponse, error) {
	if req == nil {
		return nil, errEmptyRequest
	}
	stored, err := s.keeper.evidenceOf(ctx, req.RequestId)
	if err != nil {
		return nil, queryError(err, types.ErrEvidenceNotFound)
	}
	evidence, err := types.DecodeEvidence(stored.Evidence)
	if err != nil {
		return nil, status.Error(codes.Internal, err.Error())
	}
	return &types.QueryEvidenceResponse{Evidence: evidence, Encoded: stored.Evidence, ExpiryHeight: stored.ExpiryHeight}, nil
}
