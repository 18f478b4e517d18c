package cache

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

const (
	killEnv  = "OPENGRADIENT_CACHE_KILL"
	killSize = 1000
)

// TestMain is the child of TestAProcessKilledAtAnyStep when it is started as one.
func TestMain(m *testing.M) {
	if dir := os.Getenv(killEnv); dir != "" {
		child(dir)
		return
	}
	os.Exit(m.Run())
}

// child downloads a model in steps, says each, and waits to be told to go on.
func child(dir string) {
	data, sum := model(killSize, 1)
	input := bufio.NewReader(os.Stdin)
	step := func(name string, err error) {
		if err != nil {
			name = "error: " + err.Error()
		}
		fmt.Println(name)
		if _, err := input.ReadString('\n'); err != nil {
			os.Exit(1)
		}
	}
	c, err := Open(dir, 2*killSize)
	step("open", err)
	d, err := c.Begin(sum, killSize)
	step("begin", err)
	step("from", d.From(origin))
	for d.Offset() < killSize {
		_, err := d.Write(data[d.Offset() : d.Offset()+killSize/4])
		step("write", err)
	}
	file, err := d.Commit()
	step("commit", err)
	step("close", file.Close())
}

func TestAProcessKilledAtAnyStep(t *testing.T) {
	data, sum := model(killSize, 1)
	const steps = 9 // open, begin, from, four writes, commit, close
	for last := 1; last <= steps; last++ {
		t.Run(fmt.Sprint("step ", last), func(t *testing.T) {
			dir := t.TempDir()
			said := kill(t, dir, last)
			c := opened(t, dir, 2*killSize)
			if last >= 8 {
				require.Equal(t, data, content(t, c, sum))
				return
			}
			d, err := c.Begin(sum, killSize)
			require.NoError(t, err, "the lock went with the process")
			require.Equal(t, int64(strings.Count(said, "write")*killSize/4), d.Offset())
			_, err = d.Write(data[d.Offset():])
			require.NoError(t, err)
			file, err := d.Commit()
			require.NoError(t, err)
			require.NoError(t, file.Close())
		})
	}
}

// kill lets a child make a number of steps, finds its locks in the way, and kills it.
func kill(t *testing.T, dir string, steps int) string {
	t.Helper()
	program, err := os.Executable()
	require.NoError(t, err)
	process := exec.Command(program)
	process.Env = append(os.Environ(), killEnv+"="+dir)
	input, err := process.StdinPipe()
	require.NoError(t, err)
	output, err := process.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, process.Start())
	lines := bufio.NewReader(output)
	var said strings.Builder
	for i := range steps {
		line, err := lines.ReadString('\n')
		require.NoError(t, err)
		require.NotContains(t, line, "error")
		said.WriteString(line)
		if i < steps-1 {
			_, err = io.WriteString(input, "\n")
			require.NoError(t, err)
		}
	}
	_, sum := model(killSize, 1)
	if steps >= 2 && steps <= 7 {
		_, err := opened(t, dir, 2*killSize).Begin(sum, killSize)
		require.ErrorIs(t, err, ErrInUse)
	}
	if steps == 8 {
		require.ErrorIs(t, opened(t, dir, 2*killSize).Remove(sum), ErrInUse)
	}
	require.NoError(t, process.Process.Kill())
	require.Error(t, process.Wait())
	return said.String()
}
