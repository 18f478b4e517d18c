package worker_test

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/opengradient/opengradient/internal/worker"
)

func TestSupervisorKillsAWorkerThatHangs(t *testing.T) {
	s := supervise(t, func(c *worker.Config) { c.HealthTimeout = time.Second })
	load(t, s)
	workers := children(t, os.Getpid())
	if len(workers) != 1 {
		t.Fatalf("expected one worker, got %v", workers)
	}
	stopped := workers[0]
	if err := syscall.Kill(stopped, syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	eventually(t, "a restart", func() bool { return s.Status().Restarts == 1 })
	waitReady(t, s)
	if last := s.Status().LastError; !strings.Contains(last, "health check") {
		t.Errorf("expected the health check as reason, got %q", last)
	}
	if now := children(t, os.Getpid()); len(now) != 1 || now[0] == stopped {
		t.Errorf("expected one other worker than %d, got %v", stopped, now)
	}
	load(t, s)
}

// children lists the processes that a process started and that have not ended.
func children(t *testing.T, of int) []int {
	t.Helper()
	files, err := filepath.Glob("/proc/[0-9]*/stat")
	if err != nil {
		t.Fatal(err)
	}
	var ids []int
	for _, file := range files {
		stat, err := os.ReadFile(file)
		if err != nil {
			continue // the process is gone
		}
		var id, parent int
		var state string
		rest := string(stat[strings.LastIndexByte(string(stat), ')')+1:])
		if _, err := fmt.Sscan(string(stat), &id); err != nil {
			t.Fatal(err)
		}
		if _, err := fmt.Sscan(rest, &state, &parent); err != nil {
			t.Fatal(err)
		}
		if parent == of && state != "Z" {
			ids = append(ids, id)
		}
	}
	return ids
}

// However the node ends, the worker ends too, even one that is stopped.
func TestWorkerEndsWithTheNode(t *testing.T) {
	for _, stopped := range []bool{false, true} {
		t.Run(fmt.Sprintf("stopped=%v", stopped), func(t *testing.T) {
			binary, err := os.Executable()
			if err != nil {
				t.Fatal(err)
			}
			node := exec.Command(binary)
			node.Env = append(os.Environ(), asWorker+"=node")
			output, err := node.StdoutPipe()
			if err != nil {
				t.Fatal(err)
			}
			if err := node.Start(); err != nil {
				t.Fatal(err)
			}
			line, err := bufio.NewReader(output).ReadString('\n')
			if err != nil || line != "ready\n" {
				t.Fatalf("expected a ready node, got %q, %v", line, err)
			}
			workers := children(t, node.Process.Pid)
			if len(workers) != 1 {
				t.Fatalf("expected one worker, got %v", workers)
			}
			if stopped {
				if err := syscall.Kill(workers[0], syscall.SIGSTOP); err != nil {
					t.Fatal(err)
				}
			}
			if err := node.Process.Kill(); err != nil {
				t.Fatal(err)
			}
			_ = node.Wait()
			eventually(t, "the end of the worker", func() bool { return !alive(workers[0]) })
		})
	}
}

// alive tells whether a process runs or is stopped; one that waits to be reaped is not.
func alive(id int) bool {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", id))
	if err != nil {
		return false
	}
	return !strings.HasPrefix(string(stat[strings.LastIndexByte(string(stat), ')')+1:]), " Z")
}

func TestCloseLeavesNoProcess(t *testing.T) {
	s := supervise(t, nil)
	workers := children(t, os.Getpid())
	s.Close()
	if len(workers) != 1 || alive(workers[0]) {
		t.Errorf("expected one worker that ended, got %v", workers)
	}
}
