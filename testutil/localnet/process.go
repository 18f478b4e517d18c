package localnet

import (
	"errors"
	"fmt"
	"os/exec"
	"strconv"
	"strings"
)

// ErrNoWorker is a daemon that has no worker at the moment.
var ErrNoWorker = errors.New("the daemon has no worker")

// WorkerPID returns the process id of the worker of the daemon with this process id. It fails with ErrNoWorker while
// there is none.
func WorkerPID(daemon int) (int, error) {
	out, err := exec.Command("pgrep", "-P", strconv.Itoa(daemon)).Output()
	var exit *exec.ExitError
	if errors.As(err, &exit) && exit.ExitCode() == 1 {
		return 0, ErrNoWorker
	}
	if err != nil {
		return 0, fmt.Errorf("pgrep: %w", err)
	}
	first, _, _ := strings.Cut(string(out), "\n")
	pid, err := strconv.Atoi(strings.TrimSpace(first))
	if err != nil {
		return 0, fmt.Errorf("pgrep: expected a process id, got %q", out)
	}
	return pid, nil
}
