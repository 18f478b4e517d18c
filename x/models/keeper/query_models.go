package keeper

import (
	"bytes"
	"context"
	"crypto/sha256"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"cosmossdk.io/collections"
	sdk "github.com/cosmos/cosmos-sdk/types"
	"github.com/cosmos/cosmos-sdk/types/query"

	"github.com/opengradient/opengradient/x/models/types"
)

const (
	// defaultPageLimit is the length of a page of models when none is asked for.
	defaultPageLimit = 100
	// maxScanned bounds the models that one query looks at, whatever its filters leave of them. The page then ends early, and
	// the next key goes on.
	maxScanned = 1000
)

// Models implements types.QueryServer. Pages go on by key; offsets and counts, whose cost grows with the number of models,
// are not offered.
func (q queryServer) Models(ctx context.Context, req *types.QueryModelsRequest) (*types.QueryModelsResponse, error) {
	if req == nil {
		req = &types.QueryModelsRequest{}
	}
	p := req.Pagination
	if p == nil {
		p = &query.PageRequest{}
	}
	if err := checkPage(p); err != nil {
		return nil, err
	}
	if p.Offset > 0 || p.CountTotal {
		return nil, status.Error(codes.InvalidArgument, "pagination: expected a key, got an offset or count_total")
	}
	if len(p.Key) > 0 && len(p.Key) != sha256.Size {
		return nil, status.Errorf(codes.InvalidArgument, "pagination.key: expected %d bytes, got %d", sha256.Size, len(p.Key))
	}
	var owner sdk.AccAddress
	if req.Owner != "" {
		var err error
		if owner, err = sdk.AccAddressFromBech32(req.Owner); err != nil {
			return nil, status.Errorf(codes.InvalidArgument, "owner: %s", err)
		}
	}
	limit := int(p.Limit)
	if limit == 0 {
		limit = defaultPageLimit
	}
	resp := &types.QueryModelsResponse{Pagination: &query.PageResponse{}}
	scanned := 0
	err := q.scan(ctx, req, owner, p.Key, p.Reverse, func(id []byte) (bool, error) {
		if len(resp.Models) == limit || scanned == maxScanned {
			resp.Pagination.NextKey = bytes.Clone(id)
			return true, nil
		}
		scanned++
		m, err := q.k.Get(ctx, id)
		if err != nil {
			return true, err
		}
		wanted := (req.TaskClass == 0 || m.TaskClass == req.TaskClass) && (req.Status == 0 || m.Status == req.Status)
		if wanted {
			resp.Models = append(resp.Models, m)
		}
		return false, nil
	})
	if err != nil {
		return nil, err
	}
	return resp, nil
}

// scan walks the narrowest index that the request names, from a key on. All are ordered by id.
func (q queryServer) scan(
	ctx context.Context, req *types.QueryModelsRequest, owner sdk.AccAddress, from []byte, reverse bool, visit func(id []byte) (bool, error),
) error {
	byNumber := func(set collections.KeySet[collections.Pair[uint64, []byte]], number uint64) error {
		return set.Walk(ctx, pairRange(number, from, reverse),
			func(key collections.Pair[uint64, []byte]) (bool, error) { return visit(key.K2()) })
	}
	switch {
	case owner != nil:
		return q.k.ModelsByOwner.Walk(ctx, pairRange([]byte(owner), from, reverse),
			func(key collections.Pair[[]byte, []byte]) (bool, error) { return visit(key.K2()) })
	case req.Status != 0:
		return byNumber(q.k.ModelsByStatus, uint64(req.Status))
	case req.TaskClass != 0:
		return byNumber(q.k.ModelsByTask, uint64(req.TaskClass))
	}
	all := new(collections.Range[[]byte])
	if len(from) > 0 && reverse {
		all = all.EndInclusive(from)
	} else if len(from) > 0 {
		all = all.StartInclusive(from)
	}
	if reverse {
		all = all.Descending()
	}
	return q.k.Models.Walk(ctx, all, func(id []byte, _ types.Model) (bool, error) { return visit(id) })
}

// pairRange is the part of an index under one prefix, from a key on.
func pairRange[K any](prefix K, from []byte, reverse bool) *collections.PairRange[K, []byte] {
	r := collections.NewPrefixedPairRange[K, []byte](prefix)
	if len(from) > 0 && reverse {
		r = r.EndInclusive(from)
	} else if len(from) > 0 {
		r = r.StartInclusive(from)
	}
	if reverse {
		r = r.Descending()
	}
	return r
}
