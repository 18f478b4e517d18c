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
