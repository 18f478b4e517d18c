package oipjson

import (
	"encoding/json"
	"strconv"

	"github.com/opengradient/opengradient/internal/tensor"
)

// Request is one inference request.
type Request struct {
	ID      string // the client's own identifier, may be empty
	Inputs  []tensor.Tensor
	Outputs []string // names of the wanted outputs; none means all
}

// ParseRequest reads one request object. Every tensor of it is valid.
func ParseRequest(b []byte) (Request, error) {
	raw, err := single(b)
	if err != nil {
		return Request{}, err
	}
	return parseRequest("request", raw)
}

// ParseRequests reads one request object, or an array of at least one.
func ParseRequests(b []byte) ([]Request, error) {
	raw, err := single(b)
	if err != nil {
		return nil, err
	}
	if raw[0] != '[' {
		r, err := parseRequest("request", raw)
		if err != nil {
			return nil, err
		}
		return []Request{r}, nil
	}
	list, err := elements("requests", raw, len(raw))
	if err != nil {
		return nil, err
	}
	if len(list) == 0 {
		return nil, refuse("requests: expected at least one, got none")
	}
	requests := make([]Request, len(list))
	for i, item := range list {
		if requests[i], err = parseRequest("request "+strconv.Itoa(i+1), item); err != nil {
			return nil, err
		}
	}
	return requests, nil
}

func parseRequest(what string, raw json.RawMessage) (Request, error) {
	var r Request
	err := members(what, raw, func(name string, value json.RawMessage) (err error) {
		switch name {
		case "id":
			r.ID, err = text(what+": id", value)
		case "inputs":
			r.Inputs, err = parseTensors(what+": inputs", value)
		case "outputs":
			r.Outputs, err = parseOutputs(what+": outputs", value)
		case "parameters":
			err = members(what+": parameters", value, func(string, json.RawMessage) error { return nil })
		default:
			err = refuse("%s: expected id, inputs, outputs or parameters, got %.64q", what, name)
		}
		return err
	})
	if err != nil {
		return Request{}, err
	}
	if len(r.Inputs) == 0 {
		return Request{}, refuse("%s: expected inputs, got none", what)
	}
	return r, nil
}

func parseOutputs(what string, raw json.RawMessage) ([]string, error) {
	list, err := elements(what, raw, MaxInferTensors)
	if err != nil {
		return nil, err
	}
	names := make([]string, len(list))
	for i, item := range list {
		named := false
		err := members(what, item, func(name string, value json.RawMessage) (err error) {
			switch name {
			case "name":
				named = true
				names[i], err = text(what+": name", value)
			case "parameters":
				err = members(what+": parameters", value, func(string, json.RawMessage) error { return nil })
			default:
				err = refuse("%s: expected name or parameters, got %.64q", what, name)
			}
			return err
		})
		if err != nil {
			return nil, err
		}
		if !named {
			return nil, refuse("%s: expected a name, got none", what)
		}
	}
	return names, nil
}

// ParseTensors reads an array of tensor objects. Every tensor is valid.
func ParseTensors(b []byte) ([]tensor.Tensor, error) {
	raw, err := single(b)
	if err != nil {
		return nil, err
	}
	return parseTensors("tensors", raw)
}

func parseTensors(what string, raw json.RawMessage) ([]tensor.Tensor, error) {
	list, err := elements(what, raw, len(raw))
	if err != nil {
		return nil, err
	}
	ts := make([]tensor.Tensor, len(list))
	for i, item := range list {
		if ts[i], err = parseTensor(what+": tensor "+strconv.Itoa(i+1), item); err != nil {
			return nil, err
		}
	}
	return ts, nil
}

func parseTensor(what string, raw json.RawMessage) (tensor.Tensor, error) {
	var (
		t        tensor.Tensor
		datatype string
		data     json.RawMessage
		shaped   bool
	)
	err := members(what, raw, func(name string, value json.RawMessage) (err error) {
		switch name {
		case "name":
			t.Name, err = text(what+": name", value)
		case "datatype":
			datatype, err = text(what+": datatype", value)
		case "shape":
			shaped = true
			t.Shape, err = parseShape(what+": shape", value)
		case "data":
			data = value
		case "parameters":
			err = members(what+": parameters", value, func(string, json.RawMessage) error { return nil })
		default:
			err = refuse("%s: expected name, shape, datatype, data or parameters, got %.64q", what, name)
		}
		return err
	})
	if err != nil {
		return tensor.Tensor{}, err
	}
	if t.Name == "" || datatype == "" || !shaped || data == nil {
		return tensor.Tensor{}, refuse("%s: expected name, shape, datatype and data", what)
	}
	if t.Datatype, err = tensor.ParseDatatype(datatype); err != nil {
		return tensor.Tensor{}, refuse("%s: %w", what, err)
	}
	if err := checkCount(t.Shape); err != nil {
		return tensor.Tensor{}, refuse("%s (%.64q): %w", what, t.Name, err)
	}
	if t.Data, err = parseData(t.Datatype, t.Shape, data); err != nil {
		return tensor.Tensor{}, refuse("%s (%.64q): %w", what, t.Name, err)
	}
	if err := t.Validate(); err != nil {
		return tensor.Tensor{}, refuse("%s: %w", what, err)
	}
	return t, nil
}

func parseShape(what string, raw json.RawMessage) ([]int64, error) {
	list, err := elements(what, raw, tensor.MaxRank)
	if err != nil {
		return nil, err
	}
	shape := make([]int64, len(list))
	for i, item := range list {
		n, err := strconv.ParseInt(string(item), 10, 64)
		if err != nil || n < 0 {
			return nil, refuse("%s: expected a dimension of at least 0, got %s", what, sample(item))
		}
		shape[i] = n
	}
	return shape, nil
}
