package keeper

import (
	"context"
	"errors"

	"cosmossdk.io/collections"

	"github.com/opengradient/opengradient/x/models/types"
)

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

// Upload implements types.QueryServer.
func (q queryServer) Upload(ctx context.Context, req *types.QueryUploadRequest) (*types.QueryUploadResponse, error) {
	u, received, err := q.k.upload(ctx, req.GetUploadId())
	if err != nil {
		return nil, err
	}
	return &types.QueryUploadResponse{Upload: u, Missing: u.Missing(received)}, nil
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
