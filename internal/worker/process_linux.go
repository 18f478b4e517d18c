package worker

import (
	"os/exec"
	"syscall"
)

// isolate keeps terminal signals from the worker, which ends with the node in any case: by the end of its input, and if
// it cannot read that, stopped or stuck, by the signal the kernel sends when the thread that started it ends.
func isolate(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
}
