package client

import (
	"context"
	"time"

	rpchttp "github.com/cometbft/cometbft/rpc/client/http"
	cmttypes "github.com/cometbft/cometbft/types"
)

const (
	// redial is the pause before another websocket is opened to a node that gave none.
	redial = 5 * time.Second
	// maxSilence is the time without a block after which a websocket is held against the height of the node.
	maxSilence = 10 * time.Second
)

// listen hears of new blocks over a websocket, and opens another one when that fails. Meanwhile poll does its work.
func (f *follower) listen(ctx context.Context) {
	if f.client.remote == "" {
		return
	}
	for {
		f.hear(ctx)
		f.live.Store(false)
		timer := time.NewTimer(redial)
		select {
		case <-ctx.Done():
			timer.Stop()
			return
		case <-timer.C:
		}
	}
}

// hear takes the blocks of one websocket until it is silent while the node makes blocks.
func (f *follower) hear(ctx context.Context) {
	node, err := rpchttp.New(f.client.remote, "/websocket")
	if err != nil {
		return
	}
	if err := node.Start(); err != nil {
		return
	}
	defer node.Stop() //nolint:errcheck // It is given up in any case.
	blocks, err := node.Subscribe(ctx, "", cmttypes.EventQueryNewBlockHeader.String(), maxCatchUp)
	if err != nil {
		return
	}
	last := f.at()
	for {
		timer := time.NewTimer(maxSilence)
		select {
		case <-ctx.Done():
			timer.Stop()
			return
		case event := <-blocks:
			timer.Stop()
			if header, ok := event.Data.(cmttypes.EventDataNewBlockHeader); ok {
				f.live.Store(true)
				last = max(last, header.Header.Height)
				f.advance(ctx, header.Header.Height)
			}
		case <-timer.C:
			if f.at() > last {
				return
			}
		}
	}
}
