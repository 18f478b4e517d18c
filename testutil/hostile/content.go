package hostile

import (
	"fmt"
	"strings"

	"google.golang.org/protobuf/encoding/protowire"

	"github.com/opengradient/opengradient/internal/onnxfile"
	ow "github.com/opengradient/opengradient/internal/onnxwrite"
)

// externalData points outside the file.
func (c *corpus) externalData() {
	const class = "external-data"
	want := onnxfile.ReasonExternalData
	for _, target := range []struct{ name, path string }{
		{"absolute", "/etc/passwd"}, {"parent", "../../node/config/priv_validator_key.json"}, {"same-folder", "weights.bin"},
		{"device", "/dev/zero"}, {"url", "https://example.org/weights"}, {"empty", ""}, {"zero-byte", "weights.bin\x00/../../secret"},
	} {
		entry := func(key, value string) []byte { return text(text(nil, 1, key), 2, value) }
		weight := text(varint(varint(nil, 1, 4), 2, 1), 8, "w")
		weight = raw(raw(weight, 13, entry("location", target.path)), 13, entry("offset", "0"))
		weight = varint(weight, 14, 1)
		c.add(class, target.name, want, graphOf(model(relu()), func(g []byte) []byte { return raw(g, 5, weight) }))
	}
	location := varint(text(varint(varint(nil, 1, 1<<30), 2, 1), 8, "w"), 14, 1)
	c.add(class, "without-path", want, graphOf(model(relu()), func(g []byte) []byte { return raw(g, 5, location) }))
	constant := raw(varint(text(nil, 1, "value"), 20, 4), 5, location)
	c.add(class, "in-a-constant", want, graphOf(model(graph(node("Constant", "k", nil), node("Relu", "y", in("x")))), func(g []byte) []byte {
		return edit(g, 1, func(n []byte) []byte { return raw(n, 5, constant) })
	}))
}

// domains are operators that nobody but their maker knows.
func (c *corpus) domains() {
	const class = "custom-domain"
	want := onnxfile.ReasonCustomDomain
	imported := func(domain string, version int64) func(*ow.Model) {
		return func(m *ow.Model) { m.Imports = []ow.OperatorSet{{Domain: domain, Version: version}} }
	}
	c.add(class, "imported", want, model(relu(), imported("com.example", 1)))
	c.add(class, "of-the-runtime", want, model(relu(), imported("com.microsoft", 1)))
	c.add(class, "training", want, model(relu(), imported("ai.onnx.preview.training", 1)))
	c.add(class, "nearly-the-default", want, model(relu(), imported("ai.onnx ", 13)))
	c.add(class, "not-imported", want, model(graph(ow.Node{Op: "Relu", Domain: "com.example", Inputs: in("x"), Outputs: in("y")})))
	c.add(class, "classical-operator-without-import", onnxfile.ReasonMalformed, model(graph(ow.Node{Op: "Scaler", Domain: "ai.onnx.ml", Inputs: in("x"), Outputs: in("y")})))
	c.add("operator-set", "classical-5", onnxfile.ReasonUnsupportedOpset, model(relu(), imported("ai.onnx.ml", 5)))
	c.add("operator-set", "22", onnxfile.ReasonUnsupportedOpset, model(relu(), func(m *ow.Model) { m.Opset = 22 }))
	c.add("operator-set", "negative", onnxfile.ReasonUnsupportedOpset, model(relu(), func(m *ow.Model) { m.Opset = -1 }))
	c.add("operator-set", "ir-version-99", onnxfile.ReasonUnsupportedOpset, model(relu(), func(m *ow.Model) { m.IRVersion = 99 }))
	c.add("operator-set", "operator-of-a-later-one", onnxfile.ReasonUnsupportedOpset, model(graph(node("Mish", "y", in("x")))))
}

// random are operators that give another result each time, or on each node.
func (c *corpus) random() {
	for _, op := range []string{"RandomNormal", "RandomUniform", "RandomNormalLike", "RandomUniformLike", "Multinomial", "Bernoulli"} {
		c.add("random", strings.ToLower(op), onnxfile.ReasonRandomOp, model(graph(node(op, "y", in("x")))))
	}
	mode := ow.Tensor{Name: "t", Type: ow.ElementBool, Data: []byte{1}}
	c.add("random", "dropout-while-training", onnxfile.ReasonRandomOp, model(with(graph(node("Dropout", "y", in("x", "", "t"))), mode)))
	c.add("training", "normalisation", onnxfile.ReasonTraining, model(with(graph(node("BatchNormalization", "y", in("x", "s", "s", "s", "s"), ow.Int("training_mode", 1))), ow.FloatTensor("s", []int64{4}, 1, 1, 1, 1))))
	c.add("training", "information", onnxfile.ReasonTraining, raw(model(relu()), 20, nil))
	c.add("training", "loss", onnxfile.ReasonTraining, model(graph(node("SoftmaxCrossEntropyLoss", "y", in("x", "x")))))
}

// oversized are counts above the limits, in small files where that can be.
func (c *corpus) oversized() {
	large := onnxfile.ReasonTooLarge
	add := func(_ int, from, to string) ow.Node { return node("Add", to, in(from, "x")) }
	c.add("oversized", "9000-nodes", large, model(graph(chain(9000, add)...)))
	c.add("oversized", "70000-edges", large, model(graph(node("Sum", "y", repeat("x", 70_000)))))
	attributes := make([]ow.Attribute, 40_000)
	for i := range attributes {
		attributes[i] = ow.Int(fmt.Sprintf("a%d", i), 1)
	}
	c.add("oversized", "40000-attributes", large, model(graph(node("Softmax", "y", in("x"), attributes...))))
	constants := make([]ow.Tensor, 9000)
	for i := range constants {
		constants[i] = number(fmt.Sprintf("w%d", i), 1)
	}
	c.add("oversized", "9000-initializers", large, model(with(relu(), constants...)))
	signature := relu()
	for i := range 65 {
		signature.Inputs = append(signature.Inputs, ow.ValueInfo{Name: fmt.Sprintf("i%d", i), Type: ow.ElementFloat, Dims: ow.Shape(1)})
	}
	c.add("oversized", "66-inputs", large, model(signature))
	c.add("oversized-attribute", "permutation-of-100000", large, model(graph(node("Transpose", "y", in("x"), ow.Ints("perm", make([]int64, 100_000)...)))))
	packed := func(n int) []byte {
		a := raw(varint(text(nil, 1, "perm"), 20, 7), 8, make([]byte, n))
		return graphOf(model(graph(node("Transpose", "y", in("x")))), func(g []byte) []byte { return edit(g, 1, func(n []byte) []byte { return raw(n, 5, a) }) })
	}
	c.add("oversized-attribute", "packed-to-a-byte-each", large, packed(1<<20))
	c.add("oversized-attribute", "string-of-1-mib", large, model(graph(node("Gelu", "y", in("x"), ow.String("approximate", strings.Repeat("a", 1<<20)))), func(m *ow.Model) { m.Opset = 20 }))
	c.add("oversized-attribute", "floats", large, model(graph(node("Constant", "k", nil, ow.Floats("value_floats", make([]float32, 5000)...)), node("Relu", "y", in("x")))))
	c.add("oversized-attribute", "trees-of-3-million-items", large, model(graph(ow.Node{Op: "TreeEnsembleRegressor", Domain: "ai.onnx.ml", Inputs: in("x"), Outputs: in("y")}), func(m *ow.Model) {
		m.Imports = []ow.OperatorSet{{Domain: "ai.onnx.ml", Version: 3}}
		m.Graph.Nodes[0].Attributes = []ow.Attribute{ow.Ints("nodes_treeids", make([]int64, 3<<20)...)}
	}))
	tensor := func(elem uint64, dims ...uint64) []byte {
		w := text(varint(nil, 2, elem), 8, "w")
		for _, d := range dims {
			w = varint(w, 1, d)
		}
		return w
	}
	weight := func(w []byte) []byte { return graphOf(model(relu()), func(g []byte) []byte { return raw(g, 5, w) }) }
	c.add("oversized-constant", "2-41-of-no-elements", large, weight(tensor(1, 0, 1<<41)))
	c.add("oversized-constant", "rank-20", large, weight(tensor(1, make([]uint64, 20)...)))
	// One byte each in the file, eight in memory.
	c.add("length-lie", "packed-integers-for-17-times-the-shape", onnxfile.ReasonMalformed, weight(raw(tensor(7, 4<<20, 17), 7, make([]byte, 4<<20))))
}

// unsupported are values of other types, and data that only looks like tensors.
func (c *corpus) unsupported() {
	sparse := onnxfile.ReasonSparseTensor
	c.add("sparse", "initializer", sparse, graphOf(model(relu()), func(g []byte) []byte { return raw(g, 15, nil) }))
	attribute := func(a []byte) []byte {
		return graphOf(model(graph(node("Constant", "k", nil), node("Relu", "y", in("x")))), func(g []byte) []byte {
			return edit(g, 1, func(n []byte) []byte { return raw(n, 5, a) })
		})
	}
	c.add("sparse", "constant", sparse, attribute(raw(varint(text(nil, 1, "sparse_value"), 20, 11), 22, nil)))
	c.add("sparse", "constants", sparse, attribute(raw(varint(text(nil, 1, "values"), 20, 12), 23, nil)))
	c.add("unsupported-type", "attribute-of-a-type", onnxfile.ReasonUnsupportedType, attribute(raw(varint(text(nil, 1, "t"), 20, 13), 14, nil)))
	for _, kind := range []struct {
		name string
		num  protowire.Number
	}{{"sequence", 4}, {"map", 5}, {"opaque", 7}, {"sparse-tensor", 8}, {"optional", 9}} {
		v := raw(text(nil, 1, "s"), 2, raw(nil, kind.num, nil))
		c.add("unsupported-type", "input-"+kind.name, onnxfile.ReasonUnsupportedType, graphOf(model(relu()), func(g []byte) []byte { return raw(g, 11, v) }))
	}
	c.add("unsupported-type", "sequence-operator", onnxfile.ReasonUnsupportedType, model(graph(node("SequenceConstruct", "y", in("x")))))
	c.add("unsupported-datatype", "strings", onnxfile.ReasonUnsupportedDatatype, model(with(relu(), ow.StringTensor("s", []int64{1}, "a"))))
	c.add("unsupported-datatype", "complex", onnxfile.ReasonUnsupportedDatatype, model(with(relu(), ow.Tensor{Name: "s", Type: 14, Dims: []int64{1}, Data: make([]byte, 8)})))
	c.add("unsupported-datatype", "number-2-31", onnxfile.ReasonMalformed, model(with(relu(), ow.Tensor{Name: "s", Type: -1})))
	c.add("unsupported-operator", "unknown", onnxfile.ReasonUnsupportedOp, model(graph(node("Mine", "y", in("x")))))
	c.add("unsupported-operator", "of-another-case", onnxfile.ReasonUnsupportedOp, model(graph(node("relu", "y", in("x")))))
	c.add("value-dependent-shape", "non-zero", onnxfile.ReasonUnknownShape, model(graph(node("NonZero", "y", in("x")))))
	c.add("value-dependent-shape", "reshape-by-input", onnxfile.ReasonUnknownShape, model(graph(node("Cast", "i", in("x"), ow.Int("to", 7)), node("Reshape", "y", in("x", "i")))))
	c.add("value-dependent-shape", "range-by-input", onnxfile.ReasonUnknownShape, model(with(graph(node("ReduceMax", "m", in("x"), ow.Int("keepdims", 0)), node("Range", "y", in("z", "m", "o"))), ow.FloatTensor("z", nil, 0), ow.FloatTensor("o", nil, 1))))
	c.add("unsupported-attribute", "unknown", onnxfile.ReasonUnsupportedAttribute, model(graph(node("Relu", "y", in("x"), ow.Int("alpha", 1)))))
	passes := with(graph(node("Resize", "y", in("x", "", "", "s"), ow.Int("antialias", 1), ow.String("mode", "linear"))), ints("s", 1, 1, 1, 1<<15))
	passes.Inputs[0].Dims = ow.Shape(1, 1, 1<<15, 1) // the first of two passes gives 2³⁰ elements
	c.add("unsupported-attribute", "passes-over-larger-values", onnxfile.ReasonUnsupportedAttribute, model(passes, func(m *ow.Model) { m.Opset = 18 }))
	c.add("unsupported-attribute", "regions-of-unbounded-work", onnxfile.ReasonUnsupportedAttribute, model(func() ow.Graph {
		g := with(graph(node("RoiAlign", "y", in("x", "r", "b"))), ow.FloatTensor("r", []int64{1, 4}, 0, 0, 1e9, 1e9), ints("b", 0))
		g.Inputs[0].Dims = ow.Shape(1, 1, 4, 4)
		return g
	}()))
}
