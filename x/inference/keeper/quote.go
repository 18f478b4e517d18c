package keeper

import (
	"context"

	"github.com/opengradient/opengradient/internal/tensor"
	"github.com/opengradient/opengradient/x/inference/types"
)

// Quote implements types.QueryServer: the exact fee of a request that has these values of the signature's symbols.
func (q queryServer) Quote(ctx context.Context, req *types.QueryQuoteRequest) (*types.QueryQuoteResponse, error) {
	params, _, err := q.k.CurrentParams(ctx)
	if err != nil {
		return nil, err
	}
	model, err := q.k.FindModel(ctx, req.Model)
	if err != nil {
		return nil, err
	}
	inputs, err := model.InputSpecs()
	if err != nil {
		return nil, err
	}
	outputs, err := model.OutputSpecs(req.Outputs)
	if err != nil {
		return nil, err
	}
	bindings, err := types.ParseSymbols(inputs, req.Symbols)
	if err != nil {
		return nil, err
	}
	inputBytes, err := tensor.ResolvedSize(inputs, bindings)
	if err != nil {
		return nil, types.ErrSymbol.Wrapf("the length of the inputs is not known: %s", err)
	}
	work, err := measure(params, model, outputs, bindings, uint64(inputBytes))
	if err != nil {
		return nil, err
	}
	tier := req.Tier
	if tier == types.TIER_UNSPECIFIED {
		tier = types.TIER_QUORUM
	}
	fee, err := params.Quote(tier, work, model.Royalty)
	if err != nil {
		return nil, err
	}
	memory, err := model.MemoryBytes(bindings)
	if err != nil {
		return nil, types.ErrComputeTooLarge.Wrap(err.Error())
	}
	eligible, total, err := q.k.scheduling.EligiblePower(ctx, model.TaskClass, memory)
	if err != nil {
		return nil, err
	}
	return &types.QueryQuoteResponse{
		Fee: fee, ComputeUnits: work.Units, InputBytes: work.InputBytes, OutputBytes: work.OutputBytes,
		Shares: params.FeeShares, EligiblePower: types.EligibleShare(eligible, total),
	}, nil
}
