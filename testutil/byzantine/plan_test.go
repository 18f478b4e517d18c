package byzantine

import (
	"os"
	"path/filepath"
	"testing"
)

func TestPlanFile(t *testing.T) {
	f := OpenFile(filepath.Join(t.TempDir(), "plan.json"))
	if p, err := f.Read(); err != nil || p != (Plan{}) {
		t.Errorf("without a file: expected an honest plan, got %+v and %v", p, err)
	}
	want := Plan{Vote: VoteCopy, Proposal: ProposalForge, Worker: WorkerWrong, Amount: 3, ISA: "sse"}
	if err := f.Write(want); err != nil {
		t.Fatal(err)
	}
	if got, err := f.Read(); err != nil || got != want {
		t.Errorf("expected %+v, got %+v and %v", want, got, err)
	}
	if err := os.WriteFile(f.Path(), []byte("{"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := f.Read(); err == nil {
		t.Error("a plan that does not decode: expected an error")
	}
}

func TestDeedsAreCountedByName(t *testing.T) {
	f := OpenFile(filepath.Join(t.TempDir(), "plan.json"))
	for _, deed := range []string{"copy", "mark", "copy"} {
		if err := f.Did(deed); err != nil {
			t.Fatal(err)
		}
	}
	for deed, want := range map[string]int{"copy": 2, "mark": 1, "forge": 0} {
		if got, err := f.Deeds(deed); err != nil || got != want {
			t.Errorf("%s: expected %d, got %d and %v", deed, want, got, err)
		}
	}
}
