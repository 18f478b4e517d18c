package types

import (
	"errors"
	"slices"

	"github.com/opengradient/opengradient/internal/tensor"
)

// Tensor gives the tensor that the message holds, its data sharing memory with it. It fails with ErrInputDatatype on
// an unknown datatype, ErrInputName on a bad name, ErrInputShape on a bad shape and ErrInputMalformed when the
// contents are not what datatype and shape promise.
func (t Tensor) Tensor() (tensor.Tensor, error) {
	d, err := tensor.ParseDatatype(t.Datatype)
	if err != nil {
		return tensor.Tensor{}, ErrInputDatatype.Wrapf("tensor %.64q: %s", t.Name, err)
	}
	v := tensor.Tensor{Name: t.Name, Datatype: d, Shape: t.Shape, Data: t.Contents}
	switch err := v.Validate(); {
	case err == nil:
		return v, nil
	case errors.Is(err, tensor.ErrName):
		return tensor.Tensor{}, ErrInputName.Wrap(err.Error())
	case errors.Is(err, tensor.ErrShape):
		return tensor.Tensor{}, ErrInputShape.Wrap(err.Error())
	default:
		return tensor.Tensor{}, ErrInputMalformed.Wrap(err.Error())
	}
}

// NewTensors gives the messages that hold these tensors.
func NewTensors(ts []tensor.Tensor) []Tensor {
	out := make([]Tensor, len(ts))
	for i, t := range ts {
		out[i] = Tensor{Name: t.Name, Datatype: t.Datatype.String(), Shape: slices.Clone(t.Shape), Contents: slices.Clone(t.Data)}
	}
	return out
}

// BindInputs checks tensors against the signature of the inputs and returns them in its order, with the values of its
// symbols. It fails with the error of the first difference: ErrInputName, ErrInputDatatype, ErrInputShape or
// ErrInputMalformed.
func BindInputs(specs []tensor.Spec, inputs []Tensor) ([]tensor.Tensor, map[string]int64, error) {
	if len(inputs) != len(specs) {
		return nil, nil, ErrInputName.Wrapf("expected %d tensors, got %d", len(specs), len(inputs))
	}
	ts := make([]tensor.Tensor, len(inputs))
	for i := range inputs {
		t, err := inputs[i].Tensor()
		if err != nil {
			return nil, nil, err
		}
		ts[i] = t
	}
	bindings, err := tensor.Bind(specs, ts)
	if err != nil {
		return nil, nil, wrapSignature(err)
	}
	ordered := make([]tensor.Tensor, len(specs))
	for i, s := range specs {
		ordered[i] = ts[slices.IndexFunc(ts, func(t tensor.Tensor) bool { return t.Name == s.Name })]
	}
	return ordered, bindings, nil
}

func wrapSignature(err error) error {
	var mismatch *tensor.SignatureError
	if !errors.As(err, &mismatch) {
		return ErrInputMalformed.Wrap(err.Error())
	}
	switch mismatch.Field {
	case tensor.FieldName:
		return ErrInputName.Wrap(err.Error())
	case tensor.FieldDatatype:
		return ErrInputDatatype.Wrap(err.Error())
	default:
		return ErrInputShape.Wrap(err.Error())
	}
}
