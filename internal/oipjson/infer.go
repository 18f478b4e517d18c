package oipjson

import (
	"bytes"
	"encoding/json"
	"strconv"

	"github.com/opengradient/opengradient/internal/tensor"
)

// Bounds of one [Infer].
const (
	// MaxInferTensors is that of the inputs, and of the requested outputs.
	MaxInferTensors = 256
	// MaxParameters is that of the members of one object of parameters.
	MaxParameters = 64
	// MaxParameterBytes is that of its length.
	MaxParameterBytes = 64 << 10
)

// Infer is the JSON part of an inference request over HTTP, with the binary tensor extension: the data of an input may
// follow the JSON as bytes. The parameters of the request and of its outputs are kept as they were written.
type Infer struct {
	ID         string // the client's own identifier, may be empty
	Inputs     []InferInput
	Outputs    []InferOutput // none means all
	Parameters Parameters
}

// InferInput is one input tensor. When Binary is set its data are not in the JSON: Data is nil and BinarySize is the number
// of bytes that follow. Otherwise the tensor is valid.
type InferInput struct {
	tensor.Tensor
	Binary     bool
	BinarySize int64
}

// InferOutput is one output that a client asks for.
type InferOutput struct {
	Name       string
	Parameters Parameters
}

// Parameters are members of a JSON object by name. The zero value has none.
type Parameters map[string]json.RawMessage

// Bool reads a parameter that is true or false; given is false when it is absent or null.
func (p Parameters) Bool(name string) (value, given bool, err error) {
	switch raw := string(p[name]); raw {
	case "", "null":
		return false, false, nil
	case "true", "false":
		return raw == "true", true, nil
	default:
		return false, false, refuse("parameters: %s: expected true or false, got %s", name, sample(p[name]))
	}
}

// Text reads a parameter that is a string; given is false when it is absent or null.
func (p Parameters) Text(name string) (value string, given bool, err error) {
	if raw := p[name]; len(raw) == 0 || string(raw) == "null" {
		return "", false, nil
	}
	value, err = text("parameters: "+name, p[name])
	return value, err == nil, err
}

// Uint reads a parameter that is an integer of at least 0, written as a number; given is false when it is absent or null.
func (p Parameters) Uint(name string) (value uint64, given bool, err error) {
	raw := string(p[name])
	if raw == "" || raw == "null" {
		return 0, false, nil
	}
	value, err = strconv.ParseUint(raw, 10, 64)
	if err != nil {
		return 0, false, refuse("parameters: %s: expected an integer from 0 to 18446744073709551615, got %s", name, sample(p[name]))
	}
	return value, true, nil
}

// ParseInfer reads the JSON part of a request. A client's own members in parameters are accepted; model_name and
// model_version, which some clients repeat from the URL, are accepted and not looked at; a member that is null counts as
// absent.
func ParseInfer(b []byte) (Infer, error) {
	if len(bytes.TrimSpace(b)) == 0 {
		return Infer{}, refuse("request: expected a JSON document, got an empty body")
	}
	raw, err := single(b)
	if err != nil {
		return Infer{}, err
	}
	var r Infer
	err = members("request", raw, func(name string, value json.RawMessage) (err error) {
		if string(value) == "null" {
			value = nil
		}
		switch name {
		case "id":
			if value != nil {
				r.ID, err = text("id", value)
			}
		case "inputs":
			r.Inputs, err = parseInferInputs(value)
		case "outputs":
			if value != nil {
				r.Outputs, err = parseInferOutputs(value)
			}
		case "parameters":
			r.Parameters, err = parseParameters("parameters", value)
		case "model_name", "model_version":
		default:
			err = refuse("request: expected id, inputs, outputs or parameters, got %.64q", name)
		}
		return err
	})
	if err != nil {
		return Infer{}, err
	}
	if len(r.Inputs) == 0 {
		return Infer{}, refuse("inputs: expected at least one tensor, got none")
	}
	return r, nil
}

// parseParameters keeps the members of an object; nil gives none.
func parseParameters(what string, raw json.RawMessage) (Parameters, error) {
	if raw == nil || string(raw) == "null" {
		return nil, nil //nolint:nilnil // No parameters are a value, not a failure.
	}
	if len(raw) > MaxParameterBytes {
		return nil, refuse("%s: expected at most %d bytes, got %d", what, MaxParameterBytes, len(raw))
	}
	p := make(Parameters)
	err := members(what, raw, func(name string, value json.RawMessage) error {
		if len(p) == MaxParameters {
			return refuse("%s: expected at most %d members, got more", what, MaxParameters)
		}
		p[name] = value
		return nil
	})
	return p, err
}

func parseInferInputs(raw json.RawMessage) ([]InferInput, error) {
	list, err := elements("inputs", raw, MaxInferTensors)
	if err != nil {
		return nil, err
	}
	inputs := make([]InferInput, len(list))
	seen := make(map[string]bool, len(list))
	for i, item := range list {
		if inputs[i], err = parseInferInput("inputs: tensor "+strconv.Itoa(i+1), item); err != nil {
			return nil, err
		}
		if name := inputs[i].Name; seen[name] {
			return nil, refuse("inputs: expected tensor %.64q once, got it twice", name)
		}
		seen[inputs[i].Name] = true
	}
	return inputs, nil
}

func parseInferInput(what string, raw json.RawMessage) (InferInput, error) {
	var (
		in         InferInput
		datatype   string
		data       json.RawMessage
		shaped     bool
		parameters Parameters
	)
	err := members(what, raw, func(name string, value json.RawMessage) (err error) {
		switch name {
		case "name":
			in.Name, err = text(what+": name", value)
		case "datatype":
			datatype, err = text(what+": datatype", value)
		case "shape":
			shaped = true
			in.Shape, err = parseShape(what+": shape", value)
		case "data":
			if string(value) != "null" {
				data = value
			}
		case "parameters":
			parameters, err = parseParameters(what+": parameters", value)
		default:
			err = refuse("%s: expected name, shape, datatype, data or parameters, got %.64q", what, name)
		}
		return err
	})
	if err != nil {
		return InferInput{}, err
	}
	for _, name := range []string{"shared_memory_region", "shared_memory_byte_size", "shared_memory_offset"} {
		if _, given := parameters[name]; given {
			return InferInput{}, refuse("%s (%.64q): parameters: %s: shared memory is not supported: send data, or bytes after the JSON", what, in.Name, name)
		}
	}
	size, sized, err := parameters.Uint("binary_data_size")
	if err != nil {
		return InferInput{}, refuse("%s (%.64q): %w", what, in.Name, err)
	}
	switch {
	case in.Name == "" || datatype == "" || !shaped:
		return InferInput{}, refuse("%s: expected name, shape and datatype", what)
	case sized && data != nil:
		return InferInput{}, refuse("%s (%.64q): expected data or parameters.binary_data_size, got both", what, in.Name)
	case !sized && data == nil:
		return InferInput{}, refuse("%s (%.64q): expected data or parameters.binary_data_size, got neither", what, in.Name)
	}
	if in.Datatype, err = tensor.ParseDatatype(datatype); err != nil {
		return InferInput{}, refuse("%s (%.64q): %w", what, in.Name, err)
	}
	if err := checkCount(in.Shape); err != nil {
		return InferInput{}, refuse("%s (%.64q): %w", what, in.Name, err)
	}
	if sized {
		if size > 1<<62 {
			return InferInput{}, refuse("%s (%.64q): parameters.binary_data_size: expected the bytes that follow, got %d", what, in.Name, size)
		}
		in.Binary, in.BinarySize = true, int64(size)
		return in, nil
	}
	if in.Data, err = parseData(in.Datatype, in.Shape, data); err != nil {
		return InferInput{}, refuse("%s (%.64q): %w", what, in.Name, err)
	}
	if err := in.Validate(); err != nil {
		return InferInput{}, refuse("%s: %w", what, err)
	}
	return in, nil
}

func parseInferOutputs(raw json.RawMessage) ([]InferOutput, error) {
	list, err := elements("outputs", raw, MaxInferTensors)
	if err != nil {
		return nil, err
	}
	outputs := make([]InferOutput, len(list))
	seen := make(map[string]bool, len(list))
	for i, item := range list {
		what := "outputs: output " + strconv.Itoa(i+1)
		err := members(what, item, func(name string, value json.RawMessage) (err error) {
			switch name {
			case "name":
				outputs[i].Name, err = text(what+": name", value)
			case "parameters":
				outputs[i].Parameters, err = parseParameters(what+": parameters", value)
			default:
				err = refuse("%s: expected name or parameters, got %.64q", what, name)
			}
			return err
		})
		if err != nil {
			return nil, err
		}
		switch name := outputs[i].Name; {
		case name == "":
			return nil, refuse("%s: expected a name, got none", what)
		case seen[name]:
			return nil, refuse("outputs: expected output %.64q once, got it twice", name)
		}
		seen[outputs[i].Name] = true
	}
	return outputs, nil
}

// AppendTensor appends one tensor object with flat data. It fails when the tensor is not valid.
func AppendTensor(b []byte, t tensor.Tensor) ([]byte, error) { return appendTensor(b, t) }
