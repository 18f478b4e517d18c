package nodeapi_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/opengradient/opengradient/app/nodeapi"
	"github.com/opengradient/opengradient/app/nodetypes"
	inferencetypes "github.com/opengradient/opengradient/x/inference/types"
)

// chain is committed state that a test moves on.
type chain struct {
	mu     sync.Mutex
	height int64
	stages map[uint64]nodetypes.Stage
	broken error
	reads  int
}

func newChain() *chain { return &chain{height: 1, stages: make(map[uint64]nodetypes.Stage)} }

func (c *chain) latest() (nodeapi.Block, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.broken != nil {
		return nil, c.broken
	}
	return c, nil
}

func (c *chain) Request(id uint64) (nodeapi.Standing, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.reads++
	stage, known := c.stages[id]
	if !known {
		return nodeapi.Standing{}, inferencetypes.ErrRequestNotFound
	}
	if stage < 0 {
		panic("store closed")
	}
	return nodeapi.Standing{Request: inferencetypes.Request{Id: id}, Stage: stage, Height: c.height}, nil
}

// commit moves a request to a stage in a new block.
func (c *chain) commit(id uint64, stage nodetypes.Stage) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.height++
	c.stages[id] = stage
}

func (c *chain) fail(err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.broken = err
}

// answer is what a call came back with.
type answer struct {
	standing nodeapi.Standing
	err      error
	after    time.Duration
}

func call(ctx context.Context, w *nodeapi.Waiters, id uint64, until nodetypes.Stage, timeout time.Duration) <-chan answer {
	came := make(chan answer, 1)
	begun := time.Now()
	go func() {
		standing, err := w.Wait(ctx, id, until, timeout)
		came <- answer{standing, err, time.Since(begun)}
	}()
	return came
}

func TestWaitAnswersAtTheStage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newChain()
		c.commit(7, nodetypes.STAGE_ACCEPTED)
		w := nodeapi.NewWaiters(c.latest)
		assigned := call(t.Context(), w, 7, nodetypes.STAGE_ASSIGNED, time.Minute)
		final := call(t.Context(), w, 7, nodetypes.STAGE_FINAL, time.Minute)
		synctest.Wait()
		require.Equal(t, 2, w.Waiting())

		// A commit that changes nothing wakes nobody.
		w.Wake()
		synctest.Wait()
		require.Equal(t, 2, w.Waiting())

		c.commit(7, nodetypes.STAGE_ASSIGNED)
		w.Wake()
		got := <-assigned
		require.NoError(t, got.err)
		require.Equal(t, nodetypes.STAGE_ASSIGNED, got.standing.Stage)
		require.Equal(t, int64(3), got.standing.Height)
		require.Equal(t, 1, w.Waiting())

		// A stage is reached by a later one.
		c.commit(7, nodetypes.STAGE_SETTLED)
		w.Wake()
		require.Equal(t, nodetypes.STAGE_SETTLED, (<-final).standing.Stage)
		require.Zero(t, w.Waiting())
		w.Stop()
	})
}

func TestWaitAnswersAtOnce(t *testing.T) {
	c := newChain()
	c.commit(7, nodetypes.STAGE_FINAL)
	w := nodeapi.NewWaiters(c.latest)
	for name, tc := range map[string]struct {
		id      uint64
		until   nodetypes.Stage
		timeout time.Duration
		want    error
	}{
		"when the stage is reached":   {7, nodetypes.STAGE_FINAL, time.Hour, nil},
		"when it has no time":         {7, nodetypes.STAGE_SETTLED, 0, nil},
		"when there is no request":    {8, nodetypes.STAGE_FINAL, time.Hour, inferencetypes.ErrRequestNotFound},
		"when there is none, no time": {8, nodetypes.STAGE_FINAL, 0, inferencetypes.ErrRequestNotFound},
	} {
		t.Run(name, func(t *testing.T) {
			standing, err := w.Wait(t.Context(), tc.id, tc.until, tc.timeout)
			require.ErrorIs(t, err, tc.want)
			if err == nil {
				require.Equal(t, nodetypes.STAGE_FINAL, standing.Stage)
			}
			require.Zero(t, w.Waiting())
		})
	}
}

// TestWaitEnds: a call that is over for whatever reason is freed, and says how the request is by then.
func TestWaitEnds(t *testing.T) {
	for name, tc := range map[string]struct {
		end   func(w *nodeapi.Waiters, cancel func())
		want  error
		after time.Duration
	}{
		"by its time":                 {func(*nodeapi.Waiters, func()) {}, nil, 10 * time.Second},
		"by its client":               {func(_ *nodeapi.Waiters, cancel func()) { cancel() }, nil, time.Second},
		"by the node that is stopped": {func(w *nodeapi.Waiters, _ func()) { w.Stop() }, nodeapi.ErrStopping, time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c := newChain()
				c.commit(7, nodetypes.STAGE_ACCEPTED)
				w := nodeapi.NewWaiters(c.latest)
				ctx, cancel := context.WithCancel(t.Context())
				defer cancel()
				came := call(ctx, w, 7, nodetypes.STAGE_FINAL, 10*time.Second)
				<-time.After(time.Second) // by the clock of the bubble
				c.commit(7, nodetypes.STAGE_ASSIGNED)
				tc.end(w, cancel)
				got := <-came
				require.ErrorIs(t, got.err, tc.want)
				require.Equal(t, tc.after, got.after)
				if tc.want == nil {
					require.Equal(t, nodetypes.STAGE_ASSIGNED, got.standing.Stage)
				}
				require.Zero(t, w.Waiting())
				w.Stop()
			})
		})
	}
}

func TestStoppedWaitersTakeNoCalls(t *testing.T) {
	c := newChain()
	c.commit(7, nodetypes.STAGE_ACCEPTED)
	w := nodeapi.NewWaiters(c.latest)
	w.Stop()
	w.Stop()
	_, err := w.Wait(t.Context(), 7, nodetypes.STAGE_FINAL, time.Hour)
	require.ErrorIs(t, err, nodeapi.ErrStopping)
	w.Wake()
}

// TestWaitersAreBounded: one call too many is refused, and there is room again once another has gone.
func TestWaitersAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newChain()
		for id := range uint64(3) {
			c.commit(id, nodetypes.STAGE_ACCEPTED)
		}
		w := nodeapi.NewWaiters(c.latest)
		ctx, cancel := context.WithCancel(t.Context())
		for i := range nodeapi.MaxWaiting {
			call(ctx, w, uint64(i%3), nodetypes.STAGE_FINAL, time.Minute)
		}
		synctest.Wait()
		require.Equal(t, nodeapi.MaxWaiting, w.Waiting())
		_, err := w.Wait(t.Context(), 1, nodetypes.STAGE_FINAL, time.Minute)
		require.ErrorIs(t, err, nodeapi.ErrTooManyWaiting)

		// However many wait, a commit costs one read for each request.
		c.mu.Lock()
		c.reads = 0
		c.mu.Unlock()
		w.Wake()
		synctest.Wait()
		c.mu.Lock()
		require.Equal(t, 3, c.reads)
		c.mu.Unlock()

		cancel()
		synctest.Wait()
		require.Zero(t, w.Waiting())
		w.Stop()
	})
}

// TestWaitOutlivesReadsThatFail: what cannot be read after one block is read after the next.
func TestWaitOutlivesReadsThatFail(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newChain()
		c.commit(7, nodetypes.STAGE_ACCEPTED)
		w := nodeapi.NewWaiters(c.latest)
		came := call(t.Context(), w, 7, nodetypes.STAGE_FINAL, time.Minute)
		synctest.Wait()
		c.fail(errors.New("pruned"))
		w.Wake()
		synctest.Wait()
		c.fail(nil)
		c.commit(7, -1) // a read that panics
		w.Wake()
		synctest.Wait()
		require.Equal(t, 1, w.Waiting())
		c.commit(7, nodetypes.STAGE_FINAL)
		w.Wake()
		require.NoError(t, (<-came).err)
		w.Stop()
	})
}

// TestNoCommitIsMissed: calls come and go while blocks are committed; each is answered at the block in which its request
// came to its stage, and never waits for its time.
func TestNoCommitIsMissed(t *testing.T) {
	c := newChain()
	const requests, calls = 20, 10
	for id := range uint64(requests) {
		c.commit(id, nodetypes.STAGE_ACCEPTED)
	}
	w := nodeapi.NewWaiters(c.latest)
	var waiting []<-chan answer
	for id := range uint64(requests) {
		for range calls {
			waiting = append(waiting, call(t.Context(), w, id, nodetypes.STAGE_FINAL, time.Minute))
		}
		c.commit(id, nodetypes.STAGE_FINAL)
		w.Wake()
	}
	for _, came := range waiting {
		got := <-came
		require.NoError(t, got.err)
		require.Equal(t, nodetypes.STAGE_FINAL, got.standing.Stage)
		require.Less(t, got.after, 30*time.Second)
	}
	w.Stop()
	require.Zero(t, w.Waiting())
}
