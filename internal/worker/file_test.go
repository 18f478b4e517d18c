package worker_test

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/opengradient/opengradient/internal/tensor"
	"github.com/opengradient/opengradient/internal/worker"
	"github.com/opengradient/opengradient/internal/worker/workertest"
)

func write(t *testing.T, path string, content []byte) string {
	t.Helper()
	if err := os.WriteFile(path, content, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestSupervisorLoadsFilesOfItsFolder(t *testing.T) {
	folder := t.TempDir()
	s := supervise(t, func(c *worker.Config) { c.ModelFolder = folder })
	model := []byte("model")
	name := workertest.Name(model)
	for what, path := range map[string]string{
		"a file elsewhere":   write(t, filepath.Join(t.TempDir(), name), model),
		"a relative path":    name,
		"a path out of it":   filepath.Join(folder, "..", "x"),
		"a file not there":   filepath.Join(folder, "x"),
		"the folder":         folder,
		"a file of another":  write(t, filepath.Join(folder, "other"), []byte("other")),
		"a file of no bytes": write(t, filepath.Join(folder, "empty"), nil),
	} {
		if err := s.LoadFile(t.Context(), name, path); !errors.Is(err, worker.ErrInvalid) {
			t.Errorf("%s: expected ErrInvalid, got %v", what, err)
		}
	}
	if err := s.LoadFile(t.Context(), name, write(t, filepath.Join(folder, name), model)); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Infer(t.Context(), name, []tensor.Tensor{workertest.Integers("x", 0)}, nil); err != nil {
		t.Error(err)
	}
}

func TestSupervisorUnloads(t *testing.T) {
	s := supervise(t, nil)
	name := load(t, s)
	for range 2 { // the second time is harmless
		if err := s.Unload(t.Context(), name); err != nil {
			t.Fatal(err)
		}
		if got := s.Status().LoadedModels; len(got) != 0 {
			t.Errorf("expected no models, got %v", got)
		}
	}
	if _, err := s.Infer(t.Context(), name, []tensor.Tensor{workertest.Integers("x", 0)}, nil); !errors.Is(err, worker.ErrNotLoaded) {
		t.Errorf("expected ErrNotLoaded, got %v", err)
	}
}

func TestSupervisorWithoutAFolderLoadsNoFile(t *testing.T) {
	s := supervise(t, nil)
	path := write(t, filepath.Join(t.TempDir(), "model"), []byte("model"))
	if err := s.LoadFile(t.Context(), workertest.Name([]byte("model")), path); !errors.Is(err, worker.ErrInvalid) {
		t.Errorf("expected ErrInvalid, got %v", err)
	}
}
