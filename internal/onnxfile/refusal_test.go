package onnxfile

import (
	"strings"
	"testing"

	ow "github.com/opengradient/opengradient/internal/onnxwrite"
)

// oneNode is a graph of one node on x FLOAT[N,4], with some constants.
func oneNode(n ow.Node, constants ...ow.Tensor) ow.Graph {
	return ow.Graph{
		Name: "one", Nodes: []ow.Node{n}, Initializers: constants,
		Inputs:  []ow.ValueInfo{floatInput("x", "N", 4)},
		Outputs: []ow.ValueInfo{unranked("y")},
	}
}

func TestRefusals(t *testing.T) {
	with := func(change func(*ow.Model)) []byte {
		m := ow.Model{IRVersion: 8, Opset: 17, Graph: mlp()}
		change(&m)
		return m.MarshalUnchecked()
	}
	one := func(n ow.Node, constants ...ow.Tensor) []byte { return model(17, oneNode(n, constants...)) }
	relu := op("Relu", "y", in("x"))
	for name, tc := range map[string]struct {
		file []byte
		want Reason
	}{
		"an empty file":                   {nil, ReasonUnsupportedOpset},
		"text":                            {[]byte("not a model"), ReasonMalformed},
		"an IR version too new":           {with(func(m *ow.Model) { m.IRVersion = 12 }), ReasonUnsupportedOpset},
		"an IR version too old":           {with(func(m *ow.Model) { m.IRVersion = 2 }), ReasonUnsupportedOpset},
		"an operator set too new":         {with(func(m *ow.Model) { m.Opset = 22 }), ReasonUnsupportedOpset},
		"an operator set too old":         {with(func(m *ow.Model) { m.Opset = 12 }), ReasonUnsupportedOpset},
		"the default domain twice":        {with(func(m *ow.Model) { m.Imports = []ow.OperatorSet{{Domain: "ai.onnx", Version: 17}} }), ReasonUnsupportedOpset},
		"an import of another domain":     {with(func(m *ow.Model) { m.Imports = []ow.OperatorSet{{Domain: "com.microsoft", Version: 1}} }), ReasonCustomDomain},
		"a node of another domain":        {with(func(m *ow.Model) { m.Graph.Nodes[1].Domain = "com.example" }), ReasonCustomDomain},
		"an operator that is not allowed": {one(op("DFT", "y", in("x"))), ReasonUnsupportedOp},
		"an operator of a later set":      {one(op("Gelu", "y", in("x"))), ReasonUnsupportedOpset},
		"an unknown attribute":            {one(op("Relu", "y", in("x"), ow.Int("alpha", 1))), ReasonUnsupportedAttribute},
		"an attribute of another kind":    {one(op("Softmax", "y", in("x"), ow.Float("axis", 1))), ReasonUnsupportedAttribute},
		"an attribute twice":              {one(op("Softmax", "y", in("x"), ow.Int("axis", 1), ow.Int("axis", 1))), ReasonMalformed},
		"a random operator":               {one(op("RandomNormalLike", "y", in("x"))), ReasonRandomOp},
		"dropout while training":          {one(op("Dropout", "y", in("x", "", "train")), ow.Tensor{Name: "train", Type: ow.ElementBool, Data: []byte{1}}), ReasonRandomOp},
		"normalisation while training":    {one(op("BatchNormalization", "y", in("x", "s", "s", "s", "s"), ow.Int("training_mode", 1)), zeros("s", 4)), ReasonTraining},
		"a loop":                          {one(op("Loop", "y", in("x"))), ReasonControlFlow},
		"a branch with graphs":            {one(op("If", "y", in("x"), ow.Subgraph("then_branch", mlp()))), ReasonControlFlow},
		"a graph in an attribute":         {one(op("Relu", "y", in("x"), ow.Subgraph("body", mlp()))), ReasonNesting},
		"a sequence operator":             {one(op("SequenceConstruct", "y", in("x"))), ReasonUnsupportedType},
		"a result of unknown size":        {one(op("NonZero", "y", in("x"))), ReasonUnknownShape},
		"a string input":                  {with(func(m *ow.Model) { m.Graph.Inputs[0].Type = ow.ElementString }), ReasonUnsupportedDatatype},
		"a string initializer":            {one(relu, ow.StringTensor("s", []int64{1}, "a")), ReasonUnsupportedDatatype},
		"an undefined element type":       {with(func(m *ow.Model) { m.Graph.Inputs[0].Type = 0 }), ReasonUnsupportedDatatype},
		"an input without shape":          {with(func(m *ow.Model) { m.Graph.Inputs[0] = unranked("x") }), ReasonUnknownShape},
		"a dimension without size":        {with(func(m *ow.Model) { m.Graph.Inputs[0].Dims = dims(0, 4) }), ReasonUnknownShape},
		"a negative dimension":            {with(func(m *ow.Model) { m.Graph.Inputs[0].Dims[0] = ow.Fixed(-1) }), ReasonUnknownShape},
		"a size that overflows":           {with(func(m *ow.Model) { m.Graph.Inputs[0].Dims = []ow.Dim{ow.Fixed(1 << 40), ow.Fixed(1 << 40)} }), ReasonTooLarge},
		"a dimension that is too large":   {with(func(m *ow.Model) { m.Graph.Inputs[0].Dims = []ow.Dim{ow.Fixed(1<<40 + 1)} }), ReasonTooLarge},
		"no input":                        {with(func(m *ow.Model) { m.Graph.Inputs = nil }), ReasonSignature},
		"no output":                       {with(func(m *ow.Model) { m.Graph.Outputs = nil }), ReasonSignature},
		"an input without name":           {with(func(m *ow.Model) { m.Graph.Inputs[0].Name = "" }), ReasonSignature},
		"an input with a long name":       {with(func(m *ow.Model) { m.Graph.Inputs[0].Name = strings.Repeat("x", 257) }), ReasonSignature},
		"a value with a very long name":   {with(func(m *ow.Model) { m.Graph.Nodes[0].Outputs[0] = strings.Repeat("x", 1025) }), ReasonTooLarge},
		"a name that is not UTF-8":        {with(func(m *ow.Model) { m.Graph.Nodes[0].Name = "\xff" }), ReasonMalformed},
		"an input twice":                  {with(func(m *ow.Model) { m.Graph.Inputs = append(m.Graph.Inputs, m.Graph.Inputs[0]) }), ReasonMalformed},
		"an output twice":                 {with(func(m *ow.Model) { m.Graph.Outputs = append(m.Graph.Outputs, m.Graph.Outputs[0]) }), ReasonMalformed},
		"an initializer twice":            {with(func(m *ow.Model) { m.Graph.Initializers = append(m.Graph.Initializers, zeros("w1", 1)) }), ReasonMalformed},
		"an initializer without name":     {with(func(m *ow.Model) { m.Graph.Initializers[0].Name = "" }), ReasonMalformed},
		"an output that nothing produces": {with(func(m *ow.Model) { m.Graph.Outputs[0].Name = "z" }), ReasonMalformed},
		"an output of another type":       {with(func(m *ow.Model) { m.Graph.Outputs[0].Type = ow.ElementDouble }), ReasonMalformed},
		"an output of another size":       {with(func(m *ow.Model) { m.Graph.Outputs[0].Dims = dims("N", 4) }), ReasonMalformed},
		"an output of another rank":       {with(func(m *ow.Model) { m.Graph.Outputs[0].Dims = dims("N") }), ReasonMalformed},
		"a fixed size for a symbol":       {with(func(m *ow.Model) { m.Graph.Outputs[0].Dims = dims(1, 3) }), ReasonMalformed},
		"a value read before it is there": {with(func(m *ow.Model) { m.Graph.Nodes[0].Inputs[0] = "a" }), ReasonMalformed},
		"a value produced twice":          {with(func(m *ow.Model) { m.Graph.Nodes[1].Outputs[0] = "h" }), ReasonMalformed},
		"a node without output":           {with(func(m *ow.Model) { m.Graph.Nodes[0].Outputs = nil }), ReasonMalformed},
		"a node with too many outputs":    {with(func(m *ow.Model) { m.Graph.Nodes[1].Outputs = []string{"a", "b"} }), ReasonMalformed},
		"a node with too few inputs":      {with(func(m *ow.Model) { m.Graph.Nodes[0].Inputs = in("x") }), ReasonMalformed},
		"a needed input left out":         {with(func(m *ow.Model) { m.Graph.Nodes[0].Inputs[1] = "" }), ReasonMalformed},
		"a tensor with too little data":   {with(func(m *ow.Model) { m.Graph.Initializers[0].Data = make([]byte, 4) }), ReasonMalformed},
		"a tensor with half an element":   {with(func(m *ow.Model) { m.Graph.Initializers[0].Data = make([]byte, 129) }), ReasonMalformed},
		"a tensor of negative size":       {with(func(m *ow.Model) { m.Graph.Initializers[0].Dims = []int64{-4, 8} }), ReasonMalformed},
		"a tensor whose size overflows":   {with(func(m *ow.Model) { m.Graph.Initializers[0].Dims = []int64{1 << 62, 1 << 62} }), ReasonMalformed},
		"a fill that is enormous":         {one(op("ConstantOfShape", "y", in("s")), ints("s", 1<<40, 1<<40)), ReasonTooLarge},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := Inspect(tc.file, DefaultLimits)
			wantRefusal(t, err, tc.want)
		})
	}
	if _, err := Inspect(one(relu), DefaultLimits); err != nil {
		t.Fatalf("the node that the cases change: %v", err)
	}
}

func TestReasonNamesAreDistinct(t *testing.T) {
	seen := map[string]bool{}
	for r := ReasonMalformed; r <= ReasonSignature; r++ {
		if s := r.String(); s == "" || strings.Contains(s, "(") || seen[s] {
			t.Errorf("reason %d is named %q", r, s)
		}
		seen[r.String()] = true
	}
	if s := Reason(0).String(); s != "reason(0)" {
		t.Errorf("the zero reason is named %q", s)
	}
}

func TestRefusalTextIsBounded(t *testing.T) {
	long := strings.Repeat("é", 500)
	_, err := Inspect(model(17, oneNode(ow.Node{Op: long, Name: long, Inputs: in("x"), Outputs: []string{"y"}})), DefaultLimits)
	wantRefusal(t, err, ReasonUnsupportedOp)
	if n := len(err.Error()); n > 2000 {
		t.Fatalf("%d bytes", n)
	}
}
