package keeper

import (
	"context"

	"github.com/opengradient/opengradient/internal/tensor"
	"github.com/opengradient/opengradient/x/inference/types"
)

// Quote implements types.QueryServer: the exact fee of a request that has these values of the signature's symbols.
func (q queryServer) Quote(ctx context.Context, req *types.QueryQuoteRequest) (*types.QueryQuoteResponse, error) {
	if req == nil {
		return nil, errEmptyRequest
	}
	service := types.Service{Tier: req.Tier, Class: req.FeeClass}
	if service.Tier == types.TIER_UNSPECIFIED {
		service.Tier = types.TIER_QUORUM
	}
	o, err := q.k.newOrder(ctx, wish{model: req.Model, outputs: req.Outputs, service: service})
	if err != nil {
		return nil, err
	}
	if err := o.checkUsable(); err != nil {
		return nil, err
	}
	bindings, err := types.ParseSymbols(o.inputs, req.Symbols)
	if err != nil {
		return nil, err
	}
	inputBytes, err := tensor.ResolvedSize(o.inputs, bindings)
	if err != nil {
		return nil, types.ErrSymbol.Wrapf("the length of the inputs is not known: %s", err)
	}
	work, memory, err := o.measure(bindings, uint64(inputBytes))
	if err != nil {
		return nil, err
	}
	quote := &types.QueryQuoteResponse{
		ComputeUnits: work.Units, InputBytes: work.InputBytes, OutputBytes: work.OutputBytes,
		Shares: o.params.FeeShares, BasePrice: o.base,
	}
	if quote.Fee, err = o.quote(work); err != nil {
		return nil, err
	}
	_, quote.ReuseFee = o.params.ReuseFee(quote.Fee)
	if quote.TierMultiplier, err = o.params.TierMultiplier(service.Tier); err != nil {
		return nil, err
	}
	if quote.ClassMultiplier, err = o.params.ClassMultiplier(service.Class); err != nil {
		return nil, err
	}
	eligible, total, err := q.k.scheduling.EligiblePower(ctx, o.modelID, o.model.TaskClass, memory)
	if err != nil {
		return nil, err
	}
	quote.EligiblePower = types.EligibleShare(eligible, total)
	quote.WaitingBlocks, err = q.k.scheduling.WaitingBlocks(ctx)
	return quote, err
}
