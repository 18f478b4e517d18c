//go:build !linux

package worker

import (
	"os/exec"
	"syscall"
)

// isolate keeps terminal signals from the worker, which ends with the node by the end of its input.
func isolate(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
}
