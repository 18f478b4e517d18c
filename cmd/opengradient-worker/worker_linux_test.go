package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/opengradient/opengradient/internal/tensor"
	"github.com/opengradient/opengradient/internal/worker"
	"github.com/opengradient/opengradient/internal/worker/workertest"
)

// A worker that is killed or stopped at any time is replaced, and the service resumes.
func TestWorkerIsReplaced(t *testing.T) {
	s := supervise(t, func(c *worker.Config) { c.HealthTimeout = 2 * time.Second })
	for i, signal := range []syscall.Signal{syscall.SIGKILL, syscall.SIGSTOP, syscall.SIGSEGV} {
		name := load(t, s, workertest.Lookup())
		infer(t, s, name, workertest.Integers("index", 1))
		if err := syscall.Kill(workerProcess(t), signal); err != nil {
			t.Fatal(err)
		}
		restarted(t, s, i+1)
		if models := s.Status().LoadedModels; len(models) != 0 {
			t.Errorf("%s: expected no models, got %v", signal, models)
		}
	}
	infer(t, s, load(t, s, workertest.Lookup()), workertest.Integers("index", 1))
}

// A lack of memory is an error, not an outcome, and the worker survives it.
func TestWorkerHoldsTheMemoryLimit(t *testing.T) {
	x := workertest.Floats("x", []int64{16384, 1}, make([]float32, 16384)...)
	limited := supervise(t, func(c *worker.Config) { c.MemoryLimit = 512 << 20 })
	name := load(t, limited, workertest.Outer())
	if outcome, err := limited.Infer(t.Context(), name, []tensor.Tensor{x}, nil); !errors.Is(err, worker.ErrResources) {
		t.Errorf("expected ErrResources, got %+v, %v", outcome, err)
	}
	if r := limited.Status().Restarts; r != 0 {
		t.Errorf("expected no restart, got %d", r)
	}
	infer(t, limited, load(t, limited, workertest.Lookup()), workertest.Integers("index", 1))
}

// Niceness holds for every thread.
func TestWorkerIsNice(t *testing.T) {
	supervise(t, func(c *worker.Config) { c.Nice = 7 })
	threads, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/stat", workerProcess(t)))
	if err != nil || len(threads) == 0 {
		t.Fatalf("expected threads, got %v, %v", threads, err)
	}
	for _, file := range threads {
		stat, err := os.ReadFile(file)
		if err != nil {
			continue // the thread is gone
		}
		// Field 19 of the line; the name in parentheses is field 2.
		fields := strings.Fields(string(stat[strings.LastIndexByte(string(stat), ')')+1:]))
		if fields[16] != "7" {
			t.Errorf("%s: expected niceness 7, got %s", file, fields[16])
		}
	}
}

// workerProcess finds the one process this one started.
func workerProcess(t *testing.T) int {
	t.Helper()
	files, err := filepath.Glob("/proc/[0-9]*/stat")
	if err != nil {
		t.Fatal(err)
	}
	found := 0
	for _, file := range files {
		stat, err := os.ReadFile(file)
		if err != nil {
			continue // the process is gone
		}
		var id, parent int
		var state string
		if _, err := fmt.Sscan(string(stat), &id); err != nil {
			t.Fatal(err)
		}
		if _, err := fmt.Sscan(string(stat[strings.LastIndexByte(string(stat), ')')+1:]), &state, &parent); err != nil {
			t.Fatal(err)
		}
		if parent == os.Getpid() && state != "Z" {
			if found != 0 {
				t.Fatalf("expected one worker, got %d and %d", found, id)
			}
			found = id
		}
	}
	if found == 0 {
		t.Fatal("expected a worker, got none")
	}
	return found
}
