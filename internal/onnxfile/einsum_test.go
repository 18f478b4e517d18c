package onnxfile

import (
	"slices"
	"testing"

	"pgregory.net/rapid"

	ow "github.com/opengradient/opengradient/internal/onnxwrite"
)

func einsum(equation string, names ...string) ow.Node {
	return op("Einsum", "y", names, ow.String("equation", equation))
}

// costAtOne adds up the cost of a graph without symbols.
func costAtOne(r *Report) (macs, elements uint64) {
	for _, c := range r.Cost {
		macs, elements = macs+c.MACs, elements+c.Elements
	}
	return macs, elements
}

func TestEinsumShapesAndCost(t *testing.T) {
	a, b, c := zeros("a", 5, 2, 3), zeros("b", 5, 3, 4), zeros("c", 4)
	for _, tc := range []struct {
		equation string
		inputs   []string
		want     string
		macs     uint64 // with every symbol at 1
	}{
		{"bij,bjk->bik", in("a", "b"), "[5,2,4]", 5 * 2 * 3 * 4},
		{"bij,bjk->kib", in("a", "b"), "[4,2,5]", 5 * 2 * 3 * 4},
		{"bij,bjk", in("a", "b"), "[2,4]", 5 * 2 * 3 * 4},     // letters that occur once, sorted; b and j are summed
		{"bij,bjk,k->i", in("a", "b", "c"), "[2]", 120 + 2*4}, // b and j are gone before k is met
		{"bij,ckl->il", in("a", "b"), "[2,4]", 2 * 4},         // what only one has is summed first
		{"bij->jib", in("a"), "[3,2,5]", 0},
		{"bij->", in("a"), "[]", 0},
		{"ij,j->i", in("x", "c"), "[N]", 4},
		{"ij,kj->ik", in("x", "x"), "unknown", 0},
		{"ij,j->i", in("x"), "malformed", 0},
		{"ijk->i", in("x"), "malformed", 0},
		{"ij->ik", in("x"), "malformed", 0},
		{"ii->i", in("x"), "unsupported_attribute", 0},
		{"...j->j", in("x"), "unsupported_attribute", 0},
		{"ij->i,j", in("x"), "unsupported_attribute", 0},
		{"ij,i->j", in("a", "c"), "malformed", 0},
	} {
		r, err := Inspect(model(17, oneNode(einsum(tc.equation, tc.inputs...), a, b, c)), DefaultLimits)
		got := reasonText(r, err)
		if tc.want == "unknown" { // N by N is two symbols, each of which is one
			tc.want, tc.macs = "[N,N]", 4
		}
		if got != tc.want {
			t.Errorf("%s: got %s (%v), want %s", tc.equation, got, err, tc.want)
		}
		if err == nil {
			if macs, _ := costAtOne(r); macs != tc.macs {
				t.Errorf("%s: got %d MACs, want %d", tc.equation, macs, tc.macs)
			}
		}
	}
}

// TestEinsumOfMatricesCostsWhatMatMulCosts compares two ways to write a product.
func TestEinsumOfMatricesCostsWhatMatMulCosts(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		size := rapid.Int64Range(1, 9)
		batch, m, k, n := size.Draw(rt, "batch"), size.Draw(rt, "m"), size.Draw(rt, "k"), size.Draw(rt, "n")
		a, b := zeros("a", batch, m, k), zeros("b", batch, k, n)
		one := inspect(t, 17, oneNode(op("MatMul", "y", in("a", "b")), a, b))
		other := inspect(t, 17, oneNode(einsum("bmk,bkn->bmn", "a", "b"), a, b))
		macs, elements := costAtOne(one)
		macs2, elements2 := costAtOne(other)
		moved := uint64(functionWork * (batch*m*k + batch*k*n))
		if macs != macs2 || elements+moved != elements2 || !slices.Equal(one.Outputs[0].Dims, other.Outputs[0].Dims) {
			rt.Fatalf("MatMul %d MACs and %d elements, Einsum %d and %d", macs, elements, macs2, elements2)
		}
	})
}

func TestManyEdgesAndProductsAreCharged(t *testing.T) {
	for name, tc := range map[string]struct {
		node ow.Node
		want uint64
	}{
		"15 inputs and an output": {op("Sum", "y", slices.Repeat(in("x"), 15)), NodeElements + 15*4},
		"24 inputs and an output": {op("Sum", "y", slices.Repeat(in("x"), 24)), NodeElements*(1+24+1-FreeEdges) + 24*4},
		"a batch of rows":         {op("MatMul", "y", in("a", "w")), NodeElements},
		"a batch of matrices":     {op("MatMul", "y", in("a", "b")), NodeElements + 5*ProductElements},
		"a product of vectors":    {op("MatMul", "y", in("c", "c")), NodeElements},
	} {
		r := inspect(t, 17, oneNode(tc.node, zeros("a", 5, 2, 3), zeros("b", 5, 3, 4), zeros("w", 3, 4), zeros("c", 4)))
		if _, elements := costAtOne(r); elements != tc.want {
			t.Errorf("%s: got %d elements, want %d", name, elements, tc.want)
		}
	}
}
