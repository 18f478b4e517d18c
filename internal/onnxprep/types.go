package onnxprep

// fixedResults are operators whose first output has a type of its own.
var fixedResults = map[string]int64{
	"Shape": typeInt64, "Size": typeInt64, "ArgMax": typeInt64, "ArgMin": typeInt64, "NonZero": typeInt64, "NonMaxSuppression": typeInt64,
	"Equal": typeBool, "Greater": typeBool, "Less": typeBool, "GreaterOrEqual": typeBool, "LessOrEqual": typeBool, "Not": typeBool,
	"And": typeBool, "Or": typeBool, "Xor": typeBool, "IsNaN": typeBool, "IsInf": typeBool, "RegexFullMatch": typeBool,
	"MatMulInteger": typeInt32, "ConvInteger": typeInt32, "DynamicQuantizeLinear": typeUint8, "TfIdfVectorizer": typeFloat,
}

// typeInput names the input that gives the type of the first output where it is not the first.
var typeInput = map[string]int{
	"CastLike": 1, "Where": 1, "OneHot": 2, "DequantizeLinear": 1, "QLinearMatMul": 7, "QLinearConv": 7, "QuantizeLinear": 2,
}

// typeAttribute names the attribute that states the type of the first output, and the type without it: -1 for that of
// the input.
var typeAttribute = map[string]struct {
	name    string
	without int64
}{
	"Cast": {"to", typeUnknown}, "RandomNormal": {"dtype", typeFloat}, "RandomUniform": {"dtype", typeFloat},
	"RandomNormalLike": {"dtype", -1}, "RandomUniformLike": {"dtype", -1}, "Bernoulli": {"dtype", -1}, "EyeLike": {"dtype", -1},
	"Multinomial": {"dtype", typeInt32}, "BlackmanWindow": {"output_datatype", typeFloat}, "HannWindow": {"output_datatype", typeFloat},
	"HammingWindow": {"output_datatype", typeFloat}, "MelWeightMatrix": {"output_datatype", typeFloat}, "BitCast": {"to", typeUnknown},
}

// sameResults are operators all of whose outputs have the type of the first input.
var sameResults = map[string]bool{"Split": true, "RNN": true, "GRU": true, "LSTM": true}

// infer notes the types of a node's outputs. Types are those of the operator's definition, not of a runtime; operators
// of other domains give unknown ones, which no rule acts on, unless the file declares them.
func (m *model) infer(n *node) {
	if n.domain != "" || len(n.outputs) == 0 {
		return
	}
	m.set(n.outputs[0], m.resultType(n))
	for _, name := range n.outputs[1:] {
		if sameResults[n.op] {
			m.set(name, m.types[n.input(0)])
		}
	}
	if n.op == "DynamicQuantizeLinear" && len(n.outputs) == 3 {
		m.set(n.outputs[1], typeFloat)
		m.set(n.outputs[2], typeUint8)
	}
}

func (m *model) set(name string, typ int64) {
	if name != "" && typ != typeUnknown {
		m.types[name] = typ
	}
}

func (m *model) resultType(n *node) int64 {
	if typ, ok := fixedResults[n.op]; ok {
		return typ
	}
	if t, ok := typeAttribute[n.op]; ok {
		if a := n.attr(t.name); a != nil {
			return a.number
		}
		if t.without >= 0 {
			return t.without
		}
	}
	switch n.op {
	case "Constant":
		return constantType(n)
	case "ConstantOfShape":
		if n.attr("value") == nil {
			return typeFloat
		}
		return constantType(n)
	case "QuantizeLinear":
		if a := n.attr("output_dtype"); a != nil && a.number != 0 {
			return a.number
		}
		if n.input(2) == "" {
			return typeUint8
		}
	}
	return m.types[n.input(typeInput[n.op])]
}

// constantType is the type of the tensor that attributes hold.
func constantType(n *node) int64 {
	for _, kind := range []struct {
		attr string
		typ  int64
	}{{"value_float", typeFloat}, {"value_floats", typeFloat}, {"value_int", typeInt64}, {"value_ints", typeInt64},
		{"value_string", typeString}, {"value_strings", typeString}} {
		if n.attr(kind.attr) != nil {
			return kind.typ
		}
	}
	if a := n.attr("value"); a != nil && a.tensor != nil {
		if c, err := parseConstant(n.where, a.tensor); err == nil {
			return c.typ
		}
	}
	return typeUnknown
}

// noteConstant remembers the value of a Constant node.
func (m *model) noteConstant(n *node) {
	if n.op != "Constant" || n.domain != "" || len(n.outputs) != 1 || n.outputs[0] == "" {
		return
	}
	a := n.attr("value")
	if a == nil || a.tensor == nil || m.constants[n.outputs[0]] != nil {
		return
	}
	if c, err := parseConstant(n.where, a.tensor); err == nil {
		c.name = n.outputs[0]
		m.constants[c.name] = c
	}
}
