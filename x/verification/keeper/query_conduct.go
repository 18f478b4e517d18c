package keeper

import (
	"context"
	"encoding/hex"
	"errors"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"cosmossdk.io/collections"
	sdk "github.com/cosmos/cosmos-sdk/types"
	"github.com/cosmos/cosmos-sdk/types/query"

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
	conducts, page, err := query.CollectionPaginate(ctx, s.keeper.Conducts, req.Pagination,
		func(_ sdk.ValAddress, conduct types.Conduct) (types.Conduct, error) { return conduct, nil })
	if err != nil {
		return nil, status.Error(codes.InvalidArgument, err.Error())
	}
	return &types.QueryConductsResponse{Conducts: conducts, Pagination: page}, nil
}

// Divergences lists how far environment classes were from each other, for all models or for one.
func (s queryServer) Divergences(ctx context.Context, req *types.QueryDivergencesRequest) (*types.QueryDivergencesResponse, error) {
	if req == nil {
		return nil, errEmptyRequest
	}
	var options []func(*query.CollectionsPaginateOptions[divergenceKey])
	if req.Model != "" {
		model, err := hex.DecodeString(req.Model)
		if err != nil || len(model) != types.RootSize {
			return nil, status.Errorf(codes.InvalidArgument, "model: expected %d hexadecimal digits, got %q", 2*types.RootSize, req.Model)
		}
		prefix := collections.TriplePrefix[[]byte, uint32, uint32](model)
		options = append(options, func(o *query.CollectionsPaginateOptions[divergenceKey]) { o.Prefix = &prefix })
	}
	divergences, page, err := query.CollectionPaginate(ctx, s.keeper.Divergences, req.Pagination,
		func(_ divergenceKey, divergence types.Divergence) (types.Divergence, error) { return divergence, nil }, options...)
	if err != nil {
		return nil, status.Error(codes.InvalidArgument, err.Error())
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
