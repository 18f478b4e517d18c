package main

import (
	"bytes"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/opengradient/opengradient/internal/worker/wire"
)

func TestRunRefuses(t *testing.T) {
	socket := filepath.Join(t.TempDir(), "s", "w.sock")
	t.Setenv(wire.LibraryVariable, "")
	for name, c := range map[string]struct {
		args    []string
		code    int
		message string
	}{
		"no socket":             {nil, wire.ExitUsage, "--socket"},
		"an unknown flag":       {[]string{"--speed"}, wire.ExitUsage, "speed"},
		"a stray argument":      {[]string{"--socket", socket, "go"}, wire.ExitUsage, `"go"`},
		"a negative niceness":   {[]string{"--socket", socket, "--nice", "-1"}, wire.ExitUsage, "0 to 19"},
		"a size without number": {[]string{"--socket", socket, "--model-budget", "many"}, wire.ExitUsage, "1GiB"},
		"too little memory":     {[]string{"--socket", socket, "--memory-limit", "1MiB"}, wire.ExitUsage, "--memory-limit"},
		"no library":            {[]string{"--socket", socket}, wire.ExitLibrary, "scripts/install-onnxruntime.sh"},
		"a missing library":     {[]string{"--socket", socket, "--library", "/nowhere"}, wire.ExitLibrary, "/nowhere"},
	} {
		t.Run(name, func(t *testing.T) {
			var stdout, stderr bytes.Buffer
			if code := run(c.args, nil, &stdout, &stderr); code != c.code || !strings.Contains(stderr.String(), c.message) {
				t.Errorf("expected code %d and %q, got %d and %q", c.code, c.message, code, stderr.String())
			}
		})
	}
}

func TestRunSaysWhatItIs(t *testing.T) {
	for _, args := range [][]string{{"--version"}, {"version"}} {
		var stdout, stderr bytes.Buffer
		if code := run(args, nil, &stdout, &stderr); code != 0 || stdout.String() != "opengradient-worker dev\n" {
			t.Errorf("%v: expected the version, got %d, %q, %q", args, code, stdout.String(), stderr.String())
		}
	}
	var stdout, stderr bytes.Buffer
	if code := run([]string{"--help"}, nil, &stdout, &stderr); code != 0 || !strings.Contains(stderr.String(), "-run-timeout") {
		t.Errorf("expected the flags, got %d, %q", code, stderr.String())
	}
}

func TestParse(t *testing.T) {
	o, err := parse([]string{
		"--socket", "/s", "--memory-limit", "2GiB", "--model-budget", "512MiB", "--max-output-bytes", "8192", "--load-timeout", "1m30s", "--nice", "19",
	}, nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	if o.memoryLimit != 2<<30 || o.modelBudget != 512<<20 || o.maxOutputBytes != 8192 || o.loadTimeout != 90*time.Second || o.nice != 19 {
		t.Errorf("got %+v", o)
	}
}

func TestByteSize(t *testing.T) {
	for s, want := range map[string]int64{"0": 0, "17": 17, "3KiB": 3072, "9223372036854775807": 1<<63 - 1} {
		var b byteSize
		if err := b.Set(s); err != nil || int64(b) != want {
			t.Errorf("%s: expected %d, got %d, %v", s, want, b, err)
		}
	}
	for _, s := range []string{"", "-1", "1.5GiB", "GiB", "1kb", "9223372036854775808", "8589934592GiB", "1 MiB"} {
		var b byteSize
		if err := b.Set(s); err == nil {
			t.Errorf("%q: expected an error, got %d", s, b)
		}
	}
}
