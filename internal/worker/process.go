package worker

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/opengradient/opengradient/internal/worker/wire"
)

// passedOn are the environment variables the worker gets. The others stay with the node: they may hold secrets, and none
// may alter results.
var passedOn = []string{"PATH", "HOME", "TMPDIR", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH"}

// process is a running worker.
type process struct {
	cmd    *exec.Cmd
	stdin  io.Closer // closing it tells the worker to end
	socket string
	log    *lineLog

	ended chan struct{} // closed when the process is gone
	err   error         // how it ended; valid after ended
}

// startProcess starts the worker. The calling goroutine must stay on its operating system thread until the process has
// ended: on Linux the worker is killed when that thread ends, however the node ends.
func startProcess(c Config, socket string, log func(string)) (*process, error) {
	p := &process{
		cmd:    exec.Command(c.BinaryPath, c.arguments(socket)...),
		socket: socket,
		log:    &lineLog{log: log},
		ended:  make(chan struct{}),
	}
	p.cmd.Env = append([]string{}, c.Environ...)
	for _, name := range passedOn {
		if value, ok := os.LookupEnv(name); ok {
			p.cmd.Env = append(p.cmd.Env, name+"="+value)
		}
	}
	p.cmd.Stdout, p.cmd.Stderr = p.log, p.log
	p.cmd.WaitDelay = time.Second
	isolate(p.cmd)
	stdin, err := p.cmd.StdinPipe()
	if err != nil {
		return nil, fmt.Errorf("starting the worker: %w", err)
	}
	p.stdin = stdin
	if err := p.cmd.Start(); err != nil {
		_ = stdin.Close()
		return nil, fmt.Errorf("starting the worker: %w", err)
	}
	go func() {
		p.err = explainExit(p.cmd.Wait(), p.log.reason())
		close(p.ended)
	}()
	return p, nil
}

// kill ends the process at once and waits until it is gone. It holds nothing that needs saving.
func (p *process) kill() {
	_ = p.cmd.Process.Kill() // an error means that it is gone already
	<-p.ended
	_ = p.stdin.Close()
	_ = os.Remove(p.socket)
}

// explainExit says why a worker ended.
func explainExit(err error, reason string) error {
	if err == nil {
		return errors.New("the worker ended")
	}
	if reason != "" {
		reason = ": " + reason
	}
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		switch exit.ExitCode() {
		case wire.ExitLoadDeadline:
			return fmt.Errorf("%w%s", ErrLoadDeadline, reason)
		case wire.ExitRunDeadline:
			return fmt.Errorf("%w%s", ErrRunDeadline, reason)
		case wire.ExitStalled:
			return fmt.Errorf("%w%s", ErrStalled, reason)
		case wire.ExitUsage, wire.ExitLibrary, wire.ExitSocket, wire.ExitFailure:
			// It ended in order.
		default:
			return fmt.Errorf("%w: it ended with %w%s", ErrDied, err, reason)
		}
	}
	return fmt.Errorf("the worker ended with %w%s", err, reason)
}

// socketPath names the socket of the nth worker this process starts.
func socketPath(folder string, n int) string {
	return filepath.Join(folder, fmt.Sprintf("worker-%d-%d.sock", os.Getpid(), n))
}

// lineLog hands on what a worker writes, line by line, and remembers the line that tells most about its end. It bounds
// both.
type lineLog struct {
	log     func(string) // may be called concurrently with others' calls
	partial []byte
	line    string // read after the process has ended
	telling bool   // line has a prefix of tellingPrefixes
}

const maxLine = 1024 // bytes of a line that are kept

// tellingPrefixes begin lines that say why a process ended; those of a crash come before many others.
var tellingPrefixes = []string{wire.Name + ": ", "panic: ", "fatal error: ", "SIG", "terminate called "}

// Write implements io.Writer. It is called from one goroutine: both streams of the process are the same writer.
func (l *lineLog) Write(b []byte) (int, error) {
	n := len(b)
	for {
		head, tail, found := bytes.Cut(b, []byte{'\n'})
		l.partial = append(l.partial, head[:min(len(head), max(maxLine-len(l.partial), 0))]...)
		if !found {
			return n, nil
		}
		l.flush()
		b = tail
	}
}

func (l *lineLog) flush() {
	line := strings.TrimSpace(strings.ToValidUTF8(string(l.partial), "?"))
	l.partial = l.partial[:0]
	if line == "" {
		return
	}
	l.log(line)
	telling := slices.ContainsFunc(tellingPrefixes, func(prefix string) bool { return strings.HasPrefix(line, prefix) })
	if telling || !l.telling {
		l.line, l.telling = line, telling
	}
}

// reason is the last telling line, else the last line. The process must have ended.
func (l *lineLog) reason() string {
	l.flush()
	return l.line
}
