package onnxfile

// rules is the allow-list by operator. It is filled once and then only read.
var rules map[string]*rule

func init() {
	rules = make(map[string]*rule)
	addElementwiseRules()
	addReductionRules()
	addMovementRules()
	addIndexingRules()
	addLinearRules()
	addWindowRules()
	addNormalizationRules()
	addQuantizationRules()
	addRecurrentRules()
}

// allow registers one rule for some operators.
func allow(ops []string, r rule) {
	for _, op := range ops {
		rules[op] = &r
	}
}

func addElementwiseRules() {
	unary := func(weight int, attrs string, ops ...string) {
		allow(ops, rule{minIn: 1, maxIn: 1, attrs: attrs, weight: weight, infer: inferUnary})
	}
	unary(vectorWork, "", "Abs", "Ceil", "Floor", "Round", "Sqrt", "Relu", "Sign", "Reciprocal", "Not", "HardSwish")
	allow([]string{"Neg"}, rule{minIn: 1, maxIn: 1, infer: inferNeg})
	unary(functionWork, "", "Exp", "Tanh", "Sigmoid", "Erf", "Softplus", "Softsign")
	unary(scalarWork, "", "Log", "Sin", "Cos", "Tan", "Asin", "Acos", "Atan", "Sinh", "Cosh", "Asinh", "Acosh", "Atanh")
	unary(vectorWork, "alpha:f", "LeakyRelu", "ThresholdedRelu")
	unary(functionWork, "alpha:f", "Elu", "Celu")
	unary(functionWork, "alpha:f gamma:f", "Selu")
	unary(vectorWork, "alpha:f beta:f", "HardSigmoid")
	unary(vectorWork, "bias:f lambd:f", "Shrink")
	allow([]string{"Gelu"}, rule{minIn: 1, maxIn: 1, since: 20, attrs: "approximate:s", weight: functionWork, infer: inferUnary})
	allow([]string{"Mish"}, rule{minIn: 1, maxIn: 1, since: 18, weight: scalarWork, infer: inferUnary})
	allow([]string{"BitwiseNot"}, rule{minIn: 1, maxIn: 1, since: 18, infer: inferUnary})
	allow([]string{"IsNaN"}, rule{minIn: 1, maxIn: 1, infer: inferTest})
	allow([]string{"IsInf"}, rule{minIn: 1, maxIn: 1, attrs: "detect_negative:i detect_positive:i", infer: inferTest})
	allow([]string{"Identity"}, rule{minIn: 1, maxIn: 1, infer: inferIdentity})
	allow([]string{"Clip"}, rule{minIn: 1, maxIn: 3, infer: inferClip})
	allow([]string{"Dropout"}, rule{minIn: 1, maxIn: 3, attrs: "seed:i", infer: inferDropout})
	allow([]string{"Cast"}, rule{minIn: 1, maxIn: 1, attrs: "to:i saturate:i", infer: inferCast})
	allow([]string{"CastLike"}, rule{minIn: 2, maxIn: 2, since: 15, attrs: "saturate:i", infer: inferCastLike})

	binary := rule{minIn: 2, maxIn: 2, infer: inferBinary}
	allow([]string{"Add", "Sub", "Mul", "Div", "And", "Or", "Xor"}, binary)
	bitwise := binary
	bitwise.since = 18
	allow([]string{"BitwiseAnd", "BitwiseOr", "BitwiseXor"}, bitwise)
	allow([]string{"BitShift"}, rule{minIn: 2, maxIn: 2, attrs: "direction:s", infer: inferBinary})
	allow([]string{"Mod"}, rule{minIn: 2, maxIn: 2, attrs: "fmod:i", weight: scalarWork, infer: inferBinary})
	allow([]string{"Pow"}, rule{minIn: 2, maxIn: 2, weight: scalarWork, infer: inferPow})
	allow([]string{"PRelu"}, rule{minIn: 2, maxIn: 2, infer: inferPRelu})
	compare := rule{minIn: 2, maxIn: 2, infer: inferCompare}
	allow([]string{"Equal", "Greater", "Less", "GreaterOrEqual", "LessOrEqual"}, compare)
	allow([]string{"Max", "Min", "Sum", "Mean"}, rule{minIn: 1, maxIn: anyCount, infer: inferVariadic})
	allow([]string{"Where"}, rule{minIn: 3, maxIn: 3, infer: inferWhere})
}

func addReductionRules() {
	const attrs = "axes:I keepdims:i noop_with_empty_axes:i"
	allow([]string{"ReduceSum", "ReduceMean", "ReduceMax", "ReduceMin", "ReduceProd", "ReduceSumSquare", "ReduceL1", "ReduceL2"},
		rule{minIn: 1, maxIn: 2, attrs: attrs, infer: inferReduce})
	allow([]string{"ReduceLogSum"}, rule{minIn: 1, maxIn: 2, attrs: attrs, infer: inferReduce})
	allow([]string{"ReduceLogSumExp"}, rule{minIn: 1, maxIn: 2, attrs: attrs, weight: scalarWork, infer: inferReduce})
	allow([]string{"ArgMax", "ArgMin"}, rule{minIn: 1, maxIn: 1, attrs: "axis:i keepdims:i select_last_index:i", infer: inferArg})
	allow([]string{"Softmax", "LogSoftmax", "Hardmax"}, rule{minIn: 1, maxIn: 1, attrs: "axis:i", weight: functionWork, infer: inferAlongAxis})
	allow([]string{"CumSum"}, rule{minIn: 2, maxIn: 2, attrs: "exclusive:i reverse:i", weight: functionWork, infer: inferCumSum})
	allow([]string{"TopK"}, rule{minIn: 2, maxIn: 2, attrs: "axis:i largest:i sorted:i", weight: scalarWork, infer: inferTopK})
}

func addMovementRules() {
	allow([]string{"Reshape"}, rule{minIn: 2, maxIn: 2, attrs: "allowzero:i", infer: inferReshape})
	allow([]string{"Flatten"}, rule{minIn: 1, maxIn: 1, attrs: "axis:i", infer: inferFlatten})
	allow([]string{"Transpose"}, rule{minIn: 1, maxIn: 1, attrs: "perm:I", weight: functionWork, infer: inferTranspose})
	allow([]string{"Squeeze"}, rule{minIn: 1, maxIn: 2, infer: inferSqueeze})
	allow([]string{"Unsqueeze"}, rule{minIn: 2, maxIn: 2, infer: inferUnsqueeze})
	allow([]string{"Concat"}, rule{minIn: 1, maxIn: anyCount, attrs: "axis:i", infer: inferConcat})
	allow([]string{"Split"}, rule{minIn: 1, maxIn: 2, attrs: "axis:i num_outputs:i", infer: inferSplit})
	allow([]string{"Expand"}, rule{minIn: 2, maxIn: 2, infer: inferExpand})
	allow([]string{"Tile"}, rule{minIn: 2, maxIn: 2, infer: inferTile})
	allow([]string{"Pad"}, rule{minIn: 2, maxIn: 4, attrs: "mode:s", infer: inferPad})
	allow([]string{"Trilu"}, rule{minIn: 1, maxIn: 2, since: 14, attrs: "upper:i", infer: inferTrilu})
	allow([]string{"DepthToSpace"}, rule{minIn: 1, maxIn: 1, attrs: "blocksize:i mode:s", weight: functionWork, infer: inferDepthToSpace})
	allow([]string{"SpaceToDepth"}, rule{minIn: 1, maxIn: 1, attrs: "blocksize:i", weight: functionWork, infer: inferSpaceToDepth})
	allow([]string{"Resize"}, rule{minIn: 1, maxIn: 4, weight: scalarWork, infer: inferResize,
		attrs: "mode:s coordinate_transformation_mode:s nearest_mode:s cubic_coeff_a:f exclude_outside:i extrapolation_value:f antialias:i"})
}

func addIndexingRules() {
	allow([]string{"Constant"}, rule{attrs: "value:t value_int:i value_ints:I value_float:f value_floats:F", infer: inferConstant})
	allow([]string{"ConstantOfShape"}, rule{minIn: 1, maxIn: 1, attrs: "value:t", infer: inferConstantOfShape})
	allow([]string{"Range"}, rule{minIn: 3, maxIn: 3, infer: inferRange})
	allow([]string{"Shape"}, rule{minIn: 1, maxIn: 1, attrs: "start:i end:i", infer: inferShapeOp})
	allow([]string{"Size"}, rule{minIn: 1, maxIn: 1, infer: inferSize})
	allow([]string{"Slice"}, rule{minIn: 3, maxIn: 5, infer: inferSlice})
	allow([]string{"Gather"}, rule{minIn: 2, maxIn: 2, attrs: "axis:i", infer: inferGather})
	allow([]string{"GatherElements"}, rule{minIn: 2, maxIn: 2, attrs: "axis:i", weight: functionWork, infer: inferGatherElements})
	allow([]string{"GatherND"}, rule{minIn: 2, maxIn: 2, attrs: "batch_dims:i", weight: functionWork, infer: inferGatherND})
	allow([]string{"ScatterElements"}, rule{minIn: 3, maxIn: 3, attrs: "axis:i reduction:s", weight: functionWork, infer: inferScatter})
	allow([]string{"ScatterND"}, rule{minIn: 3, maxIn: 3, attrs: "reduction:s", weight: functionWork, infer: inferScatter})
	allow([]string{"OneHot"}, rule{minIn: 3, maxIn: 3, attrs: "axis:i", infer: inferOneHot})
}

func addLinearRules() {
	allow([]string{"MatMul"}, rule{minIn: 2, maxIn: 2, infer: inferMatMul})
	allow([]string{"Gemm"}, rule{minIn: 2, maxIn: 3, attrs: "alpha:f beta:f transA:i transB:i", infer: inferGemm})
}

func addWindowRules() {
	const conv = "auto_pad:s dilations:I group:i kernel_shape:I pads:I strides:I"
	const pool = "auto_pad:s ceil_mode:i kernel_shape:I pads:I strides:I"
	allow([]string{"Conv"}, rule{minIn: 2, maxIn: 3, attrs: conv, infer: inferConv})
	allow([]string{"ConvTranspose"}, rule{minIn: 2, maxIn: 3, attrs: conv + " output_padding:I", infer: inferConvTranspose})
	allow([]string{"MaxPool"}, rule{minIn: 1, maxIn: 1, attrs: pool + " dilations:I storage_order:i", infer: inferPool})
	allow([]string{"AveragePool"}, rule{minIn: 1, maxIn: 1, attrs: pool + " dilations:I count_include_pad:i", infer: inferPool})
	allow([]string{"GlobalAveragePool", "GlobalMaxPool"}, rule{minIn: 1, maxIn: 1, infer: inferGlobalPool})
}

func addNormalizationRules() {
	allow([]string{"BatchNormalization"}, rule{minIn: 5, maxIn: 5, attrs: "epsilon:f momentum:f training_mode:i", infer: inferBatchNorm})
	allow([]string{"InstanceNormalization"}, rule{minIn: 3, maxIn: 3, attrs: "epsilon:f", weight: functionWork, infer: inferChannelNorm})
	allow([]string{"GroupNormalization"}, rule{minIn: 3, maxIn: 3, since: 18, attrs: "epsilon:f num_groups:i stash_type:i", weight: functionWork, infer: inferChannelNorm})
	allow([]string{"LayerNormalization"}, rule{minIn: 2, maxIn: 3, since: 17, attrs: "axis:i epsilon:f stash_type:i", weight: functionWork, infer: inferLayerNorm})
	allow([]string{"LRN"}, rule{minIn: 1, maxIn: 1, attrs: "alpha:f beta:f bias:f size:i", weight: scalarWork, infer: inferLRN})
	allow([]string{"LpNormalization"}, rule{minIn: 1, maxIn: 1, attrs: "axis:i p:i", weight: functionWork, infer: inferAlongAxis})
}

func addQuantizationRules() {
	allow([]string{"QuantizeLinear"}, rule{minIn: 2, maxIn: 3, attrs: "axis:i saturate:i", infer: inferQuantize})
	allow([]string{"DequantizeLinear"}, rule{minIn: 2, maxIn: 3, attrs: "axis:i", infer: inferDequantize})
	allow([]string{"DynamicQuantizeLinear"}, rule{minIn: 1, maxIn: 1, infer: inferDynamicQuantize})
	allow([]string{"MatMulInteger"}, rule{minIn: 2, maxIn: 4, infer: inferMatMulInteger})
	allow([]string{"QLinearMatMul"}, rule{minIn: 8, maxIn: 8, infer: inferQLinearMatMul})
	const conv = "auto_pad:s dilations:I group:i kernel_shape:I pads:I strides:I"
	allow([]string{"ConvInteger"}, rule{minIn: 2, maxIn: 4, attrs: conv, infer: inferConvInteger})
	allow([]string{"QLinearConv"}, rule{minIn: 8, maxIn: 9, attrs: conv, infer: inferQLinearConv})
}

func addRecurrentRules() {
	const attrs = "activations:S clip:f direction:s hidden_size:i layout:i"
	allow([]string{"RNN"}, rule{minIn: 3, maxIn: 6, attrs: attrs, infer: inferRecurrent})
	allow([]string{"GRU"}, rule{minIn: 3, maxIn: 6, attrs: attrs + " linear_before_reset:i", infer: inferRecurrent})
	allow([]string{"LSTM"}, rule{minIn: 3, maxIn: 8, attrs: attrs + " input_forget:i", infer: inferRecurrent})
}
