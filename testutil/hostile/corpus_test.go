package hostile

import (
	"crypto/sha256"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/opengradient/opengradient/internal/onnxfile"
)

// TestEachIsRefusedForItsReason runs inspection over the corpus.
func TestEachIsRefusedForItsReason(t *testing.T) {
	classes, names, reasons := map[string]int{}, map[string]bool{}, map[onnxfile.Reason]bool{}
	for _, f := range Corpus() {
		classes[f.Class]++
		if names[f.Name] {
			t.Errorf("%s: the name occurs twice", f.Name)
		}
		names[f.Name] = true
		reasons[f.Want] = true
		_, err := onnxfile.Inspect(f.Bytes, onnxfile.DefaultLimits)
		if f.Want == Passes {
			if err != nil {
				t.Errorf("%s: expected to pass, got %v", f.Name, err)
			}
			if f.Effect == None || f.Execution == "" || f.Inputs == nil {
				t.Errorf("%s: passes, but does not say what it does when it runs", f.Name)
			}
			continue
		}
		var refusal *onnxfile.Refusal
		if !errors.As(err, &refusal) || refusal.Reason != f.Want {
			t.Errorf("%s: expected %s, got %v", f.Name, f.Want, err)
		}
	}
	if len(names) < 60 || len(classes) < 15 {
		t.Errorf("%d files in %d classes, expected at least 60 in 15", len(names), len(classes))
	}
	for _, reason := range onnxfile.Reasons() {
		if !reasons[reason] {
			t.Errorf("no file for reason %s", reason)
		}
	}
	t.Logf("%d files in %d classes", len(names), len(classes))
}

var update = flag.Bool("update", false, "rewrite the golden file")

// TestCorpusIsTheSame pins the files by their digests: they are the same bytes each time and on every machine.
func TestCorpusIsTheSame(t *testing.T) {
	var out strings.Builder
	for _, f := range Corpus() {
		digest := sha256.Sum256(f.Bytes)
		what := f.Want.String()
		if f.Want == Passes {
			what = f.Effect.String() + ": " + f.Execution
		}
		fmt.Fprintf(&out, "%-52s %8d bytes %x %s\n", f.Name, len(f.Bytes), digest[:6], what)
	}
	path := filepath.Join("testdata", "corpus.golden")
	if *update {
		if err := os.WriteFile(path, []byte(out.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if out.String() != string(want) {
		t.Errorf("%s differs; got:\n%s", path, out.String())
	}
}
