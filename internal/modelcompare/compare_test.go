package modelcompare_test

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"reflect"
	"testing"

	"github.com/opengradient/opengradient/internal/modelcompare"
	"github.com/opengradient/opengradient/internal/tensor"
)

func floats(values ...float32) tensor.Tensor {
	t := tensor.Tensor{Name: "y", Datatype: tensor.FP32, Shape: []int64{int64(len(values))}}
	for _, v := range values {
		t.Data = binary.LittleEndian.AppendUint32(t.Data, math.Float32bits(v))
	}
	return t
}

func TestDistance(t *testing.T) {
	nan, inf := float32(math.NaN()), float32(math.Inf(1))
	small := func(d tensor.Datatype, data ...byte) tensor.Tensor {
		return tensor.Tensor{Name: "y", Datatype: d, Shape: []int64{int64(len(data) / d.Size())}, Data: data}
	}
	for name, c := range map[string]struct {
		a, b tensor.Tensor
		want float64
	}{
		"equal":                    {floats(1, nan, inf), floats(1, nan, inf), 0},
		"the sign of zero":         {floats(0, 1), floats(float32(math.Copysign(0, -1)), 1), 0},
		"relative to the largest":  {floats(1, -4), floats(1.5, -4), 0.125},
		"of the first":             {floats(2), floats(3), 0.5},
		"beside infinity":          {floats(inf, 4), floats(inf, 5), 0.25},
		"infinity elsewhere":       {floats(inf, 4), floats(4, inf), math.Inf(1)},
		"NaN elsewhere":            {floats(nan, 4), floats(4, 4), math.Inf(1)},
		"from zeros":               {floats(0), floats(1e-9), math.Inf(1)},
		"another length":           {floats(1), floats(1, 1), math.Inf(1)},
		"another type":             {floats(1), small(tensor.Int32, 0, 0, 0x80, 0x3f), math.Inf(1)},
		"signed bytes":             {small(tensor.Int8, 0x80), small(tensor.Int8, 0xc0), 0.5},
		"bytes":                    {small(tensor.Uint8, 0x80), small(tensor.Uint8, 0xc0), 0.5},
		"16-bit floats, 1 and 2":   {small(tensor.FP16, 0, 0x3c), small(tensor.FP16, 0, 0x40), 1},
		"16-bit floats, subnormal": {small(tensor.FP16, 2, 0), small(tensor.FP16, 1, 0x80), 1.5},
		"bfloat16, -1 and -2":      {small(tensor.BF16, 0x80, 0xbf), small(tensor.BF16, 0, 0xc0), 1},
		"integers of 64 bits":      {small(tensor.Int64, 2, 0, 0, 0, 0, 0, 0, 0), small(tensor.Int64, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff), 1.5},
	} {
		if got := modelcompare.Distance(c.a, c.b); got != c.want {
			t.Errorf("%s: got %v, want %v", name, got, c.want)
		}
	}
}

// TestInputs checks that inputs fit their signature, follow the seed, and stay within what is promised of them.
func TestInputs(t *testing.T) {
	var signature []tensor.Spec
	for d := tensor.Bool; d <= tensor.Bytes; d++ {
		signature = append(signature, tensor.Spec{Name: d.String(), Datatype: d, Dims: []tensor.Dim{{Size: 1, Symbol: "N"}, {Size: 40}, {Size: 2, Symbol: "M"}}})
	}
	sizes := map[string]int64{"M": 3}
	a, err := modelcompare.Inputs(signature, sizes, 7)
	if err != nil {
		t.Fatal(err)
	}
	bindings, err := tensor.Bind(signature, a)
	if err != nil || !reflect.DeepEqual(bindings, map[string]int64{"N": modelcompare.DefaultSize, "M": 3}) {
		t.Errorf("got %v, %v", bindings, err)
	}
	same, _ := modelcompare.Inputs(signature, sizes, 7)
	other, _ := modelcompare.Inputs(signature, sizes, 8)
	for i, x := range a {
		if !reflect.DeepEqual(x, same[i]) || reflect.DeepEqual(x, other[i]) {
			t.Errorf("%s does not follow the seed", x.Name)
		}
		one := tensor.Tensor{Datatype: x.Datatype, Shape: []int64{1}}
		for at := 0; x.Datatype.Size() > 1 && at < len(x.Data); at += x.Datatype.Size() {
			one.Data = x.Data[at : at+x.Datatype.Size()]
			unit := tensor.Tensor{Datatype: x.Datatype, Shape: []int64{1}, Data: elements[x.Datatype]}
			if d := modelcompare.Distance(unit, one); !(d <= 2) { // from 1 to a value between -1 and 1
				t.Fatalf("%s: element %x is %v away from 1", x.Name, one.Data, d)
			}
		}
	}
	if _, err := modelcompare.Inputs(signature, map[string]int64{"N": 1 << 40}, 1); err == nil {
		t.Error("expected inputs of many bytes to be refused")
	}
	if _, err := modelcompare.Inputs(signature, map[string]int64{"N": 0}, 1); err == nil {
		t.Error("expected a size of 0 to be refused")
	}
}

// elements are ones.
var elements = map[tensor.Datatype][]byte{
	tensor.Uint16: {1, 0}, tensor.Int16: {1, 0}, tensor.Uint32: {1, 0, 0, 0}, tensor.Int32: {1, 0, 0, 0},
	tensor.Uint64: {1, 0, 0, 0, 0, 0, 0, 0}, tensor.Int64: {1, 0, 0, 0, 0, 0, 0, 0},
	tensor.FP16: {0, 0x3c}, tensor.BF16: {0x80, 0x3f}, tensor.FP32: {0, 0, 0x80, 0x3f}, tensor.FP64: {0, 0, 0, 0, 0, 0, 0xf0, 0x3f},
}

// fake plays a model whose bytes name a factor; "fails" and "absent" do not run.
type fake struct{}

func (fake) Run(_ context.Context, onnx []byte, inputs []tensor.Tensor) ([]tensor.Tensor, error) {
	switch string(onnx) {
	case "fails":
		return nil, fmt.Errorf("%w: index out of range", modelcompare.ErrFailed)
	case "absent":
		return nil, errors.New("no worker")
	case "twice":
		return []tensor.Tensor{floats(2, 4)}, nil
	case "near":
		return []tensor.Tensor{floats(2, 4.5)}, nil
	}
	return []tensor.Tensor{floats(float32(len(inputs))), floats(1)}, nil
}

func TestCompare(t *testing.T) {
	signature := []tensor.Spec{{Name: "x", Datatype: tensor.FP32, Dims: []tensor.Dim{{Size: 2}}}}
	for name, c := range map[string]struct {
		before, after string
		want          modelcompare.Result
		side          *bool // nil if none
	}{
		"the same":           {"twice", "twice", modelcompare.Result{Samples: 3, Outputs: []modelcompare.Output{{Name: "y", Datatype: tensor.FP32, Equal: 3}}}, nil},
		"another":            {"twice", "near", modelcompare.Result{Samples: 3, Outputs: []modelcompare.Output{{Name: "y", Datatype: tensor.FP32, Distance: 0.125}}}, nil},
		"both fail":          {"fails", "fails", modelcompare.Result{Failed: 3}, nil},
		"the original fails": {"fails", "twice", modelcompare.Result{}, new(bool)},
		"no original":        {"absent", "twice", modelcompare.Result{}, new(bool)},
		"no prepared one":    {"twice", "absent", modelcompare.Result{}, yes()},
		"the prepared fails": {"twice", "fails", modelcompare.Result{}, yes()},
		"more outputs":       {"twice", "both", modelcompare.Result{}, yes()},
	} {
		got, err := modelcompare.Compare(context.Background(), fake{}, []byte(c.before), []byte(c.after), signature, nil, 3, 1)
		var side *modelcompare.Side
		switch {
		case errors.As(err, &side) != (c.side != nil), (err != nil) != (c.side != nil):
			t.Errorf("%s: got %v", name, err)
		case side != nil && side.After != *c.side:
			t.Errorf("%s: got %v", name, err)
		case !reflect.DeepEqual(got, c.want):
			t.Errorf("%s: got %+v, want %+v", name, got, c.want)
		}
	}
}

func yes() *bool {
	v := true
	return &v
}
