package binary

import (
	"encoding/json"
	"fmt"
	"strconv"

	"github.com/opengradient/opengradient/internal/oipjson"
	"github.com/opengradient/opengradient/internal/tensor"
)

// Response is one inference response.
type Response struct {
	Model, Version string
	ID             string // omitted when empty
	Parameters     []Parameter
	Outputs        []tensor.Tensor
}

// Parameter is one parameter of a response: a string, a bool, an int64 or a uint64.
type Parameter struct {
	Name  string
	Value any
}

// Append appends a body. Outputs for which binary answers true travel as bytes after the JSON; jsonBytes is then the value of
// [Header], and -1 when there is no such output and all of the body is JSON. It fails when a tensor is not valid.
func (r Response) Append(b []byte, binary func(output string) bool) (body []byte, jsonBytes int, err error) {
	start := len(b)
	b = append(b, `{"model_name":`...)
	if b, err = appendValue(b, r.Model); err != nil {
		return nil, 0, err
	}
	b = append(b, `,"model_version":`...)
	if b, err = appendValue(b, r.Version); err != nil {
		return nil, 0, err
	}
	if r.ID != "" {
		b = append(b, `,"id":`...)
		if b, err = appendValue(b, r.ID); err != nil {
			return nil, 0, err
		}
	}
	if len(r.Parameters) > 0 {
		if b, err = appendParameters(append(b, `,"parameters":`...), r.Parameters); err != nil {
			return nil, 0, err
		}
	}
	b = append(b, `,"outputs":[`...)
	var after []tensor.Tensor
	for i, t := range r.Outputs {
		if i > 0 {
			b = append(b, ',')
		}
		if binary(t.Name) {
			after = append(after, t)
			b, err = appendHead(b, t)
		} else {
			b, err = oipjson.AppendTensor(b, t)
		}
		if err != nil {
			return nil, 0, err
		}
	}
	b = append(b, `]}`...)
	if len(after) == 0 {
		return b, -1, nil
	}
	jsonBytes = len(b) - start
	for _, t := range after {
		b = append(b, t.Data...)
	}
	return b, jsonBytes, nil
}

// appendHead writes a tensor whose data follow the JSON.
func appendHead(b []byte, t tensor.Tensor) ([]byte, error) {
	if err := t.Validate(); err != nil {
		return nil, err
	}
	b = append(b, `{"name":`...)
	b, err := appendValue(b, t.Name)
	if err != nil {
		return nil, err
	}
	b = append(b, `,"datatype":"`...)
	b = append(b, t.Datatype.String()...)
	b = append(b, `","shape":[`...)
	for i, d := range t.Shape {
		if i > 0 {
			b = append(b, ',')
		}
		b = strconv.AppendInt(b, d, 10)
	}
	b = append(b, `],"parameters":{"binary_data_size":`...)
	b = strconv.AppendInt(b, int64(len(t.Data)), 10)
	return append(b, `}}`...), nil
}

func appendParameters(b []byte, parameters []Parameter) (_ []byte, err error) {
	b = append(b, '{')
	for i, p := range parameters {
		if i > 0 {
			b = append(b, ',')
		}
		if b, err = appendValue(b, p.Name); err != nil {
			return nil, err
		}
		b = append(b, ':')
		if b, err = appendValue(b, p.Value); err != nil {
			return nil, fmt.Errorf("parameter %s: %w", p.Name, err)
		}
	}
	return append(b, '}'), nil
}

// appendValue writes a string, a bool or an integer, the latter exactly.
func appendValue(b []byte, value any) ([]byte, error) {
	switch v := value.(type) {
	case string:
		quoted, err := json.Marshal(v)
		return append(b, quoted...), err
	case bool:
		return strconv.AppendBool(b, v), nil
	case int64:
		return strconv.AppendInt(b, v, 10), nil
	case uint64:
		return strconv.AppendUint(b, v, 10), nil
	default:
		return nil, fmt.Errorf("expected a string, a bool, an int64 or a uint64, got %T", value)
	}
}
