package client

import (
	"math"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

func roundTrip[T comparable](t *rapid.T, values *rapid.Generator[T], write func(string, []int64, []T) Tensor, read func(Tensor) ([]T, error)) {
	list := rapid.SliceOf(values).Draw(t, "values")
	tensor := write("x", []int64{int64(len(list))}, list)
	require.NoError(t, tensor.Validate())
	got, err := read(tensor)
	require.NoError(t, err)
	require.True(t, slices.Equal(list, got))
	tensor.Shape[0]++
	_, err = read(tensor)
	require.Error(t, err, "the data is not that of the shape")
	tensor.Datatype = BF16
	_, err = read(tensor)
	require.ErrorContains(t, err, "expected the datatype")
}

func TestTensorsReadBack(t *testing.T) {
	for name, check := range map[string]func(*rapid.T){
		"FP32":   func(t *rapid.T) { roundTrip(t, rapid.Float32(), Float32s, Float32Values) },
		"FP64":   func(t *rapid.T) { roundTrip(t, rapid.Float64(), Float64s, Float64Values) },
		"INT8":   func(t *rapid.T) { roundTrip(t, rapid.Int8(), Int8s, Int8Values) },
		"INT16":  func(t *rapid.T) { roundTrip(t, rapid.Int16(), Int16s, Int16Values) },
		"INT32":  func(t *rapid.T) { roundTrip(t, rapid.Int32(), Int32s, Int32Values) },
		"INT64":  func(t *rapid.T) { roundTrip(t, rapid.Int64(), Int64s, Int64Values) },
		"UINT8":  func(t *rapid.T) { roundTrip(t, rapid.Uint8(), Uint8s, Uint8Values) },
		"UINT16": func(t *rapid.T) { roundTrip(t, rapid.Uint16(), Uint16s, Uint16Values) },
		"UINT32": func(t *rapid.T) { roundTrip(t, rapid.Uint32(), Uint32s, Uint32Values) },
		"UINT64": func(t *rapid.T) { roundTrip(t, rapid.Uint64(), Uint64s, Uint64Values) },
		"BOOL":   func(t *rapid.T) { roundTrip(t, rapid.Bool(), Bools, BoolValues) },
		"BYTES":  func(t *rapid.T) { roundTrip(t, rapid.String(), Strings, StringValues) },
	} {
		t.Run(name, func(t *testing.T) { rapid.Check(t, check) })
	}
}

func TestFloatsOfEveryWidth(t *testing.T) {
	for name, tc := range map[string]struct {
		datatype Datatype
		data     []byte
		want     []float64
	}{
		"halves": {FP16, []byte{0x00, 0x3c, 0x00, 0xc0, 0x01, 0x00, 0x00, 0x7c, 0x00, 0xfc, 0xff, 0x7b},
			[]float64{1, -2, math.Ldexp(1, -24), math.Inf(1), math.Inf(-1), 65504}},
		"bfloats": {BF16, []byte{0x80, 0x3f, 0x20, 0xc1}, []float64{1, -10}},
		"singles": {FP32, Float32s("x", nil, []float32{1.5, -0.25}).Data, []float64{1.5, -0.25}},
		"doubles": {FP64, Float64s("x", nil, []float64{1e300}).Data, []float64{1e300}},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := Floats(Tensor{Name: "x", Datatype: tc.datatype, Shape: []int64{int64(len(tc.want))}, Data: tc.data})
			require.NoError(t, err)
			require.Equal(t, tc.want, got)
		})
	}
	nan, err := Floats(Tensor{Name: "x", Datatype: FP16, Shape: []int64{1}, Data: []byte{1, 0x7c}})
	require.NoError(t, err)
	require.True(t, math.IsNaN(nan[0]))
	_, err = Floats(Int64s("x", []int64{1}, []int64{1}))
	require.ErrorContains(t, err, "expected a datatype of floats, got INT64")
}
