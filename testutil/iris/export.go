package iris

import "github.com/opengradient/opengradient/internal/onnxwrite"

// Names of the exported model's inputs and outputs.
const (
	// InputFeatures is the input: FP32 [N, 4], measurements in centimetres in the order of FeatureNames.
	InputFeatures = "features"
	// OutputProbabilities is an output: FP32 [N, 3], in the order of SpeciesNames.
	OutputProbabilities = "probabilities"
	// OutputLabel is an output: INT64 [N], an index into SpeciesNames.
	OutputLabel = "label"
	// BatchSymbol names the batch dimension.
	BatchSymbol = "N"
)

// ONNX gives the network as a model file. Standardisation is part of the graph: the input is in centimetres.
//
// Softmax is spelled out as Exp(x - ReduceMax) / ReduceSum, because the fused operator adds up in an order that
// depends on the processor's vector width.
func (n *Network) ONNX() ([]byte, error) {
	const float = onnxwrite.ElementFloat
	batch := onnxwrite.Symbolic(BatchSymbol)
	axis := onnxwrite.Ints("axes", 1)
	keep := onnxwrite.Int("keepdims", 1)
	transposed := onnxwrite.Int("transB", 1)
	var hidden, output []float32
	for _, row := range n.Weights1 {
		hidden = append(hidden, row[:]...)
	}
	for _, row := range n.Weights2 {
		output = append(output, row[:]...)
	}
	node := func(op, name string, inputs []string, output string, attributes ...onnxwrite.Attribute) onnxwrite.Node {
		return onnxwrite.Node{Op: op, Name: name, Inputs: inputs, Outputs: []string{output}, Attributes: attributes}
	}
	return onnxwrite.Model{
		Producer:     "opengradient-iris",
		ModelVersion: 1,
		Doc:          "Iris species from four flower measurements in centimetres; labels 0 setosa, 1 versicolor, 2 virginica.",
		Graph: onnxwrite.Graph{
			Name:   "iris",
			Inputs: []onnxwrite.ValueInfo{{Name: InputFeatures, Type: float, Dims: []onnxwrite.Dim{batch, onnxwrite.Fixed(Features)}}},
			Outputs: []onnxwrite.ValueInfo{
				{Name: OutputProbabilities, Type: float, Dims: []onnxwrite.Dim{batch, onnxwrite.Fixed(Classes)}},
				{Name: OutputLabel, Type: onnxwrite.ElementInt64, Dims: []onnxwrite.Dim{batch}},
			},
			Initializers: []onnxwrite.Tensor{
				onnxwrite.FloatTensor("mean", []int64{Features}, n.Mean[:]...),
				onnxwrite.FloatTensor("scale", []int64{Features}, n.Scale[:]...),
				onnxwrite.FloatTensor("hidden_weights", []int64{Hidden, Features}, hidden...),
				onnxwrite.FloatTensor("hidden_bias", []int64{Hidden}, n.Bias1[:]...),
				onnxwrite.FloatTensor("output_weights", []int64{Classes, Hidden}, output...),
				onnxwrite.FloatTensor("output_bias", []int64{Classes}, n.Bias2[:]...),
				onnxwrite.Int64Tensor("class_axis", []int64{1}, 1),
			},
			Nodes: []onnxwrite.Node{
				node("Sub", "centre", []string{InputFeatures, "mean"}, "centred"),
				node("Div", "standardise", []string{"centred", "scale"}, "standardised"),
				node("Gemm", "hidden", []string{"standardised", "hidden_weights", "hidden_bias"}, "hidden_sum", transposed),
				node("Relu", "rectify", []string{"hidden_sum"}, "hidden_out"),
				node("Gemm", "output", []string{"hidden_out", "output_weights", "output_bias"}, "logits", transposed),
				node("ReduceMax", "highest", []string{"logits"}, "logits_max", axis, keep),
				node("Sub", "shift", []string{"logits", "logits_max"}, "logits_shifted"),
				node("Exp", "exponentiate", []string{"logits_shifted"}, "odds"),
				node("ReduceSum", "total", []string{"odds", "class_axis"}, "odds_sum", keep),
				node("Div", "normalise", []string{"odds", "odds_sum"}, OutputProbabilities),
				node("ArgMax", "decide", []string{OutputProbabilities}, OutputLabel, onnxwrite.Int("axis", 1), onnxwrite.Int("keepdims", 0)),
			},
		},
	}.Marshal()
}
