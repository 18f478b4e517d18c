//go:build !linux

package main

import (
	"fmt"

	"golang.org/x/sys/unix"
)

// limitProcess sets the niceness of this process; 0 leaves it as it is. A memory limit is supported on Linux only.
func limitProcess(nice int, memory uint64) error {
	if memory > 0 {
		return fmt.Errorf("--memory-limit: expected 0 on this system, got %d", memory)
	}
	if nice == 0 {
		return nil
	}
	if err := unix.Setpriority(unix.PRIO_PROCESS, 0, nice); err != nil {
		return fmt.Errorf("setting niceness to %d: %w", nice, err)
	}
	return nil
}
