package client

import (
	"context"
	"strconv"
	"strings"
	"sync"
	"time"

	abci "github.com/cometbft/cometbft/abci/types"
)

const (
	// pollInterval is the time between two looks at the height of the node, less than a block.
	pollInterval = 300 * time.Millisecond
	// maxCatchUp is the number of blocks that are read one by one; after a longer gap everybody looks.
	maxCatchUp = 16
	// keepBlock is how long the results of a block are remembered.
	keepBlock = time.Minute
)

// block is what a client reads of the results of one block.
type block struct {
	height  int64
	touched map[uint64]struct{} // requests with an event
	txs     []*abci.ExecTxResult
}

// follower knows the height of the node and tells of new blocks. One for a client, however many wait. It begins with the first
// who asks.
type follower struct {
	client *Client
	blocks *memo[block]
	once   sync.Once
	done   sync.WaitGroup

	mu      sync.Mutex
	height  int64
	changed chan struct{} // closed at the next block
	waiters map[uint64]map[*waiter]struct{}
}

// waiter is woken when something may have happened to a request.
type waiter struct{ wake chan struct{} }

func newFollower(c *Client) *follower {
	return &follower{
		client: c, blocks: newMemo[block](c.closed, keepBlock), changed: make(chan struct{}),
		waiters: make(map[uint64]map[*waiter]struct{}),
	}
}

func (f *follower) start() {
	f.once.Do(func() {
		f.done.Add(1)
		go func() {
			defer f.done.Done()
			f.run(f.client.closed)
		}()
	})
}

// close returns when nothing runs any more. The context of the client has ended.
func (f *follower) close() {
	f.once.Do(func() {})
	f.done.Wait()
}

func (f *follower) run(ctx context.Context) {
	ticker := time.NewTicker(pollInterval)
	defer ticker.Stop()
	for {
		if height, err := f.client.Height(ctx); err == nil {
			f.advance(ctx, height)
		}
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
	}
}

// advance takes note of a height that the node has reached.
func (f *follower) advance(ctx context.Context, height int64) {
	f.mu.Lock()
	last, waiting := f.height, len(f.waiters) > 0
	if height <= last {
		f.mu.Unlock()
		return
	}
	f.height = height
	close(f.changed)
	f.changed = make(chan struct{})
	f.mu.Unlock()
	if !waiting {
		return
	}
	if last == 0 || height-last > maxCatchUp {
		f.wakeAll()
		return
	}
	for h := last + 1; h <= height; h++ {
		b, err := f.block(ctx, h)
		if err != nil {
			f.wakeAll()
			return
		}
		f.wake(b.touched)
	}
}

// next returns the height of the node once it is above one.
func (f *follower) next(ctx context.Context, above int64) (int64, error) {
	f.start()
	for {
		f.mu.Lock()
		height, changed := f.height, f.changed
		f.mu.Unlock()
		if height > above {
			return height, nil
		}
		select {
		case <-ctx.Done():
			return height, ctx.Err()
		case <-f.client.closed.Done():
			return height, ErrClosed
		case <-changed:
		}
	}
}

// watch wakes somebody whenever a block says something of a request.
func (f *follower) watch(id uint64) *waiter {
	f.start()
	w := &waiter{wake: make(chan struct{}, 1)}
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.waiters[id] == nil {
		f.waiters[id] = make(map[*waiter]struct{})
	}
	f.waiters[id][w] = struct{}{}
	return w
}

func (f *follower) leave(id uint64, w *waiter) {
	f.mu.Lock()
	defer f.mu.Unlock()
	delete(f.waiters[id], w)
	if len(f.waiters[id]) == 0 {
		delete(f.waiters, id)
	}
}

func (w *waiter) tell() {
	select {
	case w.wake <- struct{}{}:
	default:
	}
}

func (f *follower) wake(touched map[uint64]struct{}) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for id := range touched {
		for w := range f.waiters[id] {
			w.tell()
		}
	}
}

func (f *follower) wakeAll() {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, list := range f.waiters {
		for w := range list {
			w.tell()
		}
	}
}

// block reads the results of a block, once for all who ask.
func (f *follower) block(ctx context.Context, height int64) (block, error) {
	return f.blocks.get(ctx, strconv.FormatInt(height, 10), func(ctx context.Context) (block, error) {
		res, err := f.client.RPC.BlockResults(ctx, &height)
		if err != nil {
			return block{}, err
		}
		b := block{height: height, touched: make(map[uint64]struct{}), txs: res.TxsResults}
		b.read(res.FinalizeBlockEvents)
		for _, tx := range res.TxsResults {
			b.read(tx.Events)
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
