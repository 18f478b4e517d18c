package irisclient

import (
	"encoding/binary"
	"math"
	"testing"

	"github.com/opengradient/opengradient/internal/tensor"
	"github.com/opengradient/opengradient/testutil/iris"
)

func outputs(p iris.Prediction) []tensor.Tensor {
	var probabilities []byte
	for _, v := range p.Probabilities {
		probabilities = binary.LittleEndian.AppendUint32(probabilities, math.Float32bits(v))
	}
	return []tensor.Tensor{
		{Name: iris.OutputProbabilities, Datatype: tensor.FP32, Shape: []int64{1, iris.Classes}, Data: probabilities},
		{Name: iris.OutputLabel, Datatype: tensor.Int64, Shape: []int64{1}, Data: binary.LittleEndian.AppendUint64(nil, uint64(p.Label))},
	}
}

func TestDecodeReadsWhatTheModelGives(t *testing.T) {
	want := iris.Prediction{Probabilities: [iris.Classes]float32{0.25, 0.5, 0.25}, Label: 1}
	raw, err := tensor.EncodeOutputs(outputs(want))
	if err != nil {
		t.Fatal(err)
	}
	got, err := decode(raw)
	if err != nil || got != want {
		t.Errorf("expected %v, got %v and %v", want, got, err)
	}
}

func TestDecodeRefusesOtherOutputs(t *testing.T) {
	all := outputs(iris.Prediction{})
	for _, tc := range []struct {
		reason  string
		tensors []tensor.Tensor
	}{
		{"no tensors", nil},
		{"one tensor only", all[:1]},
		{"another order", []tensor.Tensor{all[1], all[0]}},
		{"two flowers", []tensor.Tensor{all[0], {Name: iris.OutputLabel, Datatype: tensor.Int64, Shape: []int64{2}, Data: make([]byte, 16)}}},
	} {
		t.Run(tc.reason, func(t *testing.T) {
			raw, err := tensor.Encode(tc.tensors)
			if err != nil {
				t.Fatal(err)
			}
			if p, err := decode(raw); err == nil {
				t.Errorf("expected an error, got %v", p)
			}
		})
	}
}

func TestCheckPrediction(t *testing.T) {
	want := iris.Prediction{Probabilities: [iris.Classes]float32{0.25, 0.5, 0.25}, Label: 1}
	near, far, other := want, want, want
	near.Probabilities[0] += 1e-6
	far.Probabilities[0] += 1e-3
	other.Label = 2
	for _, tc := range []struct {
		reason string
		got    iris.Prediction
		same   bool
	}{
		{"equal", want, true},
		{"equal but for rounding", near, true},
		{"another probability", far, false},
		{"another label", other, false},
	} {
		if err := CheckPrediction(want, tc.got); (err == nil) != tc.same {
			t.Errorf("%s: expected same=%v, got %v", tc.reason, tc.same, err)
		}
	}
}
