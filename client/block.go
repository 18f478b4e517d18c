package client

import (
	"context"
	"strconv"
	"strings"

	abci "github.com/cometbft/cometbft/abci/types"
	sdk "github.com/cosmos/cosmos-sdk/types"
)

// block is what a client reads of the results of one block.
type block struct {
	height  int64
	touched map[uint64]struct{} // requests with an event
	// signed are the results of transactions by their signature in base64. One that failed the checks before its messages has no
	// signature here: it had no effect.
	signed map[string]*abci.ExecTxResult
}

// block reads the results of a block, once for all who ask.
func (f *follower) block(ctx context.Context, height int64) (block, error) {
	return f.blocks.Get(ctx, strconv.FormatInt(height, 10), func(ctx context.Context) (block, error) {
		res, err := f.client.RPC.BlockResults(ctx, &height)
		if err != nil {
			return block{}, err
		}
		b := block{height: height, touched: make(map[uint64]struct{}), signed: make(map[string]*abci.ExecTxResult)}
		b.read(res.FinalizeBlockEvents)
		for _, tx := range res.TxsResults {
			b.read(tx.Events)
			b.sign(tx)
		}
		return b, nil
	})
}

// requestEvents begins the names of all events about one request.
const requestEvents = "opengradient.inference.v1.EventRequest"

// read notes the requests that events are about.
func (b *block) read(events []abci.Event) {
	for _, e := range events {
		if !strings.HasPrefix(e.Type, requestEvents) {
			continue
		}
		for _, a := range e.Attributes {
			if a.Key != "id" {
				continue
			}
			// Typed events hold JSON, in which an integer of 64 bits is a string.
			if id, err := strconv.ParseUint(strings.Trim(a.Value, `"`), 10, 64); err == nil {
				b.touched[id] = struct{}{}
			}
		}
	}
}

// sign notes the result of a transaction under its signatures.
func (b *block) sign(tx *abci.ExecTxResult) {
	for _, e := range tx.Events {
		if e.Type != sdk.EventTypeTx {
			continue
		}
		for _, a := range e.Attributes {
			if a.Key == sdk.AttributeKeySignature {
				b.signed[a.Value] = tx
			}
		}
	}
}
