package model_test

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/opengradient/opengradient/cmd/opengradientd/cmd/model"
	ow "github.com/opengradient/opengradient/internal/onnxwrite"
)

// softmaxModel is softmax over x FP32[batch,5].
func softmaxModel(t *testing.T) string {
	t.Helper()
	dims := []ow.Dim{ow.Symbolic("batch"), ow.Fixed(5)}
	onnx, err := ow.Model{Doc: "a text", Graph: ow.Graph{
		Name:    "g",
		Nodes:   []ow.Node{{Op: "Softmax", Name: "end", Inputs: []string{"x"}, Outputs: []string{"y"}}},
		Inputs:  []ow.ValueInfo{{Name: "x", Type: ow.ElementFloat, Dims: dims}},
		Outputs: []ow.ValueInfo{{Name: "y", Type: ow.ElementFloat, Dims: dims}},
	}}.Marshal()
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "model.onnx")
	if err := os.WriteFile(path, onnx, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// run executes the command and returns what it prints.
func run(args ...string) (string, error) {
	cmd := model.NewPrepareCommand()
	var out bytes.Buffer
	cmd.SetOut(&out)
	cmd.SetErr(&out)
	cmd.SetArgs(args)
	cmd.SilenceUsage, cmd.SilenceErrors = true, true
	err := cmd.Execute()
	return out.String(), err
}

func TestPrepareText(t *testing.T) {
	in := softmaxModel(t)
	out := filepath.Join(t.TempDir(), "prepared.onnx")
	printed, err := run(in, "-o", out, "--fix", "batch=3", "--fix", "width=2", "--no-run")
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"documentation removed", `dimension "batch"`, `node 0 ("Softmax" "end")`, "Softmax over axis -1 computed by 5 nodes",
		"Left as it is", `dimension "width"`, "Outputs were not compared: --no-run was given",
	} {
		if !strings.Contains(printed, want) {
			t.Errorf("expected %q in\n%s", want, printed)
		}
	}
	again := filepath.Join(t.TempDir(), "again.onnx")
	printed, err = run(out, "-o", again, "--no-run")
	if err != nil || !strings.Contains(printed, "Nothing to change") {
		t.Errorf("a second preparation: %v\n%s", err, printed)
	}
	a, _ := os.ReadFile(out)
	b, _ := os.ReadFile(again)
	if len(a) == 0 || !bytes.Equal(a, b) {
		t.Error("a second preparation changed the file")
	}
}

func TestPrepareJSON(t *testing.T) {
	printed, err := run(softmaxModel(t), "-o", filepath.Join(t.TempDir(), "out.onnx"), "--output", "json", "--no-run")
	if err != nil {
		t.Fatal(err)
	}
	var report struct {
		Before, After struct{ SHA256 string }
		Changes       []struct {
			Rule  string
			Count int
		}
		Left        []any
		NotCompared string `json:"not_compared"`
	}
	if err := json.Unmarshal([]byte(printed), &report); err != nil {
		t.Fatalf("%v in\n%s", err, printed)
	}
	if len(report.Before.SHA256) != 64 || report.Before == report.After || len(report.Changes) != 2 || report.Changes[1].Rule != "softmax" ||
		report.Left == nil || report.NotCompared == "" {
		t.Errorf("got %s", printed)
	}
}

// TestPrepareWithoutWorker shows that the model is written all the same, and what is said.
func TestPrepareWithoutWorker(t *testing.T) {
	missing := filepath.Join(t.TempDir(), "opengradient-worker")
	out := filepath.Join(t.TempDir(), "out.onnx")
	printed, err := run(softmaxModel(t), "-o", out, "--worker", missing)
	if err != nil || !strings.Contains(printed, "Outputs were not compared: worker binary: not found") || !strings.Contains(printed, missing) {
		t.Errorf("got %v\n%s", err, printed)
	}
	if _, err := os.Stat(out); err != nil {
		t.Error(err)
	}
}

// TestPrepareRefusedModel prepares a model that the network does not take.
func TestPrepareRefusedModel(t *testing.T) {
	onnx := ow.Model{Graph: ow.Graph{
		Name:    "g",
		Nodes:   []ow.Node{{Op: "RandomNormal", Outputs: []string{"y"}}},
		Outputs: []ow.ValueInfo{{Name: "y", Type: ow.ElementFloat}},
	}}.MarshalUnchecked()
	in := filepath.Join(t.TempDir(), "in.onnx")
	if err := os.WriteFile(in, onnx, 0o600); err != nil {
		t.Fatal(err)
	}
	printed, err := run(in, "-o", filepath.Join(t.TempDir(), "out.onnx"))
	if err != nil || !strings.Contains(printed, "The network refuses this model: model refused: random_op") {
		t.Errorf("got %v\n%s", err, printed)
	}
}

func TestPrepareErrors(t *testing.T) {
	in := softmaxModel(t)
	out := filepath.Join(t.TempDir(), "out.onnx")
	text := filepath.Join(t.TempDir(), "text.onnx")
	if err := os.WriteFile(text, []byte("no model"), 0o600); err != nil {
		t.Fatal(err)
	}
	for want, args := range map[string][]string{
		"required flag":              {in},
		"accepts 1 arg":              {"-o", out},
		"no such file":               {in + "x", "-o", out},
		"cannot be prepared":         {text, "-o", out},
		"another file than":          {in, "-o", in},
		"text or json":               {in, "-o", out, "--output", "yaml"},
		"1 to 1000":                  {in, "-o", out, "--samples", "0"},
		"a size from 1":              {in, "-o", out, "--fix", "batch=0"},
		"no such file or directory":  {in, "-o", filepath.Join(out, "x", "y")},
		"must be formatted as key=v": {in, "-o", out, "--fix", "batch"},
	} {
		printed, err := run(args...)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v: expected %q, got %v\n%s", args, want, err, printed)
		}
		if _, err := os.Stat(out); err == nil {
			t.Errorf("%v: a file was written", args)
		}
	}
}
