package client

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	sdkmath "cosmossdk.io/math"

	inferencetypes "github.com/opengradient/opengradient/x/inference/types"
)

// soon is a context that ends a test which would wait for ever.
func soon(t *testing.T) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	t.Cleanup(cancel)
	return ctx
}

// put places requests on the chain that begin with the next block.
func (n *fakeNode) put(count int) {
	n.mu.Lock()
	defer n.mu.Unlock()
	for range count {
		n.requests = append(n.requests, inferencetypes.Request{
			Id: uint64(len(n.requests) + 1), Status: inferencetypes.REQUEST_STATUS_SUBMITTED, SubmittedHeight: n.height + 1,
			Fee:    inferencetypes.Fee{Compute: sdkmath.ZeroInt(), Bytes: sdkmath.ZeroInt(), Royalty: sdkmath.ZeroInt(), Total: sdkmath.ZeroInt()},
			Escrow: sdkmath.ZeroInt(),
		})
	}
}

// TestManyWaitersAskLittle: every waiter looks when it comes and when a block says something of its request, not at each block.
func TestManyWaitersAskLittle(t *testing.T) {
	const waiters, blocks = 400, 40
	n := newFakeNode(t)
	c := n.connect(t)
	n.put(waiters)
	var all sync.WaitGroup
	for id := uint64(1); id <= waiters; id++ {
		all.Go(func() {
			s, err := c.Wait(soon(t), id, StageFinal)
			require.NoError(t, err)
			require.Equal(t, []byte{byte(id)}, s.OutputRoot)
			label, err := Int64Values(s.Outputs[0])
			require.NoError(t, err)
			require.Equal(t, []int64{int64(id)}, label)
		})
	}
	require.Eventually(t, func() bool { return n.count("Request") >= waiters }, 10*time.Second, time.Millisecond)
	for range blocks {
		n.block(t)
		c.follower.advance(t.Context(), n.heightNow())
	}
	all.Wait()
	require.LessOrEqual(t, n.count("Request"), 4*waiters, "one look at first, one when the height is known, one when it is assigned, one when it is final")
	require.LessOrEqual(t, n.count("BlockResults"), blocks)
}

func (n *fakeNode) heightNow() int64 {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.height
}

func TestWaitUntilEachStage(t *testing.T) {
	n := newFakeNode(t)
	c := n.connect(t)
	n.put(1)
	n.run(t)
	for _, until := range []Stage{StageAccepted, StageAssigned, StageFinal, StageSettled} {
		s, err := c.Wait(soon(t), 1, until)
		require.NoError(t, err)
		require.GreaterOrEqual(t, s.Stage, until)
		require.Equal(t, s.Stage >= StageFinal, s.Outputs != nil)
		require.Equal(t, until == StageSettled, s.Receipt != nil)
	}
	s, err := c.Status(t.Context(), 1)
	require.NoError(t, err)
	require.Equal(t, StageSettled, s.Stage)
}

func TestWaitFails(t *testing.T) {
	ended := func(s inferencetypes.RequestStatus, why inferencetypes.FailureReason) func(*fakeNode) {
		return func(n *fakeNode) {
			n.put(1)
			n.requests[0].Status, n.requests[0].FailureReason, n.requests[0].FinalHeight = s, why, 107
		}
	}
	for name, tc := range map[string]struct {
		prepare func(*fakeNode)
		want    string
	}{
		"no such request": {func(*fakeNode) {}, "request not found"},
		"cancelled":       {ended(inferencetypes.REQUEST_STATUS_CANCELLED, 0), "request 1: expected an answer, it was cancelled"},
		"failed": {ended(inferencetypes.REQUEST_STATUS_FAILED, inferencetypes.FAILURE_REASON_DEADLINE),
			"request 1: expected an answer, it failed at height 107: its time was over before validators agreed"},
		"failed for a new reason": {ended(inferencetypes.REQUEST_STATUS_FAILED, 77), "it failed at height 107: 77"},
	} {
		t.Run(name, func(t *testing.T) {
			n := newFakeNode(t)
			tc.prepare(n)
			c := n.connect(t)
			_, err := c.Wait(soon(t), 1, StageSettled)
			require.ErrorContains(t, err, tc.want)
			for _, err := range c.Watch(soon(t), 1) {
				require.ErrorContains(t, err, tc.want)
			}
		})
	}
}

func TestWaitEndsWithItsContextAndItsClient(t *testing.T) {
	n := newFakeNode(t)
	n.put(1)
	c := n.connect(t)
	ctx, cancel := context.WithCancel(t.Context())
	began := make(chan struct{})
	go func() {
		<-began
		cancel()
	}()
	close(began)
	_, err := c.Wait(ctx, 1, StageFinal)
	require.ErrorIs(t, err, context.Canceled)
	waiting := make(chan error)
	go func() {
		_, err := c.Wait(context.Background(), 1, StageFinal)
		waiting <- err
	}()
	require.Eventually(t, func() bool { return n.count("Request") >= 2 }, 10*time.Second, time.Millisecond)
	require.NoError(t, c.Close())
	require.ErrorIs(t, <-waiting, ErrClosed)
}

// TestWaitOutlastsTheNode: the node goes away and comes back.
func TestWaitOutlastsTheNode(t *testing.T) {
	n := newFakeNode(t)
	n.put(1)
	c := n.connect(t)
	n.mu.Lock()
	n.away = true
	n.mu.Unlock()
	waiting := make(chan error)
	go func() {
		_, err := c.Wait(soon(t), 1, StageFinal)
		waiting <- err
	}()
	require.Eventually(t, func() bool { return n.count("Request") >= 1 }, 10*time.Second, time.Millisecond)
	n.mu.Lock()
	n.away = false
	n.mu.Unlock()
	n.run(t)
	require.NoError(t, <-waiting)
}

func TestWatchTellsEveryStageOnce(t *testing.T) {
	n := newFakeNode(t)
	n.put(1)
	c := n.connect(t)
	n.run(t)
	var stages []Stage
	var heights []int64
	for e, err := range c.Watch(soon(t), 1) {
		require.NoError(t, err)
		stages, heights = append(stages, e.Stage), append(heights, e.Height)
		require.Equal(t, e.Stage == StageAssigned, e.Attempt == 1)
	}
	require.Equal(t, []Stage{StageAccepted, StageAssigned, StageFinal, StageSettled}, stages)
	require.Equal(t, []int64{101, 101, 103, 106}, heights)
	for _, err := range c.Watch(soon(t), 1) {
		require.NoError(t, err, "leaving early is no error")
		break
	}
}

func TestEveryAttemptIsToldOf(t *testing.T) {
	var n seen
	status := func(stage Stage, attempt uint32) Status {
		return Status{Stage: stage, Request: inferencetypes.Request{Attempt: attempt, AssignedHeight: 10 + int64(attempt)}}
	}
	require.Len(t, n.news(status(StageAccepted, 0)), 1)
	require.Empty(t, n.news(status(StageAccepted, 0)))
	require.Equal(t, uint32(1), n.news(status(StageAssigned, 1))[0].Attempt)
	require.Empty(t, n.news(status(StageAssigned, 1)))
	events := n.news(status(StageFinal, 2))
	require.Len(t, events, 2)
	require.Equal(t, uint32(2), events[0].Attempt)
}
