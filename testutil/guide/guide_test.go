package guide

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

const document = "# Title\n\n```sh\nname=world\necho hello $name 17 2f3a9c41d07b\n```\n\nprints\n\n```text\nhello world 3 0123456789abcdef\n```\n\n" +
	"```go sub/main.go\npackage main\n```\n\n```sh\ncat sub/main.go\ntouch $name\nprintf \"no end\"\n```\n\n```sh\necho next\n```\n```text\nnext\n```\n\n```\nnot run\n```\n"

func blocks(t *testing.T, markdown string) []Block {
	t.Helper()
	list, err := Parse(markdown)
	require.NoError(t, err)
	return list
}

func TestParse(t *testing.T) {
	list := blocks(t, document)
	require.Len(t, list, 7)
	require.Equal(t, Block{Language: "sh", Text: "name=world\necho hello $name 17 2f3a9c41d07b\n", Line: 3}, list[0])
	require.Equal(t, Block{Language: "go", Path: "sub/main.go", Text: "package main\n", Line: 14}, list[2])
	_, err := Parse("a\n```sh\n")
	require.EqualError(t, err, "line 2: expected the block to be closed, got the end of the document")
}

func TestRun(t *testing.T) {
	dir := t.TempDir()
	require.NoError(t, Session{Dir: dir}.Run(t.Context(), blocks(t, document)))
	require.FileExists(t, filepath.Join(dir, "sub", "main.go"))
	require.FileExists(t, filepath.Join(dir, "world"))
	require.NoFileExists(t, filepath.Join(dir, "not"))
}

func TestRunFails(t *testing.T) {
	for name, tc := range map[string]struct{ markdown, want string }{
		"a command":             {"x\n\n```sh\necho before\nfalse\n```\n```sh\necho after\n```\n", "line 3: exit status 1\nbefore"},
		"another output":        {"```sh\necho one\n```\n\n```text\ntwo\n```\n", "line 5: expected the line \"two\", after what is shown before it, got\none"},
		"an output of nothing":  {"```text\ntwo\n```\n", "line 1: expected commands before what they print, got none"},
		"a variable of nothing": {"```sh\necho $missing_variable\n```\n", "line 1: exit status"},
	} {
		t.Run(name, func(t *testing.T) {
			err := Session{Dir: t.TempDir()}.Run(t.Context(), blocks(t, tc.markdown))
			require.ErrorContains(t, err, tc.want)
			require.NotContains(t, err.Error(), "after\n")
		})
	}
}

func TestRunRewrites(t *testing.T) {
	s := Session{
		Dir: t.TempDir(), Env: []string{"GREETING=good"}, Prelude: "end() { echo $GREETING $1; }",
		Rewrite:  func(text string) string { return strings.ReplaceAll(text, "day", "night") },
		Replaced: func(text string) string { return strings.ReplaceAll(text, "night", "day") },
	}
	require.NoError(t, s.Run(t.Context(), blocks(t, "```sh\nend day > said\ncat said\n```\n```text\ngood day\n```\n")))
	said, err := os.ReadFile(filepath.Join(s.Dir, "said"))
	require.NoError(t, err)
	require.Equal(t, "good night\n", string(said))
}

func TestRunEndsWhatItStarted(t *testing.T) {
	dir := t.TempDir()
	markdown := "```sh\n(echo started > started; sleep 600; echo alive > alive) &\nuntil [ -e started ]; do :; done\n```\n"
	begun := time.Now()
	require.NoError(t, Session{Dir: dir}.Run(t.Context(), blocks(t, markdown)))
	require.Less(t, time.Since(begun), time.Minute)

	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	require.Error(t, Session{Dir: dir}.Run(ctx, blocks(t, "```sh\nsleep 600\n```\n")))
}

func TestMatch(t *testing.T) {
	output := "request:   1\nroot: c82901bcbd5b9810eba8ff1447be87ab\ndata: [0.9969735,2.5e-05]\nog1lc3k5kufzs049nekfjwna5dlt05uclj42ul8s9 done\n"
	for name, tc := range map[string]struct {
		shown string
		fits  bool
	}{
		"the same":               {output, true},
		"other values":           {"request: 22\nroot: 0123456789abcdef0123\n", true},
		"lines are left out":     {"request: 1\n…\ndata: [1,2]\n", true},
		"text is left out":       {"data: […]\n", true},
		"an address":             {"og1xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxl done\n", true},
		"another word":           {"request: one\n", false},
		"another order":          {"root: 0123456789abcdef\nrequest: 1\n", false},
		"more than there is":     {"request: 1\nrequest: 1\n", false},
		"a part of a line":       {"request\n", false},
		"another number of them": {"data: [1,2,3]\n", false},
	} {
		t.Run(name, func(t *testing.T) {
			if err := Match(tc.shown, output); (err == nil) != tc.fits {
				t.Fatalf("expected fit %t, got %v", tc.fits, err)
			}
		})
	}
}
