package grpcserver

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strconv"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/metadata"
	"google.golang.org/protobuf/proto"

	"github.com/opengradient/opengradient/internal/gateway/binary"
	"github.com/opengradient/opengradient/internal/gateway/chain"
	"github.com/opengradient/opengradient/internal/gateway/jobs"
	"github.com/opengradient/opengradient/internal/gateway/service"
	"github.com/opengradient/opengradient/internal/oip"
	"github.com/opengradient/opengradient/internal/oip/codec"
	"github.com/opengradient/opengradient/internal/oipjson"
)

// maxStreamed bounds the requests of one stream that are under way.
const maxStreamed = 64

// parameters reads the parameters of a request.
type parameters map[string]*oip.InferParameter

var _ service.Parameters = parameters(nil)

func wrong(name, expected string, got *oip.InferParameter) error {
	return &chain.InvalidError{Field: "parameters." + name, Expected: expected, Got: fmt.Sprintf("%.60s", got.String())}
}

// Text implements service.Parameters.
func (p parameters) Text(name string) (string, bool, error) {
	v := p[name]
	switch c := v.GetParameterChoice().(type) {
	case nil:
		return "", false, nil
	case *oip.InferParameter_StringParam:
		return c.StringParam, true, nil
	default:
		return "", false, wrong(name, "a text", v)
	}
}

// Bool implements service.Parameters.
func (p parameters) Bool(name string) (value, given bool, err error) {
	v := p[name]
	switch c := v.GetParameterChoice().(type) {
	case nil:
		return false, false, nil
	case *oip.InferParameter_BoolParam:
		return c.BoolParam, true, nil
	default:
		return false, false, wrong(name, "true or false", v)
	}
}

// Uint implements service.Parameters.
func (p parameters) Uint(name string) (uint64, bool, error) {
	v := p[name]
	switch c := v.GetParameterChoice().(type) {
	case nil:
		return 0, false, nil
	case *oip.InferParameter_Uint64Param:
		return c.Uint64Param, true, nil
	case *oip.InferParameter_Int64Param:
		if c.Int64Param >= 0 {
			return uint64(c.Int64Param), true, nil
		}
	}
	return 0, false, wrong(name, "an integer of at least 0", v)
}

// ModelInfer runs one inference. Its outputs are raw, as Triton's are.
func (s *Server) ModelInfer(ctx context.Context, r *oip.ModelInferRequest) (*oip.ModelInferResponse, error) {
	answer, err := s.run(ctx, r)
	if err != nil {
		return nil, err
	}
	if answer.Tensors == nil {
		// The client may be gone.
		_ = grpc.SetTrailer(ctx, metadata.Pairs("gateway-job", answer.ID))
	}
	return response(answer, r.GetId()), nil
}

// run carries out one request. Who calls is looked up each time: a key may be revoked while a stream is open.
func (s *Server) run(ctx context.Context, r *oip.ModelInferRequest) (service.Answer, error) {
	caller, err := s.caller(ctx)
	if err != nil {
		return service.Answer{}, err
	}
	if wait, ok := caller.Allow(); !ok {
		return service.Answer{}, &service.Error{
			Code: service.TooMany, RetryAfter: max(wait, time.Second),
			Message: fmt.Sprintf("too many requests of this API key per second: expected the next after %s", wait.Round(time.Millisecond)),
		}
	}
	held := s.Hold()
	defer held.Release()
	if err := held.Grow(int64(proto.Size(r))); err != nil {
		return service.Answer{}, err
	}
	inputs, err := codec.Inputs(r)
	if err != nil {
		return service.Answer{}, err
	}
	if len(inputs) == 0 {
		return service.Answer{}, &chain.InvalidError{Field: "inputs", Expected: "at least one tensor", Got: "none"}
	}
	if err := checkParameters(r); err != nil {
		return service.Answer{}, err
	}
	outputs, err := codec.Requested(r)
	if err != nil {
		return service.Answer{}, err
	}
	ask := jobs.Ask{Model: r.GetModelName(), Version: r.GetModelVersion(), ID: r.GetId(), Inputs: inputs, Outputs: outputs}
	if values := metadata.ValueFromIncomingContext(ctx, "idempotency-key"); len(values) > 0 {
		ask.IdempotencyKey = values[0]
	}
	answer, _, err := s.Infer(ctx, caller, ask, parameters(r.GetParameters()))
	return answer, err
}

// bounded refuses more parameters than those of REST may be.
func (p parameters) bounded() error {
	if len(p) > oipjson.MaxParameters {
		return &chain.InvalidError{Field: "parameters", Expected: fmt.Sprintf("at most %d members", oipjson.MaxParameters), Got: strconv.Itoa(len(p))}
	}
	size := 0
	for name, v := range p {
		size += len(name) + proto.Size(v)
	}
	if size > oipjson.MaxParameterBytes {
		return &chain.InvalidError{Field: "parameters", Expected: fmt.Sprintf("at most %d bytes", oipjson.MaxParameterBytes), Got: strconv.Itoa(size)}
	}
	return nil
}

// checkParameters refuses what clients may ask of tensors and is not supported.
func checkParameters(r *oip.ModelInferRequest) error {
	if err := parameters(r.GetParameters()).bounded(); err != nil {
		return err
	}
	for _, in := range r.GetInputs() {
		if _, ok := in.GetParameters()["shared_memory_region"]; ok {
			return service.Errorf(service.Invalid, "input %.64q: shared memory is not supported: expected contents", in.GetName())
		}
	}
	for _, o := range r.GetOutputs() {
		if _, ok := o.GetParameters()["shared_memory_region"]; ok {
			return service.Errorf(service.Invalid, "output %.64q: shared memory is not supported", o.GetName())
		}
		classes, _, err := parameters(o.GetParameters()).Uint("classification")
		if err != nil {
			return err
		}
		if classes != 0 {
			return service.Errorf(service.Invalid, "output %.64q: the classification extension is not supported: expected 0 or none, got %d", o.GetName(), classes)
		}
	}
	return nil
}

func response(a service.Answer, id string) *oip.ModelInferResponse {
	r := &oip.ModelInferResponse{ModelName: a.Model, ModelVersion: a.Version, Id: id, Parameters: make(map[string]*oip.InferParameter)}
	for _, p := range a.Parameters() {
		r.Parameters[p.Name] = parameter(p)
	}
	codec.SetOutputs(r, a.Tensors)
	return r
}

func parameter(p binary.Parameter) *oip.InferParameter {
	switch v := p.Value.(type) {
	case bool:
		return &oip.InferParameter{ParameterChoice: &oip.InferParameter_BoolParam{BoolParam: v}}
	case int64:
		return &oip.InferParameter{ParameterChoice: &oip.InferParameter_Int64Param{Int64Param: v}}
	case string:
		return &oip.InferParameter{ParameterChoice: &oip.InferParameter_StringParam{StringParam: v}}
	default:
		return &oip.InferParameter{}
	}
}

// ModelStreamInfer runs the requests of a stream side by side and answers in their order. A request that fails does not end
// the stream. While the gateway drains, what was asked is answered and the stream ends.
func (s *Server) ModelStreamInfer(stream grpc.BidiStreamingServer[oip.ModelInferRequest, oip.ModelStreamInferResponse]) error {
	ctx, cancel := context.WithCancel(stream.Context())
	defer cancel()
	order := make(chan chan *oip.ModelStreamInferResponse, maxStreamed)
	received := make(chan error, 1)
	go func() {
		defer close(order)
		for {
			r, err := stream.Recv()
			if err != nil {
				received <- err
				return
			}
			answer := make(chan *oip.ModelStreamInferResponse, 1)
			select {
			case order <- answer:
			case <-ctx.Done():
				received <- ctx.Err()
				return
			}
			go func() { answer <- s.streamed(ctx, r) }()
		}
	}()
	for {
		answer, more, err := s.nextAnswer(order)
		if err != nil {
			return err
		}
		if !more {
			break
		}
		if err := stream.Send(<-answer); err != nil {
			return err
		}
	}
	if err := <-received; !errors.Is(err, io.EOF) {
		return err
	}
	return nil
}

// nextAnswer waits for the next answer of a stream. While the gateway drains it gives those that were asked for, then an error.
func (s *Server) nextAnswer(order <-chan chan *oip.ModelStreamInferResponse) (answer <-chan *oip.ModelStreamInferResponse, more bool, err error) {
	select {
	case answer, more = <-order:
		return answer, more, nil
	case <-s.Draining():
	}
	select {
	case answer, more = <-order:
		return answer, more, nil
	default:
		return nil, false, service.Errorf(service.Unavailable, "the gateway is stopping")
	}
}

// streamed answers one request of a stream.
func (s *Server) streamed(ctx context.Context, r *oip.ModelInferRequest) (out *oip.ModelStreamInferResponse) {
	fail := func(err error) *oip.ModelStreamInferResponse {
		return &oip.ModelStreamInferResponse{ErrorMessage: service.AsError(err).Message, InferResponse: &oip.ModelInferResponse{Id: r.GetId()}}
	}
	defer func() {
		if p := recover(); p != nil {
			out = fail(s.panicked("ModelStreamInfer", p))
		}
	}()
	answer, err := s.run(ctx, r)
	if err != nil {
		return fail(err)
	}
	one := response(answer, r.GetId())
	one.Parameters["triton_final_response"] = &oip.InferParameter{ParameterChoice: &oip.InferParameter_BoolParam{BoolParam: true}}
	return &oip.ModelStreamInferResponse{InferResponse: one}
}

// versionNumber reads a version for a model configuration.
func versionNumber(version string) int64 {
	n, err := strconv.ParseInt(version, 10, 64)
	if err != nil {
		return 0
	}
	return n
}
