// Package grpcserver serves the Open Inference Protocol over gRPC as Triton does, with the standard health service and
// reflection.
package grpcserver

import (
	"context"
	"crypto/tls"
	"fmt"
	"log/slog"
	"runtime/debug"
	"strings"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/health"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/keepalive"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/reflection"
	"google.golang.org/grpc/status"

	"github.com/opengradient/opengradient/internal/gateway/keys"
	"github.com/opengradient/opengradient/internal/gateway/service"
	"github.com/opengradient/opengradient/internal/oip"
)

// Config says how the server works.
type Config struct {
	// MaxMessage bounds a request, in bytes. Answers are bounded by the chain.
	MaxMessage int
	// MaxStreams bounds the calls of one connection at a time.
	MaxStreams uint32
	// TLS is nil for plain text.
	TLS *tls.Config
}

// readyInterval is the time between two looks at what the health service tells.
const readyInterval = time.Second

// Server implements the protocol.
type Server struct {
	oip.UnimplementedGRPCInferenceServiceServer
	*service.Service
	health *health.Server
}

// New builds a gRPC server. Its health service follows the readiness of the gateway until the context ends.
func New(ctx context.Context, cfg Config, s *service.Service) *grpc.Server {
	srv := &Server{Service: s, health: health.NewServer()}
	opts := []grpc.ServerOption{
		grpc.MaxRecvMsgSize(cfg.MaxMessage), grpc.MaxConcurrentStreams(cfg.MaxStreams),
		grpc.ConnectionTimeout(20 * time.Second),
		grpc.KeepaliveParams(keepalive.ServerParameters{MaxConnectionIdle: 10 * time.Minute, Time: time.Minute, Timeout: 20 * time.Second}),
		grpc.KeepaliveEnforcementPolicy(keepalive.EnforcementPolicy{MinTime: 10 * time.Second, PermitWithoutStream: true}),
		grpc.ChainUnaryInterceptor(srv.unary), grpc.ChainStreamInterceptor(srv.stream),
	}
	if cfg.TLS != nil {
		opts = append(opts, grpc.Creds(credentials.NewTLS(cfg.TLS)))
	}
	g := grpc.NewServer(opts...)
	oip.RegisterGRPCInferenceServiceServer(g, srv)
	healthpb.RegisterHealthServer(g, srv.health)
	reflection.Register(g)
	srv.tellHealth(ctx)
	go srv.followHealth(ctx)
	return g
}

func (s *Server) tellHealth(ctx context.Context) {
	state := healthpb.HealthCheckResponse_SERVING
	if s.Ready(ctx) != nil {
		state = healthpb.HealthCheckResponse_NOT_SERVING
	}
	s.health.SetServingStatus("", state)
	s.health.SetServingStatus(oip.GRPCInferenceService_ServiceDesc.ServiceName, state)
}

func (s *Server) followHealth(ctx context.Context) {
	ticker := time.NewTicker(readyInterval)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			s.health.Shutdown()
			return
		case <-s.Draining():
			s.health.Shutdown()
			return
		case <-ticker.C:
			s.tellHealth(ctx)
		}
	}
}

// unary counts, logs, and turns errors into status codes.
func (s *Server) unary(ctx context.Context, r any, info *grpc.UnaryServerInfo, h grpc.UnaryHandler) (response any, err error) {
	began := time.Now()
	defer func() {
		if p := recover(); p != nil {
			err = s.panicked(info.FullMethod, p)
		}
		err = s.ended(ctx, info.FullMethod, began, err)
	}()
	return h(ctx, r)
}

func (s *Server) stream(srv any, stream grpc.ServerStream, info *grpc.StreamServerInfo, h grpc.StreamHandler) (err error) {
	began := time.Now()
	defer func() {
		if p := recover(); p != nil {
			err = s.panicked(info.FullMethod, p)
		}
		err = s.ended(stream.Context(), info.FullMethod, began, err)
	}()
	if info.FullMethod == healthpb.Health_Watch_FullMethodName {
		ctx, cancel := s.untilDrained(stream.Context())
		defer cancel()
		stream = watched{stream, ctx}
	}
	return h(srv, stream)
}

// watched is a stream with another context.
type watched struct {
	grpc.ServerStream
	ctx context.Context
}

// Context implements grpc.ServerStream.
func (w watched) Context() context.Context { return w.ctx }

// lastWord is the time in which a watcher hears that the gateway ends.
const lastWord = 250 * time.Millisecond

// untilDrained is a context that also ends a moment after the gateway begins to drain: for those who only look.
func (s *Server) untilDrained(ctx context.Context) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancel(ctx)
	go func() {
		select {
		case <-ctx.Done():
			return
		case <-s.Draining():
		}
		timer := time.NewTimer(lastWord)
		defer timer.Stop()
		select {
		case <-ctx.Done():
		case <-timer.C:
			cancel()
		}
	}()
	return ctx, cancel
}

func (s *Server) panicked(method string, p any) error {
	s.Log.Error("call panicked", "method", method, "panic", p, "stack", string(debug.Stack()))
	return service.Errorf(service.Internal, "internal error, see the log of the gateway")
}

// ended gives an error the code that clients know.
func (s *Server) ended(ctx context.Context, method string, began time.Time, err error) error {
	if err != nil {
		if _, known := status.FromError(err); !known {
			e := service.AsError(err)
			message, trailer := e.Message, metadata.MD{}
			if e.Job != "" {
				message += fmt.Sprintf(" (gateway_job %s)", e.Job)
				trailer.Set("gateway-job", e.Job)
			}
			if e.RetryAfter > 0 {
				trailer.Set("retry-after", e.RetrySeconds())
			}
			_ = grpc.SetTrailer(ctx, trailer) // the client may be gone
			err = status.Error(e.GRPC, message)
		}
	}
	code := status.Code(err)
	s.Stats.GRPC(method[strings.LastIndexByte(method, '/')+1:], code.String())
	level := slog.LevelDebug
	if code == codes.Internal || code == codes.Unavailable {
		level = slog.LevelWarn
	}
	s.Log.Log(ctx, level, "grpc", "method", method, "code", code, "took", time.Since(began), "error", err)
	return err
}

// caller finds out who calls.
func (s *Server) caller(ctx context.Context) (*keys.Caller, error) {
	values := metadata.ValueFromIncomingContext(ctx, "authorization")
	if len(values) > 1 {
		return nil, service.Errorf(service.Unauthenticated, "authorization: expected it once, got it %d times", len(values))
	}
	if len(values) == 0 {
		return s.Caller("")
	}
	return s.Caller(values[0])
}
