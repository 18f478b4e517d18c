package codec

import (
	"bytes"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"
	"pgregory.net/rapid"

	"github.com/opengradient/opengradient/internal/oip"
	"github.com/opengradient/opengradient/internal/tensor"
)

type input = oip.ModelInferRequest_InferInputTensor

func TestInputsReadsTypedContents(t *testing.T) {
	for datatype, c := range map[tensor.Datatype]struct {
		contents *oip.InferTensorContents
		want     []byte
	}{
		tensor.Bool:   {&oip.InferTensorContents{BoolContents: []bool{true, false}}, []byte{1, 0}},
		tensor.Int8:   {&oip.InferTensorContents{IntContents: []int32{-128, 127}}, []byte{0x80, 0x7f}},
		tensor.Int16:  {&oip.InferTensorContents{IntContents: []int32{-32768, 32767}}, []byte{0, 0x80, 0xff, 0x7f}},
		tensor.Int32:  {&oip.InferTensorContents{IntContents: []int32{-1, 1}}, []byte{0xff, 0xff, 0xff, 0xff, 1, 0, 0, 0}},
		tensor.Int64:  {&oip.InferTensorContents{Int64Contents: []int64{-2, 0}}, append([]byte{0xfe}, append(bytes.Repeat([]byte{0xff}, 7), make([]byte, 8)...)...)},
		tensor.Uint8:  {&oip.InferTensorContents{UintContents: []uint32{0, 255}}, []byte{0, 255}},
		tensor.Uint16: {&oip.InferTensorContents{UintContents: []uint32{1, 65535}}, []byte{1, 0, 255, 255}},
		tensor.Uint32: {&oip.InferTensorContents{UintContents: []uint32{1, 1 << 31}}, []byte{1, 0, 0, 0, 0, 0, 0, 0x80}},
		tensor.Uint64: {&oip.InferTensorContents{Uint64Contents: []uint64{1, 1 << 63}}, []byte{1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x80}},
		tensor.FP32:   {&oip.InferTensorContents{Fp32Contents: []float32{1, -2}}, []byte{0, 0, 0x80, 0x3f, 0, 0, 0, 0xc0}},
		tensor.FP64:   {&oip.InferTensorContents{Fp64Contents: []float64{1, -2}}, []byte{0, 0, 0, 0, 0, 0, 0xf0, 0x3f, 0, 0, 0, 0, 0, 0, 0, 0xc0}},
		tensor.Bytes:  {&oip.InferTensorContents{BytesContents: [][]byte{[]byte("ab"), nil}}, []byte{2, 0, 0, 0, 'a', 'b', 0, 0, 0, 0}},
	} {
		got, err := Inputs(&oip.ModelInferRequest{Inputs: []*input{{Name: "x", Datatype: datatype.String(), Shape: []int64{2}, Contents: c.contents}}})
		if err != nil {
			t.Errorf("%s: %v", datatype, err)
			continue
		}
		if !bytes.Equal(got[0].Data, c.want) || got[0].Datatype != datatype {
			t.Errorf("%s: expected %x, got %+v", datatype, c.want, got[0])
		}
	}
}

func TestInputsRefuses(t *testing.T) {
	one := func(datatype string, shape []int64, c *oip.InferTensorContents, raw ...[]byte) *oip.ModelInferRequest {
		return &oip.ModelInferRequest{
			Inputs:           []*input{{Name: "x", Datatype: datatype, Shape: shape, Contents: c}},
			RawInputContents: raw,
		}
	}
	many := &oip.ModelInferRequest{}
	for i := range MaxTensors + 1 {
		many.Inputs = append(many.Inputs, &input{Name: fmt.Sprint(i), Datatype: "FP32", Shape: []int64{0}})
	}
	floats := &oip.InferTensorContents{Fp32Contents: []float32{1}}
	for name, c := range map[string]struct {
		request *oip.ModelInferRequest
		message string
	}{
		"an unknown datatype":          {one("FLOAT", []int64{1}, floats), "FLOAT"},
		"a negative dimension":         {one("FP32", []int64{-1}, floats), "at least 0"},
		"an overflowing shape":         {one("FP32", []int64{1 << 40, 1 << 40}, floats), "overflows"},
		"too few elements":             {one("FP32", []int64{2}, floats), "expected 8 bytes"},
		"contents missing":             {one("FP32", []int64{2}, nil), "expected 8 bytes"},
		"contents of another datatype": {one("FP64", []int64{1}, floats), "FP64 only"},
		"contents beside the datatype's": {
			one("FP32", []int64{1}, &oip.InferTensorContents{Fp32Contents: []float32{1}, BoolContents: []bool{true}}), "FP32 only",
		},
		"typed FP16":                 {one("FP16", []int64{1}, floats), "raw"},
		"an INT8 out of range":       {one("INT8", []int64{1}, &oip.InferTensorContents{IntContents: []int32{128}}), "fit INT8"},
		"a UINT16 out of range":      {one("UINT16", []int64{1}, &oip.InferTensorContents{UintContents: []uint32{65536}}), "fit UINT16"},
		"raw and typed contents":     {one("FP32", []int64{1}, floats, make([]byte, 4)), "both"},
		"raw contents in surplus":    {one("FP32", []int64{1}, nil, make([]byte, 4), nil), "each of 1"},
		"raw contents of wrong size": {one("FP32", []int64{1}, nil, make([]byte, 5)), "expected 4 bytes"},
		"a boolean that is neither":  {one("BOOL", []int64{1}, nil, []byte{2}), "0 or 1"},
		"text framed wrongly":        {one("BYTES", []int64{1}, nil, []byte{9, 0, 0, 0}), "expected 9 bytes"},
		"a nameless tensor":          {&oip.ModelInferRequest{Inputs: []*input{{Datatype: "FP32", Shape: []int64{0}}}}, "name"},
		"a name given twice": {
			&oip.ModelInferRequest{Inputs: []*input{{Name: "x", Datatype: "FP32", Shape: []int64{0}}, {Name: "x", Datatype: "FP32", Shape: []int64{0}}}}, "twice",
		},
		"a tensor that is missing": {&oip.ModelInferRequest{Inputs: []*input{nil}}, "datatype"},
		"too many tensors":         {many, "at most 256"},
	} {
		if _, err := Inputs(c.request); !errors.Is(err, ErrMessage) || !strings.Contains(err.Error(), c.message) {
			t.Errorf("%s: expected ErrMessage with %q, got %v", name, c.message, err)
		}
	}
}

func TestRequested(t *testing.T) {
	names, err := Requested(Request("m", nil, []string{"b", "a"}))
	if err != nil || !reflect.DeepEqual(names, []string{"b", "a"}) {
		t.Errorf("expected the order of the request, got %v, %v", names, err)
	}
	if _, err := Requested(Request("m", nil, []string{"a", "a"})); !errors.Is(err, ErrMessage) {
		t.Errorf("a repeated output: expected ErrMessage, got %v", err)
	}
	if _, err := Requested(Request("m", nil, make([]string, MaxTensors+1))); !errors.Is(err, ErrMessage) {
		t.Errorf("too many outputs: expected ErrMessage, got %v", err)
	}
}

func TestMetadata(t *testing.T) {
	got := Metadata([]tensor.Spec{{Name: "x", Datatype: tensor.FP16, Dims: []tensor.Dim{{Size: 2, Symbol: "N"}, {Size: 3}}}})
	want := &oip.ModelMetadataResponse_TensorMetadata{Name: "x", Datatype: "FP16", Shape: []int64{-1, 3}}
	if len(got) != 1 || !proto.Equal(got[0], want) {
		t.Errorf("expected %v, got %v", want, got)
	}
}

// Tensors survive the way to the server and back.
func TestMessagesRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		ts := rapid.SliceOfNDistinct(rapid.Custom(drawTensor), 0, 4, func(t tensor.Tensor) string { return t.Name }).Draw(t, "tensors")
		request := &oip.ModelInferRequest{}
		reparse(t, Request("model", ts, []string{"y"}), request)
		response := &oip.ModelInferResponse{}
		SetOutputs(response, ts)
		reparse(t, proto.Clone(response), response)
		for what, read := range map[string]func() ([]tensor.Tensor, error){
			"request":  func() ([]tensor.Tensor, error) { return Inputs(request) },
			"response": func() ([]tensor.Tensor, error) { return Outputs(response) },
		} {
			got, err := read()
			if err != nil {
				t.Fatalf("%s: %v", what, err)
			}
			want, err := tensor.Encode(ts)
			if err != nil {
				t.Fatal(err)
			}
			if encoded, err := tensor.Encode(got); err != nil || !bytes.Equal(encoded, want) {
				t.Fatalf("%s: expected %+v, got %+v (%v)", what, ts, got, err)
			}
		}
	})
}

func reparse(t *rapid.T, from, to proto.Message) {
	b, err := proto.Marshal(from)
	if err == nil {
		err = proto.Unmarshal(b, to)
	}
	if err != nil {
		t.Fatal(err)
	}
}

func drawTensor(t *rapid.T) tensor.Tensor {
	d := tensor.Datatype(rapid.IntRange(int(tensor.Bool), int(tensor.Bytes)).Draw(t, "datatype"))
	out := tensor.Tensor{
		Name:     rapid.StringN(1, 8, -1).Draw(t, "name"),
		Datatype: d,
		Shape:    rapid.SliceOfN(rapid.Int64Range(0, 3), 0, 3).Draw(t, "shape"),
	}
	n, err := out.Elements()
	if err != nil {
		t.Fatal(err)
	}
	if d == tensor.Bytes {
		for range n {
			element := rapid.SliceOfN(rapid.Byte(), 0, 5).Draw(t, "element")
			out.Data = append(append(out.Data, byte(len(element)), 0, 0, 0), element...)
		}
		return out
	}
	out.Data = rapid.SliceOfN(rapid.Byte(), int(n)*d.Size(), int(n)*d.Size()).Draw(t, "data")
	if d == tensor.Bool {
		for i := range out.Data {
			out.Data[i] &= 1
		}
	}
	return out
}

// Whatever bytes arrive as a request, reading ends in tensors that are valid or in ErrMessage.
func FuzzInputs(f *testing.F) {
	for _, r := range []*oip.ModelInferRequest{
		Request("m", []tensor.Tensor{{Name: "x", Datatype: tensor.FP32, Shape: []int64{1}, Data: make([]byte, 4)}}, []string{"y"}),
		{Inputs: []*input{{Name: "x", Datatype: "INT8", Shape: []int64{1}, Contents: &oip.InferTensorContents{IntContents: []int32{1}}}}},
		{Inputs: []*input{{Name: "x", Datatype: "BYTES", Shape: []int64{1}}}, RawInputContents: [][]byte{{255, 255, 255, 255}}},
	} {
		b, err := proto.Marshal(r)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		r := &oip.ModelInferRequest{}
		if proto.Unmarshal(b, r) != nil {
			return
		}
		ts, err := Inputs(r)
		if err != nil {
			if !errors.Is(err, ErrMessage) {
				t.Errorf("expected ErrMessage, got %v", err)
			}
			return
		}
		for _, in := range ts {
			if err := in.Validate(); err != nil {
				t.Error(err)
			}
		}
		_, _ = Requested(r)
	})
}
