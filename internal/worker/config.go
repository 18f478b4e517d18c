package worker

import (
	"errors"
	"fmt"
	"os"
	"strconv"
	"time"

	"github.com/opengradient/opengradient/internal/worker/wire"
)

// Config says how the worker is run. DefaultConfig gives everything but the paths.
type Config struct {
	BinaryPath  string // the worker binary; see LocateBinary
	LibraryPath string // the runtime library; see LocateLibrary
	SocketDir   string // folder of mode 0700 for the socket; empty for one of its own among the temporary files

	ModelFolder    string // folder of the files that LoadFile loads; empty for none
	MemoryLimit    int64  // bytes the process may take; 0 for no limit; Linux only
	ModelBudget    int64  // bytes for loaded models, each counted as 5 times its file
	MaxModelBytes  int64  // bytes of one model
	MaxOutputBytes int64  // bytes of the outputs of one request, in canonical encoding
	Nice           int    // niceness of the process, 0 to 19

	LoadTimeout time.Duration // hard deadline of one load; small models get less
	RunTimeout  time.Duration // hard deadline of one run
	CPUTime     bool          // the deadlines are in time of the processor: for a worker that others have precedence over

	StartTimeout   time.Duration // from start to ready
	HealthInterval time.Duration // between health checks
	HealthTimeout  time.Duration // of one health check; a worker that does not answer is killed

	Backoff Backoff

	// Environ are variables, as NAME=value, the worker gets beside a few of the node's own such as PATH.
	Environ []string
	// Log takes the lines the worker writes and notes on its starts and ends; nil drops them. Calls do not
	// overlap; it must not call the Supervisor.
	Log func(line string)
}

// Backoff is the pause before a restart: Initial, doubled after every failure up to Max, and Initial again once a worker
// ran for Reset.
type Backoff struct {
	Initial, Max, Reset time.Duration
}

// DefaultConfig gives the values of a validator on common hardware.
func DefaultConfig() Config {
	return Config{
		ModelBudget:    1 << 30,
		MaxModelBytes:  32 << 20,
		MaxOutputBytes: 1 << 20,
		Nice:           5,
		LoadTimeout:    time.Minute,
		RunTimeout:     30 * time.Second,
		StartTimeout:   30 * time.Second,
		HealthInterval: 5 * time.Second,
		HealthTimeout:  10 * time.Second,
		Backoff:        Backoff{Initial: 200 * time.Millisecond, Max: 30 * time.Second, Reset: time.Minute},
	}
}

// Validate checks paths and ranges. Limits the worker itself checks are left to it.
func (c Config) Validate() error {
	if c.BinaryPath == "" || c.LibraryPath == "" {
		return errors.New("worker: expected the paths of worker binary and runtime library: use LocateBinary and LocateLibrary")
	}
	if err := checkExecutable(c.BinaryPath); err != nil {
		return fmt.Errorf("worker binary: %w", err)
	}
	if _, err := os.Stat(c.LibraryPath); err != nil {
		return fmt.Errorf("runtime library: %w", err)
	}
	for _, d := range []struct {
		name  string
		value time.Duration
	}{
		{"load timeout", c.LoadTimeout},
		{"run timeout", c.RunTimeout},
		{"start timeout", c.StartTimeout},
		{"health interval", c.HealthInterval},
		{"health timeout", c.HealthTimeout},
		{"initial backoff", c.Backoff.Initial},
	} {
		if d.value <= 0 {
			return fmt.Errorf("worker: expected a %s above 0, got %s", d.name, d.value)
		}
	}
	switch {
	case c.Backoff.Max < c.Backoff.Initial:
		return fmt.Errorf("worker: expected a longest backoff of at least %s, got %s", c.Backoff.Initial, c.Backoff.Max)
	case c.MemoryLimit < 0 || c.ModelBudget <= 0 || c.MaxModelBytes <= 0 || c.MaxOutputBytes <= 0:
		return fmt.Errorf("worker: expected budgets and limits above 0, got memory %d, models %d, model %d, output %d",
			c.MemoryLimit, c.ModelBudget, c.MaxModelBytes, c.MaxOutputBytes)
	case c.Nice < 0 || c.Nice > 19:
		return fmt.Errorf("worker: expected a niceness of 0 to 19, got %d", c.Nice)
	}
	if c.SocketDir != "" {
		return wire.CheckSocketPath(socketPath(c.SocketDir, 1<<30))
	}
	return nil
}

// arguments is the worker's command line.
func (c Config) arguments(socket string) []string {
	bytes := func(n int64) string { return strconv.FormatInt(n, 10) }
	args := []string{
		"--socket", socket,
		"--library", c.LibraryPath,
		"--memory-limit", bytes(c.MemoryLimit),
		"--model-budget", bytes(c.ModelBudget),
		"--max-model-bytes", bytes(c.MaxModelBytes),
		"--max-output-bytes", bytes(c.MaxOutputBytes),
		"--load-timeout", c.LoadTimeout.String(),
		"--run-timeout", c.RunTimeout.String(),
		"--nice", strconv.Itoa(c.Nice),
		"--supervised",
	}
	if c.ModelFolder != "" {
		args = append(args, "--model-folder", c.ModelFolder)
	}
	if c.CPUTime {
		args = append(args, "--cpu-time")
	}
	return args
}
