// Package codec turns tensors into messages of the Open Inference Protocol and back. Everything it reads may come from
// outside: it is checked in full and never makes the package panic. Its memory is a small multiple of the message's.
package codec

import (
	"errors"
	"fmt"

	"github.com/opengradient/opengradient/internal/oip"
	"github.com/opengradient/opengradient/internal/tensor"
)

// MaxTensors bounds the tensors of one request or response.
const MaxTensors = 256

// ErrMessage is a message whose tensors cannot be read. Errors of package tensor are wrapped beside it.
var ErrMessage = errors.New("malformed inference message")

// Request asks a model for outputs, by name; none asks for all. Tensors travel as raw contents, which share memory with
// the inputs.
func Request(model string, inputs []tensor.Tensor, outputs []string) *oip.ModelInferRequest {
	r := &oip.ModelInferRequest{ModelName: model}
	for _, t := range inputs {
		r.Inputs = append(r.Inputs, &oip.ModelInferRequest_InferInputTensor{Name: t.Name, Datatype: t.Datatype.String(), Shape: t.Shape})
		r.RawInputContents = append(r.RawInputContents, t.Data)
	}
	for _, name := range outputs {
		r.Outputs = append(r.Outputs, &oip.ModelInferRequest_InferRequestedOutputTensor{Name: name})
	}
	return r
}

// Inputs reads the input tensors of a request, raw or typed. Every tensor is valid and names are unique; raw data shares
// memory with the request.
func Inputs(r *oip.ModelInferRequest) ([]tensor.Tensor, error) {
	described := make([]describedTensor, len(r.GetInputs()))
	for i, t := range r.GetInputs() {
		described[i] = t
	}
	return read("input", described, r.GetRawInputContents())
}

// Outputs reads the output tensors of a response, raw or typed, as Inputs does.
func Outputs(r *oip.ModelInferResponse) ([]tensor.Tensor, error) {
	described := make([]describedTensor, len(r.GetOutputs()))
	for i, t := range r.GetOutputs() {
		described[i] = t
	}
	return read("output", described, r.GetRawOutputContents())
}

// SetOutputs puts tensors into a response as raw contents, which share their memory.
func SetOutputs(r *oip.ModelInferResponse, outputs []tensor.Tensor) {
	r.Outputs, r.RawOutputContents = nil, nil
	for _, t := range outputs {
		r.Outputs = append(r.Outputs, &oip.ModelInferResponse_InferOutputTensor{Name: t.Name, Datatype: t.Datatype.String(), Shape: t.Shape})
		r.RawOutputContents = append(r.RawOutputContents, t.Data)
	}
}

// Requested lists the names of the outputs a request asks for, which are unique; none asks for all.
func Requested(r *oip.ModelInferRequest) ([]string, error) {
	if n := len(r.GetOutputs()); n > MaxTensors {
		return nil, fmt.Errorf("%w: expected at most %d requested outputs, got %d", ErrMessage, MaxTensors, n)
	}
	names := make([]string, 0, len(r.GetOutputs()))
	seen := make(map[string]bool, len(r.GetOutputs()))
	for _, o := range r.GetOutputs() {
		if seen[o.GetName()] {
			return nil, fmt.Errorf("%w: output %q is requested twice", ErrMessage, o.GetName())
		}
		seen[o.GetName()] = true
		names = append(names, o.GetName())
	}
	return names, nil
}

// Metadata describes a signature; a dimension that varies is -1.
func Metadata(specs []tensor.Spec) []*oip.ModelMetadataResponse_TensorMetadata {
	list := make([]*oip.ModelMetadataResponse_TensorMetadata, len(specs))
	for i, s := range specs {
		shape := make([]int64, len(s.Dims))
		for j, d := range s.Dims {
			shape[j] = d.Size
			if d.Symbol != "" {
				shape[j] = -1
			}
		}
		list[i] = &oip.ModelMetadataResponse_TensorMetadata{Name: s.Name, Datatype: s.Datatype.String(), Shape: shape}
	}
	return list
}

// describedTensor is what input and output tensors of the protocol have in common.
type describedTensor interface {
	GetName() string
	GetDatatype() string
	GetShape() []int64
	GetContents() *oip.InferTensorContents
}

func read(what string, described []describedTensor, raw [][]byte) ([]tensor.Tensor, error) {
	if len(described) > MaxTensors {
		return nil, fmt.Errorf("%w: expected at most %d %ss, got %d", ErrMessage, MaxTensors, what, len(described))
	}
	if len(raw) != 0 && len(raw) != len(described) {
		return nil, fmt.Errorf("%w: expected raw contents for each of %d %ss, got %d", ErrMessage, len(described), what, len(raw))
	}
	tensors := make([]tensor.Tensor, len(described))
	seen := make(map[string]bool, len(described))
	for i, d := range described {
		if seen[d.GetName()] {
			return nil, fmt.Errorf("%w: %s %q is given twice", ErrMessage, what, d.GetName())
		}
		seen[d.GetName()] = true
		datatype, err := tensor.ParseDatatype(d.GetDatatype())
		if err != nil {
			return nil, fmt.Errorf("%w: %s %q: %w", ErrMessage, what, d.GetName(), err)
		}
		t := tensor.Tensor{Name: d.GetName(), Datatype: datatype, Shape: d.GetShape()}
		switch {
		case len(raw) == 0:
			t.Data, err = flatten(datatype, d.GetContents())
		case filled(d.GetContents()) != 0:
			err = errors.New("expected contents as raw bytes or typed, got both")
		default:
			t.Data = raw[i]
		}
		if err == nil {
			err = t.Validate()
		}
		if err != nil {
			return nil, fmt.Errorf("%w: %s %q: %w", ErrMessage, what, d.GetName(), err)
		}
		tensors[i] = t
	}
	return tensors, nil
}
