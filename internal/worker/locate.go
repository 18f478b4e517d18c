package worker

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"

	"github.com/opengradient/opengradient/internal/worker/wire"
)

// ErrMissing is a worker binary or runtime library that was not found. The message says where it was looked for and what
// to do.
var ErrMissing = errors.New("not found")

// LocateBinary finds the worker binary: the explicit path if one is given, else beside the running executable, else on
// PATH.
func LocateBinary(explicit string) (string, error) {
	folder := ""
	if executable, err := os.Executable(); err == nil {
		if resolved, err := filepath.EvalSymlinks(executable); err == nil {
			executable = resolved
		}
		folder = filepath.Dir(executable)
	}
	return locateBinary(explicit, folder)
}

func locateBinary(explicit, folder string) (string, error) {
	if explicit != "" {
		if err := checkExecutable(explicit); err != nil {
			return "", fmt.Errorf("worker binary: %w: the configuration names %s: %w; correct the path, or leave it empty to search", ErrMissing, explicit, err)
		}
		return explicit, nil
	}
	beside := filepath.Join(folder, wire.Name)
	if folder != "" && checkExecutable(beside) == nil {
		return beside, nil
	}
	if path, err := exec.LookPath(wire.Name); err == nil {
		return path, nil
	}
	return "", fmt.Errorf("worker binary: %w: looked for %s and for %s on PATH; build it with make install, or name it in the configuration",
		ErrMissing, beside, wire.Name)
}

func checkExecutable(path string) error {
	info, err := os.Stat(path)
	switch {
	case err != nil:
		return err
	case !info.Mode().IsRegular():
		return fmt.Errorf("expected a file, got %s", info.Mode().Type())
	case info.Mode().Perm()&0o111 == 0:
		return fmt.Errorf("expected an executable file, got mode %04o", info.Mode().Perm())
	}
	return nil
}

// LocateLibrary finds the runtime library: the explicit path if one is given, else the environment variable
// OPENGRADIENT_ONNXRUNTIME, else <home>/lib. A path may name the library or the folder that holds it.
func LocateLibrary(explicit, home string) (string, error) {
	fallback := filepath.Join(home, "lib")
	for _, place := range []struct{ path, from string }{
		{explicit, "the configuration"},
		{os.Getenv(wire.LibraryVariable), wire.LibraryVariable},
		{fallback, "the default"},
	} {
		if place.path == "" {
			continue
		}
		library, err := wire.LibraryFile(place.path)
		if err != nil {
			return "", fmt.Errorf("runtime library: %w: %s names %s: %w; install it with scripts/install-onnxruntime.sh %s",
				ErrMissing, place.from, place.path, err, fallback)
		}
		return library, nil
	}
	return "", fmt.Errorf("runtime library: %w: no folder to look in", ErrMissing) // not reached: the default is never empty
}
