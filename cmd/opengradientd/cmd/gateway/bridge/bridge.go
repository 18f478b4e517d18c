// Package bridge connects the gateway to the chain through the client library.
package bridge

import (
	"context"
	"errors"
	"fmt"
	"math"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	sdkmath "cosmossdk.io/math"
	"github.com/cosmos/cosmos-sdk/types/query"

	"github.com/opengradient/opengradient/client"
	"github.com/opengradient/opengradient/internal/gateway/chain"
	"github.com/opengradient/opengradient/internal/memo"
	inferencetypes "github.com/opengradient/opengradient/x/inference/types"
	modelstypes "github.com/opengradient/opengradient/x/models/types"
	schedulingtypes "github.com/opengradient/opengradient/x/scheduling/types"
)

const (
	// gasRoom is how often the gas fee of the first transaction is reserved.
	gasRoom = client.MaxGasFees
	// maxModels bounds a list of models, modelPage what is asked for at once.
	maxModels, modelPage = 10_000, 500
	// keepList is how long a list or a model is taken as it was.
	keepList = 5 * time.Second
	// keepReady is how long the node is taken for reachable, maxLag how far behind its last block may be.
	keepReady, maxLag = time.Second, 2 * time.Minute
)

// Chain is the chain as an account of the client library sees it.
type Chain struct {
	client  *client.Client
	account *client.Account

	lists *memo.Memo[listed]
	ready *memo.Memo[error]
}

// listed are models, or the ErrNotFound of one that is not there.
type listed struct {
	models []chain.Model
	err    error
}

var _ chain.Chain = (*Chain)(nil)

// New is the chain behind a client and one of its accounts.
func New(c *client.Client, a *client.Account) *Chain {
	return &Chain{
		client: c, account: a,
		lists: memo.New[listed](context.Background(), keepList), ready: memo.New[error](context.Background(), keepReady),
	}
}

// Address implements chain.Chain.
func (b *Chain) Address() string { return b.account.Text() }

// Balance implements chain.Chain.
func (b *Chain) Balance(ctx context.Context) (uint64, error) {
	have, err := b.account.Balance(ctx)
	if err != nil {
		return 0, err
	}
	return amount(have), nil
}

// Ready implements chain.Chain.
func (b *Chain) Ready(ctx context.Context) error {
	state, err := b.ready.Get(ctx, "", func(ctx context.Context) (error, error) {
		s, err := b.client.RPC.Status(ctx)
		switch {
		case err != nil:
			err = fmt.Errorf("node: %w", err)
		case s.SyncInfo.CatchingUp:
			err = fmt.Errorf("the node is at height %d and catching up", s.SyncInfo.LatestBlockHeight)
		case time.Since(s.SyncInfo.LatestBlockTime) > maxLag:
			err = fmt.Errorf("the node's last block is of %s", s.SyncInfo.LatestBlockTime.UTC().Format(time.RFC3339))
		}
		return err, nil
	})
	return errors.Join(state, err)
}

// Model implements chain.Chain.
func (b *Chain) Model(ctx context.Context, ref string) (chain.Model, error) {
	if _, err := modelstypes.ParseReference(ref); err != nil {
		return chain.Model{}, fmt.Errorf("%w: %.128q", chain.ErrNotFound, ref)
	}
	list, err := b.models(ctx, "model "+ref, func(ctx context.Context) ([]chain.Model, error) {
		res, err := b.client.Models.Model(ctx, &modelstypes.QueryModelRequest{Model: ref})
		if status.Code(err) == codes.NotFound {
			return nil, fmt.Errorf("%w: %.128q", chain.ErrNotFound, ref)
		}
		if err != nil {
			return nil, err
		}
		m, err := model(res.Model)
		return []chain.Model{m}, err
	})
	if err != nil {
		return chain.Model{}, err
	}
	return list[0], nil
}

// Models implements chain.Chain.
func (b *Chain) Models(ctx context.Context, name string) ([]chain.Model, error) {
	return b.models(ctx, "list "+name, func(ctx context.Context) ([]chain.Model, error) {
		var all []chain.Model
		page := &query.PageRequest{Limit: modelPage}
		for len(all) < maxModels {
			models, next, err := b.page(ctx, name, page)
			if err != nil {
				return nil, err
			}
			for _, m := range models {
				one, err := model(m)
				if err != nil {
					return nil, err
				}
				all = append(all, one)
			}
			if len(next) == 0 {
				break
			}
			page = &query.PageRequest{Limit: modelPage, Key: next}
		}
		return all, nil
	})
}

func (b *Chain) page(ctx context.Context, name string, page *query.PageRequest) (models []modelstypes.Model, next []byte, err error) {
	if name == "" {
		res, err := b.client.Models.Models(ctx, &modelstypes.QueryModelsRequest{Pagination: page})
		if err != nil {
			return nil, nil, err
		}
		return res.Models, res.Pagination.GetNextKey(), nil
	}
	res, err := b.client.Models.Versions(ctx, &modelstypes.QueryVersionsRequest{Name: name, Pagination: page})
	if err != nil {
		return nil, nil, err
	}
	return res.Models, res.Pagination.GetNextKey(), nil
}

// models reads models, or remembers them, also that one is not there. The caller may change the list.
func (b *Chain) models(ctx context.Context, what string, read func(context.Context) ([]chain.Model, error)) ([]chain.Model, error) {
	l, err := b.lists.Get(ctx, what, func(ctx context.Context) (listed, error) {
		models, err := read(ctx)
		if errors.Is(err, chain.ErrNotFound) {
			return listed{err: err}, nil
		}
		return listed{models: models}, err
	})
	return append([]chain.Model(nil), l.models...), errors.Join(l.err, err)
}

// model is a model in the gateway's words.
func model(m modelstypes.Model) (chain.Model, error) {
	out := chain.Model{
		Name: m.Name, Version: m.Version, SHA256: m.Sha256, Status: m.Status.Word(),
	}
	if m.Verdict.Reason != "" {
		out.Reason = m.Verdict.Reason
		if m.Verdict.Detail != "" {
			out.Reason += ": " + m.Verdict.Detail
		}
	}
	var err error
	if out.Inputs, err = m.InputSpecs(); err != nil {
		return out, fmt.Errorf("model %s:%d: %w", m.Name, m.Version, err)
	}
	if out.Outputs, err = m.OutputSpecs(nil); err != nil {
		return out, fmt.Errorf("model %s:%d: %w", m.Name, m.Version, err)
	}
	return out, nil
}

// amount is a number of uopg; what does not fit is the largest.
func amount(i sdkmath.Int) uint64 {
	switch {
	case i.IsNil() || i.IsNegative():
		return 0
	case !i.IsUint64():
		return math.MaxUint64
	default:
		return i.Uint64()
	}
}

// Check implements chain.Chain.
func (b *Chain) Check(ctx context.Context, r chain.Request) (chain.Checked, error) {
	request := request(r)
	checked, err := b.account.Check(ctx, request)
	if err != nil {
		return chain.Checked{}, checkError(err)
	}
	m, err := model(checked.Model)
	if err != nil {
		return chain.Checked{}, err
	}
	r.Model, r.MaxFee = m.SHA256, amount(checked.MaxFee)
	gas := amount(checked.GasFee.Amount)
	if gas > math.MaxUint64/gasRoom {
		return chain.Checked{}, fmt.Errorf("gas: expected an amount below %d%s, got %s", uint64(math.MaxUint64/gasRoom), inferencetypes.Denom, checked.GasFee)
	}
	return chain.Checked{Model: m, Request: r, Fee: amount(checked.Fee.Total), GasFee: gasRoom * gas}, nil
}

// request is a request in the client library's words.
func request(r chain.Request) client.Request {
	out := client.Request{
		Model: r.Model, Inputs: r.Inputs, Outputs: r.Outputs, IdempotencyKey: r.IdempotencyKey, ReuseBlocks: r.ReuseBlocks,
		Tier:     map[string]inferencetypes.Tier{"quorum": inferencetypes.TIER_QUORUM, "committee": inferencetypes.TIER_COMMITTEE}[r.Tier],
		Sealing:  map[string]inferencetypes.Sealing{"sealed": inferencetypes.SEALING_SEALED, "open": inferencetypes.SEALING_OPEN}[r.Sealing],
		FeeClass: map[string]schedulingtypes.FeeClass{"economy": schedulingtypes.FEE_CLASS_ECONOMY, "priority": schedulingtypes.FEE_CLASS_PRIORITY}[r.FeeClass],
	}
	if r.MaxFee > 0 {
		out.MaxFee = sdkmath.NewIntFromUint64(r.MaxFee)
	}
	return out
}

// poor is what clients are told when the account cannot pay. Whose it is and what it holds is for the log.
const poor = "the gateway's account has too few coins"

// checkError tells what is wrong with a request from what stands in its way now.
func checkError(err error) error {
	var invalid *client.InvalidError
	switch {
	case !errors.As(err, &invalid):
		return err
	case errors.Is(err, modelstypes.ErrModelNotFound):
		return &chain.NotFoundError{Invalid: chain.InvalidError{Field: invalid.Field, Expected: invalid.Expected, Got: invalid.Got}}
	case errors.Is(err, inferencetypes.ErrModelNotUsable), errors.Is(err, inferencetypes.ErrEligiblePower):
		return &chain.UnavailableError{Reason: invalid.Error()}
	case invalid.Field == "balance":
		return &chain.UnavailableError{Reason: poor, Detail: invalid.Error()}
	default:
		return &chain.InvalidError{Field: invalid.Field, Expected: invalid.Expected, Got: invalid.Got}
	}
}
