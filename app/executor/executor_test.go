package executor

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	abci "github.com/cometbft/cometbft/abci/types"
	sdk "github.com/cosmos/cosmos-sdk/types"

	"github.com/opengradient/opengradient/app/voteext"
	"github.com/opengradient/opengradient/internal/tensor"
)

var _ voteext.Source = (*Executor)(nil)

func TestNewRefuses(t *testing.T) {
	outbox := open(t, t.TempDir())
	cases := []struct {
		reason string
		opts   Options
	}{
		{"no state", Options{Operator: self, Engine: newEngine(), Outbox: outbox, SealKey: SealKey{1}}},
		{"no engine", Options{Operator: self, Committed: newChain(), Outbox: outbox, SealKey: SealKey{1}}},
		{"no outbox", Options{Operator: self, Committed: newChain(), Engine: newEngine()}},
		{"no seal key", Options{Operator: self, Committed: newChain(), Engine: newEngine(), Outbox: outbox}},
		{"nobody to act for", Options{Committed: newChain(), Engine: newEngine(), Outbox: outbox, SealKey: SealKey{1}}},
		{"an operator that is none", Options{Operator: "x", Committed: newChain(), Engine: newEngine(), Outbox: outbox, SealKey: SealKey{1}}},
	}
	for _, c := range cases {
		t.Run(c.reason, func(t *testing.T) {
			_, err := New(c.opts)
			require.Error(t, err)
		})
	}
}

func start(t *testing.T, c *chain, e *engine) *Executor {
	t.Helper()
	x, err := New(Options{Consensus: []byte("address"), Committed: c, Engine: e, Outbox: open(t, t.TempDir()), SealKey: SealKey{1}})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, x.Close()) })
	x.Start()
	x.Start()
	return x
}

func TestExecutorAtWork(t *testing.T) {
	c, e := newChain(), newEngine()
	c.open(1)
	x := start(t, c, e)
	said := func(n int) func() bool {
		return func() bool { return len(x.Pending().Items) == n }
	}
	require.Eventually(t, said(1), 10*time.Second, time.Millisecond, "the scan at the start finds the round")

	c.open(2)
	for range 100 {
		x.Wake()
	}
	require.Eventually(t, said(2), 10*time.Second, time.Millisecond)

	resp, err := voteext.NewHandler(x, nil, nil).ExtendVote(sdk.Context{}, &abci.RequestExtendVote{Height: 101})
	require.NoError(t, err)
	ext, err := voteext.Decode(resp.VoteExtension)
	require.NoError(t, err)
	require.Len(t, ext.Attestations, 2)

	require.NoError(t, x.Close())
	require.NoError(t, x.Close())
	require.Empty(t, x.Pending().Items)
	x.Wake()
	x.Wake()
}

func TestCloseStopsARun(t *testing.T) {
	c, e := newChain(), newEngine()
	c.open(1)
	running := make(chan struct{})
	e.infer = func(ctx context.Context, _ []tensor.Tensor) (Run, error) {
		close(running)
		<-ctx.Done()
		return Run{}, ctx.Err()
	}
	x := start(t, c, e)
	<-running
	require.NoError(t, x.Close())
	require.Empty(t, x.opts.Outbox.Keys())
}

func TestEngineThatBecomesReadyIsUsedWithoutABlock(t *testing.T) {
	c, e := newChain(), newEngine()
	e.status.Ready = false
	c.open(1)
	x := start(t, c, e)
	require.Eventually(t, func() bool { return x.Pending().Status != nil }, 10*time.Second, time.Millisecond)
	e.set(func(e *engine) { e.status.Ready = true })
	require.Eventually(t, func() bool { return len(x.Pending().Items) == 1 }, 10*time.Second, time.Millisecond)
}

func TestCloseWithoutStart(t *testing.T) {
	x, err := New(Options{Operator: self, Committed: newChain(), Engine: newEngine(), Outbox: open(t, t.TempDir()), SealKey: SealKey{1}})
	require.NoError(t, err)
	require.NoError(t, x.Close())
	x.Start()
	require.Empty(t, x.Pending().Items)
}
