package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"math"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/opengradient/opengradient/internal/onnxfile"
	"github.com/opengradient/opengradient/internal/worker/ort"
	"github.com/opengradient/opengradient/internal/worker/server"
	"github.com/opengradient/opengradient/internal/worker/wire"
)

// errDone ends the process in peace: help or the version was asked for.
var errDone = errors.New("done")

// options are the command line.
type options struct {
	socket, library, modelFolder                            string
	memoryLimit, modelBudget, maxModelBytes, maxOutputBytes byteSize
	loadTimeout, runTimeout                                 time.Duration
	nice                                                    int
	supervised, cpuTime                                     bool
}

func parse(args []string, stdout, stderr io.Writer) (options, error) {
	o := options{
		modelBudget:    1 << 30,
		maxModelBytes:  byteSize(onnxfile.DefaultLimits.MaxBytes),
		maxOutputBytes: 1 << 20,
	}
	flags := flag.NewFlagSet(wire.Name, flag.ContinueOnError)
	flags.SetOutput(stderr)
	flags.StringVar(&o.socket, "socket", "", "`path` of the unix socket to listen on; required")
	flags.StringVar(&o.library, "library", "", "`path` of the ONNX Runtime library or its folder (default: the environment variable "+wire.LibraryVariable+")")
	flags.Var(&o.memoryLimit, "memory-limit", "`bytes` of memory this process may take, 0 for no limit (Linux; suffixes KiB, MiB, GiB)")
	flags.Var(&o.modelBudget, "model-budget", "`bytes` of memory for loaded models, each counted as "+strconv.Itoa(server.SessionFactor)+" times its file")
	flags.Var(&o.maxModelBytes, "max-model-bytes", "`bytes` of the largest model")
	flags.Var(&o.maxOutputBytes, "max-output-bytes", "`bytes` of the largest outputs of one request")
	flags.StringVar(&o.modelFolder, "model-folder", "", "`path` of a folder whose files may be loaded by name (default: models are sent)")
	flags.DurationVar(&o.loadTimeout, "load-timeout", time.Minute, "time to load a model, after which the process ends with code "+strconv.Itoa(wire.ExitLoadDeadline))
	flags.DurationVar(&o.runTimeout, "run-timeout", 30*time.Second, "time of one inference, after which the process ends with code "+strconv.Itoa(wire.ExitRunDeadline))
	flags.IntVar(&o.nice, "nice", 0, "niceness of this process, 0 to 19")
	flags.BoolVar(&o.cpuTime, "cpu-time", false, "measure both times in time of the processor, for a process that others have precedence over")
	flags.BoolVar(&o.supervised, "supervised", false, "end when standard input ends, as it does with the node")
	showVersion := flags.Bool("version", false, "print the version and exit")
	if err := flags.Parse(args); err != nil {
		if errors.Is(err, flag.ErrHelp) {
			return options{}, errDone
		}
		return options{}, err
	}
	if *showVersion || flags.NArg() == 1 && flags.Arg(0) == "version" {
		fmt.Fprintf(stdout, "%s %s\n", wire.Name, version)
		return options{}, errDone
	}
	switch {
	case flags.NArg() != 0:
		return options{}, fmt.Errorf("expected flags only, got %q", flags.Arg(0))
	case o.socket == "":
		return options{}, errors.New("expected --socket: the path of the unix socket to listen on")
	case o.nice < 0 || o.nice > 19:
		return options{}, fmt.Errorf("--nice: expected 0 to 19, got %d", o.nice)
	case o.memoryLimit != 0 && o.memoryLimit < minMemoryLimit:
		return options{}, fmt.Errorf("--memory-limit: expected 0 or at least %d bytes, got %d", int64(minMemoryLimit), int64(o.memoryLimit))
	}
	return o, nil
}

// minMemoryLimit is what the process needs without any model, with room to work.
const minMemoryLimit = 256 << 20

// config is the server's, around a runtime.
func (o options) config(runtime *ort.Environment, exit func(int, string)) server.Config {
	limits := onnxfile.DefaultLimits.Sized(int64(o.maxModelBytes))
	c := server.Config{
		Version:        version,
		Environment:    o.environment(runtime),
		Runtime:        runtime,
		Inspect:        inspect(limits),
		ModelBudget:    int64(o.modelBudget),
		MaxModelBytes:  int64(o.maxModelBytes),
		MaxOutputBytes: int64(o.maxOutputBytes),
		ModelFolder:    o.modelFolder,
		LoadTimeout:    o.loadTimeout,
		RunTimeout:     o.runTimeout,
		Exit:           exit,
	}
	if o.cpuTime {
		c.CPUTime = processorTime
	}
	return c
}

func (o options) environment(runtime *ort.Environment) wire.EnvironmentClass {
	return wire.EnvironmentClass{
		RuntimeVersion: runtime.RuntimeVersion(),
		LibrarySHA256:  runtime.LibrarySHA256(),
		Provider:       ort.Provider,
		Profile:        ort.Profile,
		ISA:            server.ISA(),
	}
}

const installHint = "Install the library with scripts/install-onnxruntime.sh <folder>, and name it by --library or " + wire.LibraryVariable + "."

// findLibrary resolves the library from the flag, then the environment.
func findLibrary(path string) (string, error) {
	from := "--library"
	if path == "" {
		path, from = os.Getenv(wire.LibraryVariable), wire.LibraryVariable
	}
	if path == "" {
		return "", fmt.Errorf("no ONNX Runtime library given: neither --library nor %s is set. %s", wire.LibraryVariable, installHint)
	}
	library, err := wire.LibraryFile(path)
	if err != nil {
		return "", fmt.Errorf("the ONNX Runtime library is missing: %s names %s: %w. %s", from, path, err, installHint)
	}
	return library, nil
}

// byteSize is a flag that counts bytes, for example 1073741824 or 1GiB.
type byteSize int64

var byteUnits = []struct {
	suffix string
	factor int64
}{{"KiB", 1 << 10}, {"MiB", 1 << 20}, {"GiB", 1 << 30}, {"", 1}}

// String implements flag.Value.
func (b *byteSize) String() string { return strconv.FormatInt(int64(*b), 10) }

// Set implements flag.Value.
func (b *byteSize) Set(s string) error {
	for _, unit := range byteUnits {
		digits, ok := strings.CutSuffix(s, unit.suffix)
		if !ok {
			continue
		}
		n, err := strconv.ParseInt(digits, 10, 64)
		if err != nil || n < 0 || n > math.MaxInt64/unit.factor {
			break
		}
		*b = byteSize(n * unit.factor)
		return nil
	}
	return fmt.Errorf("expected a number of bytes such as 1073741824 or 1GiB, got %q", s)
}
