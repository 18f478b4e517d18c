// Package modelzoo makes ONNX models of eight families, from ones that run in microseconds to ones that take a
// good part of a second, with the same bytes on every machine. They serve measurements of cost and tests of
// whatever handles models. It is never shipped.
package modelzoo

import "github.com/opengradient/opengradient/internal/tensor"

// Families of models.
const (
	MLP       = "mlp"
	Conv      = "conv"
	Depthwise = "depthwise"
	Recurrent = "recurrent"
	Attention = "attention"
	Tree      = "tree"
	Int8      = "int8"
	Half      = "fp16"
)

// Model is a model with sample inputs.
type Model struct {
	// Name is unique among the models.
	Name string
	// Family is one of the constants of this package.
	Family string
	// ONNX is the file. It passes inspection with the default limits and loads in ONNX Runtime.
	ONNX []byte
	// Inputs makes tensors that fit the signature; the same seed gives the same bytes.
	Inputs func(seed uint64) []tensor.Tensor
}

// Models gives all models, in a fixed order: three of each family. Files are between 500 bytes and 4 MiB,
// outputs at most 4 KiB.
func Models() []Model {
	var all []Model
	for _, family := range [][]Model{
		mlps(), convs(), depthwises(), recurrents(), attentions(), trees(), int8s(), halves(),
	} {
		all = append(all, family...)
	}
	return all
}
