package guide

import (
	"bytes"
	"context"
	"crypto/rand"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// Session says where and how a document is run.
type Session struct {
	// Dir is the folder in which the shell begins.
	Dir string
	// Env are environment variables beside those of this process, each NAME=VALUE.
	Env []string
	// Prelude is run before the first block.
	Prelude string
	// Rewrite changes the text of a block before it is run; nil leaves it.
	Rewrite func(string) string
	// Replaced undoes Rewrite in outputs, so that they compare with what the document shows; nil leaves them.
	Replaced func(string) string
}

// Run runs the blocks of a document in one bash that stops at the first command that fails, and compares outputs with what is
// shown. What the commands have started in the background is ended when it returns. An error names the line of the document.
func (s Session) Run(ctx context.Context, blocks []Block) error {
	var token [16]byte
	if _, err := rand.Read(token[:]); err != nil {
		return err
	}
	mark := fmt.Sprintf("::%x", token)
	output, runErr := s.bash(ctx, s.script(blocks, mark))
	printed, last := s.split(output, mark, len(blocks))
	if runErr != nil {
		if last < 0 {
			return fmt.Errorf("before the first block: %w\n%s", runErr, printed[last])
		}
		return fmt.Errorf("%s: %w\n%s", blocks[last], runErr, printed[last])
	}
	commands := -1
	for i, b := range blocks {
		switch b.Language {
		case "sh":
			commands = i
		case "text":
			if commands < 0 {
				return fmt.Errorf("%s: expected commands before what they print, got none", b)
			}
			if err := Match(b.Text, printed[commands]); err != nil {
				return fmt.Errorf("%s: %w", b, err)
			}
		}
	}
	return nil
}

// script is the whole document as one script that prints the mark and the number of a block before it begins.
func (s Session) script(blocks []Block, mark string) string {
	var b strings.Builder
	b.WriteString("set -eu -o pipefail\nshopt -s expand_aliases\n" + s.Prelude + "\n")
	for i, block := range blocks {
		text := block.Text
		if s.Rewrite != nil {
			text = s.Rewrite(text)
		}
		switch {
		case block.Path != "":
			fmt.Fprintf(&b, "mkdir -p '%s'\ncat > '%s' <<'%s'\n%s%s\n", filepath.Dir(block.Path), block.Path, mark, text, mark)
		case block.Language == "sh":
			// What came before may have ended within a line.
			fmt.Fprintf(&b, "printf '\\n%%s\\n' '%s %d'\n%s", mark, i, text)
		}
	}
	return b.String()
}

// split cuts an output into what each block printed, and gives the last block that began, or -1.
func (s Session) split(output, mark string, blocks int) (printed map[int]string, last int) {
	printed, last = make(map[int]string), -1
	for line := range strings.Lines(output) {
		var i int
		if n, err := fmt.Sscanf(line, mark+" %d\n", &i); err == nil && n == 1 && i < blocks {
			last = i
			continue
		}
		if s.Replaced != nil {
			line = s.Replaced(line)
		}
		printed[last] += line
	}
	return printed, last
}

// bash runs a script and gives what it printed to both streams.
func (s Session) bash(ctx context.Context, script string) (string, error) {
	file, err := os.CreateTemp("", "guide*.sh")
	if err != nil {
		return "", err
	}
	defer func() { _ = os.Remove(file.Name()) }()
	if _, err := file.WriteString(script); err != nil {
		return "", err
	}
	if err := file.Close(); err != nil {
		return "", err
	}
	var output bytes.Buffer
	cmd := exec.CommandContext(ctx, "bash", file.Name())
	cmd.Dir, cmd.Env = s.Dir, append(os.Environ(), s.Env...)
	cmd.Stdout, cmd.Stderr = &output, &output
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	group := func(signal syscall.Signal) error { return syscall.Kill(-cmd.Process.Pid, signal) }
	cmd.Cancel = func() error { return group(syscall.SIGKILL) }
	// What runs in the background holds the output open.
	cmd.WaitDelay = time.Second
	err = cmd.Run()
	if cmd.Process != nil {
		_ = group(syscall.SIGKILL)
	}
	if cmd.ProcessState != nil && cmd.ProcessState.Success() && ctx.Err() == nil {
		err = nil
	}
	return output.String(), err
}
