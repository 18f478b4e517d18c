package oipjson

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/opengradient/opengradient/internal/tensor"
)

func TestParseArray(t *testing.T) {
	for name, tc := range map[string]struct {
		datatype tensor.Datatype
		text     string
		lengths  []int64
		data     []byte
	}{
		"flat":            {tensor.Uint8, " [1, 2,3] ", []int64{3}, []byte{1, 2, 3}},
		"flat and empty":  {tensor.Uint8, "[ ]", []int64{0}, []byte{}},
		"nested":          {tensor.Uint8, "[[1,2,3],[4,5,6]]", []int64{2, 3}, []byte{1, 2, 3, 4, 5, 6}},
		"nested in depth": {tensor.Uint8, "[ [[1],[2]] ,\n[[3],[4]],[[5],[6]] ]", []int64{3, 2, 1}, []byte{1, 2, 3, 4, 5, 6}},
		"text with signs": {tensor.Bytes, `[["],[","a"]]`, []int64{1, 2}, []byte("\x03\x00\x00\x00],[\x01\x00\x00\x00a")},
		"bytes":           {tensor.Bytes, `[{"b64":"AAE="},"x"]`, []int64{2}, []byte("\x02\x00\x00\x00\x00\x01\x01\x00\x00\x00x")},
	} {
		t.Run(name, func(t *testing.T) {
			lengths, data, err := ParseArray(tc.datatype, []byte(tc.text))
			require.NoError(t, err)
			require.Equal(t, tc.lengths, lengths)
			require.Equal(t, tc.data, data)
		})
	}
}

func TestParseArrayRefuses(t *testing.T) {
	for name, tc := range map[string]struct {
		datatype   tensor.Datatype
		text, want string
	}{
		"a number":          {tensor.Uint8, "1", "expected an array, got 1"},
		"no JSON":           {tensor.Uint8, "[1", "unexpected EOF"},
		"ragged":            {tensor.Uint8, "[[1,2],[3]]", "expected an array of 2, got another length"},
		"longer":            {tensor.Uint8, "[[1],[3,4]]", "expected an array of 1, got another length"},
		"mixed depths":      {tensor.Uint8, "[[1],2]", "expected an array of 1, got 2]"},
		"deeper later":      {tensor.Uint8, "[1,[2]]", "expected an element, got [2]]"},
		"empty and nested":  {tensor.Uint8, "[[],[]]", "expected nested arrays with elements"},
		"too deep":          {tensor.Uint8, strings.Repeat("[", 17) + strings.Repeat("]", 17), "expected arrays at most 16 deep, got 17"},
		"no datatype":       {tensor.Invalid, "[1]", "got INVALID"},
		"of other datatype": {tensor.Int8, "[300]", "expected an integer of INT8, got 300"},
	} {
		t.Run(name, func(t *testing.T) {
			_, _, err := ParseArray(tc.datatype, []byte(tc.text))
			require.ErrorIs(t, err, ErrJSON)
			require.ErrorContains(t, err, tc.want)
		})
	}
}

// A nested array is what the same data with its shape is in a request.
func TestParseArrayAgreesWithRequests(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		shape := rapid.SliceOfN(rapid.Int64Range(1, 3), 1, 4).Draw(t, "shape")
		next := 0
		var nest func(dims []int64) string
		nest = func(dims []int64) string {
			if len(dims) == 0 {
				next++
				return fmt.Sprint(next)
			}
			parts := make([]string, dims[0])
			for i := range parts {
				parts[i] = nest(dims[1:])
			}
			return "[" + strings.Join(parts, ",") + "]"
		}
		text := nest(shape)
		lengths, data, err := ParseArray(tensor.Int16, []byte(text))
		if err != nil {
			t.Fatal(err)
		}
		dims := strings.ReplaceAll(fmt.Sprint(shape), " ", ",")
		ts, err := ParseTensors([]byte(`[{"name":"x","datatype":"INT16","shape":` + dims + `,"data":` + text + `}]`))
		if err != nil {
			t.Fatal(err)
		}
		if fmt.Sprint(lengths) != fmt.Sprint(shape) || string(ts[0].Data) != string(data) {
			t.Fatalf("%s: expected %v %x, got %v %x", text, shape, ts[0].Data, lengths, data)
		}
	})
}

// Whatever is accepted is a valid tensor of its lengths.
func FuzzParseArray(f *testing.F) {
	for _, seed := range []string{"[1,2]", "[[1],[2]]", `["a",{"b64":"AA=="}]`, "[[", "[{}]", `[[true],[false]]`, `["NaN"]`, "[]"} {
		for _, d := range []tensor.Datatype{tensor.Uint8, tensor.FP16, tensor.Bytes, tensor.Bool} {
			f.Add(uint8(d), []byte(seed))
		}
	}
	f.Fuzz(func(t *testing.T, d uint8, b []byte) {
		lengths, data, err := ParseArray(tensor.Datatype(d), b)
		if err != nil {
			return
		}
		x := tensor.Tensor{Name: "x", Datatype: tensor.Datatype(d), Shape: lengths, Data: data}
		if err := x.Validate(); err != nil {
			t.Fatalf("%s: %v", b, err)
		}
	})
}
