// Package worker is a worker that lies: a proxy in front of a real worker that passes everything on and alters the
// outputs of inferences, the same way on every run. It shows what the chain does about wrong answers, and no shipped
// program imports it.
package worker

import (
	"fmt"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

	"github.com/opengradient/opengradient/internal/oip"
)

// maxMessage bounds a message either way, in bytes.
const maxMessage = 64 << 20

// NewProxy makes a server that hands every call on to the worker behind honest. To the first byte of every output of an
// inference it adds wrong, which must not be 0.
func NewProxy(honest grpc.ClientConnInterface, wrong byte) *grpc.Server {
	p := proxy{honest: honest, wrong: wrong}
	return grpc.NewServer(grpc.UnknownServiceHandler(p.handle), grpc.ForceServerCodec(frames{}),
		grpc.MaxRecvMsgSize(maxMessage), grpc.MaxSendMsgSize(maxMessage))
}

type proxy struct {
	honest grpc.ClientConnInterface
	wrong  byte
}

// handle passes one unary call on.
func (p proxy) handle(_ any, stream grpc.ServerStream) error {
	method, ok := grpc.MethodFromServerStream(stream)
	if !ok {
		return status.Error(codes.Internal, "a call without a method")
	}
	var request, response frame
	if err := stream.RecvMsg(&request); err != nil {
		return err
	}
	ctx := stream.Context()
	if incoming, ok := metadata.FromIncomingContext(ctx); ok {
		ctx = metadata.NewOutgoingContext(ctx, passedOn(incoming))
	}
	var header, trailer metadata.MD
	err := p.honest.Invoke(ctx, method, &request, &response, grpc.Header(&header), grpc.Trailer(&trailer), grpc.ForceCodec(frames{}),
		grpc.MaxCallRecvMsgSize(maxMessage), grpc.MaxCallSendMsgSize(maxMessage))
	stream.SetTrailer(passedOn(trailer))
	if err != nil {
		return err
	}
	if method == oip.GRPCInferenceService_ModelInfer_FullMethodName {
		if response, err = alter(response, p.wrong); err != nil {
			return status.Error(codes.Internal, err.Error())
		}
	}
	if err := stream.SendHeader(passedOn(header)); err != nil {
		return err
	}
	return stream.SendMsg(&response)
}

// passedOn leaves out what the transport writes itself.
func passedOn(md metadata.MD) metadata.MD {
	md = md.Copy()
	for _, name := range []string{"content-type", ":authority", "user-agent", "grpc-accept-encoding"} {
		md.Delete(name)
	}
	return md
}

// alter adds wrong to the first byte of every output.
func alter(response frame, wrong byte) (frame, error) {
	var answer oip.ModelInferResponse
	if err := proto.Unmarshal(response, &answer); err != nil {
		return nil, fmt.Errorf("inference response: %w", err)
	}
	if len(answer.RawOutputContents) == 0 {
		return nil, fmt.Errorf("inference response: expected raw outputs, got none")
	}
	for _, contents := range answer.RawOutputContents {
		if len(contents) > 0 {
			contents[0] += wrong
		}
	}
	return proto.Marshal(&answer)
}

// frame is an encoded message.
type frame []byte

// frames is the codec that leaves messages encoded.
type frames struct{}

// Marshal implements encoding.Codec.
func (frames) Marshal(v any) ([]byte, error) {
	f, ok := v.(*frame)
	if !ok {
		return nil, fmt.Errorf("expected a frame, got %T", v)
	}
	return *f, nil
}

// Unmarshal implements encoding.Codec.
func (frames) Unmarshal(data []byte, v any) error {
	f, ok := v.(*frame)
	if !ok {
		return fmt.Errorf("expected a frame, got %T", v)
	}
	*f = append(frame(nil), data...)
	return nil
}

// Name implements encoding.Codec: what is in the frames.
func (frames) Name() string { return "proto" }
