package executor

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/opengradient/opengradient/app/voteext"
	"github.com/opengradient/opengradient/internal/tensor"
	verificationtypes "github.com/opengradient/opengradient/x/verification/types"
)

// another makes the engine answer with other bytes, as one of another environment class would.
func another(e *engine) {
	e.infer = func(context.Context, []tensor.Tensor) (Run, error) {
		return Run{Outputs: []tensor.Tensor{vector("y", 200)}}, nil
	}
}

// sit makes the folder unusable for removals and writes: each record is a folder that is not empty.
func sit(t *testing.T, dir string, key voteext.Key) {
	t.Helper()
	path := filepath.Join(dir, recordName(key))
	require.NoError(t, os.Remove(path))
	require.NoError(t, os.MkdirAll(filepath.Join(path, "full"), 0o700))
}

// The same home folder on a chain that begins again: request ids and attempts are the same, the requests are not.
func TestEntryOfAnotherRequestIsNeverSaid(t *testing.T) {
	b := newBench(t)
	key := b.chain.open(1, func(d *Duty) { d.Round.Leader = self })
	b.block()
	before, ok := b.say(key)
	require.True(t, ok)
	b.chain.change(key, func(d *Duty) { d.Digest = digest(99); d.Round.Digest = digest(99) })
	b.engine.set(another)
	b.cache = newResultCache()

	// The disk refuses to let the old outcome go.
	sit(t, b.dir, key)
	for range 3 {
		b.block()
		require.Empty(t, b.items(), "expected silence rather than the outcome of another request")
	}
	require.Positive(t, b.counter.of(EventStoreError))

	require.NoError(t, os.RemoveAll(filepath.Join(b.dir, recordName(key))))
	b.block()
	b.clock.move(time.Minute)
	b.block()
	after, ok := b.say(key)
	require.True(t, ok)
	require.False(t, before.Outcome.Equal(after.Outcome))
}

// What committed state holds of the node stands, whatever the node would say now: with its outbox lost, restored from an
// older copy, or taken from another node, and its engine replaced by one that answers otherwise.
func TestNothingIsSaidTwiceWhateverIsLost(t *testing.T) {
	first, output := result(t)
	for name, tc := range map[string]struct {
		lose func(*bench, voteext.Key)
	}{
		"outbox lost": {func(b *bench, key voteext.Key) {
			require.NoError(b.t, os.Remove(filepath.Join(b.dir, recordName(key))))
		}},
		"outbox of another node": {func(b *bench, key voteext.Key) {
			entry, _ := b.opts.Outbox.Get(key)
			require.NoError(b.t, b.opts.Outbox.Drop(key))
			entry.Output = encoded(b.t, vector("y", 201))
			entry.Outcome = verificationtypes.NewRootOutcome(tensor.MerkleRoot(entry.Output))
			require.NoError(b.t, b.opts.Outbox.Put(entry))
		}},
		"seal key lost":            {func(b *bench, _ voteext.Key) { b.sealKey = SealKey{7} }},
		"seal key and outbox lost": {func(b *bench, key voteext.Key) { b.sealKey = SealKey{7}; require.NoError(b.t, os.RemoveAll(b.dir)) }},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t)
			key := b.chain.open(1, seal, func(d *Duty) { d.Round.Leader = self; d.Round.ContestedHeight = 100 })
			b.block()
			said, ok := b.say(key)
			require.True(t, ok)
			// Between commitment and reveal, and again once the reveal is recorded.
			for _, phase := range []func(*Duty){
				func(d *Duty) { commit(said.Commitment)(d); reveal(d) },
				func(d *Duty) { record(d, self, first) },
			} {
				b.chain.change(key, phase)
				tc.lose(b, key)
				b.engine.set(another)
				b.restart()
				for range 4 {
					b.block()
					if got, speaks := b.say(key); speaks {
						require.True(t, first.Equal(got.Outcome), "a second outcome is said")
						require.True(t, len(got.Salt) == 0 || opens(t, said.Commitment, got), "a reveal of something else")
						for _, bytesSaid := range [][]byte{got.Output, got.Contested} {
							require.True(t, len(bytesSaid) == 0 || bytes.Equal(output, bytesSaid), "bytes of another root")
						}
					}
				}
				b.stop()
			}
		})
	}
}

// A run counts for the class it was made in: a worker that was upgraded before, during or after it, or a class that was
// registered anew, leaves no outcome under a class that did not give it.
func TestOutcomesCarryTheClassTheyWereMadeIn(t *testing.T) {
	b := newBench(t)
	key := b.chain.open(1)
	b.block()
	made, _ := b.say(key)
	require.Equal(t, uint32(4), made.EnvironmentClass)

	// The worker is upgraded between the run and the vote: the outcome keeps the class it was made in.
	b.engine.set(func(e *engine) { e.status.Environment.Isa = "avx512" })
	b.block()
	kept, ok := b.say(key)
	require.True(t, ok)
	require.Equal(t, made, kept)

	// Until the new class is registered nothing is run.
	later := b.chain.open(2)
	b.block()
	_, ok = b.say(later)
	require.False(t, ok)

	// Then the same computation is made again, under the new class, and not taken from before.
	b.chain.set(func(c *chain) { c.node.EnvironmentClass, c.node.Status.Environment.Isa = 9, "avx512" })
	b.chain.change(later, func(d *Duty) { d.InputRoot = b.chain.duties[key].InputRoot })
	b.chain.set(func(c *chain) { c.inputs[2] = c.inputs[1] })
	b.engine.set(another)
	b.clock.move(time.Minute)
	b.block()
	fresh, ok := b.say(later)
	require.True(t, ok)
	require.Equal(t, uint32(9), fresh.EnvironmentClass)
	require.False(t, made.Outcome.Equal(fresh.Outcome))
	kept, _ = b.say(key)
	require.Equal(t, made, kept)
}

// Each attempt has an outcome and a salt of its own; the clock of the machine has no part in either.
func TestAttemptsAndClocksDoNotMeet(t *testing.T) {
	b := newBench(t)
	first := b.chain.open(1, seal)
	b.block()
	sealed, _ := b.say(first)
	// Sealed and retried as another attempt that is open: the first is over, and nothing of it is said again.
	b.chain.close(first)
	second := b.chain.open(1, func(d *Duty) { d.Round.Attempt = 2 })
	b.clock.move(-1000 * time.Hour)
	b.block()
	b.clock.move(2000 * time.Hour)
	b.block()
	require.Len(t, b.items(), 1)
	got, ok := b.say(second)
	require.True(t, ok)
	require.Empty(t, got.Salt)
	require.NotEmpty(t, sealed.Commitment)
	require.Equal(t, sealed.Outcome, got.Outcome)
	_, held := b.opts.Outbox.Get(first)
	require.False(t, held)
}
