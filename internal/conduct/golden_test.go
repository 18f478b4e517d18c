package conduct

import (
	"bufio"
	"bytes"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// The golden file is a list of histories with the windows they leave, to be read and judged by people, and the vectors a
// second implementation can be checked with. It says itself how to read a line.
func TestGoldenWindows(t *testing.T) {
	path := filepath.Join("testdata", "window.golden")
	golden, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var got bytes.Buffer
	cases := 0
	for lines := bufio.NewScanner(bytes.NewReader(golden)); lines.Scan(); {
		line := lines.Text()
		question, _, found := strings.Cut(line, ":")
		if !found || strings.HasPrefix(line, "#") {
			fmt.Fprintln(&got, line)
			continue
		}
		cases++
		fmt.Fprintf(&got, "%s: %s\n", question, answer(t, question))
	}
	if cases == 0 {
		t.Fatal("expected cases in the golden file, got none")
	}
	if *update {
		if err := os.WriteFile(path, got.Bytes(), 0o600); err != nil {
			t.Fatal(err)
		}
		return
	}
	if !bytes.Equal(got.Bytes(), golden) {
		t.Errorf("expected\n%s\ngot\n%s", golden, got.Bytes())
	}
}

func answer(t *testing.T, question string) string {
	t.Helper()
	var (
		w     Window
		rule  Rule
		jails []string
		n     int
	)
	for part := range strings.FieldsSeq(question) {
		if strings.Contains(part, ",") {
			if _, err := fmt.Sscanf(part, "%d,%d,%d", &rule.Window, &rule.MaxMissed, &rule.MaxContradicted); err != nil {
				t.Fatalf("%q: %v", question, err)
			}
			continue
		}
		for _, letter := range part {
			outcome := strings.IndexRune(".mc", letter)
			if outcome < 0 {
				t.Fatalf("%q: expected outcomes of . m and c, got %q", question, letter)
			}
			var verdict Verdict
			n++
			if w, verdict = w.Count(rule, Outcome(outcome)); verdict != Keep {
				jails = append(jails, fmt.Sprintf(", round %d: %v", n, verdict))
			}
		}
	}
	ring := fmt.Sprintf("%x", w.Ring)
	if ring == "" {
		ring = "-"
	}
	return fmt.Sprintf("%s length %d next %d missed %d contradicted %d reliability %d%s",
		ring, w.Length, w.Next, w.Missed, w.Contradicted, Reliability(rule, w), strings.Join(jails, ""))
}
