package keeper

import (
	"cmp"
	"context"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"cosmossdk.io/collections"
	"github.com/cosmos/cosmos-sdk/types/query"

	"github.com/opengradient/opengradient/x/inference/types"
	"github.com/opengradient/opengradient/x/internal/paging"
)

// Requests implements types.QueryServer. It walks the narrowest index that the filters have, and holds what is there against
// the others: all are ordered by id.
func (q queryServer) Requests(ctx context.Context, req *types.QueryRequestsRequest) (*types.QueryRequestsResponse, error) {
	if req == nil {
		return nil, errEmptyRequest
	}
	requester, err := paging.Account("requester", req.Requester)
	if err != nil {
		return nil, err
	}
	if err := cmp.Or(paging.Enum("status", req.Status, types.RequestStatus_name), paging.Enum("tier", req.Tier, types.Tier_name)); err != nil {
		return nil, err
	}
	model, sha256, err := q.optionalModel(ctx, req.Model)
	if err != nil {
		return nil, err
	}
	wanted := func(r types.Request) bool {
		return (sha256 == "" || r.Model == sha256) && (req.Status == 0 || r.Status == req.Status) && (req.Tier == 0 || r.Tier == req.Tier)
	}
	get := func(id uint64) (types.Request, bool, error) {
		r, err := q.k.Requests.Get(ctx, id)
		return r, wanted(r), err
	}
	byBytes := func(index collections.KeySet[collections.Pair[[]byte, uint64]], first []byte) ([]types.Request, *query.PageResponse, error) {
		under := collections.PairPrefix[[]byte, uint64](first)
		return paging.List(ctx, index, req.Pagination, &under,
			func(key collections.Pair[[]byte, uint64], _ collections.NoValue) (types.Request, bool, error) {
				return get(key.K2())
			})
	}
	var (
		requests []types.Request
		page     *query.PageResponse
	)
	switch {
	case requester != nil:
		requests, page, err = byBytes(q.k.RequestsByRequester, requester)
	case model != nil:
		requests, page, err = byBytes(q.k.RequestsByModel, model)
	case req.Status != types.REQUEST_STATUS_UNSPECIFIED:
		under := collections.PairPrefix[uint64, uint64](uint64(req.Status))
		requests, page, err = paging.List(ctx, q.k.RequestsByStatus, req.Pagination, &under,
			func(key collections.Pair[uint64, uint64], _ collections.NoValue) (types.Request, bool, error) {
				return get(key.K2())
			})
	default:
		requests, page, err = paging.List(ctx, q.k.Requests, req.Pagination, nil,
			func(_ uint64, r types.Request) (types.Request, bool, error) { return r, wanted(r), nil })
	}
	if err != nil {
		return nil, err
	}
	return &types.QueryRequestsResponse{Requests: requests, Pagination: page}, nil
}

var errEmptyRequest = status.Error(codes.InvalidArgument, "expected a request, got none")

// optionalModel looks up the model of a filter; nothing when the reference is empty.
func (q queryServer) optionalModel(ctx context.Context, reference string) (id []byte, sha256 string, err error) {
	if reference == "" {
		return nil, "", nil
	}
	model, err := q.k.models.Find(ctx, reference)
	if err != nil {
		return nil, "", err
	}
	id, err = model.ID()
	return id, model.Sha256, err
}
