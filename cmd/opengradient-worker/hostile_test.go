package main

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/opengradient/opengradient/internal/worker"
	"github.com/opengradient/opengradient/internal/worker/workertest"
	"github.com/opengradient/opengradient/testutil/hostile"
)

// A file that only running reveals does what the corpus says, and the worker serves again afterwards.
func TestWorkerOutlivesHostileModels(t *testing.T) {
	s := supervise(t, func(c *worker.Config) {
		c.MemoryLimit, c.LoadTimeout, c.RunTimeout = 512<<20, patience, 3*time.Second
	})
	restarts, ran := 0, map[hostile.Effect]int{}
	for _, f := range hostile.Corpus() {
		if f.Want != hostile.Passes {
			continue
		}
		effect := effectOf(t, s, f)
		if effect != f.Effect {
			t.Errorf("%s: expected it %s, got %s", f.Name, f.Effect, effect)
		}
		ran[effect]++
		if effect == hostile.Crashes || effect == hostile.Overstays {
			restarts++
			restarted(t, s, restarts)
		}
		infer(t, s, load(t, s, workertest.Lookup()), workertest.Integers("index", 1))
	}
	for effect := hostile.Unloaded; effect <= hostile.Exhausts; effect++ {
		if ran[effect] == 0 {
			t.Errorf("no file %s", effect)
		}
	}
	if got := s.Status().Restarts; got != restarts {
		t.Errorf("expected %d restarts, got %d", restarts, got)
	}
}

// effectOf loads and runs a file once.
func effectOf(t *testing.T, s *worker.Supervisor, f hostile.File) hostile.Effect {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	name := workertest.Name(f.Bytes)
	switch err := s.Load(ctx, name, f.Bytes); {
	case errors.Is(err, worker.ErrModelRefused):
		return hostile.Unloaded
	case err != nil:
		t.Fatalf("%s: %v", f.Name, err)
	}
	outcome, err := s.Infer(ctx, name, f.Inputs(), nil)
	switch {
	case err == nil && outcome.Failure == worker.FailureExecution:
		return hostile.Fails
	case errors.Is(err, worker.ErrRunDeadline):
		return hostile.Overstays
	case errors.Is(err, worker.ErrResources):
		return hostile.Exhausts
	case errors.Is(err, worker.ErrNotReady):
		return hostile.Crashes
	}
	t.Errorf("%s: got %s, %v", f.Name, outcome.Failure, err)
	return hostile.None
}
