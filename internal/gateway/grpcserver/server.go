// Package grpcserver serves the Open Inference Protocol over gRPC as Triton does, with the standard health service and
// reflection.
package grpcserver

import (
	"context"
	"crypto/tls"
	"fmt"
	"log/slog"
	"path"
	"runtime/debug"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/health"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/keepalive"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/reflection"
	reflectionpb "google.golang.org/grpc/reflection/grpc_reflection_v1"
	"google.golang.org/grpc/status"
	"google.golang.org/grpc/tap"

	"github.com/opengradient/opengradient/internal/gateway/keys"
	"github.com/opengradient/opengradient/internal/gateway/service"
	"github.com/opengradient/opengradient/internal/oip"
)

// Config says how the server works.
type Config struct {
	// MaxMessage bounds a request, in bytes. Answers are bounded by the chain.
	MaxMessage int
	// ReadTimeout is how long a client may take to send a request.
	ReadTimeout time.Duration
	// MaxStreams bounds the calls of one connection at a time.
	MaxStreams uint32
	// TLS is nil for plain text.
	TLS *tls.Config
}

const (
	// readyInterval is the time between two looks at what the health service tells.
	readyInterval = time.Second
	// maxAge is the time after which a connection takes no new calls, ageGrace what its calls have then to end.
	maxAge, ageGrace = time.Hour, 10 * time.Minute
)

// Server implements the protocol.
type Server struct {
	oip.UnimplementedGRPCInferenceServiceServer
	*service.Service
	cfg    Config
	health *health.Server
}

// New builds a gRPC server. Its health service follows the readiness of the gateway until the context ends.
func New(ctx context.Context, cfg Config, s *service.Service) *grpc.Server {
	srv := &Server{Service: s, cfg: cfg, health: health.NewServer()}
	opts := []grpc.ServerOption{
		grpc.MaxRecvMsgSize(cfg.MaxMessage), grpc.MaxConcurrentStreams(cfg.MaxStreams),
		grpc.ConnectionTimeout(20 * time.Second),
		grpc.KeepaliveParams(keepalive.ServerParameters{
			MaxConnectionIdle: 10 * time.Minute, MaxConnectionAge: maxAge, MaxConnectionAgeGrace: ageGrace, Time: time.Minute, Timeout: 20 * time.Second,
		}),
		grpc.InTapHandle(srv.tap),
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

// tap lets a call in before any message of it is read: one that needs a key has it, and one that has a single message does not
// wait for it for ever.
func (s *Server) tap(ctx context.Context, info *tap.Info) (context.Context, error) {
	method, within := info.FullMethodName, s.cfg.ReadTimeout
	if method == oip.GRPCInferenceService_ModelInfer_FullMethodName || method == oip.GRPCInferenceService_ModelStreamInfer_FullMethodName {
		if _, err := s.callerOf(info.Header.Get("authorization")); err != nil {
			e := service.AsError(err)
			s.Stats.GRPC(path.Base(method), e.GRPC.String())
			return nil, status.Error(e.GRPC, e.Message)
		}
		within += s.Patience + time.Second // for the answer
	}
	if streams[method] {
		return ctx, nil
	}
	bounded, cancel := context.WithTimeout(ctx, within)
	context.AfterFunc(ctx, cancel)
	return bounded, nil
}

// streams are the calls that may go on as long as the connection.
var streams = map[string]bool{
	oip.GRPCInferenceService_ModelStreamInfer_FullMethodName: true, healthpb.Health_Watch_FullMethodName: true,
	reflectionpb.ServerReflection_ServerReflectionInfo_FullMethodName: true, "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo": true,
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
	s.Stats.GRPC(path.Base(method), code.String())
	level := slog.LevelDebug
	if code == codes.Internal || code == codes.Unavailable {
		level = slog.LevelWarn
	}
	s.Log.Log(ctx, level, "grpc", "method", method, "code", code, "took", time.Since(began), "error", err)
	return err
}

// caller finds out who calls.
func (s *Server) caller(ctx context.Context) (*keys.Caller, error) {
	return s.callerOf(metadata.ValueFromIncomingContext(ctx, "authorization"))
}

func (s *Server) callerOf(values []string) (*keys.Caller, error) {
	if len(values) > 1 {
		return nil, service.Errorf(service.Unauthenticated, "authorization: expected it once, got it %d times", len(values))
	}
	if len(values) == 0 {
		return s.Caller("")
	}
	return s.Caller(values[0])
}
