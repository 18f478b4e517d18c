package main

import (
	"errors"
	"fmt"
	"os"
	"strconv"

	"golang.org/x/sys/unix"
)

// limitProcess sets the niceness of this process and the memory it may take; 0 leaves either as it is.
//
// The memory limit is on data, not on address space: the Go runtime and the C library reserve far more addresses than
// they use.
func limitProcess(nice int, memory uint64) error {
	// When the machine has no memory left, the worker goes before the validator, and one at a low priority first. Raising the score
	// needs no privilege; where it cannot be set, the limit below still holds.
	_ = os.WriteFile("/proc/self/oom_score_adj", []byte(strconv.Itoa(500+25*min(max(nice, 0), 19))), 0o600)
	if memory > 0 {
		if err := unix.Setrlimit(unix.RLIMIT_DATA, &unix.Rlimit{Cur: memory, Max: memory}); err != nil {
			return fmt.Errorf("setting the memory limit to %d bytes: %w", memory, err)
		}
	}
	if nice == 0 {
		return nil
	}
	// Linux keeps niceness per thread, and a new thread inherits it: go on until no thread is new.
	done := make(map[string]bool)
	for {
		threads, err := os.ReadDir("/proc/self/task")
		if err != nil {
			return fmt.Errorf("setting niceness: %w", err)
		}
		fresh := 0
		for _, thread := range threads {
			if done[thread.Name()] {
				continue
			}
			fresh++
			done[thread.Name()] = true
			id, err := strconv.Atoi(thread.Name())
			if err != nil {
				return fmt.Errorf("setting niceness: thread %q: %w", thread.Name(), err)
			}
			// A thread may end between being listed and being set.
			if err := unix.Setpriority(unix.PRIO_PROCESS, id, nice); err != nil && !errors.Is(err, unix.ESRCH) {
				return fmt.Errorf("setting niceness to %d: %w", nice, err)
			}
		}
		if fresh == 0 {
			return nil
		}
	}
}
