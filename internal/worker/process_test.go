package worker

import (
	"strings"
	"testing"
)

func TestLineLogIsBounded(t *testing.T) {
	var got []string
	l := &lineLog{log: func(line string) { got = append(got, line) }}
	for _, chunk := range []string{"one\ntw", "o\n\n", strings.Repeat("x", 5000), "y\nend"} {
		if n, err := l.Write([]byte(chunk)); n != len(chunk) || err != nil {
			t.Fatalf("expected %d, got %d, %v", len(chunk), n, err)
		}
	}
	if reason := l.reason(); reason != "end" {
		t.Errorf("expected the last line, got %q", reason)
	}
	want := []string{"one", "two", strings.Repeat("x", maxLine), "end"}
	if strings.Join(got, "|") != strings.Join(want, "|") {
		t.Errorf("expected %q, got %q", want, got)
	}
}

func TestLineLogFindsTheReason(t *testing.T) {
	for what, c := range map[string]struct{ output, want string }{
		"a refusal":        {"starting\nopengradient-worker: no library\n", "opengradient-worker: no library"},
		"a panic":          {"opengradient-worker v1: ready\npanic: boom\n\ngoroutine 1 [running]:\nmain.main()\n", "panic: boom"},
		"a crash in C":     {"SIGSEGV: segmentation violation\nPC=0x1\n\nrax 0x0\n", "SIGSEGV: segmentation violation"},
		"an unknown cause": {"first\nlast\n", "last"},
		"nothing":          {"", ""},
	} {
		l := &lineLog{log: func(string) {}}
		if _, err := l.Write([]byte(c.output)); err != nil {
			t.Fatal(err)
		}
		if got := l.reason(); got != c.want {
			t.Errorf("%s: expected %q, got %q", what, c.want, got)
		}
	}
}
