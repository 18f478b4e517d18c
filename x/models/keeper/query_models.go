package keeper

import (
	"cmp"
	"context"
	"crypto/sha256"
	"errors"
	"slices"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"cosmossdk.io/collections"
	"github.com/cosmos/cosmos-sdk/types/query"

	"github.com/opengradient/opengradient/x/internal/paging"
	"github.com/opengradient/opengradient/x/models/types"
	schedulingtypes "github.com/opengradient/opengradient/x/scheduling/types"
)

// Models implements types.QueryServer. It walks the narrowest index that the filters have, and holds what is there against
// the others: all are ordered by SHA-256.
func (q queryServer) Models(ctx context.Context, req *types.QueryModelsRequest) (*types.QueryModelsResponse, error) {
	if req == nil {
		req = &types.QueryModelsRequest{}
	}
	owner, err := paging.Account("owner", req.Owner)
	if err != nil {
		return nil, err
	}
	if err := cmp.Or(
		paging.Enum("status", req.Status, types.ModelStatus_name), paging.Enum("task_class", req.TaskClass, schedulingtypes.TaskClass_name),
	); err != nil {
		return nil, err
	}
	if n := len(req.Pagination.GetKey()); n != 0 && n != sha256.Size {
		return nil, status.Errorf(codes.InvalidArgument, "pagination.key: expected the next_key of the page before, %d bytes, got %d", sha256.Size, n)
	}
	if req.Tag != "" {
		if err := types.ValidateTag(req.Tag); err != nil {
			return nil, err
		}
	}
	look := func(m types.Model) (_ types.Model, wanted bool, err error) {
		wanted = (req.TaskClass == 0 || m.TaskClass == req.TaskClass) && (req.Status == 0 || m.Status == req.Status) &&
			(req.Label == "" || slices.Contains(m.Labels, req.Label))
		if wanted && req.Tag != "" {
			wanted, err = q.hasTag(ctx, m, req.Tag)
		}
		return m, wanted, err
	}
	get := func(id []byte) (types.Model, bool, error) {
		m, err := q.k.Get(ctx, id)
		if err != nil {
			return m, false, err
		}
		return look(m)
	}
	byNumber := func(index collections.KeySet[collections.Pair[uint64, []byte]], number uint64) ([]types.Model, *query.PageResponse, error) {
		under := collections.PairPrefix[uint64, []byte](number)
		return paging.List(ctx, index, req.Pagination, &under,
			func(key collections.Pair[uint64, []byte], _ collections.NoValue) (types.Model, bool, error) {
				return get(key.K2())
			})
	}
	var (
		models []types.Model
		page   *query.PageResponse
	)
	switch {
	case owner != nil:
		under := collections.PairPrefix[[]byte, []byte](owner)
		models, page, err = paging.List(ctx, q.k.ModelsByOwner, req.Pagination, &under,
			func(key collections.Pair[[]byte, []byte], _ collections.NoValue) (types.Model, bool, error) {
				return get(key.K2())
			})
	case req.Status != 0:
		models, page, err = byNumber(q.k.ModelsByStatus, uint64(req.Status))
	case req.TaskClass != 0:
		models, page, err = byNumber(q.k.ModelsByTask, uint64(req.TaskClass))
	default:
		models, page, err = paging.List(ctx, q.k.Models, req.Pagination, nil,
			func(_ []byte, m types.Model) (types.Model, bool, error) { return look(m) })
	}
	if err != nil {
		return nil, err
	}
	return &types.QueryModelsResponse{Models: models, Pagination: page}, nil
}

// hasTag tells whether a tag of the model's name points to this version.
func (q queryServer) hasTag(ctx context.Context, m types.Model, tag string) (bool, error) {
	version, err := q.k.Tags.Get(ctx, collections.Join(m.Name, tag))
	if errors.Is(err, collections.ErrNotFound) {
		return false, nil
	}
	return version == m.Version, err
}

// Names implements types.QueryServer.
func (q queryServer) Names(ctx context.Context, req *types.QueryNamesRequest) (*types.QueryNamesResponse, error) {
	owner, err := paging.Account("owner", req.GetOwner())
	if err != nil {
		return nil, err
	}
	names, page, err := paging.List(ctx, q.k.Names, req.GetPagination(), nil,
		func(_ string, n types.ModelName) (types.ModelName, bool, error) {
			return n, owner == nil || n.Owner == owner.String(), nil
		})
	if err != nil {
		return nil, err
	}
	return &types.QueryNamesResponse{Names: names, Pagination: page}, nil
}

// Versions implements types.QueryServer.
func (q queryServer) Versions(ctx context.Context, req *types.QueryVersionsRequest) (*types.QueryVersionsResponse, error) {
	n, err := q.k.name(ctx, req.GetName())
	if err != nil {
		return nil, err
	}
	if err := paging.Enum("status", req.GetStatus(), types.ModelStatus_name); err != nil {
		return nil, err
	}
	under := collections.PairPrefix[string, uint32](n.Name)
	models, page, err := paging.List(ctx, q.k.Versions, req.GetPagination(), &under,
		func(_ collections.Pair[string, uint32], id []byte) (types.Model, bool, error) {
			m, err := q.k.Get(ctx, id)
			return m, req.GetStatus() == 0 || m.Status == req.GetStatus(), err
		})
	if err != nil {
		return nil, err
	}
	return &types.QueryVersionsResponse{Models: models, Pagination: page}, nil
}

// Proofs implements types.QueryServer.
func (q queryServer) Proofs(ctx context.Context, req *types.QueryProofsRequest) (*types.QueryProofsResponse, error) {
	_, id, err := q.find(ctx, req.GetModel())
	if err != nil {
		return nil, err
	}
	under := collections.TriplePrefix[[]byte, []byte, uint32](id)
	operator, err := paging.Operator("operator", req.GetOperator())
	if err != nil {
		return nil, err
	}
	if operator != nil {
		under = collections.TripleSuperPrefix[[]byte, []byte, uint32](id, operator)
	}
	proofs, page, err := paging.List(ctx, q.k.Proofs, req.GetPagination(), &under,
		func(_ proofKey, p types.NodeProof) (types.NodeProof, bool, error) {
			return p, (req.EnvironmentClass == 0 || p.EnvironmentClass == req.EnvironmentClass) &&
				(!req.Failed || p.Failure != types.MODEL_FAILURE_NONE), nil
		})
	if err != nil {
		return nil, err
	}
	return &types.QueryProofsResponse{Proofs: proofs, Pagination: page}, nil
}

// Uploads implements types.QueryServer.
func (q queryServer) Uploads(ctx context.Context, req *types.QueryUploadsRequest) (*types.QueryUploadsResponse, error) {
	owner, err := paging.Account("owner", req.GetOwner())
	if err != nil {
		return nil, err
	}
	get := func(id uint64) (types.Upload, bool, error) {
		u, _, err := q.k.upload(ctx, id)
		return u, true, err
	}
	var (
		uploads []types.Upload
		page    *query.PageResponse
	)
	if owner == nil {
		uploads, page, err = paging.List(ctx, q.k.Received, req.GetPagination(), nil,
			func(id uint64, _ []byte) (types.Upload, bool, error) { return get(id) })
	} else {
		under := collections.PairPrefix[[]byte, uint64](owner)
		uploads, page, err = paging.List(ctx, q.k.UploadsByOwner, req.GetPagination(), &under,
			func(key collections.Pair[[]byte, uint64], _ collections.NoValue) (types.Upload, bool, error) {
				return get(key.K2())
			})
	}
	if err != nil {
		return nil, err
	}
	return &types.QueryUploadsResponse{Uploads: uploads, Pagination: page}, nil
}
