package types_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/opengradient/opengradient/internal/golden"
	"github.com/opengradient/opengradient/internal/tensor"
	"github.com/opengradient/opengradient/x/models/types"
)

// pair is x FP32[N,2] and ids INT64[N] to y FP32[2*N].
func pair() types.Model {
	return types.Model{
		Sha256: "00000000000000000000000000000000000000000000000000000000000000ff", Size_: 100,
		Inspection: types.Inspection{
			Opset: 17, SessionBytes: 500,
			Inputs: []types.TensorSpec{
				{Name: "x", Datatype: "FP32", Dims: []types.Dim{{Size_: 1, Symbol: "N"}, {Size_: 2}}},
				{Name: "ids", Datatype: "INT64", Dims: []types.Dim{{Size_: 1, Symbol: "N"}}},
			},
			Outputs:    []types.TensorSpec{{Name: "y", Datatype: "FP32", Dims: []types.Dim{{Size_: 2, Symbol: "N"}}}},
			Cost:       []types.CostTerm{{Symbols: []string{"N"}, Macs: 3_000_000}, {Elements: 10}},
			Activation: []types.MemoryTerm{{Symbols: []string{"N"}, Bytes: 12}},
		},
	}
}

func vector(t require.TestingT, n int64) []byte {
	b, err := tensor.Encode([]tensor.Tensor{
		{Name: "ids", Datatype: tensor.Int64, Shape: []int64{n}, Data: make([]byte, 8*n)},
		{Name: "x", Datatype: tensor.FP32, Shape: []int64{n, 2}, Data: make([]byte, 8*n)},
	})
	require.NoError(t, err)
	return b
}

func TestGoldenVectors(t *testing.T) {
	m := pair()
	require.NoError(t, m.CheckInspection())
	derived := types.Golden{
		Ranges: []types.InputRange{{Input: "ids", Low: "0", High: "9"}}, Symbols: []types.SymbolValue{{Symbol: "N", Value: 100}},
	}
	vectors, err := m.GoldenVectors(derived)
	require.NoError(t, err)
	count, err := m.GoldenCount(derived)
	require.NoError(t, err)
	require.Len(t, vectors, count)
	require.Equal(t, []int64{100, 2}, vectors[0][0].Shape)
	require.Equal(t, golden.MaxVectors, count)
	memory, err := m.GoldenMemory(derived)
	require.NoError(t, err)
	require.EqualValues(t, 500+12*100, memory)

	own := types.Golden{Vectors: [][]byte{vector(t, 1), vector(t, 7)}}
	require.NoError(t, m.CheckGolden(own))
	vectors, err = m.GoldenVectors(own)
	require.NoError(t, err)
	require.Len(t, vectors, 2)
	require.Equal(t, "ids", vectors[1][0].Name, "as the owner gave them")
	memory, err = m.GoldenMemory(own)
	require.NoError(t, err)
	require.EqualValues(t, 500+12*7, memory, "of the largest")

	for name, g := range map[string]types.Golden{
		"no tensors":            {Vectors: [][]byte{{1}}},
		"a vector of one input": {Vectors: [][]byte{vector(t, 1)[:40]}},
		"an unknown symbol":     {Symbols: []types.SymbolValue{{Symbol: "M", Value: 1}}},
		"a symbol below 1":      {Symbols: []types.SymbolValue{{Symbol: "N", Value: -1}}},
		"an unknown input":      {Ranges: []types.InputRange{{Input: "z", Low: "0", High: "1"}}},
		"a vector too large":    {Symbols: []types.SymbolValue{{Symbol: "N", Value: 1 << 20}}},
	} {
		require.ErrorIs(t, m.CheckGolden(g), types.ErrGolden, name)
	}
}

func TestCheckGoldenOutputs(t *testing.T) {
	m, g := pair(), types.Golden{Vectors: [][]byte{vector(t, 1), vector(t, 1)}}
	y, err := tensor.EncodeOutputs([]tensor.Tensor{{Name: "y", Datatype: tensor.FP32, Shape: []int64{2}, Data: make([]byte, 8)}})
	require.NoError(t, err)
	parts, err := m.CheckGoldenOutputs(g, golden.Join([][]byte{y, y}))
	require.NoError(t, err)
	require.Equal(t, [][]byte{y, y}, parts)
	for name, b := range map[string][]byte{"one": golden.Join([][]byte{y}), "three": golden.Join([][]byte{y, y, y}), "nothing": nil} {
		_, err := m.CheckGoldenOutputs(g, b)
		require.ErrorIs(t, err, types.ErrGolden, name)
	}
}

func TestOutputSpecs(t *testing.T) {
	m := pair()
	all, err := m.OutputSpecs(nil)
	require.NoError(t, err)
	one, err := m.OutputSpecs([]string{"y"})
	require.NoError(t, err)
	require.Equal(t, all, one)
	for _, names := range [][]string{{"z"}, {"y", "y"}, {""}} {
		_, err := m.OutputSpecs(names)
		require.ErrorIs(t, err, types.ErrOutputUnknown)
	}
	units, err := m.ComputeUnits(map[string]int64{"N": 2})
	require.NoError(t, err)
	require.EqualValues(t, 7, units)
}

func TestAttestation(t *testing.T) {
	root := tensor.MerkleRoot([]byte("out"))
	a := types.ModelAttestation{Model: make([]byte, 32), EnvironmentClass: 1, OutputRoot: root[:], Outputs: []byte("out")}
	require.NoError(t, a.Validate())
	require.True(t, a.Shows())
	a.Outputs = []byte("other")
	require.False(t, a.Shows())
	a.Outputs = nil
	require.False(t, a.Shows())
	a.OutputRoot, a.Failure = nil, types.MODEL_FAILURE_LOAD
	require.NoError(t, a.Validate())
}

// TestInspectionIsBounded: the record of a model is read with every word on it.
func TestInspectionIsBounded(t *testing.T) {
	m := pair()
	require.NoError(t, m.CheckInspection())
	symbols := make([]string, 64)
	for i := range symbols {
		symbols[i] = strings.Repeat("N", 200)
	}
	for range 8 {
		m.Inspection.Cost = append(m.Inspection.Cost, types.CostTerm{Symbols: symbols, Macs: 1})
	}
	require.ErrorContains(t, m.CheckInspection(), "expected at most 65536 bytes")
}
