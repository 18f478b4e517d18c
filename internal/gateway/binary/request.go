package binary

import (
	"errors"
	"fmt"
	"strconv"

	"github.com/opengradient/opengradient/internal/oipjson"
	"github.com/opengradient/opengradient/internal/tensor"
)

// Header is the name of the HTTP header that holds the length of the JSON part of a body, in bytes.
const Header = "Inference-Header-Content-Length"

// ErrRequest marks a body that cannot be read. Errors of package oipjson are wrapped beside it.
var ErrRequest = errors.New("malformed inference request")

func refuse(format string, args ...any) error {
	return fmt.Errorf("%w: %w", ErrRequest, fmt.Errorf(format, args...))
}

// Request is one inference request. Its tensors are valid and their names are unique.
type Request struct {
	ID         string // the client's own identifier, may be empty
	Inputs     []tensor.Tensor
	Outputs    []Output // in the order of the request; none means all
	BinaryAll  bool     // outputs that are not listed travel as bytes
	Parameters oipjson.Parameters
}

// Output is one output that the client asks for.
type Output struct {
	Name   string
	Binary bool // it travels as bytes
}

// Names lists the names of the requested outputs; none means all.
func (r Request) Names() []string {
	names := make([]string, len(r.Outputs))
	for i, o := range r.Outputs {
		names[i] = o.Name
	}
	return names
}

// ParseLength reads the value of [Header] for a body; an absent one, "", means that all of the body is JSON.
func ParseLength(value string, body int) (int, error) {
	if value == "" {
		return body, nil
	}
	n, err := strconv.ParseUint(value, 10, 63)
	if err != nil {
		return 0, refuse("header %s: expected a number of bytes, got %.40q", Header, value)
	}
	if n > uint64(body) {
		return 0, refuse("header %s: expected at most the %d bytes of the body, got %d", Header, body, n)
	}
	return int(n), nil
}

// Parse reads a body of which the first jsonBytes are JSON. The bytes after them are the data of the inputs that have the
// parameter binary_data_size, in their order, and nothing else. Tensors share memory with the body.
func Parse(body []byte, jsonBytes int) (Request, error) {
	if jsonBytes < 0 || jsonBytes > len(body) {
		return Request{}, refuse("expected a JSON part within the %d bytes of the body, got %d", len(body), jsonBytes)
	}
	head, err := oipjson.ParseInfer(body[:jsonBytes])
	if err != nil {
		return Request{}, refuse("%w", err)
	}
	r := Request{ID: head.ID, Parameters: head.Parameters, Inputs: make([]tensor.Tensor, len(head.Inputs))}
	rest := body[jsonBytes:]
	for i, in := range head.Inputs {
		if in.Binary {
			if in.BinarySize > int64(len(rest)) {
				return Request{}, refuse("input %.64q: parameters.binary_data_size: expected at most the %d bytes that follow, got %d", in.Name, len(rest), in.BinarySize)
			}
			in.Data, rest = rest[:in.BinarySize:in.BinarySize], rest[in.BinarySize:]
			if err := in.Validate(); err != nil {
				return Request{}, refuse("%w", err)
			}
		}
		r.Inputs[i] = in.Tensor
	}
	if len(rest) != 0 {
		return Request{}, refuse("expected no bytes after the data of the inputs, got %d", len(rest))
	}
	if r.BinaryAll, _, err = head.Parameters.Bool("binary_data_output"); err != nil {
		return Request{}, refuse("%w", err)
	}
	for _, o := range head.Outputs {
		out, err := parseOutput(o, r.BinaryAll)
		if err != nil {
			return Request{}, err
		}
		r.Outputs = append(r.Outputs, out)
	}
	return r, nil
}

// parseOutput reads what a client wants of an output. What it does not say of the form is as for all outputs.
func parseOutput(o oipjson.InferOutput, binary bool) (Output, error) {
	out := Output{Name: o.Name, Binary: binary}
	value, given, err := o.Parameters.Bool("binary_data")
	if err != nil {
		return Output{}, refuse("output %.64q: %w", o.Name, err)
	}
	if given {
		out.Binary = value
	}
	classes, given, err := o.Parameters.Uint("classification")
	switch {
	case err != nil:
		return Output{}, refuse("output %.64q: %w", o.Name, err)
	case given && classes != 0:
		return Output{}, refuse("output %.64q: parameters.classification: the classification extension is not supported: expected 0 or none, got %d", o.Name, classes)
	}
	for _, name := range []string{"shared_memory_region", "shared_memory_byte_size", "shared_memory_offset"} {
		if _, given := o.Parameters[name]; given {
			return Output{}, refuse("output %.64q: parameters.%s: shared memory is not supported: expected none", o.Name, name)
		}
	}
	return out, nil
}

// ParseRaw reads a body that is nothing but the data of a model's only input: a raw binary request, of which the header
// gives a JSON part of 0 bytes. At most one dimension of the input may vary. All outputs of such a request travel as bytes.
func ParseRaw(body []byte, inputs []tensor.Spec) (Request, error) {
	if len(inputs) != 1 {
		return Request{}, refuse("a body without JSON is for models with one input: expected JSON that names %d inputs", len(inputs))
	}
	spec := inputs[0]
	if err := spec.Validate(); err != nil {
		return Request{}, refuse("%w", err)
	}
	t := tensor.Tensor{Name: spec.Name, Datatype: spec.Datatype, Shape: make([]int64, len(spec.Dims)), Data: body}
	varying, fixed := -1, int64(1)
	for i, d := range spec.Dims {
		t.Shape[i] = d.Size
		switch {
		case d.Symbol != "" && varying >= 0:
			return Request{}, refuse("input %.64q: a body without JSON is for inputs with at most one dimension that varies: expected JSON that gives the shape of %s", spec.Name, spec)
		case d.Symbol != "":
			varying = i
		case d.Size > 0 && fixed > int64(len(body))/d.Size+1:
			return Request{}, refuse("input %.64q: expected the data of %s, got %d bytes", spec.Name, spec, len(body))
		default:
			fixed *= d.Size
		}
	}
	if spec.Datatype == tensor.Bytes {
		return rawText(t, varying, fixed)
	}
	if varying >= 0 {
		row := fixed * int64(spec.Datatype.Size())
		if row == 0 || int64(len(body))%row != 0 {
			return Request{}, refuse("input %.64q: expected a multiple of %d bytes, got %d", spec.Name, row, len(body))
		}
		t.Shape[varying] = int64(len(body)) / row
	}
	if err := t.Validate(); err != nil {
		return Request{}, refuse("%w", err)
	}
	return Request{Inputs: []tensor.Tensor{t}, BinaryAll: true}, nil
}

// rawText takes the whole body for the one element of a BYTES tensor.
func rawText(t tensor.Tensor, varying int, fixed int64) (Request, error) {
	if varying >= 0 {
		t.Shape[varying] = 1
	}
	if fixed != 1 {
		return Request{}, refuse("input %.64q: a body without JSON holds one element: expected JSON for %d", t.Name, fixed)
	}
	n := len(t.Data)
	t.Data = append([]byte{byte(n), byte(n >> 8), byte(n >> 16), byte(n >> 24)}, t.Data...)
	if err := t.Validate(); err != nil {
		return Request{}, refuse("%w", err)
	}
	return Request{Inputs: []tensor.Tensor{t}, BinaryAll: true}, nil
}
