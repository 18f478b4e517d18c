package client

import (
	"context"
	"fmt"
	"math"
	"sync"

	sdkmath "cosmossdk.io/math"
	sdk "github.com/cosmos/cosmos-sdk/types"
	txtypes "github.com/cosmos/cosmos-sdk/types/tx"

	"github.com/opengradient/opengradient/internal/wallet"
	inferencetypes "github.com/opengradient/opengradient/x/inference/types"
)

const (
	// DefaultGasAdjustment covers what differs from one transaction of a kind to the next beside the length of its inputs.
	DefaultGasAdjustment = 1.1
	// storeGasPerByte and txGasPerByte are what a byte of a transaction costs beside the chain's own parameter: written to the
	// store as an input, and as a part of the transaction.
	storeGasPerByte, txGasPerByte = 30, 10
	// unknownGas bounds what a request costs beside its bytes, when the node cannot try it.
	unknownGas = 700_000
	// maxKinds bounds the kinds of requests that are remembered.
	maxKinds = 1024
	// simulations bounds how often a node is asked that expects another sequence number.
	simulations = 5
	// thirst multiplies the limit of a transaction after one that ran out of gas.
	thirst = 2
)

// MaxGasFees is what all transactions of one submission cost at most, as a multiple of the gas fee of the first.
const MaxGasFees = 1 + thirst

// gasBook knows what requests use. The first of a kind is tried by the node; from then on the limit follows from the length of
// the inputs, and from what those in blocks have used.
type gasBook struct {
	adjustment float64

	mu    sync.Mutex
	kinds map[string]float64 // what a request of a kind uses beside its bytes
}

func newGasBook(adjustment float64) *gasBook {
	return &gasBook{adjustment: adjustment, kinds: make(map[string]float64)}
}

// kind names requests that use the same but for their length.
func kind(m *inferencetypes.MsgSubmitRequests) string {
	return fmt.Sprint(m.Model, "\x00", m.Tier, m.Sealing, m.FeeClass, len(m.Outputs), m.ReuseBlocks > 0, len(m.Requests))
}

// bytesGas is what the bytes of a request cost.
func bytesGas(m *inferencetypes.MsgSubmitRequests, params inferencetypes.Params) float64 {
	return float64(uint64(m.Size()) * (txGasPerByte + storeGasPerByte + params.InputGasPerByte))
}

// known tells whether a request of the kind was tried.
func (g *gasBook) known(m *inferencetypes.MsgSubmitRequests) (float64, bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	own, ok := g.kinds[kind(m)]
	return own, ok
}

// learn takes what a request has used. The largest counts, and is forgotten slowly.
func (g *gasBook) learn(m *inferencetypes.MsgSubmitRequests, params inferencetypes.Params, used uint64) {
	own := max(float64(used)-bytesGas(m, params), 0)
	g.mu.Lock()
	defer g.mu.Unlock()
	if len(g.kinds) >= maxKinds {
		clear(g.kinds)
	}
	k := kind(m)
	if before, ok := g.kinds[k]; ok && own < before {
		own = before - (before-own)/16
	}
	g.kinds[k] = own
}

// limit is the gas limit of a request, after so many transactions of it that ran out of gas.
func (g *gasBook) limit(m *inferencetypes.MsgSubmitRequests, params inferencetypes.Params, attempt uint32) uint64 {
	own, ok := g.known(m)
	if !ok {
		own = unknownGas
	}
	return uint64(math.Ceil((own + bytesGas(m, params)) * g.adjustment * math.Pow(thirst, float64(min(attempt, 8)))))
}

// try asks the node what a request of an unknown kind uses. When it does not say, the limit is a generous one.
func (a *Account) try(ctx context.Context, m *inferencetypes.MsgSubmitRequests, params inferencetypes.Params) {
	if _, ok := a.gas.known(m); ok {
		return
	}
	used, err := a.tried.Get(ctx, kind(m), func(ctx context.Context) (uint64, error) { return a.simulate(ctx, m) })
	if err == nil {
		a.gas.learn(m, params, used)
	}
}

func (a *Account) simulate(ctx context.Context, m *inferencetypes.MsgSubmitRequests) (uint64, error) {
	sequence, err := a.committed(ctx)
	if err != nil {
		return 0, err
	}
	price := a.price()
	fee := sdk.Coin{Denom: price.Denom, Amount: sdkmath.ZeroInt()}
	if price.Amount.IsPositive() {
		fee.Amount = sdkmath.OneInt() // taking a fee uses gas as well, whatever the fee is
	}
	for range simulations {
		b, err := a.signer.build(m, sequence, 0, fee, 0)
		if err != nil {
			return 0, err
		}
		raw, err := a.signer.txConfig.TxEncoder()(b.GetTx())
		if err != nil {
			return 0, err
		}
		res, err := txtypes.NewServiceClient(a.client.conn).Simulate(ctx, &txtypes.SimulateRequest{TxBytes: raw})
		if err == nil {
			return res.GasInfo.GasUsed, nil
		}
		// The node counts what waits for the next block as well.
		next, ok := wallet.ExpectedSequence(err.Error())
		if !ok {
			return 0, err
		}
		sequence = next
	}
	return 0, fmt.Errorf("gas: the sequence number of %s changed too often", a.text)
}

// fee is what a gas limit costs.
func (a *Account) fee(gas uint64) sdk.Coin {
	price := a.price()
	return sdk.NewCoin(price.Denom, price.Amount.MulInt(sdkmath.NewIntFromUint64(gas)).Ceil().TruncateInt())
}
