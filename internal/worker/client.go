package worker

import (
	"context"
	"errors"
	"fmt"
	"sort"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/backoff"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	"github.com/opengradient/opengradient/internal/oip"
	"github.com/opengradient/opengradient/internal/oip/codec"
	"github.com/opengradient/opengradient/internal/tensor"
	"github.com/opengradient/opengradient/internal/worker/wire"
)

// messageOverhead is the room for everything in a message beside model or tensor bytes.
const messageOverhead = 1 << 20

// maxMessage bounds the bytes of a model that is sent.
const maxMessage = 1 << 30

// client speaks with one server.
type client struct {
	conn *grpc.ClientConn
	api  oip.GRPCInferenceServiceClient
}

// dial makes a client. It connects when it is first used, and anew, quickly, when the connection is lost.
func dial(target string, secure credentials.TransportCredentials, maxModel, maxOutput int64) (*client, error) {
	if secure == nil {
		secure = insecure.NewCredentials()
	}
	conn, err := grpc.NewClient(target,
		grpc.WithTransportCredentials(secure),
		grpc.WithDisableServiceConfig(),
		grpc.WithConnectParams(grpc.ConnectParams{
			Backoff:           backoff.Config{BaseDelay: 10 * time.Millisecond, Multiplier: 1.5, MaxDelay: time.Second},
			MinConnectTimeout: 5 * time.Second,
		}),
		grpc.WithDefaultCallOptions(
			grpc.MaxCallSendMsgSize(int(min(maxModel, maxMessage)+messageOverhead)),
			grpc.MaxCallRecvMsgSize(int(maxOutput+messageOverhead)),
		),
	)
	if err != nil {
		return nil, fmt.Errorf("inference endpoint %s: %w", target, err)
	}
	return &client{conn: conn, api: oip.NewGRPCInferenceServiceClient(conn)}, nil
}

func (c *client) close() { _ = c.conn.Close() }

// ready asks whether the server is ready. With wait it tries to connect until ctx is done.
func (c *client) ready(ctx context.Context, wait bool) error {
	r, err := c.api.ServerReady(ctx, &oip.ServerReadyRequest{}, grpc.WaitForReady(wait))
	if err != nil {
		return translate(err, "")
	}
	if !r.GetReady() {
		return fmt.Errorf("%w: the server says so", ErrNotReady)
	}
	return nil
}

// describe gives the server's environment class, whether it states one, and its version.
func (c *client) describe(ctx context.Context) (class EnvironmentClass, found bool, version string, err error) {
	r, err := c.api.ServerMetadata(ctx, &oip.ServerMetadataRequest{})
	if err != nil {
		return EnvironmentClass{}, false, "", translate(err, "")
	}
	class, found, err = wire.ParseEnvironment(r.GetExtensions())
	if err != nil {
		return EnvironmentClass{}, false, "", fmt.Errorf("%w: %w", ErrProtocol, err)
	}
	return class, found, r.GetName() + " " + r.GetVersion(), nil
}

// models lists the models the server holds, sorted.
func (c *client) models(ctx context.Context) ([]string, error) {
	r, err := c.api.RepositoryIndex(ctx, &oip.RepositoryIndexRequest{Ready: true})
	if err != nil {
		return nil, translate(err, "")
	}
	names := make([]string, 0, len(r.GetModels()))
	for _, m := range r.GetModels() {
		names = append(names, m.GetName())
	}
	sort.Strings(names)
	return names, nil
}

func (c *client) load(ctx context.Context, name string, onnx []byte) error {
	return c.loadFrom(ctx, name, wire.ModelFile, &oip.ModelRepositoryParameter{
		ParameterChoice: &oip.ModelRepositoryParameter_BytesParam{BytesParam: onnx},
	})
}

// loadPath loads a file by its path within the model folder.
func (c *client) loadPath(ctx context.Context, name, path string) error {
	return c.loadFrom(ctx, name, wire.ModelPath, &oip.ModelRepositoryParameter{
		ParameterChoice: &oip.ModelRepositoryParameter_StringParam{StringParam: path},
	})
}

func (c *client) loadFrom(ctx context.Context, name, parameter string, value *oip.ModelRepositoryParameter) error {
	if !wire.IsSHA256(name) {
		return fmt.Errorf("%w: expected a SHA-256 of 64 lower-case hexadecimal digits, got %.80q", ErrInvalid, name)
	}
	var trailer metadata.MD
	_, err := c.api.RepositoryModelLoad(ctx, &oip.RepositoryModelLoadRequest{
		ModelName:  name,
		Parameters: map[string]*oip.ModelRepositoryParameter{parameter: value},
	}, grpc.Trailer(&trailer))
	if err != nil {
		return translate(err, mark(trailer))
	}
	return nil
}

func (c *client) unload(ctx context.Context, name string) error {
	_, err := c.api.RepositoryModelUnload(ctx, &oip.RepositoryModelUnloadRequest{ModelName: name})
	if err = translate(err, ""); errors.Is(err, ErrNotLoaded) {
		return nil
	}
	return err
}

func (c *client) infer(ctx context.Context, name string, inputs []tensor.Tensor, outputs []string) (Outcome, error) {
	var trailer metadata.MD
	response, err := c.api.ModelInfer(ctx, codec.Request(name, inputs, outputs), grpc.Trailer(&trailer))
	if err != nil {
		switch mark(trailer) {
		case wire.OutcomeExecutionError:
			return Outcome{Failure: FailureExecution}, nil
		case wire.OutcomeOutputLimit:
			return Outcome{Failure: FailureOutputLimit}, nil
		}
		return Outcome{}, translate(err, mark(trailer))
	}
	got, err := codec.Outputs(response)
	if err != nil {
		return Outcome{}, fmt.Errorf("%w: %w", ErrProtocol, err)
	}
	ordered, err := order(got, outputs)
	if err != nil {
		return Outcome{}, err
	}
	return Outcome{Outputs: ordered}, nil
}

// order checks that a server gave exactly the outputs asked for, and puts them into the order asked for.
func order(got []tensor.Tensor, asked []string) ([]tensor.Tensor, error) {
	if len(asked) == 0 {
		return got, nil
	}
	if len(got) != len(asked) {
		return nil, fmt.Errorf("%w: expected %d outputs, got %d", ErrProtocol, len(asked), len(got))
	}
	byName := make(map[string]tensor.Tensor, len(got))
	for _, t := range got {
		byName[t.Name] = t
	}
	ordered := make([]tensor.Tensor, len(asked))
	for i, name := range asked {
		t, ok := byName[name]
		if !ok {
			return nil, fmt.Errorf("%w: output %.80q is missing", ErrProtocol, name)
		}
		ordered[i] = t
	}
	return ordered, nil
}

// mark reads the outcome from a call's trailing metadata.
func mark(trailer metadata.MD) string {
	if values := trailer.Get(wire.OutcomeTrailer); len(values) == 1 {
		return values[0]
	}
	return ""
}

// translate turns a gRPC status into an error of this package, keeping the message.
func translate(err error, outcome string) error {
	if err == nil {
		return nil
	}
	var kind error
	s := status.Convert(err)
	switch s.Code() {
	case codes.NotFound:
		kind = ErrNotLoaded
	case codes.InvalidArgument:
		kind = ErrInvalid
	case codes.ResourceExhausted:
		kind = ErrResources
	case codes.Unavailable:
		kind = ErrNotReady
	case codes.Canceled:
		kind = context.Canceled
	case codes.DeadlineExceeded:
		kind = context.DeadlineExceeded
	default:
		kind = ErrProtocol
	}
	switch outcome {
	case wire.OutcomeModelRefused:
		kind = ErrModelRefused
	case wire.OutcomeTooLarge:
		return fmt.Errorf("%w: %w: %s", ErrResources, ErrTooLarge, s.Message())
	}
	return fmt.Errorf("%w: %s", kind, s.Message())
}

// lost tells whether err may come from a connection that broke.
func lost(err error) bool { return errors.Is(err, ErrNotReady) }
