package modelpush

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

func testOptions() Options {
	return Options{
		Window: 4, Lifetime: 6, Stall: 400, Retries: 100,
		Pause: func(ctx context.Context, _ int) error { return ctx.Err() },
	}
}

// requireOnce fails unless the chain has the whole file and was paid once for each chunk.
func requireOnce(t require.TestingT, c *fakeChain) {
	for i, paid := range c.chunks {
		require.True(t, c.stored[i], "chunk %d is stored", i)
		require.Equal(t, 1, paid, "chunk %d is paid for once", i)
	}
}

func TestPushFillsTheWindow(t *testing.T) {
	c := newFakeChain(9)
	var seen []int
	o := testOptions()
	o.Progress = func(missing int) { seen = append(seen, missing) }
	require.NoError(t, Run(context.Background(), c, o))
	requireOnce(t, c)
	require.Equal(t, []int{9, 5, 1, 0}, seen, "four chunks a block")
}

func TestPushOfNothingSendsNothing(t *testing.T) {
	c := newFakeChain(0)
	require.NoError(t, Run(context.Background(), c, testOptions()))
	require.Equal(t, 1, c.calls)
}

// run pushes until it is killed, and says whether it was.
func run(t require.TestingT, c *fakeChain, o Options) bool {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	o.Pause = func(ctx context.Context, _ int) error {
		if c.kill > 0 && c.calls >= c.kill {
			cancel()
		}
		return ctx.Err()
	}
	err := Run(ctx, c, o)
	if errors.Is(err, context.Canceled) || errors.Is(err, errKilled) {
		return true
	}
	require.NoError(t, err)
	return false
}

// TestKilledAtEveryCall kills the process at each call it makes, before and after the call has reached the node, and runs it again.
func TestKilledAtEveryCall(t *testing.T) {
	whole := newFakeChain(9)
	require.NoError(t, Run(context.Background(), whole, testOptions()))
	for at := 1; at <= whole.calls; at++ {
		for _, late := range []bool{false, true} {
			t.Run(fmt.Sprintf("call %d late %t", at, late), func(t *testing.T) {
				c := newFakeChain(9)
				c.kill, c.lateKill = at, late
				require.True(t, run(t, c, testOptions()))
				c.kill = 0
				require.False(t, run(t, c, testOptions()))
				requireOnce(t, c)
			})
		}
	}
}

// TestLeftoversAreLetThrough: a killed process left two transactions with the node. The first is the one that this process would
// send, bit by bit; the second has a chunk that this process would send under another number.
func TestLeftoversAreLetThrough(t *testing.T) {
	c := newFakeChain(3)
	expires := c.height + testOptions().Lifetime
	c.pool = []fakeTx{{seq: 3, chunk: 0, expires: expires}, {seq: 4, chunk: 2, expires: expires}}
	require.NoError(t, Run(context.Background(), c, testOptions()))
	requireOnce(t, c)
}

// TestPushUnderDisorder lets a second process use the key, loses and reorders transactions and connections, and kills the push
// again and again: the chain ends with the file, paid once.
func TestPushUnderDisorder(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		c := newFakeChain(rapid.IntRange(1, 14).Draw(rt, "chunks"))
		c.room = rapid.IntRange(1, 6).Draw(rt, "room")
		trouble := rapid.IntRange(0, 160).Draw(rt, "trouble")
		c.chance = func(label string, n int) int {
			if trouble == 0 {
				return 0
			}
			trouble--
			return rapid.IntRange(0, n-1).Draw(rt, label)
		}
		o := testOptions()
		o.Window = rapid.IntRange(1, 6).Draw(rt, "window")
		for range rapid.IntRange(0, 4).Draw(rt, "kills") {
			c.kill = c.calls + rapid.IntRange(1, 25).Draw(rt, "kill")
			c.lateKill = rapid.Bool().Draw(rt, "late")
			if !run(rt, c, o) {
				break
			}
			for range rapid.IntRange(0, 2).Draw(rt, "blocks in between") {
				c.block()
			}
		}
		c.kill = 0
		require.False(rt, run(rt, c, o))
		requireOnce(rt, c)
	})
}

func TestASecondWriterThatNeverStops(t *testing.T) {
	c := newFakeChain(20)
	c.chance = func(label string, n int) int {
		if label == "foreign transactions" {
			return n - 1
		}
		return 0
	}
	require.NoError(t, Run(context.Background(), c, testOptions()))
	requireOnce(t, c)
}

// stubborn answers everything in one way.
type stubborn struct {
	fakeChain
	answer Answer
	ended  bool
	fail   bool
	failed bool
}

func (s *stubborn) View(ctx context.Context) (View, error) {
	if s.ended {
		return View{}, fmt.Errorf("upload 3: %w", ErrEnded)
	}
	if s.fail {
		return View{}, errors.New("no route")
	}
	return s.fakeChain.View(ctx)
}

func (s *stubborn) Send(ctx context.Context, chunk uint32, seq uint64, expires int64) (Answer, error) {
	if s.failed {
		a, err := s.fakeChain.Send(ctx, chunk, seq, expires)
		s.results[a.Hash] = Result{Kind: ResultFailed, Detail: "out of gas"}
		s.pool = nil
		s.sequence++
		return a, err
	}
	return s.answer, nil
}

func TestPushGivesUpWithTheReason(t *testing.T) {
	for name, tc := range map[string]struct {
		chain stubborn
		want  string
	}{
		"refused by the node":  {stubborn{answer: Answer{Kind: AnswerRefused, Detail: "insufficient funds"}}, "chunk 0: the node refused its transaction: insufficient funds"},
		"refused by the chain": {stubborn{failed: true}, "chunk 0: the chain refused it: out of gas"},
		"always busy":          {stubborn{answer: Answer{Kind: AnswerBusy}}, "expected a chunk to be taken within 400 blocks, got none at height 407"},
		"upload is gone":       {stubborn{ended: true}, "upload 3: the upload has ended"},
		"no connection":        {stubborn{fail: true}, "expected the node to answer, got 101 failures in a row"},
	} {
		t.Run(name, func(t *testing.T) {
			tc.chain.fakeChain = *newFakeChain(3)
			require.ErrorContains(t, Run(context.Background(), &tc.chain, testOptions()), tc.want)
		})
	}
}

func TestReadDigestsEveryChunk(t *testing.T) {
	for _, size := range []int{1, ChunkSize - 1, ChunkSize, ChunkSize + 1, 3*ChunkSize + 17} {
		file := make([]byte, size)
		for i := range file {
			file[i] = byte(i * 7 >> 3)
		}
		d, err := Read(bytes.NewReader(file), int64(size))
		require.NoError(t, err)
		require.Equal(t, sha256.Sum256(file), d.SHA256)
		require.Equal(t, int64(size), d.Size)
		var joined []byte
		for i := range d.Chunks {
			chunk, err := d.Chunk(bytes.NewReader(file), uint32(i))
			require.NoError(t, err)
			require.Equal(t, sha256.Sum256(chunk), d.Chunks[i])
			joined = append(joined, chunk...)
		}
		require.True(t, slices.Equal(file, joined))
		_, err = d.Chunk(bytes.NewReader(file), uint32(len(d.Chunks)))
		require.Error(t, err)
		file[0]++
		_, err = d.Chunk(bytes.NewReader(file), 0)
		require.ErrorIs(t, err, ErrChanged)
		_, err = Read(bytes.NewReader(file), int64(size)-1)
		require.ErrorContains(t, err, "at most")
	}
	_, err := Read(bytes.NewReader(nil), 10)
	require.ErrorContains(t, err, "empty")
}
