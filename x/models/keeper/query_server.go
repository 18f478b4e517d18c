package keeper

import (
	"context"
	"errors"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"cosmossdk.io/collections"
	sdk "github.com/cosmos/cosmos-sdk/types"
	"github.com/cosmos/cosmos-sdk/types/query"

	"github.com/opengradient/opengradient/x/models/types"
)

// maxPageLimit bounds the entries of one page.
const maxPageLimit = 1000

type queryServer struct{ k Keeper }

var _ types.QueryServer = queryServer{}

// NewQueryServer serves the module's queries.
func NewQueryServer(k Keeper) types.QueryServer { return queryServer{k} }

// Params implements types.QueryServer.
func (q queryServer) Params(ctx context.Context, _ *types.QueryParamsRequest) (*types.QueryParamsResponse, error) {
	params, err := q.k.params(ctx)
	if err != nil {
		return nil, err
	}
	return &types.QueryParamsResponse{Params: params}, nil
}

// Model implements types.QueryServer.
func (q queryServer) Model(ctx context.Context, req *types.QueryModelRequest) (*types.QueryModelResponse, error) {
	m, id, err := q.find(ctx, req.GetModel())
	if err != nil {
		return nil, err
	}
	resp := &types.QueryModelResponse{Model: m}
	owner, err := q.k.Owner(ctx, m)
	if err != nil {
		return nil, err
	}
	resp.Owner = owner.String()
	tags, err := q.k.tags(ctx, m.Name)
	if err != nil {
		return nil, err
	}
	for _, t := range tags {
		if t.Version == m.Version {
			resp.Tags = append(resp.Tags, t.Tag)
		}
	}
	resp.NodesReady, err = q.k.scheduling.ReadyNodes(ctx, id)
	return resp, err
}

// find looks up the model that a request names, and its id.
func (q queryServer) find(ctx context.Context, reference string) (types.Model, []byte, error) {
	m, err := q.k.Find(ctx, reference)
	if err != nil {
		return m, nil, err
	}
	id, err := m.ID()
	return m, id, err
}

// Name implements types.QueryServer.
func (q queryServer) Name(ctx context.Context, req *types.QueryNameRequest) (*types.QueryNameResponse, error) {
	n, err := q.k.name(ctx, req.GetName())
	if err != nil {
		return nil, err
	}
	tags, err := q.k.tags(ctx, n.Name)
	if err != nil {
		return nil, err
	}
	return &types.QueryNameResponse{Name: n, Tags: tags}, nil
}

// Versions implements types.QueryServer.
func (q queryServer) Versions(ctx context.Context, req *types.QueryVersionsRequest) (*types.QueryVersionsResponse, error) {
	n, err := q.k.name(ctx, req.GetName())
	if err != nil {
		return nil, err
	}
	if err := checkPage(req.Pagination); err != nil {
		return nil, err
	}
	models, page, err := query.CollectionPaginate(ctx, q.k.Versions, req.Pagination,
		func(_ collections.Pair[string, uint32], id []byte) (types.Model, error) { return q.k.Get(ctx, id) },
		query.WithCollectionPaginationPairPrefix[string, uint32](n.Name))
	if err != nil {
		return nil, err
	}
	return &types.QueryVersionsResponse{Models: models, Pagination: page}, nil
}

// Card implements types.QueryServer.
func (q queryServer) Card(ctx context.Context, req *types.QueryCardRequest) (*types.QueryCardResponse, error) {
	_, id, err := q.find(ctx, req.GetModel())
	if err != nil {
		return nil, err
	}
	card, err := q.k.card(ctx, id)
	if err != nil {
		return nil, err
	}
	return &types.QueryCardResponse{Card: card}, nil
}

// Chunk implements types.QueryServer.
func (q queryServer) Chunk(ctx context.Context, req *types.QueryChunkRequest) (*types.QueryChunkResponse, error) {
	m, _, err := q.find(ctx, req.GetModel())
	if err != nil {
		return nil, err
	}
	if !m.HasFile() {
		return nil, types.ErrNoFile.Wrapf("model %s", m.Sha256)
	}
	data, err := q.k.Chunks.Get(ctx, collections.Join(m.File, req.Index))
	if errors.Is(err, collections.ErrNotFound) {
		return nil, types.ErrChunk.Wrapf("expected an index below %d, got %d", types.ChunkCount(m.Size_), req.Index)
	}
	if err != nil {
		return nil, err
	}
	return &types.QueryChunkResponse{Data: data}, nil
}

// Golden implements types.QueryServer.
func (q queryServer) Golden(ctx context.Context, req *types.QueryGoldenRequest) (*types.QueryGoldenResponse, error) {
	_, id, err := q.find(ctx, req.GetModel())
	if err != nil {
		return nil, err
	}
	golden, err := q.k.Golden(ctx, id)
	if err != nil {
		return nil, err
	}
	return &types.QueryGoldenResponse{Golden: golden}, nil
}

// Certificate implements types.QueryServer.
func (q queryServer) Certificate(ctx context.Context, req *types.QueryCertificateRequest) (*types.QueryCertificateResponse, error) {
	m, id, err := q.find(ctx, req.GetModel())
	if err != nil {
		return nil, err
	}
	cert, err := q.k.Certificates.Get(ctx, id)
	if errors.Is(err, collections.ErrNotFound) {
		return nil, types.ErrNoCertificate.Wrapf("%s:%d is %s", m.Name, m.Version, m.Status)
	}
	if err != nil {
		return nil, err
	}
	return &types.QueryCertificateResponse{Certificate: cert}, nil
}

// Proofs implements types.QueryServer.
func (q queryServer) Proofs(ctx context.Context, req *types.QueryProofsRequest) (*types.QueryProofsResponse, error) {
	_, id, err := q.find(ctx, req.GetModel())
	if err != nil {
		return nil, err
	}
	if err := checkPage(req.Pagination); err != nil {
		return nil, err
	}
	proofs, page, err := query.CollectionPaginate(ctx, q.k.Proofs, req.Pagination,
		func(_ proofKey, p types.NodeProof) (types.NodeProof, error) { return p, nil },
		func(o *query.CollectionsPaginateOptions[proofKey]) {
			prefix := collections.TriplePrefix[[]byte, []byte, uint32](id)
			o.Prefix = &prefix
		})
	if err != nil {
		return nil, err
	}
	return &types.QueryProofsResponse{Proofs: proofs, Pagination: page}, nil
}

// Upload implements types.QueryServer.
func (q queryServer) Upload(ctx context.Context, req *types.QueryUploadRequest) (*types.QueryUploadResponse, error) {
	u, received, err := q.k.upload(ctx, req.GetUploadId())
	if err != nil {
		return nil, err
	}
	return &types.QueryUploadResponse{Upload: u, Missing: u.Missing(received)}, nil
}

// Uploads implements types.QueryServer.
func (q queryServer) Uploads(ctx context.Context, req *types.QueryUploadsRequest) (*types.QueryUploadsResponse, error) {
	if err := checkPage(req.GetPagination()); err != nil {
		return nil, err
	}
	get := func(id uint64) (types.Upload, error) {
		u, _, err := q.k.upload(ctx, id)
		return u, err
	}
	var (
		uploads []types.Upload
		page    *query.PageResponse
		err     error
	)
	if req.GetOwner() == "" {
		uploads, page, err = query.CollectionPaginate(ctx, q.k.Received, req.GetPagination(),
			func(id uint64, _ []byte) (types.Upload, error) { return get(id) })
	} else {
		owner, parseErr := sdk.AccAddressFromBech32(req.Owner)
		if parseErr != nil {
			return nil, status.Errorf(codes.InvalidArgument, "owner: %s", parseErr)
		}
		uploads, page, err = query.CollectionPaginate(ctx, q.k.UploadsByOwner, req.Pagination,
			func(key collections.Pair[[]byte, uint64], _ collections.NoValue) (types.Upload, error) {
				return get(key.K2())
			},
			query.WithCollectionPaginationPairPrefix[[]byte, uint64](owner))
	}
	if err != nil {
		return nil, err
	}
	return &types.QueryUploadsResponse{Uploads: uploads, Pagination: page}, nil
}

// Cost implements types.QueryServer.
func (q queryServer) Cost(ctx context.Context, req *types.QueryCostRequest) (*types.QueryCostResponse, error) {
	params, err := q.k.params(ctx)
	if err != nil {
		return nil, err
	}
	size, card, most := req.GetSize_(), req.GetCardSize(), params.MaxModelBytes
	if req.GetReference() {
		most = params.MaxReferenceBytes
	}
	if size > most {
		return nil, types.ErrModelTooLarge.Wrapf("expected at most %d bytes, got %d", most, size)
	}
	if card > params.MaxCardBytes {
		return nil, types.ErrManifest.Wrapf("card: expected at most %d bytes, got %d", params.MaxCardBytes, card)
	}
	if req.GetReference() {
		return &types.QueryCostResponse{ByteFee: params.ByteFee(card), AdmissionFee: params.AdmissionFee}, nil
	}
	return &types.QueryCostResponse{
		ByteFee: params.ByteFee(size + card), AdmissionFee: params.AdmissionFee,
		Chunks: uint32(types.ChunkCount(size)), Gas: params.Gas(size),
	}, nil
}

// checkPage refuses pages above the limit.
func checkPage(page *query.PageRequest) error {
	if page != nil && page.Limit > maxPageLimit {
		return status.Errorf(codes.InvalidArgument, "pagination.limit: expected at most %d, got %d", maxPageLimit, page.Limit)
	}
	return nil
}
