package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/opengradient/opengradient/cmd/opengradientd/cmd/model"
	"github.com/opengradient/opengradient/internal/worker/workertest"
	"github.com/opengradient/opengradient/testutil/modelzoo"
)

// TestPrepareCommandComparesOutputs runs `model prepare` with this command as its worker.
func TestPrepareCommandComparesOutputs(t *testing.T) {
	binary, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	folder := t.TempDir()
	script := filepath.Join(folder, "worker")
	// The worker gets few variables of its parent, so a script sets the one that makes this binary a worker.
	if err := os.WriteFile(script, fmt.Appendf(nil, "#!/bin/sh\n%s=1 exec %s \"$@\"\n", asWorker, binary), 0o700); err != nil {
		t.Fatal(err)
	}
	for _, m := range modelzoo.Models() {
		if m.Name != "attention-small" {
			continue
		}
		in := filepath.Join(folder, "in.onnx")
		if err := os.WriteFile(in, m.ONNX, 0o600); err != nil {
			t.Fatal(err)
		}
		cmd := model.NewPrepareCommand()
		var out bytes.Buffer
		cmd.SetOut(&out)
		cmd.SetArgs([]string{in, "-o", filepath.Join(folder, "out.onnx"), "--worker", script, "--library", workertest.Library(t), "--output", "json", "--samples", "3"})
		if err := cmd.ExecuteContext(t.Context()); err != nil {
			t.Fatal(err)
		}
		var report struct {
			NotCompared string `json:"not_compared"`
			Environment string
			Comparison  struct {
				Samples int
				Outputs []struct {
					Distance, Tolerance *float64
				}
			}
		}
		if err := json.Unmarshal(out.Bytes(), &report); err != nil {
			t.Fatal(err)
		}
		c := report.Comparison
		if report.Environment == "" || c.Samples != 3 || len(c.Outputs) != 1 || c.Outputs[0].Distance == nil || *c.Outputs[0].Distance > *c.Outputs[0].Tolerance {
			t.Errorf("got %s", &out)
		}
		return
	}
	t.Error("the zoo lacks attention-small")
}
