package keeper

import (
	"context"
	"errors"
	"fmt"

	"cosmossdk.io/collections"

	"github.com/opengradient/opengradient/internal/tensor"
	"github.com/opengradient/opengradient/x/inference/types"
)

type queryServer struct{ k Keeper }

var _ types.QueryServer = queryServer{}

// NewQueryServer serves the module's queries.
func NewQueryServer(k Keeper) types.QueryServer { return queryServer{k} }

// Params implements types.QueryServer.
func (q queryServer) Params(ctx context.Context, _ *types.QueryParamsRequest) (*types.QueryParamsResponse, error) {
	params, version, err := q.k.CurrentParams(ctx)
	if err != nil {
		return nil, err
	}
	return &types.QueryParamsResponse{Params: params, Version: version}, nil
}

// Request implements types.QueryServer.
func (q queryServer) Request(ctx context.Context, req *types.QueryRequestRequest) (*types.QueryRequestResponse, error) {
	if req == nil {
		return nil, errEmptyRequest
	}
	r, err := q.k.Request(ctx, req.Id)
	if err != nil {
		return nil, err
	}
	return &types.QueryRequestResponse{Request: r}, nil
}

// Inputs implements types.QueryServer.
func (q queryServer) Inputs(ctx context.Context, req *types.QueryInputsRequest) (*types.QueryInputsResponse, error) {
	if req == nil {
		return nil, errEmptyRequest
	}
	r, err := q.k.Request(ctx, req.Id)
	if err != nil {
		return nil, err
	}
	encoded, err := q.k.inputsOf(ctx, r)
	if err != nil {
		return nil, err
	}
	inputs, err := decodeTensors(encoded)
	if err != nil {
		return nil, fmt.Errorf("inputs of request %d: %w", req.Id, err)
	}
	return &types.QueryInputsResponse{Inputs: inputs}, nil
}

// Result implements types.QueryServer.
func (q queryServer) Result(ctx context.Context, req *types.QueryResultRequest) (*types.QueryResultResponse, error) {
	if req == nil {
		return nil, errEmptyRequest
	}
	r, err := q.k.Request(ctx, req.Id)
	if err != nil {
		return nil, err
	}
	if r.Status != types.REQUEST_STATUS_FINALIZED {
		return nil, types.ErrNotFinal.Wrapf("request %d: expected %s, got %s", r.Id, types.REQUEST_STATUS_FINALIZED, r.Status)
	}
	result, err := q.k.Results.Get(ctx, req.Id)
	if err != nil {
		return nil, err
	}
	outputs, err := decodeTensors(result.Output)
	if err != nil {
		return nil, fmt.Errorf("result of request %d: %w", req.Id, err)
	}
	return &types.QueryResultResponse{Result: result, Outputs: outputs}, nil
}

// Receipt implements types.QueryServer.
func (q queryServer) Receipt(ctx context.Context, req *types.QueryReceiptRequest) (*types.QueryReceiptResponse, error) {
	if req == nil {
		return nil, errEmptyRequest
	}
	receipt, err := q.k.Receipts.Get(ctx, req.Id)
	if errors.Is(err, collections.ErrNotFound) {
		r, err := q.k.Request(ctx, req.Id)
		if err != nil {
			return nil, err
		}
		return nil, types.ErrNotSettled.Wrapf("request %d is %s", r.Id, r.Status)
	}
	if err != nil {
		return nil, err
	}
	snapshot, err := q.k.verification.Snapshot(ctx, receipt.SnapshotId)
	if err != nil {
		return nil, err
	}
	members := make([]types.ReceiptMember, len(snapshot.Members))
	for i, m := range snapshot.Members {
		conduct, err := receipt.MemberOutcome(i)
		if err != nil {
			return nil, err
		}
		members[i] = types.ReceiptMember{
			Operator: m.Operator, Power: m.Power, Outcome: conduct, Seat: receipt.HasSeat(i), Tolerated: receipt.IsTolerated(i),
		}
	}
	return &types.QueryReceiptResponse{Receipt: receipt, Members: members, TotalPower: snapshot.TotalPower}, nil
}

// decodeTensors reads tensors back from state, whose length is already bounded by the parameters.
func decodeTensors(encoded []byte) ([]types.Tensor, error) {
	limits := tensor.Limits{MaxTensors: len(encoded), MaxRank: tensor.MaxRank, MaxBytes: int64(len(encoded))}
	ts, err := tensor.Decode(encoded, limits)
	if err != nil {
		return nil, err
	}
	return types.NewTensors(ts), nil
}
