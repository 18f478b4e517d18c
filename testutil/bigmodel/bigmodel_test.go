package bigmodel

import (
	"bytes"
	"testing"

	"github.com/opengradient/opengradient/internal/onnxfile"
)

func TestMakePassesInspectionAtItsSize(t *testing.T) {
	const size = 1 << 20
	model, err := Make(size, 7)
	if err != nil {
		t.Fatal(err)
	}
	if len(model) < size || len(model) > size+4096 {
		t.Errorf("expected %d to %d bytes, got %d", size, size+4096, len(model))
	}
	report, err := onnxfile.Inspect(model, onnxfile.DefaultLimits)
	if err != nil {
		t.Fatal(err)
	}
	if got := report.Outputs[0].Dims[1].Size; got != Scores {
		t.Errorf("expected %d scores, got %d", Scores, got)
	}
	same, err := Make(size, 7)
	if err != nil || !bytes.Equal(model, same) {
		t.Errorf("expected the same bytes again, got others, %v", err)
	}
	other, err := Make(size, 9)
	if err != nil || bytes.Equal(model, other) {
		t.Errorf("expected other bytes from another seed, got the same, %v", err)
	}
}
