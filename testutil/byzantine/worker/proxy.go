// Package worker is a worker that misbehaves: a proxy in front of a real worker that passes everything on and alters what
// its plan says. It shows what the chain does about wrong answers and about none, and no shipped program imports it.
package worker

import (
	"fmt"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	"github.com/opengradient/opengradient/internal/oip"
	"github.com/opengradient/opengradient/testutil/byzantine"
)

// maxMessage bounds a message either way, in bytes.
const maxMessage = 64 << 20

// NewProxy makes a server that hands every call on to the worker behind honest and follows the plan in a file. Crash ends
// the worker. One that tries models for their admission computes what is right: a node that has proved nothing is given no
// work to be wrong at.
func NewProxy(honest grpc.ClientConnInterface, file byzantine.File, crash func(), tries bool) *grpc.Server {
	p := proxy{honest: honest, file: file, crash: crash, tries: tries}
	return grpc.NewServer(grpc.UnknownServiceHandler(p.handle), grpc.ForceServerCodec(frames{}),
		grpc.MaxRecvMsgSize(maxMessage), grpc.MaxSendMsgSize(maxMessage))
}

type proxy struct {
	honest grpc.ClientConnInterface
	file   byzantine.File
	crash  func()
	tries  bool
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
	plan, err := p.file.Read()
	if err != nil {
		return status.Error(codes.Internal, err.Error())
	}
	ctx := stream.Context()
	if p.tries {
		plan.Worker = byzantine.WorkerHonest
	}
	if method == oip.GRPCInferenceService_ModelInfer_FullMethodName && plan.Worker != byzantine.WorkerHonest {
		if err := p.file.Did(string(plan.Worker)); err != nil {
			return status.Error(codes.Internal, err.Error())
		}
		switch plan.Worker {
		case byzantine.WorkerCrash:
			p.crash()
			return status.Error(codes.Unavailable, "the worker has crashed")
		case byzantine.WorkerHang:
			<-ctx.Done()
			return status.FromContextError(ctx.Err()).Err()
		case byzantine.WorkerSlow:
			select {
			case <-time.After(time.Duration(plan.Amount) * time.Millisecond):
			case <-ctx.Done():
				return status.FromContextError(ctx.Err()).Err()
			}
		case byzantine.WorkerNudge:
			if request, err = nudge(request, plan.Amount); err != nil {
				return status.Error(codes.Internal, err.Error())
			}
		}
	}
	if incoming, ok := metadata.FromIncomingContext(ctx); ok {
		ctx = metadata.NewOutgoingContext(ctx, passedOn(incoming))
	}
	var header, trailer metadata.MD
	err = p.honest.Invoke(ctx, method, &request, &response, grpc.Header(&header), grpc.Trailer(&trailer), grpc.ForceCodec(frames{}),
		grpc.MaxCallRecvMsgSize(maxMessage), grpc.MaxCallSendMsgSize(maxMessage))
	stream.SetTrailer(passedOn(trailer))
	if err != nil {
		return err
	}
	switch method {
	case oip.GRPCInferenceService_ModelInfer_FullMethodName:
		response, err = alter(response, plan)
	case oip.GRPCInferenceService_ServerMetadata_FullMethodName:
		response, err = rename(response, plan.ISA)
	}
	if err != nil {
		return status.Error(codes.Internal, err.Error())
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
