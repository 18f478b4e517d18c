// Package workertest holds what tests of the worker share: where the runtime library is, and small models.
package workertest

import (
	"os"
	"path/filepath"
	"runtime"
	"testing"

	"github.com/opengradient/opengradient/internal/worker/wire"
)

// Library is the path of the ONNX Runtime library for tests: the file, or the folder that holds it, named by
// OPENGRADIENT_ONNXRUNTIME, else build/lib in the repository. The test fails if there is none.
func Library(tb testing.TB) string {
	tb.Helper()
	path := os.Getenv(wire.LibraryVariable)
	if path == "" {
		_, file, _, _ := runtime.Caller(0)
		path = filepath.Join(filepath.Dir(file), "..", "..", "..", "build", "lib")
	}
	library, err := wire.LibraryFile(path)
	if err != nil {
		tb.Fatalf("this test needs the ONNX Runtime library: %v; run scripts/install-onnxruntime.sh, or set %s", err, wire.LibraryVariable)
	}
	return library
}
