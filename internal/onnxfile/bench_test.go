package onnxfile

import (
	"fmt"
	"testing"

	ow "github.com/opengradient/opengradient/internal/onnxwrite"
)

func benchmarkInspect(b *testing.B, file []byte) {
	b.SetBytes(int64(len(file)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := Inspect(file, DefaultLimits); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkInspectTransformerBlock(b *testing.B) { benchmarkInspect(b, model(17, attention())) }

func BenchmarkInspectLargeWeights(b *testing.B) {
	g := mlp()
	g.Initializers[0] = zeros("w1", 4, 1<<19)
	g.Initializers[1] = zeros("b1", 1<<19)
	g.Initializers[2] = zeros("w2", 1<<19, 3)
	benchmarkInspect(b, model(17, g))
}

func BenchmarkInspectMostNodes(b *testing.B) {
	g := oneNode(op("Relu", "v0", in("x")))
	for i := 1; i < DefaultLimits.MaxNodes; i++ {
		g.Nodes = append(g.Nodes, op("Add", fmt.Sprintf("v%d", i), in(fmt.Sprintf("v%d", i-1), "x")))
	}
	g.Outputs = []ow.ValueInfo{unranked(g.Nodes[len(g.Nodes)-1].Outputs[0])}
	benchmarkInspect(b, model(17, g))
}

// BenchmarkInspectPackedIntegers is the slowest data to count: one byte each.
func BenchmarkInspectPackedIntegers(b *testing.B) {
	const n = 30 << 20
	w := varintField(varintField(nil, 1, n), 2, 2)
	benchmarkInspect(b, withTensor(bytesField(w, 5, make([]byte, n))))
}

// BenchmarkInspectShuffledTrees is the slowest structure for its bytes: as many
// nodes as the limits allow, under ids that must be sorted and looked up.
func BenchmarkInspectShuffledTrees(b *testing.B) {
	l := &lists{}
	const inner = 1<<17 - 1 // of one complete tree; ids are multiplied by an odd number
	id := func(i int64) int64 { return i * 2654435761 % (1 << 18) }
	for i := range int64(2*inner + 1) {
		l.trees, l.nodes, l.features, l.values = append(l.trees, 0), append(l.nodes, id(i)), append(l.features, 0), append(l.values, 0)
		if i < inner {
			l.modes, l.yes, l.no = append(l.modes, "BRANCH_LT"), append(l.yes, id(2*i+1)), append(l.no, id(2*i+2))
			continue
		}
		l.modes, l.yes, l.no = append(l.modes, "LEAF"), append(l.yes, 0), append(l.no, 0)
	}
	l.leafTrees, l.leaves, l.targets, l.weights = []int64{0}, []int64{id(inner)}, []int64{0}, []float32{1}
	benchmarkInspect(b, mlModel("TreeEnsembleRegressor", l.attributes()...))
}
