package client

import (
	"context"
	"fmt"
	"slices"

	"cosmossdk.io/math"

	"github.com/opengradient/opengradient/internal/pricing"
	"github.com/opengradient/opengradient/internal/tensor"
	inferencetypes "github.com/opengradient/opengradient/x/inference/types"
	schedulingtypes "github.com/opengradient/opengradient/x/scheduling/types"
)

// price checks limits, price and what the network can do now.
func (c *Client) price(ctx context.Context, checked Checked) (Checked, error) {
	if !checked.Model.Usable() {
		return Checked{}, notUsable(checked.Model)
	}
	params, err := c.records.inferenceParams(ctx)
	if err != nil {
		return Checked{}, fmt.Errorf("parameters: %w", err)
	}
	limits, err := c.records.schedulingParams(ctx)
	if err != nil {
		return Checked{}, fmt.Errorf("parameters: %w", err)
	}
	if err := checked.measure(params, limits); err != nil {
		return Checked{}, err
	}
	if err := c.quote(ctx, &checked, params); err != nil {
		return Checked{}, err
	}
	if checked.EligiblePower < params.MinEligiblePower && checked.quoted() {
		return Checked{}, invalid(inferencetypes.ErrEligiblePower, "model",
			fmt.Sprintf("one that at least %s of all power can run now", percent(params.MinEligiblePower)),
			fmt.Sprintf("%s:%d, which %s can", checked.Model.Name, checked.Model.Version, percent(checked.EligiblePower)))
	}
	return checked, checked.checkMaxFee(params)
}

// percent writes basis points.
func percent(points uint32) string { return fmt.Sprintf("%d.%02d%%", points/100, points%100) }

// measure takes the size of the run, within the limits.
func (c *Checked) measure(params inferencetypes.Params, limits schedulingtypes.Params) error {
	var err error
	if c.Work.Units, err = c.Model.ComputeUnits(c.Symbols); err != nil {
		return invalid(inferencetypes.ErrComputeTooLarge, "inputs", "shapes for which the cost can be counted", err.Error())
	}
	outputBytes, err := tensor.ResolvedSize(c.Outputs, c.Symbols)
	if err != nil {
		return invalid(inferencetypes.ErrOutputTooLarge, "inputs", "shapes for which the size of the outputs can be counted", err.Error())
	}
	c.Work.OutputBytes = uint64(outputBytes)
	return checkWork(c.Work, params, limits)
}

func checkWork(w pricing.Work, params inferencetypes.Params, limits schedulingtypes.Params) error {
	units, bytes := min(params.MaxComputeUnits, limits.BlockComputeUnits), min(params.MaxOutputBytes, limits.BlockOutputBytes)
	switch {
	case w.InputBytes > params.MaxInputBytes:
		return invalid(inferencetypes.ErrInputTooLarge, "inputs", fmt.Sprintf("at most %d bytes together", params.MaxInputBytes),
			fmt.Sprintf("%d bytes", w.InputBytes))
	case w.Units > units:
		return invalid(inferencetypes.ErrComputeTooLarge, "inputs", fmt.Sprintf("shapes that take at most %d compute units", units),
			fmt.Sprintf("shapes that take %d", w.Units))
	case w.OutputBytes > bytes:
		return invalid(inferencetypes.ErrOutputTooLarge, "outputs", fmt.Sprintf("at most %d bytes with these input shapes", bytes),
			fmt.Sprintf("%d bytes", w.OutputBytes))
	default:
		return nil
	}
}

// quoted tells whether the chain can quote the request: the length of BYTES inputs does not follow from their shape.
func (c *Checked) quoted() bool {
	return !slices.ContainsFunc(c.Inputs, func(s Spec) bool { return s.Datatype == Bytes })
}

// quote prices the request.
func (c *Client) quote(ctx context.Context, checked *Checked, params inferencetypes.Params) error {
	r := checked.Request
	var base math.Int
	if checked.quoted() {
		q, err := c.records.quote(ctx, &inferencetypes.QueryQuoteRequest{
			Model: checked.Model.Sha256, Tier: r.Tier, Symbols: inferencetypes.WriteSymbols(checked.Inputs, checked.Symbols), Outputs: r.Outputs, FeeClass: r.FeeClass,
		})
		if err != nil {
			return fmt.Errorf("quote for model %s: %w", r.Model, err)
		}
		base, checked.EligiblePower, checked.WaitingBlocks = q.BasePrice, q.EligiblePower, q.WaitingBlocks
	} else {
		m, err := c.records.market(ctx)
		if err != nil {
			return fmt.Errorf("base price: %w", err)
		}
		base, checked.WaitingBlocks = m.Market.BasePrice, m.WaitingBlocks
	}
	var err error
	checked.Fee, err = params.Quote(inferencetypes.Service{Tier: r.Tier, Class: r.FeeClass}, base, checked.Work, checked.Model.Royalty)
	if err != nil {
		return fmt.Errorf("quote for model %s: %w", r.Model, err)
	}
	checked.Sealed = params.Sealed(r.Sealing, checked.Fee)
	_, checked.ReuseFee = params.ReuseFee(checked.Fee)
	return nil
}

// checkMaxFee sets the most that is paid, or checks the one that was given.
func (c *Checked) checkMaxFee(params inferencetypes.Params) error {
	if c.Request.MaxFee.IsNil() {
		c.MaxFee = c.Fee.WithRoom()
		return nil
	}
	least, what := c.Fee.Total, "the fee now"
	if c.Request.ReuseBlocks > 0 && params.ReuseBlocks > 0 && c.ReuseFee.LT(least) {
		least, what = c.ReuseFee, "the fee for a receipt that stands for the request"
	}
	if c.Request.MaxFee.LT(least) {
		return invalid(inferencetypes.ErrMaxFee, "max_fee", fmt.Sprintf("at least %s, %s", coin(least), what), coin(c.Request.MaxFee))
	}
	c.MaxFee = c.Request.MaxFee
	return nil
}
