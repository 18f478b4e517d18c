package ort

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"os"
	"sync"

	ort "github.com/yalue/onnxruntime_go"
)

// Environment is the loaded runtime. A process has at most one at a time, since the library keeps global state.
type Environment struct {
	api     *api
	options *ort.SessionOptions
	version string
	sha256  string
}

// open guards the process-wide state of the binding.
var open sync.Mutex

// Open loads the runtime library from a file and prepares the canonical profile. It fails with ErrLibrary if the file
// is missing, is no such library, or is too old for the binding, and when an Environment is open already.
func Open(libraryPath string) (*Environment, error) {
	open.Lock()
	defer open.Unlock()
	if ort.IsInitialized() {
		return nil, fmt.Errorf("%w: expected none to be loaded, got one already open", ErrLibrary)
	}
	digest, err := fileSHA256(libraryPath)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrLibrary, err)
	}
	ort.SetSharedLibraryPath(libraryPath)
	if err := ort.InitializeEnvironment(ort.WithLogLevelFatal()); err != nil {
		return nil, fmt.Errorf("%w: %s: %w", ErrLibrary, libraryPath, err)
	}
	e := &Environment{version: ort.GetVersion(), sha256: digest}
	if err := e.prepare(libraryPath); err != nil {
		_ = e.close()
		return nil, fmt.Errorf("%w: %s: %w", ErrLibrary, libraryPath, err)
	}
	return e, nil
}

func (e *Environment) prepare(libraryPath string) error {
	if err := ort.DisableTelemetry(); err != nil {
		return fmt.Errorf("telemetry: %w", err)
	}
	var err error
	if e.api, err = openAPI(libraryPath); err != nil {
		return err
	}
	e.options, err = canonicalOptions()
	return err
}

// canonicalOptions are the session options of the canonical profile.
func canonicalOptions() (*ort.SessionOptions, error) {
	options, err := ort.NewSessionOptions()
	if err != nil {
		return nil, fmt.Errorf("session options: %w", err)
	}
	settings := []struct {
		name string
		err  error
	}{
		{"graph optimisation", options.SetGraphOptimizationLevel(ort.GraphOptimizationLevelDisableAll)},
		{"intra-op threads", options.SetIntraOpNumThreads(1)},
		{"inter-op threads", options.SetInterOpNumThreads(1)},
		{"execution mode", options.SetExecutionMode(ort.ExecutionModeSequential)},
		{"memory arena", options.SetCpuMemArena(false)},
		{"memory pattern", options.SetMemPattern(false)},
		{"log level", options.SetLogSeverityLevel(ort.LoggingLevelFatal)},
	}
	for _, s := range settings {
		if s.err != nil {
			_ = options.Destroy()
			return nil, fmt.Errorf("session option %s: %w", s.name, s.err)
		}
	}
	return options, nil
}

// RuntimeVersion is the version the library gives itself, for example "1.27.0".
func (e *Environment) RuntimeVersion() string { return e.version }

// LibrarySHA256 is the SHA-256 of the library file, in hexadecimal.
func (e *Environment) LibrarySHA256() string { return e.sha256 }

// Close unloads the runtime. Sessions must be closed before.
func (e *Environment) Close() error {
	open.Lock()
	defer open.Unlock()
	return e.close()
}

func (e *Environment) close() error {
	if e.options != nil {
		_ = e.options.Destroy()
		e.options = nil
	}
	if e.api != nil {
		e.api.close()
		e.api = nil
	}
	if !ort.IsInitialized() {
		return nil
	}
	if err := ort.DestroyEnvironment(); err != nil {
		return fmt.Errorf("closing the runtime: %w", err)
	}
	return nil
}

func fileSHA256(path string) (string, error) {
	f, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer f.Close()
	h := sha256.New()
	if _, err := io.Copy(h, f); err != nil {
		return "", fmt.Errorf("reading %s: %w", path, err)
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}
