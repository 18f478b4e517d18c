// Package onnxwrite builds ONNX model files: it turns a plain description of a graph into ModelProto bytes.
//
// The bytes depend on the description alone: fields are written in ascending order of their numbers, lists in the
// order given, and no map is walked. The same Model therefore marshals to the same bytes on every architecture, so
// that a model's SHA-256 can be pinned. Field numbers come from the public schema onnx.proto (proto2: repeated
// scalars are not packed).
//
// Marshal refuses descriptions that could not load; MarshalUnchecked does not, for those who need a faulty file.
package onnxwrite

const (
	// DefaultIRVersion is the version of the file format written when Model.IRVersion is zero.
	DefaultIRVersion = 8
	// DefaultOpset is the version of the default operator set imported when Model.Opset is zero.
	DefaultOpset = 13
	// MaxGraphDepth bounds how deep graphs may be nested in attributes: the model's own graph has depth 1.
	MaxGraphDepth = 8
)

// Model is an ONNX ModelProto: one graph, and the operator sets it is written in.
type Model struct {
	// IRVersion is the version of the file format; zero stands for DefaultIRVersion.
	IRVersion int64
	// Opset is the version of the default operator set (domain ""); zero stands for DefaultOpset.
	Opset int64
	// Imports lists operator sets of other domains, written after the default one.
	Imports []OperatorSet
	// Producer and ProducerVersion name the program that made the model; both may be empty.
	Producer, ProducerVersion string
	// ModelVersion is the owner's own version number of the model; zero is not written.
	ModelVersion int64
	// Doc is a text for people; it may be empty.
	Doc string
	// Graph is the computation.
	Graph Graph
}

// OperatorSet is an import of an operator set: a domain and its version.
type OperatorSet struct {
	Domain  string
	Version int64
}

// Graph is an ONNX GraphProto. Nodes are in topological order: each reads graph inputs, initializers and outputs of
// earlier nodes (in a nested graph also the values visible around the node that holds it).
type Graph struct {
	Name            string
	Nodes           []Node
	Inputs, Outputs []ValueInfo
	// Values declares types and shapes of values inside the graph; none are needed.
	Values []ValueInfo
	// Initializers are the constant tensors. One that has the name of a graph input is that input's default value.
	Initializers []Tensor
}

// Node is one operator call.
type Node struct {
	// Op is the operator's type, for example "Gemm".
	Op string
	// Name is optional, but unique in its graph when given.
	Name string
	// Domain is the operator set that holds Op; empty for the default one.
	Domain string
	// Inputs and Outputs are names of values; an empty name leaves out an optional one.
	Inputs, Outputs []string
	Attributes      []Attribute
}

// ValueInfo declares the name, element type and shape of a tensor value.
type ValueInfo struct {
	Name string
	Type ElementType
	// Dims is the shape; none make a scalar. See Unranked.
	Dims []Dim
	// Unranked leaves the shape out altogether: not even the rank is known. Dims is then empty.
	Unranked bool
}

// DimKind tells what is known about a dimension.
type DimKind uint8

// The kinds of a dimension.
const (
	// DimUnspecified is a dimension with neither a size nor a name.
	DimUnspecified DimKind = iota
	// DimFixed is a dimension of known size.
	DimFixed
	// DimSymbolic is a dimension whose size is given by a name, and is bound by the input tensors.
	DimSymbolic
)

// Dim is one dimension of a shape. The zero value is DimUnspecified; Fixed and Symbolic make the others.
type Dim struct {
	Kind DimKind
	// Size is the number of elements along the dimension when Kind is DimFixed.
	Size int64
	// Symbol is the dimension's name when Kind is DimSymbolic.
	Symbol string
}

// Fixed is a dimension of the given size.
func Fixed(size int64) Dim { return Dim{Kind: DimFixed, Size: size} }

// Symbolic is a dimension with the given name, for example "N" for the batch.
func Symbolic(symbol string) Dim { return Dim{Kind: DimSymbolic, Symbol: symbol} }

// Shape makes fixed dimensions of the given sizes.
func Shape(sizes ...int64) []Dim {
	dims := make([]Dim, len(sizes))
	for i, size := range sizes {
		dims[i] = Fixed(size)
	}
	return dims
}
