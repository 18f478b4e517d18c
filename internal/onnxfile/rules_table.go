package onnxfile

// Formulas of work in words. Those in MACs are linear algebra, the others count
// elements; w is the weight of the operator.
const (
	noWork         = "none"
	perInput       = "w · elements of the first input"
	perOutput      = "w · elements of the output"
	perOperand     = "w · elements of the output · inputs"
	perUpdate      = "w · (elements of the updates + elements of the data)"
	perMatrix      = "MACs: matrices · (n³ / 3 + n²), rounded up, of n by n each; 512 · matrices elements"
	perBlock       = "elements of the output + 16 · blocks, one for each index and each position before the axis"
	perSample      = "w · elements of the output, 16 times that for mode cubic"
	productWork    = "MACs: batch · M · N · max(1, K); 512 · batch elements where the right factor has a batch"
	pairWork       = "w · elements of the inputs; MACs: for each input after the first, the product of the dimensions that it and the result so far have, without those summed before; 512 elements for each product of matrices"
	convWork       = "MACs: elements of the output · channels of a group · kernel; 512 · batch · groups elements"
	transposedWork = "MACs: elements of the input · output channels of a group · kernel; elements of the output + 512 · batch · groups"
	windowWork     = "w · elements of the output · kernel, padding included"
	channelWindow  = "w · elements of the input · size"
	recurrentWork  = "MACs: T · B · D · G · H · (I + H); 4 · T · B · D · G · H + 4096 · T · D elements; where sequence_lens is less, the work of all T steps"
	treeWork       = "rows · (sum over trees of (w · depth + most weights of a leaf) + w · targets): each row as if it went down the longest path of each tree"
	linearWork     = "MACs: rows · features · targets; 4 · rows · targets elements"
	vectorsWork    = "MACs: rows · features · support vectors; w · rows · support vectors elements"
	searchWork     = "w · elements of the output · ceil(log2(keys + 1))"
	sampleWork     = "w · elements of the output · samples of each (GridSample: 1, 2 or 4 along each dimension; RoiAlign: 4 · sampling_ratio²)"
)

// rules is the allow-list by operator: its name, after domain and dot if the
// domain is not the default one. It is filled once and then only read.
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
	addMLRules()
}

// allow registers one rule for some operators.
func allow(ops []string, r rule) {
	for _, op := range ops {
		rules[op] = &r
	}
}

func addElementwiseRules() {
	unary := func(weight int, attrs string, ops ...string) {
		allow(ops, rule{minIn: 1, maxIn: 1, attrs: attrs, weight: weight, formula: perInput, infer: inferUnary})
	}
	unary(vectorWork, "", "Abs", "Ceil", "Floor", "Round", "Sqrt", "Relu", "Sign", "Reciprocal", "Not")
	allow([]string{"HardSwish"}, rule{minIn: 1, maxIn: 1, since: 14, formula: perInput, infer: inferUnary})
	allow([]string{"Neg"}, rule{minIn: 1, maxIn: 1, formula: perOutput, infer: inferNeg})
	unary(functionWork, "", "Exp", "Tanh", "Sigmoid", "Erf", "Softsign")
	unary(scalarWork, "", "Softplus", "Log", "Sin", "Cos", "Tan", "Asin", "Acos", "Atan", "Sinh", "Cosh", "Asinh", "Acosh", "Atanh")
	unary(vectorWork, "alpha:f", "LeakyRelu", "ThresholdedRelu")
	unary(functionWork, "alpha:f", "Elu", "Celu")
	unary(functionWork, "alpha:f gamma:f", "Selu")
	unary(vectorWork, "alpha:f beta:f", "HardSigmoid")
	unary(functionWork, "bias:f lambd:f", "Shrink")
	allow([]string{"Gelu"}, rule{minIn: 1, maxIn: 1, since: 20, attrs: "approximate:s", weight: functionWork, formula: perInput, infer: inferUnary})
	allow([]string{"Mish"}, rule{minIn: 1, maxIn: 1, since: 18, weight: scalarWork, formula: perInput, infer: inferUnary})
	allow([]string{"BitwiseNot"}, rule{minIn: 1, maxIn: 1, since: 18, formula: perInput, infer: inferUnary})
	allow([]string{"IsNaN"}, rule{minIn: 1, maxIn: 1, formula: perInput, infer: inferTest})
	allow([]string{"IsInf"}, rule{minIn: 1, maxIn: 1, attrs: "detect_negative:i detect_positive:i", formula: perInput, infer: inferTest})
	allow([]string{"Identity"}, rule{minIn: 1, maxIn: 1, formula: perInput, infer: inferIdentity})
	allow([]string{"Clip"}, rule{minIn: 1, maxIn: 3, formula: perInput, infer: inferClip})
	allow([]string{"Dropout"}, rule{minIn: 1, maxIn: 3, attrs: "seed:i", formula: perInput, infer: inferDropout})
	allow([]string{"Cast"}, rule{minIn: 1, maxIn: 1, attrs: "to:i saturate:i", formula: perInput, infer: inferCast})
	allow([]string{"CastLike"}, rule{minIn: 2, maxIn: 2, since: 15, attrs: "saturate:i", formula: perInput, infer: inferCastLike})

	binary := rule{minIn: 2, maxIn: 2, formula: perOutput, infer: inferBinary}
	allow([]string{"Add", "Sub", "Mul", "Div", "And", "Or", "Xor"}, binary)
	bitwise := binary
	bitwise.since = 18
	allow([]string{"BitwiseAnd", "BitwiseOr", "BitwiseXor"}, bitwise)
	allow([]string{"BitShift"}, rule{minIn: 2, maxIn: 2, attrs: "direction:s", formula: perOutput, infer: inferBinary})
	allow([]string{"Mod"}, rule{minIn: 2, maxIn: 2, attrs: "fmod:i", weight: scalarWork, formula: perOutput, infer: inferBinary})
	allow([]string{"Pow"}, rule{minIn: 2, maxIn: 2, weight: scalarWork, formula: perOutput, infer: inferPow})
	allow([]string{"PRelu"}, rule{minIn: 2, maxIn: 2, formula: perInput, infer: inferPRelu})
	compare := rule{minIn: 2, maxIn: 2, formula: perOutput, infer: inferCompare}
	allow([]string{"Equal", "Greater", "Less", "GreaterOrEqual", "LessOrEqual"}, compare)
	allow([]string{"Max", "Min", "Sum", "Mean"}, rule{minIn: 1, maxIn: anyCount, formula: perOperand, infer: inferVariadic})
	allow([]string{"Where"}, rule{minIn: 3, maxIn: 3, weight: functionWork, formula: perOutput, infer: inferWhere})
}

func addReductionRules() {
	const attrs = "axes:I keepdims:i noop_with_empty_axes:i"
	allow([]string{"ReduceSum", "ReduceMean", "ReduceMax", "ReduceMin", "ReduceProd", "ReduceSumSquare", "ReduceL1", "ReduceL2"},
		rule{minIn: 1, maxIn: 2, attrs: attrs, formula: perInput, infer: inferReduce})
	allow([]string{"ReduceLogSum"}, rule{minIn: 1, maxIn: 2, attrs: attrs, formula: perInput, infer: inferReduce})
	allow([]string{"ReduceLogSumExp"}, rule{minIn: 1, maxIn: 2, attrs: attrs, weight: scalarWork, formula: perInput, infer: inferReduce})
	allow([]string{"ArgMax", "ArgMin"}, rule{minIn: 1, maxIn: 1, attrs: "axis:i keepdims:i select_last_index:i", weight: functionWork, formula: perInput, infer: inferArg})
	allow([]string{"Softmax", "LogSoftmax", "Hardmax"}, rule{minIn: 1, maxIn: 1, attrs: "axis:i", weight: functionWork, formula: perInput, infer: inferAlongAxis})
	allow([]string{"CumSum"}, rule{minIn: 2, maxIn: 2, attrs: "exclusive:i reverse:i", weight: functionWork, formula: perInput, infer: inferCumSum})
	allow([]string{"TopK"}, rule{minIn: 2, maxIn: 2, attrs: "axis:i largest:i sorted:i", weight: scalarWork, bound: true, formula: perInput, infer: inferTopK})
}

func addMovementRules() {
	allow([]string{"Reshape"}, rule{minIn: 2, maxIn: 2, attrs: "allowzero:i", formula: perOutput, infer: inferReshape})
	allow([]string{"Flatten"}, rule{minIn: 1, maxIn: 1, attrs: "axis:i", formula: perInput, infer: inferFlatten})
	allow([]string{"Transpose"}, rule{minIn: 1, maxIn: 1, attrs: "perm:I", weight: functionWork, formula: perOutput, infer: inferTranspose})
	allow([]string{"Squeeze"}, rule{minIn: 1, maxIn: 2, formula: perInput, infer: inferSqueeze})
	allow([]string{"Unsqueeze"}, rule{minIn: 2, maxIn: 2, formula: perInput, infer: inferUnsqueeze})
	allow([]string{"Concat"}, rule{minIn: 1, maxIn: anyCount, attrs: "axis:i", formula: perOutput, infer: inferConcat})
	allow([]string{"Split"}, rule{minIn: 1, maxIn: 2, attrs: "axis:i num_outputs:i", formula: perInput, infer: inferSplit})
	allow([]string{"Expand"}, rule{minIn: 2, maxIn: 2, formula: perOutput, infer: inferExpand})
	allow([]string{"Tile"}, rule{minIn: 2, maxIn: 2, weight: functionWork, formula: perOutput, infer: inferTile})
	allow([]string{"Pad"}, rule{minIn: 2, maxIn: 4, attrs: "mode:s", weight: functionWork, formula: perOutput, infer: inferPad})
	allow([]string{"Trilu"}, rule{minIn: 1, maxIn: 2, since: 14, attrs: "upper:i", formula: perInput, infer: inferTrilu})
	allow([]string{"DepthToSpace"}, rule{minIn: 1, maxIn: 1, attrs: "blocksize:i mode:s", weight: functionWork, formula: perOutput, infer: inferDepthToSpace})
	allow([]string{"SpaceToDepth"}, rule{minIn: 1, maxIn: 1, attrs: "blocksize:i", weight: functionWork, formula: perOutput, infer: inferSpaceToDepth})
	allow([]string{"Resize"}, rule{minIn: 1, maxIn: 4, weight: scalarWork, formula: perSample, infer: inferResize,
		attrs: "mode:s coordinate_transformation_mode:s nearest_mode:s cubic_coeff_a:f exclude_outside:i extrapolation_value:f antialias:i"})
}

func addIndexingRules() {
	allow([]string{"Constant"}, rule{attrs: "value:t value_int:i value_ints:I value_float:f value_floats:F", formula: noWork, infer: inferConstant})
	allow([]string{"ConstantOfShape"}, rule{minIn: 1, maxIn: 1, attrs: "value:t", formula: perOutput, infer: inferConstantOfShape})
	allow([]string{"Range"}, rule{minIn: 3, maxIn: 3, formula: perOutput, infer: inferRange})
	allow([]string{"Shape"}, rule{minIn: 1, maxIn: 1, attrs: "start:i end:i", formula: noWork, infer: inferShapeOp})
	allow([]string{"Size"}, rule{minIn: 1, maxIn: 1, formula: noWork, infer: inferSize})
	allow([]string{"Slice"}, rule{minIn: 3, maxIn: 5, formula: perOutput, infer: inferSlice})
	allow([]string{"Gather"}, rule{minIn: 2, maxIn: 2, attrs: "axis:i", formula: perBlock, infer: inferGather})
	allow([]string{"GatherElements"}, rule{minIn: 2, maxIn: 2, attrs: "axis:i", weight: functionWork, formula: perOutput, infer: inferGatherElements})
	allow([]string{"GatherND"}, rule{minIn: 2, maxIn: 2, attrs: "batch_dims:i", weight: functionWork, formula: perOutput, infer: inferGatherND})
	allow([]string{"ScatterElements"}, rule{minIn: 3, maxIn: 3, attrs: "axis:i reduction:s", weight: functionWork, formula: perUpdate, infer: inferScatter})
	allow([]string{"ScatterND"}, rule{minIn: 3, maxIn: 3, attrs: "reduction:s", weight: functionWork, formula: perUpdate, infer: inferScatter})
	allow([]string{"EyeLike"}, rule{minIn: 1, maxIn: 1, attrs: "dtype:i k:i", formula: perOutput, infer: inferEyeLike})
	allow([]string{"HannWindow", "HammingWindow", "BlackmanWindow"},
		rule{minIn: 1, maxIn: 1, since: 17, attrs: "output_datatype:i periodic:i", weight: scalarWork, formula: perOutput, infer: inferSignalWindow})
	allow([]string{"ReverseSequence"}, rule{minIn: 2, maxIn: 2, attrs: "batch_axis:i time_axis:i", weight: functionWork, formula: perOutput, infer: inferReverseSequence})
	allow([]string{"GridSample"}, rule{minIn: 2, maxIn: 2, since: 16, attrs: "align_corners:i mode:s padding_mode:s", weight: scalarWork, formula: sampleWork, infer: inferGridSample})
	allow([]string{"RoiAlign"}, rule{minIn: 3, maxIn: 3, since: 16, weight: functionWork, formula: sampleWork, infer: inferRoiAlign,
		attrs: "coordinate_transformation_mode:s mode:s output_height:i output_width:i sampling_ratio:i spatial_scale:f"})
	allow([]string{"OneHot"}, rule{minIn: 3, maxIn: 3, attrs: "axis:i", formula: perOutput, infer: inferOneHot})
}

func addLinearRules() {
	allow([]string{"MatMul"}, rule{minIn: 2, maxIn: 2, formula: productWork, infer: inferMatMul})
	allow([]string{"Einsum"}, rule{minIn: 1, maxIn: anyCount, attrs: "equation:s", weight: functionWork, formula: pairWork, infer: inferEinsum})
	allow([]string{"Det"}, rule{minIn: 1, maxIn: 1, formula: perMatrix, infer: inferDet})
	allow([]string{"Gemm"}, rule{minIn: 2, maxIn: 3, attrs: "alpha:f beta:f transA:i transB:i", formula: productWork, infer: inferGemm})
}

func addWindowRules() {
	const conv = "auto_pad:s dilations:I group:i kernel_shape:I pads:I strides:I"
	const pool = "auto_pad:s ceil_mode:i kernel_shape:I pads:I strides:I"
	allow([]string{"Conv"}, rule{minIn: 2, maxIn: 3, attrs: conv, formula: convWork, infer: inferConv})
	allow([]string{"ConvTranspose"}, rule{minIn: 2, maxIn: 3, attrs: conv + " output_padding:I", formula: transposedWork, infer: inferConvTranspose})
	allow([]string{"MaxPool"}, rule{minIn: 1, maxIn: 1, attrs: pool + " dilations:I storage_order:i", bound: true, formula: windowWork, infer: inferPool})
	allow([]string{"AveragePool"}, rule{minIn: 1, maxIn: 1, attrs: pool + " dilations:I count_include_pad:i", bound: true, formula: windowWork, infer: inferPool})
	allow([]string{"LpPool"}, rule{minIn: 1, maxIn: 1, attrs: pool + " dilations:I p:i", weight: scalarWork, bound: true, formula: windowWork, infer: inferPool})
	allow([]string{"GlobalLpPool"}, rule{minIn: 1, maxIn: 1, attrs: "p:i", weight: scalarWork, formula: perInput, infer: inferGlobalPool})
	allow([]string{"GlobalAveragePool", "GlobalMaxPool"}, rule{minIn: 1, maxIn: 1, formula: perInput, infer: inferGlobalPool})
}

func addNormalizationRules() {
	allow([]string{"BatchNormalization"}, rule{minIn: 5, maxIn: 5, attrs: "epsilon:f momentum:f training_mode:i", formula: perInput, infer: inferBatchNorm})
	allow([]string{"InstanceNormalization"}, rule{minIn: 3, maxIn: 3, attrs: "epsilon:f", weight: functionWork, formula: perInput, infer: inferChannelNorm})
	allow([]string{"GroupNormalization"}, rule{minIn: 3, maxIn: 3, since: 18, attrs: "epsilon:f num_groups:i stash_type:i", weight: functionWork, formula: perInput, infer: inferChannelNorm})
	allow([]string{"LayerNormalization"}, rule{minIn: 2, maxIn: 3, since: 17, attrs: "axis:i epsilon:f stash_type:i", weight: functionWork, formula: perInput, infer: inferLayerNorm})
	allow([]string{"LRN"}, rule{minIn: 1, maxIn: 1, attrs: "alpha:f beta:f bias:f size:i", weight: scalarWork, bound: true, formula: channelWindow, infer: inferLRN})
	allow([]string{"MeanVarianceNormalization"}, rule{minIn: 1, maxIn: 1, attrs: "axes:I", weight: functionWork, formula: perInput, infer: inferMeanVariance})
	allow([]string{"LpNormalization"}, rule{minIn: 1, maxIn: 1, attrs: "axis:i p:i", weight: functionWork, formula: perInput, infer: inferAlongAxis})
}

func addQuantizationRules() {
	allow([]string{"QuantizeLinear"}, rule{minIn: 2, maxIn: 3, attrs: "axis:i saturate:i", formula: perInput, infer: inferQuantize})
	allow([]string{"DequantizeLinear"}, rule{minIn: 2, maxIn: 3, attrs: "axis:i", formula: perInput, infer: inferDequantize})
	allow([]string{"DynamicQuantizeLinear"}, rule{minIn: 1, maxIn: 1, formula: perInput, infer: inferDynamicQuantize})
	allow([]string{"MatMulInteger"}, rule{minIn: 2, maxIn: 4, formula: productWork, infer: inferMatMulInteger})
	allow([]string{"QLinearMatMul"}, rule{minIn: 8, maxIn: 8, formula: productWork, infer: inferQLinearMatMul})
	const conv = "auto_pad:s dilations:I group:i kernel_shape:I pads:I strides:I"
	allow([]string{"ConvInteger"}, rule{minIn: 2, maxIn: 4, attrs: conv, formula: convWork, infer: inferConvInteger})
	allow([]string{"QLinearConv"}, rule{minIn: 8, maxIn: 9, attrs: conv, formula: convWork, infer: inferQLinearConv})
}

func addRecurrentRules() {
	const attrs = "activations:S clip:f direction:s hidden_size:i layout:i"
	allow([]string{"RNN"}, rule{minIn: 3, maxIn: 6, attrs: attrs, formula: recurrentWork, infer: inferRecurrent})
	allow([]string{"GRU"}, rule{minIn: 3, maxIn: 6, attrs: attrs + " linear_before_reset:i", formula: recurrentWork, infer: inferRecurrent})
	allow([]string{"LSTM"}, rule{minIn: 3, maxIn: 8, attrs: attrs + " input_forget:i", formula: recurrentWork, infer: inferRecurrent})
}
