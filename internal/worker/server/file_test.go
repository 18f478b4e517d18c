package server

import (
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/sys/unix"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/opengradient/opengradient/internal/oip"
	"github.com/opengradient/opengradient/internal/tensor"
	"github.com/opengradient/opengradient/internal/worker/wire"
	"github.com/opengradient/opengradient/internal/worker/workertest"
)

func byPath(path string) map[string]*oip.ModelRepositoryParameter {
	return map[string]*oip.ModelRepositoryParameter{
		wire.ModelPath: {ParameterChoice: &oip.ModelRepositoryParameter_StringParam{StringParam: path}},
	}
}

// A worker is led to nothing but plain files in its folder, whatever it is told.
func TestLoadByPathStaysInTheFolder(t *testing.T) {
	folder, elsewhere := t.TempDir(), t.TempDir()
	model := []byte("model")
	name := workertest.Name(model)
	for _, path := range []string{filepath.Join(folder, name), filepath.Join(elsewhere, name)} {
		if err := os.WriteFile(path, model, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for link, target := range map[string]string{
		"out":    filepath.Join(elsewhere, name),
		"folder": elsewhere,
		"up":     "../" + filepath.Base(elsewhere) + "/" + name,
	} {
		if err := os.Symlink(target, filepath.Join(folder, link)); err != nil {
			t.Fatal(err)
		}
	}
	if err := unix.Mkfifo(filepath.Join(folder, "pipe"), 0o600); err != nil {
		t.Fatal(err)
	}
	large := strings.Repeat("m", 4001)
	if err := os.WriteFile(filepath.Join(folder, "large"), []byte(large), 0o600); err != nil {
		t.Fatal(err)
	}
	h := start(t, &fakeRuntime{}, func(c *Config) { c.ModelFolder = folder })
	load := func(path string) error {
		_, err := h.client.RepositoryModelLoad(t.Context(), &oip.RepositoryModelLoadRequest{ModelName: name, Parameters: byPath(path)})
		return err
	}
	for _, path := range []string{
		"", ".", "..", "none", "out", "folder/" + name, "up", "pipe", "large",
		filepath.Join(elsewhere, name), "../" + filepath.Base(elsewhere) + "/" + name, name + "\x00",
	} {
		if err := load(path); status.Code(err) != codes.InvalidArgument {
			t.Errorf("%q: expected InvalidArgument, got %v", path, err)
		}
	}
	if err := load(name); err != nil {
		t.Fatal(err)
	}
	if _, _, err := h.infer(t.Context(), name, 1); err != nil {
		t.Error(err)
	}
}

func TestLoadByPathNeedsAFolder(t *testing.T) {
	h := start(t, &fakeRuntime{}, nil)
	_, err := h.client.RepositoryModelLoad(t.Context(), &oip.RepositoryModelLoadRequest{ModelName: workertest.Name(nil), Parameters: byPath("x")})
	if status.Code(err) != codes.InvalidArgument {
		t.Errorf("expected InvalidArgument, got %v", err)
	}
	if _, err := New(Config{
		Version: "v", Environment: environment, Runtime: &fakeRuntime{}, Inspect: func([]byte) (Signature, error) { return signature, nil },
		ModelBudget: 1, MaxModelBytes: 1, MaxOutputBytes: 1, LoadTimeout: 1, RunTimeout: 1, Exit: func(int, string) {},
		ModelFolder: filepath.Join(t.TempDir(), "none"),
	}); err == nil {
		t.Error("a folder that is not there: expected an error")
	}
}

// What takes its deadline of the processor ends the process with its code; what takes the clock's time only, by others'
// work or by waiting, says nothing.
func TestDeadlinesInProcessorTime(t *testing.T) {
	for what, c := range map[string]struct {
		used func(now time.Duration) time.Duration // what the process has used, by the time that passed
		code int
	}{
		"busy":    {func(now time.Duration) time.Duration { return now }, wire.ExitRunDeadline},
		"starved": {func(now time.Duration) time.Duration { return now / 100 }, wire.ExitStalled},
	} {
		t.Run(what, func(t *testing.T) {
			start0 := time.Now()
			release := make(chan struct{})
			var once atomic.Bool
			runtime := &fakeRuntime{run: func(_, outputs []tensor.Tensor) ([]tensor.Tensor, error) {
				<-release
				return zeros(outputs), nil
			}}
			h, name := loaded(t, runtime, func(c2 *Config) {
				c2.RunTimeout = 30 * time.Millisecond
				c2.CPUTime = func() time.Duration { return c.used(time.Since(start0)) }
				exit := c2.Exit
				c2.Exit = func(code int, reason string) {
					exit(code, reason)
					if once.CompareAndSwap(false, true) {
						close(release) // a real process would be gone
					}
				}
			})
			_, _, _ = h.infer(t.Context(), name, 1)
			if code := <-h.exits; code != c.code {
				t.Errorf("expected code %d, got %d", c.code, code)
			}
		})
	}
}

func TestLoadTimeoutGrowsWithTheFile(t *testing.T) {
	s := &Server{cfg: Config{LoadTimeout: time.Minute}}
	for size, want := range map[int64]time.Duration{
		0: 10 * time.Second, 8 << 20: 11 * time.Second, 100 << 20: 22 * time.Second, 1<<31 - 1: time.Minute,
	} {
		if got := s.loadTimeout(size); got != want {
			t.Errorf("%d bytes: expected %s, got %s", size, want, got)
		}
	}
	s.cfg.LoadTimeout = time.Second
	if got := s.loadTimeout(0); got != time.Second {
		t.Errorf("expected the cap, got %s", got)
	}
}
