package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/opengradient/opengradient/internal/onnxfile"
	"github.com/opengradient/opengradient/internal/onnxwrite"
	"github.com/opengradient/opengradient/internal/worker"
	"github.com/opengradient/opengradient/internal/worker/workertest"
)

// deep is a network of layers of size×size weights: x FP32[1,size] to y, in a file of 4·layers·size² bytes and more.
func deep(size int64, layers int) onnxwrite.Model {
	g := onnxwrite.Graph{
		Name:   "deep",
		Inputs: []onnxwrite.ValueInfo{{Name: "x", Type: onnxwrite.ElementFloat, Dims: onnxwrite.Shape(1, size)}},
	}
	weights := workertest.Wave(int(size*size), 0.1)
	last := "x"
	for i := range layers {
		w, product, next := fmt.Sprintf("w%d", i), fmt.Sprintf("p%d", i), fmt.Sprintf("h%d", i)
		g.Initializers = append(g.Initializers, onnxwrite.FloatTensor(w, []int64{size, size}, weights...))
		g.Nodes = append(g.Nodes,
			onnxwrite.Node{Op: "MatMul", Inputs: []string{last, w}, Outputs: []string{product}},
			onnxwrite.Node{Op: "Relu", Inputs: []string{product}, Outputs: []string{next}})
		last = next
	}
	g.Outputs = []onnxwrite.ValueInfo{{Name: last, Type: onnxwrite.ElementFloat, Dims: onnxwrite.Shape(1, size)}}
	return onnxwrite.Model{Graph: g}
}

// A model of 100 MB is loaded from its file and run by a worker whose memory is less than four times the file; its budget
// counts five.
func TestLargeModelFromAFile(t *testing.T) {
	const size, layers = 2500, 4
	folder := t.TempDir()
	model, name := workertest.Marshal(t, deep(size, layers))
	path := filepath.Join(folder, name)
	if err := os.WriteFile(path, model, 0o600); err != nil {
		t.Fatal(err)
	}
	limits := onnxfile.DefaultLimits.Sized(1<<31 - 1)
	began := time.Now()
	report, err := onnxfile.Inspect(model, limits)
	if err != nil {
		t.Fatal(err)
	}
	inspected := time.Since(began)
	s := supervise(t, func(c *worker.Config) {
		c.MaxModelBytes, c.ModelBudget, c.MemoryLimit, c.ModelFolder = 1<<31-1, int64(report.SessionBytes), 384<<20, folder
	})
	began = time.Now()
	if err := s.LoadFile(t.Context(), name, path); err != nil {
		t.Fatal(err)
	}
	loaded := time.Since(began)
	began = time.Now()
	infer(t, s, name, workertest.Floats("x", []int64{1, size}, workertest.Wave(size, 0.3)...))
	t.Logf("a file of %d bytes: inspected in %s, loaded in %s, run in %s; %s",
		len(model), inspected.Round(time.Millisecond), loaded.Round(time.Millisecond), time.Since(began).Round(time.Millisecond), peaks(t))
	if r := s.Status().Restarts; r != 0 {
		t.Errorf("expected no restart, got %d", r)
	}
}

// peaks are the worker's memory figures.
func peaks(t *testing.T) string {
	t.Helper()
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", workerProcess(t)))
	if err != nil {
		t.Fatal(err)
	}
	var found []string
	for line := range strings.Lines(string(status)) {
		for _, field := range []string{"VmHWM:", "VmRSS:", "VmData:", "RssAnon:", "RssFile:"} {
			if strings.HasPrefix(line, field) {
				found = append(found, strings.Join(strings.Fields(line), " "))
			}
		}
	}
	return strings.Join(found, ", ")
}
