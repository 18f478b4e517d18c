package ort

import (
	"errors"
	"fmt"
	"strings"

	ort "github.com/yalue/onnxruntime_go"

	"github.com/opengradient/opengradient/internal/tensor"
	"github.com/opengradient/opengradient/internal/worker/backend"
)

// Session is a loaded model. It is not safe for concurrent use.
type Session struct {
	env     *Environment
	session *ort.DynamicAdvancedSession
}

var (
	_ backend.Runtime = (*Environment)(nil)
	_ backend.Session = (*Session)(nil)
)

// Load implements backend.Runtime.
func (e *Environment) Load(model []byte) (backend.Session, error) {
	if len(model) == 0 {
		return nil, fmt.Errorf("%w: expected an ONNX model, got no bytes", backend.ErrModel)
	}
	// Names are given per run, by binding.
	session, err := ort.NewDynamicAdvancedSessionWithONNXData(model, nil, nil, e.options)
	if err != nil {
		return nil, classify(backend.ErrModel, err)
	}
	return &Session{env: e, session: session}, nil
}

// Close frees the session.
func (s *Session) Close() error {
	if s.session == nil {
		return nil
	}
	err := s.session.Destroy()
	s.session = nil
	if err != nil {
		return fmt.Errorf("closing a session: %w", err)
	}
	return nil
}

// Run implements backend.Session. Outputs are allocated beforehand; inputs are copied.
func (s *Session) Run(inputs, outputs []tensor.Tensor) ([]tensor.Tensor, error) {
	if s.session == nil {
		return nil, errors.New("the session is closed")
	}
	if len(outputs) == 0 {
		return nil, fmt.Errorf("%w: expected at least one output", backend.ErrUnsupported)
	}
	binding, err := s.session.CreateIoBinding()
	if err != nil {
		return nil, classify(backend.ErrMemory, err)
	}
	defer func() { _ = binding.Destroy() }()

	var values valueSet
	defer values.free()
	for _, t := range inputs {
		v, err := s.env.inputValue(t)
		if err != nil {
			return nil, fmt.Errorf("input %q: %w", t.Name, err)
		}
		values.add(v)
		if err := bind(binding.BindInput, t.Name, v); err != nil {
			return nil, fmt.Errorf("input %q: %w", t.Name, err)
		}
	}
	results := make([]value, len(outputs))
	for i, o := range outputs {
		if results[i], err = s.env.outputValue(o); err != nil {
			return nil, fmt.Errorf("output %q: %w", o.Name, err)
		}
		values.add(results[i])
		if err := bind(binding.BindOutput, o.Name, results[i]); err != nil {
			return nil, fmt.Errorf("output %q: %w", o.Name, err)
		}
	}
	if err := s.session.RunWithBinding(binding); err != nil {
		return nil, classify(backend.ErrExecution, err)
	}
	tensors := make([]tensor.Tensor, len(outputs))
	for i, o := range outputs {
		data, err := results[i].data()
		if err != nil {
			return nil, fmt.Errorf("output %q: %w", o.Name, err)
		}
		tensors[i] = tensor.Tensor{Name: o.Name, Datatype: o.Datatype, Shape: append([]int64{}, o.Shape...), Data: data}
	}
	return tensors, nil
}

func bind(to func(string, ort.Value) error, name string, v value) error {
	if name == "" || strings.IndexByte(name, 0) >= 0 {
		return fmt.Errorf("%w: expected a name without zero bytes", backend.ErrUnsupported)
	}
	if err := to(name, v.ort()); err != nil {
		return classify(backend.ErrExecution, err)
	}
	return nil
}
