package main

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	abci "github.com/cometbft/cometbft/abci/types"
	"github.com/cometbft/cometbft/crypto/tmhash"
	coretypes "github.com/cometbft/cometbft/rpc/core/types"
	sdk "github.com/cosmos/cosmos-sdk/types"

	"github.com/opengradient/opengradient/testutil/chainclient"
	inferencetypes "github.com/opengradient/opengradient/x/inference/types"
)

// transaction is one that the generator sent.
type transaction struct {
	number int
	done   func()
	open   int // requests that have not ended
}

// watcher follows the blocks and tells the generator what is done.
type watcher struct {
	client *chainclient.Client
	load   load

	mu      sync.Mutex
	pending map[string]*transaction // sent, not seen in a block
	early   map[string]seenTx       // seen in a block before the generator knew that it was sent
	open    map[uint64]*transaction // by request that has not ended
	row     map[uint64]int          // by request: its number in the order of the load
	ended   int                     // requests or sends that have ended
	failed  int                     // transactions or requests that failed
	reason  string                  // why the first of them failed
	blocks  []blockCount
}

// seenTx is a transaction in a block.
type seenTx struct {
	ok  bool
	log string
	ids []uint64
}

// blockCount is what one block brought to its end.
type blockCount struct {
	height int64
	time   time.Time
	units  int
}

func newWatcher(client *chainclient.Client, l load) *watcher {
	return &watcher{
		client: client, load: l, pending: make(map[string]*transaction), early: make(map[string]seenTx),
		open: make(map[uint64]*transaction), row: make(map[uint64]int),
	}
}

// sent notes a transaction that a node has taken.
func (w *watcher) sent(hash string, tx transaction) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if seen, ok := w.early[hash]; ok {
		delete(w.early, hash)
		w.included(&tx, seen)
		return
	}
	w.pending[hash] = &tx
}

// included notes that a transaction is in a block. The caller holds the lock.
func (w *watcher) included(tx *transaction, seen seenTx) {
	if !seen.ok {
		w.fail(seen.log)
	}
	tx.open = len(seen.ids)
	for i, id := range seen.ids {
		w.open[id] = tx
		w.row[id] = tx.number*w.load.units + i
	}
	if tx.open == 0 {
		tx.done()
	}
}

// fail counts a failure. The caller holds the lock.
func (w *watcher) fail(reason string) {
	if w.failed++; w.failed == 1 {
		w.reason = reason
	}
}

// idle tells whether nothing is under way.
func (w *watcher) idle() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return len(w.pending) == 0 && len(w.open) == 0
}

// underWay describes what has not ended.
func (w *watcher) underWay() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return fmt.Sprintf("%d transactions and %d requests are under way, %d have ended, %d have failed", len(w.pending), len(w.open), w.ended, w.failed)
}

// follow reads every block from height on until ctx is done.
func (w *watcher) follow(ctx context.Context, height int64) error {
	for {
		err := w.client.WaitHeight(ctx, height)
		if ctx.Err() != nil {
			return nil
		}
		if err == nil {
			err = w.read(context.WithoutCancel(ctx), height)
		}
		if err != nil {
			return fmt.Errorf("block %d: %w", height, err)
		}
		height++
	}
}

// read takes in one block.
func (w *watcher) read(ctx context.Context, height int64) error {
	block, err := w.client.RPC.Block(ctx, &height)
	if err != nil {
		return err
	}
	results, err := w.results(ctx, height)
	if err != nil {
		return err
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	count := blockCount{height: height, time: block.Block.Time}
	// The first transaction is the injected commit.
	for i, raw := range block.Block.Txs {
		if i == 0 || i >= len(results.TxsResults) {
			continue
		}
		result := results.TxsResults[i]
		seen := seenTx{ok: result.Code == 0, log: result.Log}
		if seen.ok && w.load.inference {
			if seen.ids, err = w.client.RequestIDs(&sdk.TxResponse{Data: strings.ToUpper(hex.EncodeToString(result.Data))}); err != nil {
				return err
			}
		}
		if seen.ok && !w.load.inference {
			count.units += w.load.units
		}
		hash := strings.ToUpper(hex.EncodeToString(tmhash.Sum(raw)))
		if tx, ok := w.pending[hash]; ok {
			delete(w.pending, hash)
			w.included(tx, seen)
		} else {
			w.early[hash] = seen
		}
	}
	for _, event := range results.FinalizeBlockEvents {
		count.units += w.endedBy(event)
	}
	w.ended += count.units
	w.blocks = append(w.blocks, count)
	return nil
}

// results reads what a block led to. A node has a block a moment before its results.
func (w *watcher) results(ctx context.Context, height int64) (results *coretypes.ResultBlockResults, err error) {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	var last error
	err = chainclient.Until(ctx, "block results", func() (bool, error) {
		results, last = w.client.RPC.BlockResults(ctx, &height)
		return last == nil, nil
	})
	if err != nil {
		return nil, errors.Join(err, last)
	}
	return results, nil
}

// endedBy takes in an event and returns the number of requests that it made final. The caller holds the lock.
func (w *watcher) endedBy(event abci.Event) int {
	// BaseApp adds an attribute that says in which phase of the block the event was.
	event.Attributes = slices.DeleteFunc(slices.Clone(event.Attributes), func(a abci.EventAttribute) bool { return a.Key == "mode" })
	typed, err := sdk.ParseTypedEvent(event)
	if err != nil {
		return 0 // one of the SDK's plain events
	}
	var id uint64
	final := 0
	switch e := typed.(type) {
	case *inferencetypes.EventRequestFinalized:
		id, final = e.Id, 1
	case *inferencetypes.EventRequestFailed:
		id = e.Id
		w.fail(e.Reason.String())
	default:
		return 0
	}
	tx, ok := w.open[id]
	if !ok {
		return 0
	}
	delete(w.open, id)
	if tx.open--; tx.open == 0 {
		tx.done()
	}
	return final
}
