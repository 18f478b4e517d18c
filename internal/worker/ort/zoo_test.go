package ort

import (
	"bytes"
	"testing"

	"github.com/opengradient/opengradient/internal/onnxfile"
	"github.com/opengradient/opengradient/internal/tensor"
	"github.com/opengradient/opengradient/internal/worker/backend"
	"github.com/opengradient/opengradient/testutil/modelzoo"
)

// outputsOf resolves the outputs that inspection promises for inputs.
func outputsOf(t *testing.T, r *onnxfile.Report, inputs []tensor.Tensor) []tensor.Tensor {
	t.Helper()
	bindings, err := tensor.Bind(r.Inputs, inputs)
	if err != nil {
		t.Fatal(err)
	}
	outputs := make([]tensor.Tensor, 0, len(r.Outputs))
	for _, s := range r.Outputs {
		shape := make([]int64, len(s.Dims))
		for i, d := range s.Dims {
			if shape[i] = d.Size; d.Symbol != "" {
				shape[i] *= bindings[d.Symbol]
			}
		}
		outputs = append(outputs, announce(s.Name, s.Datatype, shape))
	}
	return outputs
}

// inspectAndRun runs a file once. The runtime refuses outputs of another type or shape than inspection inferred.
func inspectAndRun(t *testing.T, e *Environment, file []byte, inputs []tensor.Tensor) []tensor.Tensor {
	t.Helper()
	r, err := onnxfile.Inspect(file, onnxfile.DefaultLimits)
	if err != nil {
		t.Fatal(err)
	}
	s, err := e.Load(file)
	if err != nil {
		t.Fatal(err)
	}
	defer func(s backend.Session) {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}(s)
	outputs, err := s.Run(inputs, outputsOf(t, r, inputs))
	if err != nil {
		t.Fatal(err)
	}
	return outputs
}

// TestZooRuns shows that every model of the zoo runs, gives what inspection says, and depends on its inputs.
func TestZooRuns(t *testing.T) {
	e := openEnvironment(t)
	for _, m := range modelzoo.Models() {
		t.Run(m.Name, func(t *testing.T) {
			a, b := inspectAndRun(t, e, m.ONNX, m.Inputs(1)), inspectAndRun(t, e, m.ONNX, m.Inputs(2))
			same := true
			for i := range a {
				same = same && bytes.Equal(a[i].Data, b[i].Data)
			}
			if same {
				t.Error("two inputs gave the same outputs")
			}
		})
	}
}
