package push

import (
	"context"

	sdkmath "cosmossdk.io/math"
	sdk "github.com/cosmos/cosmos-sdk/types"

	"github.com/opengradient/opengradient/internal/modelpush"
	"github.com/opengradient/opengradient/x/models/types"
)

// Cost is what is left to pay, exactly: the limits of gas are paid for, whatever is used of them.
type Cost struct {
	// ByteFee and AdmissionFee are in uopg. An upload takes both when it is opened.
	ByteFee, AdmissionFee sdkmath.Int
	// Gas is the limit of all transactions together, GasFee what they pay for it.
	Gas    uint64
	GasFee sdk.Coin
	// Transactions is their number.
	Transactions int
}

// Total is the sum.
func (c Cost) Total() sdk.Coins {
	return sdk.NewCoins(sdk.NewCoin(types.Denom, c.ByteFee.Add(c.AdmissionFee))).Add(c.GasFee)
}

func (p *Pusher) free() Cost {
	return Cost{ByteFee: sdkmath.ZeroInt(), AdmissionFee: sdkmath.ZeroInt(), GasFee: sdk.NewCoin(p.Wallet.GasPrice.Denom, sdkmath.ZeroInt())}
}

func (c *Cost) add(p *Pusher, msg sdk.Msg, own uint64) {
	gas := p.Wallet.Gas(msg, own)
	c.Gas += gas
	c.GasFee = c.GasFee.Add(p.Wallet.Fee(gas))
	c.Transactions++
}

// cost is what a plan costs.
func (p *Pusher) cost(ctx context.Context, r Request, plan Plan) (Cost, error) {
	cost := p.free()
	fees, err := p.Queries.Cost(ctx, &types.QueryCostRequest{
		Size_: uint64(r.Digest.Size), CardSize: uint64(len(r.Manifest.Card)), Reference: plan.Way == WayReference,
	})
	if err != nil {
		return Cost{}, err
	}
	if plan.Way != WayResume {
		cost.ByteFee, cost.AdmissionFee = fees.ByteFee, fees.AdmissionFee
	}
	switch plan.Way {
	case WayInline:
		// The bytes of the file themselves are not needed to know what they cost.
		msg := p.registerMsg(r, make([]byte, r.Digest.Size))
		cost.add(p, msg, p.registerGas(r))
	case WayReference:
		cost.add(p, p.referenceMsg(r), p.referenceGas(r))
	case WayUpload:
		cost.add(p, p.openMsg(r), p.openGas(r))
	}
	for _, chunk := range plan.Missing {
		msg := p.chunkMsg(longestID, chunk, make([]byte, modelpush.ChunkLength(r.Digest.Size, chunk)))
		cost.add(p, msg, p.chunkGas(r, chunk))
	}
	return cost, nil
}

// longestID is the upload that the gas of chunks is counted with: what a chunk costs does not depend on the digits of the
// number that an upload gets.
const longestID = 1<<63 - 1

// What a state write and a read cost per byte by the gas table of the store, and what indexes and fees cost besides.
const (
	writeGas    = 30
	readGas     = 3
	recordGas   = 220_000
	uploadGas   = 150_000
	perChunkGas = 40
)

func (p *Pusher) registerGas(r Request) uint64 {
	return p.Params.Gas(uint64(r.Digest.Size)) + recordGas + writeGas*(2*uint64(r.Manifest.Size())+3*uint64(r.Inspection.Size()))
}

func (p *Pusher) referenceGas(r Request) uint64 {
	return recordGas + writeGas*(2*uint64(r.Manifest.Size())+3*uint64(r.Inspection.Size()))
}

func (p *Pusher) openGas(r Request) uint64 {
	return uploadGas + writeGas*(uint64(r.Manifest.Size())+perChunkGas*uint64(len(r.Digest.Chunks)))
}

// chunkGas covers that of the last chunk, which writes the model: any chunk may be the last.
func (p *Pusher) chunkGas(r Request, chunk uint32) uint64 {
	record := uint64(r.Manifest.Size()) + perChunkGas*uint64(len(r.Digest.Chunks))
	return p.Params.Gas(uint64(modelpush.ChunkLength(r.Digest.Size, chunk))) + recordGas + readGas*record + 2*writeGas*uint64(r.Manifest.Size())
}
