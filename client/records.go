package client

import (
	"context"
	"time"

	"cosmossdk.io/math"
	sdk "github.com/cosmos/cosmos-sdk/types"
	banktypes "github.com/cosmos/cosmos-sdk/x/bank/types"

	"github.com/opengradient/opengradient/internal/memo"
	inferencetypes "github.com/opengradient/opengradient/x/inference/types"
	modelstypes "github.com/opengradient/opengradient/x/models/types"
	schedulingtypes "github.com/opengradient/opengradient/x/scheduling/types"
)

// How long what a check is made against is taken as it was. Whatever changes in between the chain still refuses.
const (
	keepModel   = 5 * time.Second
	keepParams  = 5 * time.Second
	keepQuote   = 2 * time.Second
	keepBalance = 2 * time.Second
)

// records are what the client remembers of the chain's state for a few seconds.
type records struct {
	client   *Client
	models   *memo.Memo[modelstypes.Model]
	params   *memo.Memo[inferencetypes.Params]
	limits   *memo.Memo[schedulingtypes.Params]
	markets  *memo.Memo[schedulingtypes.QueryMarketResponse]
	quotes   *memo.Memo[inferencetypes.QueryQuoteResponse]
	balances *memo.Memo[math.Int]
}

func newRecords(c *Client) *records {
	return &records{
		client:   c,
		models:   memo.New[modelstypes.Model](c.closed, keepModel),
		params:   memo.New[inferencetypes.Params](c.closed, keepParams),
		limits:   memo.New[schedulingtypes.Params](c.closed, keepParams),
		markets:  memo.New[schedulingtypes.QueryMarketResponse](c.closed, keepQuote),
		quotes:   memo.New[inferencetypes.QueryQuoteResponse](c.closed, keepQuote),
		balances: memo.New[math.Int](c.closed, keepBalance),
	}
}

func (r *records) model(ctx context.Context, reference string) (modelstypes.Model, error) {
	return r.models.Get(ctx, reference, func(ctx context.Context) (modelstypes.Model, error) {
		res, err := r.client.Models.Model(ctx, &modelstypes.QueryModelRequest{Model: reference})
		if err != nil {
			return modelstypes.Model{}, err
		}
		return res.Model, nil
	})
}

func (r *records) inferenceParams(ctx context.Context) (inferencetypes.Params, error) {
	return r.params.Get(ctx, "", func(ctx context.Context) (inferencetypes.Params, error) {
		res, err := r.client.Inference.Params(ctx, &inferencetypes.QueryParamsRequest{})
		if err != nil {
			return inferencetypes.Params{}, err
		}
		return res.Params, nil
	})
}

func (r *records) schedulingParams(ctx context.Context) (schedulingtypes.Params, error) {
	return r.limits.Get(ctx, "", func(ctx context.Context) (schedulingtypes.Params, error) {
		res, err := r.client.Scheduling.Params(ctx, &schedulingtypes.QueryParamsRequest{})
		if err != nil {
			return schedulingtypes.Params{}, err
		}
		return res.Params, nil
	})
}

func (r *records) market(ctx context.Context) (schedulingtypes.QueryMarketResponse, error) {
	return r.markets.Get(ctx, "", func(ctx context.Context) (schedulingtypes.QueryMarketResponse, error) {
		res, err := r.client.Scheduling.Market(ctx, &schedulingtypes.QueryMarketRequest{})
		if err != nil {
			return schedulingtypes.QueryMarketResponse{}, err
		}
		return *res, nil
	})
}

func (r *records) quote(ctx context.Context, req *inferencetypes.QueryQuoteRequest) (inferencetypes.QueryQuoteResponse, error) {
	return r.quotes.Get(ctx, req.String(), func(ctx context.Context) (inferencetypes.QueryQuoteResponse, error) {
		res, err := r.client.Inference.Quote(ctx, req)
		if err != nil {
			return inferencetypes.QueryQuoteResponse{}, err
		}
		return *res, nil
	})
}

func (r *records) balance(ctx context.Context, address string) (math.Int, error) {
	return r.balances.Get(ctx, address, func(ctx context.Context) (math.Int, error) { return r.readBalance(ctx, address) })
}

func (r *records) readBalance(ctx context.Context, address string) (math.Int, error) {
	res, err := r.client.Bank.Balance(ctx, &banktypes.QueryBalanceRequest{Address: address, Denom: inferencetypes.Denom})
	if err != nil {
		return math.Int{}, err
	}
	if res.Balance == nil {
		return math.ZeroInt(), nil
	}
	return res.Balance.Amount, nil
}

// orZero is the amount, or zero when none is set.
func orZero(amount math.Int) math.Int {
	if amount.IsNil() {
		return math.ZeroInt()
	}
	return amount
}

// coin writes an amount as people give it.
func coin(amount math.Int) string { return sdk.NewCoin(inferencetypes.Denom, amount).String() }
