package onnxfile

import (
	"fmt"
	"testing"

	"pgregory.net/rapid"

	ow "github.com/opengradient/opengradient/internal/onnxwrite"
	"github.com/opengradient/opengradient/internal/tensor"
)

// TestSliceLengthAgreesWithCounting compares the formula with a walk.
func TestSliceLengthAgreesWithCounting(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		n := rapid.Int64Range(0, 8).Draw(rt, "n")
		start, end := rapid.Int64Range(-12, 12).Draw(rt, "start"), rapid.Int64Range(-12, 12).Draw(rt, "end")
		step := rapid.SampledFrom([]int64{-4, -3, -2, -1, 1, 2, 3, 4}).Draw(rt, "step")
		at, stop := start, end
		if at < 0 {
			at += n
		}
		if stop < 0 {
			stop += n
		}
		if step > 0 {
			at, stop = max(at, 0), min(stop, n)
		} else {
			at, stop = min(max(at, 0), n-1), max(stop, -1) // unlike numpy, which clamps a start to -1
		}
		count := int64(0)
		for ; step > 0 && at < stop || step < 0 && at > stop; at += step {
			count++
		}
		if got := sliceLength(n, start, end, step); got != count {
			rt.Fatalf("[%d:%d:%d] of %d: got %d, want %d", start, end, step, n, got, count)
		}
	})
}

// TestSymbolsAgreeWithNumbers builds random chains of operators and checks that
// what is inferred with a symbol is, for each value of it, what is inferred
// when the value is written into the file.
func TestSymbolsAgreeWithNumbers(t *testing.T) {
	accepted := 0
	rapid.Check(t, func(rt *rapid.T) {
		g := randomChain(rt)
		symbolic, err := Inspect(model(17, g), DefaultLimits)
		if err != nil {
			return
		}
		accepted++
		for _, n := range []int64{1, 2, 3, 8} {
			fixed := g
			fixed.Inputs = []ow.ValueInfo{{Name: "x", Type: ow.ElementFloat}}
			for _, d := range g.Inputs[0].Dims {
				if d.Kind == ow.DimSymbolic {
					d = ow.Fixed(n)
				}
				fixed.Inputs[0].Dims = append(fixed.Inputs[0].Dims, d)
			}
			numbers, err := Inspect(model(17, fixed), DefaultLimits)
			if err != nil {
				rt.Fatalf("N = %d: %v, but accepted as %v", n, err, symbolic.Outputs)
			}
			bindings := map[string]int64{"N": n}
			want, err := numbers.Outputs[0].Resolve(nil)
			if err != nil {
				rt.Fatal(err)
			}
			got, err := symbolic.Outputs[0].Resolve(bindings)
			if err != nil || fmt.Sprint(got) != fmt.Sprint(want) {
				rt.Fatalf("N = %d: got %v, %v; want %v", n, got, err, want)
			}
			a, errA := symbolic.ComputeUnits(bindings)
			b, errB := numbers.ComputeUnits(nil)
			if errA != nil || errB != nil || a != b {
				rt.Fatalf("N = %d: got %d units, %v; want %d, %v", n, a, errA, b, errB)
			}
			peakA, errA := symbolic.PeakActivationBytes(bindings)
			peakB, errB := numbers.PeakActivationBytes(nil)
			if errA != nil || errB != nil || peakA < peakB {
				rt.Fatalf("N = %d: peak %d, %v is below %d, %v", n, peakA, errA, peakB, errB)
			}
		}
	})
	if accepted < 10 {
		t.Fatalf("only %d chains were accepted: the property was not exercised", accepted)
	}
}

func randomChain(rt *rapid.T) ow.Graph {
	g := ow.Graph{
		Name:    "chain",
		Inputs:  []ow.ValueInfo{floatInput("x", "N", 4, 6)},
		Outputs: []ow.ValueInfo{unranked("y")},
		Initializers: []ow.Tensor{
			ints("a0", 0), ints("a1", 1), ints("a2", 2), ints("big", 1<<40), ints("m1", -1), ints("two", 2),
			ints("flat", 0, -1), ints("rows", -1, 6), ints("all", -1), zeros("w", 6, 6), zeros("k", 4, 4, 3), ints("tile", 2, 1, 1),
		},
	}
	small := rapid.Int64Range(1, 4)
	step := rapid.Custom(func(rt *rapid.T) ow.Node {
		axis := rapid.Int64Range(-3, 2).Draw(rt, "axis")
		axisName := rapid.SampledFrom([]string{"a0", "a1", "a2"}).Draw(rt, "axis input")
		switch rapid.IntRange(0, 14).Draw(rt, "operator") {
		case 0:
			return op("Relu", "", in("x"))
		case 1:
			return op("Transpose", "", in("x"))
		case 2:
			return op("Concat", "", in("x", "x"), ow.Int("axis", axis))
		case 3:
			return op("Reshape", "", in("x", rapid.SampledFrom([]string{"flat", "rows", "all"}).Draw(rt, "target")))
		case 4:
			return op("Slice", "", in("x", rapid.SampledFrom([]string{"a0", "m1"}).Draw(rt, "start"), rapid.SampledFrom([]string{"a1", "two", "big"}).Draw(rt, "end"), axisName))
		case 5:
			return op("ReduceSum", "", in("x", axisName), ow.Int("keepdims", axis&1))
		case 6:
			return op("Unsqueeze", "", in("x", axisName))
		case 7:
			return op("Squeeze", "", in("x", axisName))
		case 8:
			return op("MatMul", "", in("x", "w"))
		case 9:
			return op("Conv", "", in("x", "k"), ow.Ints("strides", small.Draw(rt, "stride")), ow.Ints("pads", small.Draw(rt, "pad")-1, 1))
		case 10:
			return op("MaxPool", "", in("x"), ow.Ints("kernel_shape", small.Draw(rt, "kernel")), ow.Ints("strides", small.Draw(rt, "stride")), ow.Int("ceil_mode", axis&1))
		case 11:
			return op("Flatten", "", in("x"), ow.Int("axis", axis))
		case 12:
			return op("Add", "", in("x", "x"))
		case 13:
			return op("Tile", "", in("x", "tile"))
		default:
			return op("Softmax", "", in("x"), ow.Int("axis", axis))
		}
	})
	nodes := rapid.SliceOfN(step, 1, 4).Draw(rt, "nodes")
	last := "x"
	for i := range nodes {
		for j, name := range nodes[i].Inputs {
			if name == "x" {
				nodes[i].Inputs[j] = last
			}
		}
		last = fmt.Sprintf("v%d", i)
		if i == len(nodes)-1 {
			last = "y"
		}
		nodes[i].Outputs = []string{last}
	}
	g.Nodes = nodes
	return g
}

func TestDimensionArithmetic(t *testing.T) {
	values := rapid.Custom(func(rt *rapid.T) dim {
		return dim{Size: rapid.Int64Range(1, 6).Draw(rt, "size"), Symbol: rapid.SampledFrom([]string{"", "N"}).Draw(rt, "symbol")}
	})
	rapid.Check(t, func(rt *rapid.T) {
		a, b, n := values.Draw(rt, "a"), values.Draw(rt, "b"), rapid.Int64Range(1, 5).Draw(rt, "N")
		at := func(d dim) int64 {
			if d.Symbol == "" {
				return d.Size
			}
			return d.Size * n
		}
		for name, tc := range map[string]struct {
			f    func(a, b dim) (dim, bool)
			want int64
		}{
			"sum":        {addDims, at(a) + at(b)},
			"difference": {subDims, at(a) - at(b)},
			"product":    {mulDims, at(a) * at(b)},
			"quotient":   {divDims, at(a) / at(b)},
		} {
			if got, ok := tc.f(a, b); ok && at(got) != tc.want {
				rt.Fatalf("%s of %v and %v at %d: got %v = %d, want %d", name, a, b, n, got, at(got), tc.want)
			}
		}
	})
}

func TestMonomialsDivideWhatTheyMultiply(t *testing.T) {
	s := symbols{names: []string{"N", "M"}, index: map[string]byte{"N": 0, "M": 1}}
	d := rapid.Custom(func(rt *rapid.T) dim {
		return tensor.Dim{Size: rapid.Int64Range(1, 6).Draw(rt, "size"), Symbol: rapid.SampledFrom([]string{"", "N", "M"}).Draw(rt, "symbol")}
	})
	rapid.Check(t, func(rt *rapid.T) {
		a, b := rapid.SliceOfN(d, 0, 3).Draw(rt, "a"), rapid.SliceOfN(d, 0, 3).Draw(rt, "b")
		all, ok := s.product(append(append([]dim{}, a...), b...)...)
		part, ok2 := s.product(a...)
		want, ok3 := s.product(b...)
		if got, ok4 := all.over(part); !ok || !ok2 || !ok3 || !ok4 || got != want {
			rt.Fatalf("got %v, want %v", got, want)
		}
	})
}
