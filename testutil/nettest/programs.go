package nettest

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/opengradient/opengradient/testutil/byzantine"
	"github.com/opengradient/opengradient/testutil/localnet"
)

// Programs is a folder with the programs that follow a plan. They are built for the tests only and never shipped.
type Programs string

// RunWithPrograms builds the programs, runs the tests of a package and removes the programs. It is for TestMain, and
// returns the exit code.
func RunWithPrograms(m *testing.M, set func(Programs)) int {
	code, err := runWithPrograms(m, set)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return code
}

func runWithPrograms(m *testing.M, set func(Programs)) (code int, err error) {
	folder, err := os.MkdirTemp("", "byzantine")
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(folder)) }()
	build := exec.Command("go", "build", "-o", folder+string(filepath.Separator), "./testutil/byzantine/cmd/...")
	build.Dir = localnet.Root()
	if out, err := build.CombinedOutput(); err != nil {
		return 0, fmt.Errorf("%v: %w\n%s", build, err, out)
	}
	set(Programs(folder))
	return m.Run(), nil
}

// Daemon is the path of a daemon that follows the plan in a file.
func (p Programs) Daemon(t *testing.T, plan byzantine.File) string {
	t.Helper()
	return script(t, plan, "daemon.sh", fmt.Sprintf("%s='%s' exec '%s' \"$@\"", byzantine.PlanVariable, plan.Path(),
		filepath.Join(string(p), "opengradientd-byzantine")))
}

// Worker is the path of a worker that follows the plan in a file.
func (p Programs) Worker(t *testing.T, plan byzantine.File) string {
	t.Helper()
	honest, err := localnet.Binary("opengradient-worker")
	if err != nil {
		t.Fatal(err)
	}
	return script(t, plan, "worker.sh", fmt.Sprintf("exec '%s' -real '%s' -plan '%s' -- \"$@\"",
		filepath.Join(string(p), "opengradient-worker-byzantine"), honest, plan.Path()))
}

// script is a program of one line beside a plan.
func script(t *testing.T, plan byzantine.File, name, line string) string {
	t.Helper()
	path := filepath.Join(filepath.Dir(plan.Path()), name)
	if err := os.WriteFile(path, []byte("#!/bin/sh\n"+line+"\n"), 0o700); err != nil {
		t.Fatal(err)
	}
	return path
}
