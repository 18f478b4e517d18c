package wire

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
)

// LibraryVariable is the environment variable that names the runtime library, or the folder that holds it.
const LibraryVariable = "OPENGRADIENT_ONNXRUNTIME"

// LibraryName is the file name of the runtime library on this system.
func LibraryName() string {
	if runtime.GOOS == "darwin" {
		return "libonnxruntime.dylib"
	}
	return "libonnxruntime.so"
}

// LibraryFile resolves a path that is the library itself or the folder that holds it.
func LibraryFile(path string) (string, error) {
	info, err := os.Stat(path)
	if err == nil && info.IsDir() {
		path = filepath.Join(path, LibraryName())
		info, err = os.Stat(path)
	}
	switch {
	case errors.Is(err, os.ErrNotExist):
		return "", fmt.Errorf("no library at %s: %w", path, os.ErrNotExist)
	case err != nil:
		return "", err
	case !info.Mode().IsRegular():
		return "", fmt.Errorf("expected a library file at %s, got %s", path, info.Mode().Type())
	}
	return path, nil
}
