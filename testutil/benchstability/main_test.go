package main

import (
	"bytes"
	"context"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/opengradient/opengradient/internal/onnxfile"
	"github.com/opengradient/opengradient/internal/tensor"
)

// shifted gives for any model one float, moved away by its worker.
type shifted float32

func (s shifted) Run(context.Context, []byte, []tensor.Tensor) ([]tensor.Tensor, error) {
	bits := math.Float32bits(1 + float32(s))
	return []tensor.Tensor{{Name: "y", Datatype: tensor.FP32, Shape: []int64{1}, Data: []byte{byte(bits), byte(bits >> 8), byte(bits >> 16), byte(bits >> 24)}}}, nil
}

// TestModels shows that inspection accepts the models, that inputs can be made, and that every run has some of each kind.
func TestModels(t *testing.T) {
	names := map[string]bool{}
	for _, m := range models() {
		if names[m.name] {
			t.Errorf("%s: the name occurs twice", m.name)
		}
		names[m.name] = true
		report, err := onnxfile.Inspect(m.onnx, onnxfile.DefaultLimits)
		if err != nil {
			t.Errorf("%s: %v", m.name, err)
			continue
		}
		inputs, err := m.inputs(1)
		if err != nil {
			t.Errorf("%s: %v", m.name, err)
			continue
		}
		if _, err := tensor.Bind(report.Inputs, inputs); err != nil {
			t.Errorf("%s: %v", m.name, err)
		}
		if n, err := m.samples(3); err != nil || n != 1 && n != 3 {
			t.Errorf("%s: %d samples, %v", m.name, n, err)
		}
	}
}

// TestCheck shows which distances break a promise.
func TestCheck(t *testing.T) {
	for name, c := range map[string]struct {
		isa   string
		shift shifted
		exact bool
		want  string
	}{
		"equal":                       {"avx2", 0, true, ""},
		"within tolerance on ARM64":   {"arm64", 2e-6, false, ""},
		"beyond tolerance on ARM64":   {"arm64", 2e-4, false, "within tolerance"},
		"another bit on AVX2":         {"avx2", 2e-6, false, "equal bits"},
		"another bit of integer work": {"sse", 2e-6, true, "equal bits"},
	} {
		all := []*processor{{name: "native", isa: "vnni", runner: shifted(0)}, {name: "other", isa: c.isa, runner: c.shift}}
		m := models()[0]
		m.exact = c.exact
		r, err := measure(context.Background(), all, m, 2)
		if err != nil {
			t.Fatal(err)
		}
		err = check(all, []row{r})
		if (err == nil) != (c.want == "") || err != nil && !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: got %v, want %q", name, err, c.want)
		}
	}
}

func TestInsert(t *testing.T) {
	path := filepath.Join(t.TempDir(), "doc.md")
	if err := os.WriteFile(path, []byte("a\n"+begin+"old\n"+end+"\nb\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	all := []*processor{{name: "native", isa: "vnni"}, {name: "Haswell", isa: "avx2"}}
	rows := []row{
		{model: model{name: "plain", family: "mlp"}, before: []distance{{}}, after: []distance{{}}},
		{model: model{name: "int8", family: "int8"}, rules: []string{"signed"}, moved: distance{}, before: []distance{{0.25, true}}, after: []distance{{}}},
	}
	if err := insert(path, render(all, rows, 3)); err != nil {
		t.Fatal(err)
	}
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"a\n" + begin, "| plain | mlp | – | – | = |", "| int8 | int8 | signed | = | **2.5e-01** → = |", "on Haswell 1 as they are, 2 prepared", end + "\nb\n"} {
		if !bytes.Contains(b, []byte(want)) {
			t.Errorf("expected %q in\n%s", want, b)
		}
	}
	if bytes.Contains(b, []byte("old")) {
		t.Error("the old table is still there")
	}
}
