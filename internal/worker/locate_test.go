package worker

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/opengradient/opengradient/internal/worker/wire"
)

func place(t *testing.T, path string, mode os.FileMode) string {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, nil, mode); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestLocateBinary(t *testing.T) {
	root := t.TempDir()
	explicit := place(t, filepath.Join(root, "explicit", "w"), 0o700)
	plain := place(t, filepath.Join(root, "explicit", "plain"), 0o600)
	beside := place(t, filepath.Join(root, "daemon", wire.Name), 0o700)
	onPath := place(t, filepath.Join(root, "path", wire.Name), 0o700)
	t.Setenv("PATH", filepath.Dir(onPath))
	for what, c := range map[string]struct{ explicit, folder, want string }{
		"the configured path":           {explicit, filepath.Dir(beside), explicit},
		"beside the daemon before PATH": {"", filepath.Dir(beside), beside},
		"on PATH":                       {"", filepath.Join(root, "explicit"), onPath},
	} {
		if got, err := locateBinary(c.explicit, c.folder); err != nil || got != c.want {
			t.Errorf("%s: expected %s, got %s, %v", what, c.want, got, err)
		}
	}
	if _, err := LocateBinary(""); err != nil {
		t.Errorf("expected the binary on PATH, got %v", err)
	}
	t.Setenv("PATH", root)
	for what, c := range map[string]struct{ explicit, text string }{
		"nowhere":               {"", "make install"},
		"a configured absence":  {filepath.Join(root, "none"), "correct the path"},
		"a configured folder":   {root, "expected a file"},
		"a file without rights": {plain, "executable"},
	} {
		if _, err := locateBinary(c.explicit, root); !errors.Is(err, ErrMissing) || !strings.Contains(err.Error(), c.text) {
			t.Errorf("%s: expected ErrMissing with %q, got %v", what, c.text, err)
		}
	}
}

func TestLocateLibrary(t *testing.T) {
	root := t.TempDir()
	explicit := place(t, filepath.Join(root, "explicit", "any.so"), 0o600)
	variable := place(t, filepath.Join(root, "variable", wire.LibraryName()), 0o600)
	home := place(t, filepath.Join(root, "home", "lib", wire.LibraryName()), 0o600)
	for what, c := range map[string]struct{ explicit, variable, want string }{
		"the configured path first": {explicit, variable, explicit},
		"the variable's folder":     {"", filepath.Dir(variable), variable},
		"the home folder":           {"", "", home},
	} {
		t.Setenv(wire.LibraryVariable, c.variable)
		if got, err := LocateLibrary(c.explicit, filepath.Join(root, "home")); err != nil || got != c.want {
			t.Errorf("%s: expected %s, got %s, %v", what, c.want, got, err)
		}
	}
	for what, c := range map[string]struct{ explicit, variable, from string }{
		"a configured absence": {filepath.Join(root, "none"), "", "the configuration"},
		"a variable's absence": {"", filepath.Join(root, "none"), wire.LibraryVariable},
		"an empty home":        {"", "", "the default"},
	} {
		t.Setenv(wire.LibraryVariable, c.variable)
		_, err := LocateLibrary(c.explicit, filepath.Join(root, "empty"))
		if !errors.Is(err, ErrMissing) || !strings.Contains(err.Error(), c.from) || !strings.Contains(err.Error(), "install-onnxruntime.sh") {
			t.Errorf("%s: expected ErrMissing from %s with advice, got %v", what, c.from, err)
		}
	}
}

func TestFailureString(t *testing.T) {
	for f, want := range map[Failure]string{FailureNone: "none", FailureExecution: "execution", FailureOutputLimit: "output limit", 9: "Failure(9)"} {
		if f.String() != want {
			t.Errorf("expected %s, got %s", want, f)
		}
	}
}
