package onnxwrite

import "fmt"

// AttributeKind is AttributeProto.AttributeType: which field of an attribute holds its value.
type AttributeKind int32

// The kinds of attributes that can be written, with their ONNX numbers.
const (
	AttributeFloat   AttributeKind = 1
	AttributeInt     AttributeKind = 2
	AttributeString  AttributeKind = 3
	AttributeTensor  AttributeKind = 4
	AttributeGraph   AttributeKind = 5
	AttributeFloats  AttributeKind = 6
	AttributeInts    AttributeKind = 7
	AttributeStrings AttributeKind = 8
)

// String gives the ONNX name, for example "INTS".
func (k AttributeKind) String() string {
	switch k {
	case AttributeFloat:
		return "FLOAT"
	case AttributeInt:
		return "INT"
	case AttributeString:
		return "STRING"
	case AttributeTensor:
		return "TENSOR"
	case AttributeGraph:
		return "GRAPH"
	case AttributeFloats:
		return "FLOATS"
	case AttributeInts:
		return "INTS"
	case AttributeStrings:
		return "STRINGS"
	default:
		return fmt.Sprintf("AttributeKind(%d)", int32(k))
	}
}

// Attribute is a named constant argument of a node. Only the field that Kind names is written; the constructors Int,
// Ints, Float, Floats, String, Strings, TensorValue and Subgraph fill it.
type Attribute struct {
	Name    string
	Kind    AttributeKind
	Int     int64
	Ints    []int64
	Float   float32
	Floats  []float32
	String  string
	Strings []string
	Tensor  *Tensor
	Graph   *Graph
}

// Int is an attribute that holds an integer.
func Int(name string, v int64) Attribute {
	return Attribute{Name: name, Kind: AttributeInt, Int: v}
}

// Ints is an attribute that holds a list of integers.
func Ints(name string, vs ...int64) Attribute {
	return Attribute{Name: name, Kind: AttributeInts, Ints: vs}
}

// Float is an attribute that holds a 32-bit float.
func Float(name string, v float32) Attribute {
	return Attribute{Name: name, Kind: AttributeFloat, Float: v}
}

// Floats is an attribute that holds a list of 32-bit floats.
func Floats(name string, vs ...float32) Attribute {
	return Attribute{Name: name, Kind: AttributeFloats, Floats: vs}
}

// String is an attribute that holds a string.
func String(name, v string) Attribute {
	return Attribute{Name: name, Kind: AttributeString, String: v}
}

// Strings is an attribute that holds a list of strings.
func Strings(name string, vs ...string) Attribute {
	return Attribute{Name: name, Kind: AttributeStrings, Strings: vs}
}

// TensorValue is an attribute that holds a tensor, such as "value" of Constant.
func TensorValue(name string, t Tensor) Attribute {
	return Attribute{Name: name, Kind: AttributeTensor, Tensor: &t}
}

// Subgraph is an attribute that holds a graph, such as "then_branch" of If.
func Subgraph(name string, g Graph) Attribute {
	return Attribute{Name: name, Kind: AttributeGraph, Graph: &g}
}
