package iris

import (
	"reflect"
	"testing"

	"github.com/opengradient/opengradient/internal/onnxfile"
	"github.com/opengradient/opengradient/internal/tensor"
)

// The chain's own reader must accept the exported file and read from it the signature the package documents.
func TestExportIsAccepted(t *testing.T) {
	n, _ := train(t)
	r, err := onnxfile.Inspect(export(t, n), onnxfile.DefaultLimits)
	if err != nil {
		t.Fatal(err)
	}
	batch := tensor.Dim{Size: 1, Symbol: BatchSymbol}
	for _, tc := range []struct {
		what      string
		got, want any
	}{
		{"inputs", r.Inputs, []tensor.Spec{{Name: InputFeatures, Datatype: tensor.FP32, Dims: []tensor.Dim{batch, {Size: Features}}}}},
		{"outputs", r.Outputs, []tensor.Spec{
			{Name: OutputProbabilities, Datatype: tensor.FP32, Dims: []tensor.Dim{batch, {Size: Classes}}},
			{Name: OutputLabel, Datatype: tensor.Int64, Dims: []tensor.Dim{batch}},
		}},
		{"nodes", r.Nodes, 11},
		{"operator set", r.Opset, int64(13)},
		{"compute units of 50 rows", units(t, r, 50), uint64(1)},
	} {
		if !reflect.DeepEqual(tc.got, tc.want) {
			t.Errorf("%s: expected %v, got %v", tc.what, tc.want, tc.got)
		}
	}
}

func units(t *testing.T, r *onnxfile.Report, rows int64) uint64 {
	t.Helper()
	n, err := onnxfile.ComputeUnits(r.Cost, map[string]int64{BatchSymbol: rows})
	if err != nil {
		t.Fatal(err)
	}
	return n
}
