package model

import (
	"encoding/binary"
	"math"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/opengradient/opengradient/cmd/opengradientd/cmd/model/view"
	"github.com/opengradient/opengradient/internal/golden"
	"github.com/opengradient/opengradient/internal/tensor"
	"github.com/opengradient/opengradient/x/models/types"
)

// computed is a run of a model y FP32[1] on its golden inputs, each of which gives the same value.
func computed(t *testing.T, m types.Model, g types.Golden, value float32) goldenRun {
	t.Helper()
	count, err := m.GoldenCount(g)
	require.NoError(t, err)
	run := goldenRun{environment: "here"}
	packed := make([][]byte, count)
	for i := range packed {
		y := tensor.Tensor{Name: "y", Datatype: tensor.FP32, Shape: []int64{1}, Data: binary.LittleEndian.AppendUint32(nil, math.Float32bits(value))}
		packed[i], err = tensor.EncodeOutputs([]tensor.Tensor{y})
		require.NoError(t, err)
		run.outputs = append(run.outputs, []tensor.Tensor{y})
	}
	run.packed = golden.Join(packed)
	return run
}

func TestWhatIsComputedHereIsJudged(t *testing.T) {
	one := []types.Dim{{Size_: 1}}
	m := types.Model{Sha256: "c82901bcbd5b9810eba8ff1447be87ab175a7aa7aa6a6b695696281a4d63146f", Inspection: types.Inspection{
		Inputs:  []types.TensorSpec{{Name: "x", Datatype: "FP32", Dims: one}},
		Outputs: []types.TensorSpec{{Name: "y", Datatype: "FP32", Dims: one}},
	}}
	var g types.Golden
	certified := computed(t, m, g, 1)
	root := tensor.MerkleRoot(certified.packed)
	other := tensor.MerkleRoot(computed(t, m, g, 1+1e-6).packed)
	certificate := types.Certificate{OutputRoot: root[:], Outputs: certified.packed, Classes: []types.ClassProof{
		{EnvironmentClass: 1, OutputRoot: root[:]}, {EnvironmentClass: 2, OutputRoot: other[:]}, {EnvironmentClass: 4, OutputRoot: root[:]},
	}}
	for name, tc := range map[string]struct {
		value   float32
		hidden  bool
		ok      bool
		classes []uint32
		detail  string
	}{
		"equal to two classes":     {value: 1, ok: true, classes: []uint32{1, 4}, detail: "equal, bit by bit, to what environment class [1 4] computes"},
		"equal to another class":   {value: 1 + 1e-6, ok: true, classes: []uint32{2}, detail: "environment class [2]"},
		"within the tolerance":     {value: 1 + 5e-6, ok: true, classes: []uint32{}, detail: "within the tolerance"},
		"beyond the tolerance":     {value: 1.1, classes: []uint32{}, detail: "output y is farther from the certified one"},
		"not a number":             {value: float32(math.NaN()), classes: []uint32{}, detail: "output y is farther from the certified one"},
		"certified ones not shown": {value: 1.1, hidden: true, classes: []uint32{}, detail: "how far off is not known"},
	} {
		t.Run(name, func(t *testing.T) {
			c := certificate
			if tc.hidden {
				c.Outputs = nil
			}
			var v view.Verification
			require.NoError(t, judge(&v, m, g, c, computed(t, m, g, tc.value)))
			require.Len(t, v.Checks, 1)
			require.Equal(t, tc.ok, v.Checks[0].OK)
			require.Equal(t, tc.classes, v.Run.EqualClasses)
			require.Contains(t, v.Checks[0].Detail, tc.detail)
		})
	}
}
