package types_test

import (
	"math"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/opengradient/opengradient/internal/pricing"
	"github.com/opengradient/opengradient/internal/tensor"
	"github.com/opengradient/opengradient/x/inference/types"
)

func maxWork() pricing.Work {
	return pricing.Work{Units: 1 << 62, InputBytes: math.MaxUint64, OutputBytes: math.MaxUint64}
}

// Whatever order the tensors come in, they are bound in the order of the signature, with the same symbols.
func TestBindInputsIgnoresOrder(t *testing.T) {
	specs := []tensor.Spec{
		{Name: "a", Datatype: tensor.Int8, Dims: []tensor.Dim{{Size: 1, Symbol: "N"}}},
		{Name: "b", Datatype: tensor.Int8, Dims: []tensor.Dim{{Size: 2, Symbol: "N"}}},
		{Name: "c", Datatype: tensor.Bool},
	}
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.Int64Range(1, 5).Draw(t, "N")
		inputs := rapid.Permutation([]types.Tensor{
			{Name: "a", Datatype: "INT8", Shape: []int64{n}, Contents: make([]byte, n)},
			{Name: "b", Datatype: "INT8", Shape: []int64{2 * n}, Contents: make([]byte, 2*n)},
			{Name: "c", Datatype: "BOOL", Contents: []byte{1}},
		}).Draw(t, "inputs")
		ts, bindings, err := types.BindInputs(specs, inputs)
		require.NoError(t, err)
		require.Equal(t, map[string]int64{"N": n}, bindings)
		for i, s := range specs {
			require.Equal(t, s.Name, ts[i].Name)
		}
	})
}

func TestTensorsConvertBack(t *testing.T) {
	in := types.Tensor{Name: "s", Datatype: "BYTES", Shape: []int64{1}, Contents: []byte{2, 0, 0, 0, 'h', 'i'}}
	x, err := in.Tensor()
	require.NoError(t, err)
	require.Equal(t, []types.Tensor{in}, types.NewTensors([]tensor.Tensor{x}))
}

func TestTensorRefuses(t *testing.T) {
	for name, tc := range map[string]struct {
		in   types.Tensor
		want error
	}{
		"datatype": {types.Tensor{Name: "x", Datatype: "fp32"}, types.ErrInputDatatype},
		"name":     {types.Tensor{Datatype: "BOOL", Contents: []byte{1}}, types.ErrInputName},
		"shape":    {types.Tensor{Name: "x", Datatype: "BOOL", Shape: []int64{-1}}, types.ErrInputShape},
		"rank":     {types.Tensor{Name: "x", Datatype: "BOOL", Shape: make([]int64, 17)}, types.ErrInputShape},
		"bool":     {types.Tensor{Name: "x", Datatype: "BOOL", Contents: []byte{2}}, types.ErrInputMalformed},
		"framing":  {types.Tensor{Name: "x", Datatype: "BYTES", Contents: []byte{9, 0, 0, 0}}, types.ErrInputMalformed},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := tc.in.Tensor()
			require.ErrorIs(t, err, tc.want)
		})
	}
}
