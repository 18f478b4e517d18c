package server

import (
	"context"
	"fmt"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/opengradient/opengradient/internal/oip"
	"github.com/opengradient/opengradient/internal/oip/codec"
	"github.com/opengradient/opengradient/internal/tensor"
	"github.com/opengradient/opengradient/internal/worker/wire"
)

// ModelInfer runs one inference. Codes: NotFound for a model that is not loaded, InvalidArgument for tensors that do not
// fit its signature, Aborted with a mark in the trailing metadata for a deterministic failure, ResourceExhausted and
// Internal for failures of this machine.
func (s *Server) ModelInfer(ctx context.Context, r *oip.ModelInferRequest) (*oip.ModelInferResponse, error) {
	arrived := time.Now()
	if err := checkVersion(r.GetModelName(), r.GetModelVersion()); err != nil {
		return nil, err
	}
	inputs, err := codec.Inputs(r)
	if err != nil {
		return nil, status.Error(codes.InvalidArgument, err.Error())
	}
	requested, err := codec.Requested(r)
	if err != nil {
		return nil, status.Error(codes.InvalidArgument, err.Error())
	}
	if err := s.begin(ctx); err != nil {
		return nil, err
	}
	defer s.end()
	m, ok := s.cache.touch(r.GetModelName())
	if !ok {
		return nil, notLoaded(r.GetModelName())
	}
	started := time.Now()
	outputs, err := s.run(ctx, m, inputs, requested)
	m.stats.record(arrived, started, time.Now(), err)
	if err != nil {
		return nil, err
	}
	mark(ctx, wire.OutcomeOK)
	response := &oip.ModelInferResponse{ModelName: m.name, ModelVersion: wire.ModelVersion, Id: r.GetId()}
	codec.SetOutputs(response, outputs)
	return response, nil
}

// run executes m on inputs under the hard deadline and the output limit. The turn must be held.
func (s *Server) run(ctx context.Context, m *model, inputs []tensor.Tensor, requested []string) ([]tensor.Tensor, error) {
	announced, err := announce(m.signature, inputs, requested)
	if err != nil {
		return nil, status.Error(codes.InvalidArgument, err.Error())
	}
	if exceeds(announced, s.cfg.MaxOutputBytes) {
		return nil, outputLimit(ctx, s.cfg.MaxOutputBytes)
	}
	done := s.deadline(s.cfg.RunTimeout, wire.ExitRunDeadline, "running model "+m.name)
	outputs, err := m.session.Run(inputs, announced)
	done()
	if err != nil {
		return nil, runFailure(ctx, err)
	}
	// The size of text is known only now.
	if exceeds(outputs, s.cfg.MaxOutputBytes) {
		return nil, outputLimit(ctx, s.cfg.MaxOutputBytes)
	}
	return outputs, nil
}

// announce gives the outputs to compute, with the datatypes and shapes they will have: those requested, in that order,
// or all of the signature.
func announce(signature Signature, inputs []tensor.Tensor, requested []string) ([]tensor.Tensor, error) {
	bindings, err := tensor.Bind(signature.Inputs, inputs)
	if err != nil {
		return nil, err
	}
	specs := signature.Outputs
	if len(requested) > 0 {
		byName := make(map[string]tensor.Spec, len(signature.Outputs))
		for _, spec := range signature.Outputs {
			byName[spec.Name] = spec
		}
		specs = make([]tensor.Spec, len(requested))
		for i, name := range requested {
			spec, ok := byName[name]
			if !ok {
				return nil, fmt.Errorf("the model has no output %.80q", name)
			}
			specs[i] = spec
		}
	}
	announced := make([]tensor.Tensor, len(specs))
	for i, spec := range specs {
		shape, err := spec.Resolve(bindings)
		if err != nil {
			return nil, err
		}
		announced[i] = tensor.Tensor{Name: spec.Name, Datatype: spec.Datatype, Shape: shape}
	}
	return announced, nil
}

// exceeds tells whether the canonical encoding of outputs is larger than limit. Text that is not there yet counts with
// its lengths alone.
func exceeds(outputs []tensor.Tensor, limit int64) bool {
	var text int64
	fixed := make([]tensor.Tensor, len(outputs))
	for i, t := range outputs {
		fixed[i] = t
		if t.Datatype == tensor.Bytes {
			n, err := t.Elements()
			if err != nil || n > limit/4 {
				return true
			}
			text += max(int64(len(t.Data)), 4*n)
			// The rest of its encoding is that of an empty tensor of the same rank.
			fixed[i].Datatype, fixed[i].Shape = tensor.Uint8, make([]int64, len(t.Shape))
		}
	}
	size, err := tensor.EncodedSize(fixed...)
	return err != nil || size > limit-text
}

func checkVersion(name, version string) error {
	if version != "" && version != wire.ModelVersion {
		return status.Errorf(codes.NotFound, "model %.80q has version %s only, asked for %.80q", name, wire.ModelVersion, version)
	}
	return nil
}
