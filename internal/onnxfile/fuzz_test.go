package onnxfile

import (
	"errors"
	"reflect"
	"testing"

	ow "github.com/opengradient/opengradient/internal/onnxwrite"
	"github.com/opengradient/opengradient/internal/tensor"
)

// checkInspect asserts what must hold for any bytes: no panic, a refusal or a
// report that is the same again, and that its signature and cost can be used.
func checkInspect(t *testing.T, b []byte) {
	lim := DefaultLimits
	lim.MaxBytes, lim.MaxNodes, lim.MaxParameters = 1<<16, 64, 1<<16
	r, err := Inspect(b, lim)
	if err != nil {
		var refusal *Refusal
		if !errors.As(err, &refusal) || r != nil || refusal.Reason.String() == "" {
			t.Fatalf("got %v, %v", r, err)
		}
		return
	}
	again, err := Inspect(b, lim)
	if err != nil || !reflect.DeepEqual(r, again) {
		t.Fatalf("got %+v, then %+v, %v", r, again, err)
	}
	ones := map[string]int64{}
	for _, s := range r.Inputs {
		if err := s.Validate(); err != nil {
			t.Fatal(err)
		}
		for _, d := range s.Dims {
			if d.Symbol != "" {
				ones[d.Symbol] = 1
			}
		}
	}
	if _, err := tensor.ResolvedSize(r.Outputs, ones); err != nil {
		t.Fatalf("outputs do not follow from the inputs: %v", err)
	}
	if units, err := r.ComputeUnits(ones); err != nil && !errors.Is(err, ErrOverflow) || err == nil && units < 1 {
		t.Fatalf("got %d units, %v", units, err)
	}
	if _, err := r.PeakActivationBytes(ones); err != nil && !errors.Is(err, ErrOverflow) {
		t.Fatal(err)
	}
}

func FuzzInspect(f *testing.F) {
	f.Add([]byte(nil))
	for _, g := range []ow.Graph{mlp(), attention(), oneNode(op("Relu", "y", in("x")))} {
		f.Add(model(13, g))
		f.Add(model(21, g))
	}
	conv := oneNode(op("Conv", "y", in("x", "w"), ow.Ints("strides", 2), ow.String("auto_pad", "SAME_LOWER")), zeros("w", 2, 1, 3))
	conv.Inputs[0] = floatInput("x", "N", 1, 8)
	f.Add(model(17, conv))
	slice := oneNode(op("Slice", "y", in("x", "s", "e", "a", "p")), ints("s", -1), ints("e", -9), ints("a", 1), ints("p", -2))
	f.Add(model(17, slice))
	f.Fuzz(checkInspect)
}
