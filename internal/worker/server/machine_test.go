package server

import (
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/opengradient/opengradient/internal/worker/wire"
)

func TestClassifyISA(t *testing.T) {
	sse := features{sse: true}
	avx := features{sse: true, avx: true}
	avx2 := features{sse: true, avx: true, avx2: true}
	avx512 := features{sse: true, avx: true, avx2: true, avx512: true}
	with := func(f features, change func(*features)) features { change(&f); return f }
	for name, c := range map[string]struct {
		arch string
		f    features
		want string
	}{
		"arm64":                           {"arm64", features{}, wire.ISAARM64},
		"another architecture":            {"riscv64", features{}, wire.ISAOther},
		"x86 before SSE4.1":               {"amd64", features{}, wire.ISAOther},
		"SSE4.1":                          {"amd64", sse, wire.ISASSE},
		"AVX":                             {"amd64", avx, wire.ISAAVX},
		"AVX2 with FMA":                   {"amd64", avx2, wire.ISAAVX2},
		"AVX-512":                         {"amd64", avx512, wire.ISAAVX512},
		"AVX-512 with VNNI":               {"amd64", with(avx512, func(f *features) { f.vnni = true }), wire.ISAVNNI},
		"AVX-512 with both kinds of VNNI": {"amd64", with(avx512, func(f *features) { f.vnni, f.avxVNNI = true, true }), wire.ISAVNNI},
		"AVX2 with VNNI":                  {"amd64", with(avx2, func(f *features) { f.avxVNNI = true }), wire.ISAOther},
	} {
		if got := classifyISA(c.arch, c.f); got != c.want {
			t.Errorf("%s: expected %s, got %s", name, c.want, got)
		}
	}
	class := environment
	class.ISA = ISA()
	if err := class.Validate(); err != nil {
		t.Errorf("this machine: %v", err)
	}
}

func TestListen(t *testing.T) {
	folder := filepath.Join(t.TempDir(), "s")
	path := filepath.Join(folder, "worker.sock")
	first, err := Listen(path)
	if err != nil {
		t.Fatal(err)
	}
	for file, want := range map[string]os.FileMode{folder: 0o700, path: 0o600} {
		if info, err := os.Stat(file); err != nil || info.Mode().Perm() != want {
			t.Errorf("%s: expected mode %o, got %v, %v", file, want, info.Mode(), err)
		}
	}
	if _, err := Listen(path); err == nil || !strings.Contains(err.Error(), "another process") {
		t.Errorf("a live socket: expected a refusal, got %v", err)
	}
	first.(*net.UnixListener).SetUnlinkOnClose(false)
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}
	second, err := Listen(path)
	if err != nil {
		t.Fatalf("a stale socket: %v", err)
	}
	if err := second.Close(); err != nil {
		t.Error(err)
	}
}

func TestListenRefuses(t *testing.T) {
	open := t.TempDir()
	if err := os.Chmod(open, 0o755); err != nil {
		t.Fatal(err)
	}
	closed := filepath.Join(t.TempDir(), "s")
	if err := os.Mkdir(closed, 0o700); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(closed, "file")
	if err := os.WriteFile(file, []byte("kept"), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct{ path, message string }{
		"a folder open to others": {filepath.Join(open, "w.sock"), "0700"},
		"a path too long":         {filepath.Join(closed, strings.Repeat("l", 104)), "1 to 103 bytes"},
		"no path":                 {"", "1 to 103 bytes"},
		"a file of other kind":    {file, "expected no file or a socket"},
		"a folder below a file":   {filepath.Join(file, "s", "w.sock"), "folder"},
	} {
		if _, err := Listen(c.path); err == nil || !strings.Contains(err.Error(), c.message) {
			t.Errorf("%s: expected an error with %q, got %v", name, c.message, err)
		}
	}
}
