package client

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"github.com/opengradient/opengradient/internal/memo"
)

const (
	// pollInterval is the time between two looks at the height of the node, less than a block.
	pollInterval = 300 * time.Millisecond
	// livePollInterval is the same while the node tells of its blocks itself.
	livePollInterval = 2 * time.Second
	// maxCatchUp is the number of blocks that are read one by one; after a longer gap everybody looks.
	maxCatchUp = 16
	// keepBlock is how long the results of a block are remembered.
	keepBlock = time.Minute
)

// follower knows the height of the node and tells of new blocks. One for a client, however many wait. It begins with the first
// who asks.
type follower struct {
	client *Client
	blocks *memo.Memo[block]
	once   sync.Once
	done   sync.WaitGroup

	live atomic.Bool // the node tells of its blocks

	mu      sync.Mutex
	height  int64
	changed chan struct{} // closed at the next block
	waiters map[uint64]map[*waiter]struct{}
}

// waiter is woken when something may have happened to a request.
type waiter struct{ wake chan struct{} }

func newFollower(c *Client) *follower {
	return &follower{
		client: c, blocks: memo.New[block](c.closed, keepBlock), changed: make(chan struct{}),
		waiters: make(map[uint64]map[*waiter]struct{}),
	}
}

func (f *follower) start() {
	f.once.Do(func() {
		for _, work := range []func(context.Context){f.poll, f.listen} {
			f.done.Add(1)
			go func() {
				defer f.done.Done()
				work(f.client.closed)
			}()
		}
	})
}

// close returns when nothing runs any more. The context of the client has ended.
func (f *follower) close() {
	f.once.Do(func() {})
	f.done.Wait()
}

// poll asks the node for its height again and again: seldom while it tells of its blocks itself.
func (f *follower) poll(ctx context.Context) {
	for {
		if height, err := f.ask(ctx); err == nil {
			f.advance(ctx, height)
		}
		interval := pollInterval
		if f.live.Load() {
			interval = livePollInterval
		}
		timer := time.NewTimer(interval)
		select {
		case <-ctx.Done():
			timer.Stop()
			return
		case <-timer.C:
		}
	}
}

// ask asks once: a node that takes a connection and says nothing must not keep it for good.
func (f *follower) ask(ctx context.Context) (int64, error) {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	return f.client.Height(ctx)
}

// at is the last height that is known.
func (f *follower) at() int64 {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.height
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

// next returns when the height of the node is above one, when limit has passed, or when somebody wakes it.
func (f *follower) next(ctx context.Context, above int64, limit time.Duration, wake <-chan struct{}) error {
	f.start()
	timer := time.NewTimer(limit)
	defer timer.Stop()
	for {
		f.mu.Lock()
		height, changed := f.height, f.changed
		f.mu.Unlock()
		if height > above {
			return nil
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-timer.C:
			return nil
		case <-wake:
			return nil
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
