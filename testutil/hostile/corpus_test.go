package hostile

import (
	"errors"
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
