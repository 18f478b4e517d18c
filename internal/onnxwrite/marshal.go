package onnxwrite

import (
	"math"

	"google.golang.org/protobuf/encoding/protowire"
)

// Field numbers of onnx.proto.
const (
	modelIRVersion       protowire.Number = 1
	modelProducer        protowire.Number = 2
	modelProducerVersion protowire.Number = 3
	modelVersion         protowire.Number = 5
	modelDoc             protowire.Number = 6
	modelGraph           protowire.Number = 7
	modelOpset           protowire.Number = 8

	opsetDomain  protowire.Number = 1
	opsetVersion protowire.Number = 2

	graphNode        protowire.Number = 1
	graphName        protowire.Number = 2
	graphInitializer protowire.Number = 5
	graphInput       protowire.Number = 11
	graphOutput      protowire.Number = 12
	graphValueInfo   protowire.Number = 13

	nodeInput     protowire.Number = 1
	nodeOutput    protowire.Number = 2
	nodeName      protowire.Number = 3
	nodeOp        protowire.Number = 4
	nodeAttribute protowire.Number = 5
	nodeDomain    protowire.Number = 7

	attributeName    protowire.Number = 1
	attributeFloat   protowire.Number = 2
	attributeInt     protowire.Number = 3
	attributeString  protowire.Number = 4
	attributeTensor  protowire.Number = 5
	attributeGraph   protowire.Number = 6
	attributeFloats  protowire.Number = 7
	attributeInts    protowire.Number = 8
	attributeStrings protowire.Number = 9
	attributeType    protowire.Number = 20

	tensorDims    protowire.Number = 1
	tensorType    protowire.Number = 2
	tensorStrings protowire.Number = 6
	tensorName    protowire.Number = 8
	tensorRaw     protowire.Number = 9

	valueName protowire.Number = 1
	valueType protowire.Number = 2

	typeTensor protowire.Number = 1

	tensorTypeElement protowire.Number = 1
	tensorTypeShape   protowire.Number = 2

	shapeDim protowire.Number = 1

	dimValue protowire.Number = 1
	dimParam protowire.Number = 2
)

// Marshal checks the model and gives its ModelProto bytes. The error names the part at fault, what was expected of it
// and what was found. What is checked: names are unique and valid UTF-8; values are produced before they are read,
// and only once; tensors hold as much data as their dims and type need; element types are supported; domains are
// imported. Operators themselves are not known here: their attributes, types and shapes are not checked.
func (m Model) Marshal() ([]byte, error) {
	if err := m.check(); err != nil {
		return nil, err
	}
	return m.MarshalUnchecked(), nil
}

// MarshalUnchecked gives the ModelProto bytes of any description, also of one that no runtime would load. It serves
// tests of programs that read models.
func (m Model) MarshalUnchecked() []byte {
	b := appendVarint(nil, modelIRVersion, orDefault(m.IRVersion, DefaultIRVersion))
	b = appendText(b, modelProducer, m.Producer)
	b = appendText(b, modelProducerVersion, m.ProducerVersion)
	if m.ModelVersion != 0 {
		b = appendVarint(b, modelVersion, m.ModelVersion)
	}
	b = appendText(b, modelDoc, m.Doc)
	b = appendMessage(b, modelGraph, m.Graph.marshal())
	b = appendMessage(b, modelOpset, OperatorSet{Version: orDefault(m.Opset, DefaultOpset)}.marshal())
	for _, set := range m.Imports {
		b = appendMessage(b, modelOpset, set.marshal())
	}
	return b
}

func orDefault(v, def int64) int64 {
	if v == 0 {
		return def
	}
	return v
}

func (s OperatorSet) marshal() []byte {
	// The domain is written even when empty: readers then need not know that absence means the default domain.
	b := appendMessage(nil, opsetDomain, []byte(s.Domain))
	return appendVarint(b, opsetVersion, s.Version)
}

func (g Graph) marshal() []byte {
	var b []byte
	for _, n := range g.Nodes {
		b = appendMessage(b, graphNode, n.marshal())
	}
	b = appendText(b, graphName, g.Name)
	for _, t := range g.Initializers {
		b = appendMessage(b, graphInitializer, t.marshal())
	}
	for _, v := range g.Inputs {
		b = appendMessage(b, graphInput, v.marshal())
	}
	for _, v := range g.Outputs {
		b = appendMessage(b, graphOutput, v.marshal())
	}
	for _, v := range g.Values {
		b = appendMessage(b, graphValueInfo, v.marshal())
	}
	return b
}

func (n Node) marshal() []byte {
	var b []byte
	for _, name := range n.Inputs {
		b = appendMessage(b, nodeInput, []byte(name))
	}
	for _, name := range n.Outputs {
		b = appendMessage(b, nodeOutput, []byte(name))
	}
	b = appendText(b, nodeName, n.Name)
	b = appendText(b, nodeOp, n.Op)
	for _, a := range n.Attributes {
		b = appendMessage(b, nodeAttribute, a.marshal())
	}
	return appendText(b, nodeDomain, n.Domain)
}

func (a Attribute) marshal() []byte {
	b := appendText(nil, attributeName, a.Name)
	switch a.Kind {
	case AttributeFloat:
		b = appendFloat(b, attributeFloat, a.Float)
	case AttributeInt:
		b = appendVarint(b, attributeInt, a.Int)
	case AttributeString:
		b = appendMessage(b, attributeString, []byte(a.String))
	case AttributeTensor:
		if a.Tensor != nil {
			b = appendMessage(b, attributeTensor, a.Tensor.marshal())
		}
	case AttributeGraph:
		if a.Graph != nil {
			b = appendMessage(b, attributeGraph, a.Graph.marshal())
		}
	case AttributeFloats:
		for _, v := range a.Floats {
			b = appendFloat(b, attributeFloats, v)
		}
	case AttributeInts:
		for _, v := range a.Ints {
			b = appendVarint(b, attributeInts, v)
		}
	case AttributeStrings:
		for _, v := range a.Strings {
			b = appendMessage(b, attributeStrings, []byte(v))
		}
	}
	return appendVarint(b, attributeType, int64(a.Kind))
}

func (t Tensor) marshal() []byte {
	var b []byte
	for _, d := range t.Dims {
		b = appendVarint(b, tensorDims, d)
	}
	b = appendVarint(b, tensorType, int64(t.Type))
	for _, s := range t.Strings {
		b = appendMessage(b, tensorStrings, []byte(s))
	}
	b = appendText(b, tensorName, t.Name)
	if t.Type != ElementString {
		b = appendMessage(b, tensorRaw, t.Data)
	}
	return b
}

func (v ValueInfo) marshal() []byte {
	tensorType := appendVarint(nil, tensorTypeElement, int64(v.Type))
	if !v.Unranked {
		var shape []byte
		for _, d := range v.Dims {
			shape = appendMessage(shape, shapeDim, d.marshal())
		}
		tensorType = appendMessage(tensorType, tensorTypeShape, shape)
	}
	b := appendText(nil, valueName, v.Name)
	return appendMessage(b, valueType, appendMessage(nil, typeTensor, tensorType))
}

func (d Dim) marshal() []byte {
	switch d.Kind {
	case DimFixed:
		return appendVarint(nil, dimValue, d.Size)
	case DimSymbolic:
		return appendMessage(nil, dimParam, []byte(d.Symbol))
	default:
		return nil
	}
}

func appendVarint(b []byte, field protowire.Number, v int64) []byte {
	b = protowire.AppendTag(b, field, protowire.VarintType)
	return protowire.AppendVarint(b, uint64(v))
}

func appendFloat(b []byte, field protowire.Number, v float32) []byte {
	b = protowire.AppendTag(b, field, protowire.Fixed32Type)
	return protowire.AppendFixed32(b, math.Float32bits(v))
}

// appendText writes a string field, or nothing when it is empty.
func appendText(b []byte, field protowire.Number, s string) []byte {
	if s == "" {
		return b
	}
	return appendMessage(b, field, []byte(s))
}

// appendMessage writes a length-delimited field, also when it is empty.
func appendMessage(b []byte, field protowire.Number, v []byte) []byte {
	b = protowire.AppendTag(b, field, protowire.BytesType)
	return protowire.AppendBytes(b, v)
}
