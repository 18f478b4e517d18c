package executor

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/opengradient/opengradient/internal/tensor"
	verificationtypes "github.com/opengradient/opengradient/x/verification/types"
)

func TestMemberRunsAndAttests(t *testing.T) {
	b := newBench(t)
	key := b.chain.open(1)
	b.block()
	outcome, output := result(t)
	got, ok := b.say(key)
	require.True(t, ok)
	require.True(t, got.Attest)
	require.Equal(t, outcome, got.Outcome)
	require.Equal(t, uint32(4), got.EnvironmentClass)
	require.Equal(t, int64(110), got.Deadline)
	require.Empty(t, got.Output, "it is for the leader to publish")
	entry, ok := b.opts.Outbox.Get(key)
	require.True(t, ok)
	require.Equal(t, output, entry.Output)
}

func TestLeaderPublishesWithItsAttestation(t *testing.T) {
	b := newBench(t)
	key := b.chain.open(1, func(d *Duty) { d.Round.Leader = self })
	b.block()
	_, output := result(t)
	got, _ := b.say(key)
	require.True(t, got.Attest)
	require.Equal(t, output, got.Output)
}

func TestNothingIsRunFor(t *testing.T) {
	cases := []struct {
		reason  string
		arrange func(*bench)
	}{
		{"a round of others", func(b *bench) {
			b.chain.open(1, func(d *Duty) { d.Snapshot.Members[1].Operator = "another" })
		}},
		{"a round that holds the attestation already", func(b *bench) {
			b.chain.open(1, func(d *Duty) { record(d, self, verificationtypes.NewFailureOutcome(1)) })
		}},
		{"a deadline that no block can keep", func(b *bench) {
			b.chain.open(1, func(d *Duty) { d.Deadline = 102 })
		}},
		{"a node that is syncing", func(b *bench) { b.chain.open(1); b.syncing = true }},
		{"an engine that is not ready", func(b *bench) { b.chain.open(1); b.engine.status.Ready = false }},
		{"an engine in another class", func(b *bench) { b.chain.open(1); b.engine.status.Environment.Isa = "avx512" }},
		{"a node without a class", func(b *bench) { b.chain.open(1); b.chain.node.EnvironmentClass = 0 }},
		{"a node without a status", func(b *bench) { b.chain.open(1); b.chain.node.Status = nil }},
		{"a node that is not registered", func(b *bench) { b.chain.open(1); b.chain.node = nil }},
	}
	for _, c := range cases {
		t.Run(c.reason, func(t *testing.T) {
			b := newBench(t)
			c.arrange(b)
			b.block()
			loads, infers := b.engine.counts()
			require.Zero(t, loads+infers)
			require.Empty(t, b.items())
		})
	}
}

func TestModelIsLoadedOnce(t *testing.T) {
	b := newBench(t)
	for id := uint64(1); id <= 5; id++ {
		b.chain.open(id)
	}
	b.block()
	loads, infers := b.engine.counts()
	require.Equal(t, 1, loads)
	require.Equal(t, 5, infers)
	require.Len(t, b.items(), 5)
}

func TestModelIsLoadedAgainWhenTheEngineLostIt(t *testing.T) {
	b := newBench(t)
	b.chain.open(1)
	b.block()
	lost := true
	b.engine.infer = func(_ context.Context, inputs []tensor.Tensor) (Run, error) {
		if lost {
			lost = false
			return Run{}, fmt.Errorf("infer: %w", ErrNotLoaded)
		}
		return double(inputs, "y"), nil
	}
	b.chain.open(2)
	b.block()
	loads, _ := b.engine.counts()
	require.Equal(t, 2, loads)
	require.Len(t, b.items(), 2)
	require.Zero(t, b.counter.of(EventRetry))
}

func TestDeterministicFailuresAreOutcomes(t *testing.T) {
	cases := []struct {
		reason  string
		arrange func(*bench)
		want    verificationtypes.Failure
	}{
		{"the model fails on its input", func(b *bench) {
			b.engine.infer = func(context.Context, []tensor.Tensor) (Run, error) {
				return Run{Failure: verificationtypes.FAILURE_EXECUTION}, nil
			}
			b.chain.open(1)
		}, verificationtypes.FAILURE_EXECUTION},
		{"the engine stops at its output limit", func(b *bench) {
			b.engine.infer = func(context.Context, []tensor.Tensor) (Run, error) {
				return Run{Failure: verificationtypes.FAILURE_OUTPUT_LIMIT}, nil
			}
			b.chain.open(1)
		}, verificationtypes.FAILURE_OUTPUT_LIMIT},
		{"the output is larger than the request allows", func(b *bench) {
			b.chain.open(1, func(d *Duty) { d.Round.MaxOutputBytes = 5 })
		}, verificationtypes.FAILURE_OUTPUT_LIMIT},
		{"the runtime refuses the model", func(b *bench) {
			b.engine.load = func() error { return ErrModelRefused }
			b.chain.open(1)
		}, verificationtypes.FAILURE_EXECUTION},
	}
	for _, c := range cases {
		t.Run(c.reason, func(t *testing.T) {
			b := newBench(t)
			c.arrange(b)
			b.block()
			require.Len(t, b.items(), 1)
			require.Equal(t, verificationtypes.NewFailureOutcome(c.want), b.items()[0].Outcome)
			require.Equal(t, 1, b.counter.of(EventFailure))
		})
	}
}

func TestInfrastructureErrorsAreNoOutcomes(t *testing.T) {
	cases := []struct {
		reason  string
		arrange func(*bench)
	}{
		{"the engine fails", func(b *bench) {
			b.engine.infer = func(context.Context, []tensor.Tensor) (Run, error) { return Run{}, errors.New("gone") }
		}},
		{"the engine panics", func(b *bench) {
			b.engine.infer = func(context.Context, []tensor.Tensor) (Run, error) { panic("bug") }
		}},
		{"the model cannot be loaded now", func(b *bench) { b.engine.load = func() error { return errors.New("no memory") } }},
		{"the model file is another one", func(b *bench) { b.chain.model = []byte("rotten") }},
		{"the inputs are others", func(b *bench) { b.chain.inputs[1] = encoded(b.t, vector("x", 77)) }},
		{"the inputs are not there", func(b *bench) { delete(b.chain.inputs, 1) }},
		{"an output is missing", func(b *bench) {
			b.engine.infer = func(context.Context, []tensor.Tensor) (Run, error) { return Run{}, nil }
		}},
		{"an output has another name", func(b *bench) {
			b.engine.infer = func(_ context.Context, inputs []tensor.Tensor) (Run, error) { return double(inputs, "z"), nil }
		}},
		{"an output is not a tensor", func(b *bench) {
			b.engine.infer = func(context.Context, []tensor.Tensor) (Run, error) {
				return Run{Outputs: []tensor.Tensor{{Name: "y", Datatype: tensor.FP32, Shape: []int64{3}}}}, nil
			}
		}},
		{"the engine's output limit is below that of the request", func(b *bench) {
			b.engine.status.MaxOutputBytes = 8191
			b.engine.infer = func(context.Context, []tensor.Tensor) (Run, error) {
				return Run{Failure: verificationtypes.FAILURE_OUTPUT_LIMIT}, nil
			}
		}},
		{"a failure is not known", func(b *bench) {
			b.engine.infer = func(context.Context, []tensor.Tensor) (Run, error) { return Run{Failure: 9}, nil }
		}},
		{"the engine changes its class under way", func(b *bench) {
			b.engine.infer = func(_ context.Context, inputs []tensor.Tensor) (Run, error) {
				other := environment()
				other.LibrarySha256 = bytes.Repeat([]byte{8}, 32)
				b.engine.set(func(e *engine) { e.status.Environment = &other })
				return double(inputs, "y"), nil
			}
		}},
		{"the engine forgets its class under way", func(b *bench) {
			b.engine.infer = func(_ context.Context, inputs []tensor.Tensor) (Run, error) {
				b.engine.set(func(e *engine) { e.status.Environment = nil })
				return double(inputs, "y"), nil
			}
		}},
	}
	for _, c := range cases {
		t.Run(c.reason, func(t *testing.T) {
			b := newBench(t)
			key := b.chain.open(1)
			c.arrange(b)
			b.block()
			require.Empty(t, b.items())
			_, ok := b.opts.Outbox.Get(key)
			require.False(t, ok)
			require.Equal(t, 1, b.counter.of(EventRetry))
		})
	}
}

func TestRetriesBackOffWhileTheDeadlineLasts(t *testing.T) {
	b := newBench(t)
	broken := true
	b.engine.infer = func(_ context.Context, inputs []tensor.Tensor) (Run, error) {
		if broken && inputs[0].Data[0] == 1 {
			return Run{}, errors.New("gone")
		}
		return double(inputs, "y"), nil
	}
	first := b.chain.open(1)
	second := b.chain.open(2, func(d *Duty) { d.Deadline++ })
	b.block()
	_, ok := b.say(second)
	require.True(t, ok, "a duty that fails does not hold up the others")
	require.Equal(t, []time.Duration{firstRetry}, b.clock.alarms)

	b.block()
	_, infers := b.engine.counts()
	require.Equal(t, 2, infers, "a block does not shorten the pause")
	b.clock.move(firstRetry)
	b.block()
	_, infers = b.engine.counts()
	require.Equal(t, 3, infers)
	require.Equal(t, 2*firstRetry, b.retries[first].notBefore.Sub(b.clock.now))

	broken = false
	b.clock.move(2 * firstRetry)
	b.block()
	_, ok = b.say(first)
	require.True(t, ok)
	require.Empty(t, b.retries)
}

func TestModelThatTakesTooLongIsGivenUpForTheAttempt(t *testing.T) {
	b := newBench(t)
	b.engine.infer = func(_ context.Context, inputs []tensor.Tensor) (Run, error) {
		if inputs[0].Data[0] == 1 {
			return Run{}, ErrTooSlow
		}
		return double(inputs, "y"), nil
	}
	slow := b.chain.open(1)
	b.chain.open(2)
	for range 3 {
		b.block()
		b.clock.move(lastRetry)
	}
	_, infers := b.engine.counts()
	require.Equal(t, 2, infers)
	require.Equal(t, 1, b.counter.of(EventGivenUp))
	b.chain.close(slow)
	b.chain.open(1, func(d *Duty) { d.Round.Attempt = 2 })
	b.block()
	require.Equal(t, 2, b.counter.of(EventGivenUp), "the next attempt has its chance")
}

func TestRetriesEndWithTheDeadline(t *testing.T) {
	b := newBench(t)
	b.engine.infer = func(context.Context, []tensor.Tensor) (Run, error) { return Run{}, errors.New("gone") }
	b.chain.open(1)
	for range 20 {
		b.block()
		b.clock.move(lastRetry)
	}
	_, infers := b.engine.counts()
	require.Equal(t, 8, infers, "an outcome after block 108 is recorded by block 110, the last one")
}

func TestRetryDelayIsBounded(t *testing.T) {
	require.Equal(t, firstRetry, retryDelay(1))
	require.Equal(t, 2*firstRetry, retryDelay(2))
	require.Equal(t, lastRetry, retryDelay(1000))
}

func TestMostUrgentFirst(t *testing.T) {
	b := newBench(t)
	var order []byte
	b.engine.infer = func(_ context.Context, inputs []tensor.Tensor) (Run, error) {
		order = append(order, inputs[0].Data[0])
		return double(inputs, "y"), nil
	}
	b.chain.open(1, func(d *Duty) { d.Deadline = 120 })
	b.chain.open(2, func(d *Duty) { d.Deadline = 110 })
	b.chain.open(3, func(d *Duty) { d.Deadline = 110; d.Round.Leader = self })
	b.chain.open(4, func(d *Duty) { d.Deadline = 105; d.Round.Phase = verificationtypes.PHASE_SETTLING })
	b.chain.open(5, func(d *Duty) { d.Deadline = 120 })
	b.block()
	require.Equal(t, []byte{3, 2, 1, 5, 4}, order)
}

func TestSameComputationIsRunOnce(t *testing.T) {
	b := newBench(t)
	key := b.chain.open(1)
	b.block()
	b.chain.close(key)
	again := b.chain.open(1, func(d *Duty) { d.Round.Attempt = 2 })
	tight := b.chain.open(1, func(d *Duty) { d.Round.Attempt = 3; d.Round.MaxOutputBytes = 5 })
	b.block()
	_, infers := b.engine.counts()
	require.Equal(t, 1, infers)
	require.Equal(t, 2, b.counter.of(EventCacheHit))
	got, _ := b.say(again)
	outcome, _ := result(t)
	require.Equal(t, outcome, got.Outcome)
	got, _ = b.say(tight)
	require.Equal(t, verificationtypes.FAILURE_OUTPUT_LIMIT, got.Outcome.Failure, "each request has its own limit")
}

func TestStateThatCannotBeReadChangesNothing(t *testing.T) {
	b := newBench(t)
	key := b.chain.open(1)
	b.block()
	for _, breakIt := range []func(*chain){
		func(c *chain) { c.err = errors.New("pruned") },
		func(c *chain) { c.err, c.panics = nil, true },
	} {
		b.chain.set(breakIt)
		b.block()
		_, ok := b.say(key)
		require.True(t, ok)
	}
	require.Equal(t, 2, b.counter.of(EventStateError))
	require.NotEmpty(t, b.clock.alarms, "it is read again without waiting for a block")
	require.True(t, b.stale)
	b.chain.set(func(c *chain) { c.panics, c.err = false, fmt.Errorf("context: %w", ErrNoBlock) })
	b.block()
	require.False(t, b.stale)
	require.Equal(t, 2, b.counter.of(EventStateError), "no block yet is no error")
}

func TestRunStopsWhenNobodyWantsIt(t *testing.T) {
	b := newBench(t)
	running := make(chan struct{}, 2)
	b.engine.infer = func(ctx context.Context, inputs []tensor.Tensor) (Run, error) {
		if inputs[0].Data[0] == 2 {
			return double(inputs, "y"), nil
		}
		running <- struct{}{}
		<-ctx.Done()
		return Run{}, ctx.Err()
	}
	key := b.chain.open(1)
	next := b.chain.open(2, func(d *Duty) { d.Deadline = 120 })
	b.commit()
	<-running
	b.chain.close(key)
	b.block()
	require.Equal(t, 1, b.counter.of(EventCancelled))
	require.Zero(t, b.counter.of(EventRetry))
	_, ok := b.say(next)
	require.True(t, ok)
}

func TestOperatorIsLookedUpUntilItIsThere(t *testing.T) {
	b := newBench(t)
	b.opts.Operator, b.opts.Consensus = "", []byte("consensus address")
	b.chain.operator = ""
	key := b.chain.open(1)
	b.block()
	require.Empty(t, b.items())
	b.chain.set(func(c *chain) { c.operator = self })
	b.block()
	_, ok := b.say(key)
	require.True(t, ok)
}
