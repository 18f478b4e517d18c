package grpcserver_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	"github.com/opengradient/opengradient/internal/gateway/config"
	"github.com/opengradient/opengradient/internal/gateway/daemontest"
	"github.com/opengradient/opengradient/internal/gateway/gatewaytest"
	"github.com/opengradient/opengradient/internal/gateway/keys"
	"github.com/opengradient/opengradient/internal/gateway/ledger"
	"github.com/opengradient/opengradient/internal/oip"
)

// silent begins a call and sends no message.
func silent(t *testing.T, g *daemontest.Gateway, method string, header ...string) error {
	t.Helper()
	ctx, cancel := context.WithTimeout(metadata.AppendToOutgoingContext(t.Context(), header...), 20*time.Second)
	defer cancel()
	s, err := dial(t, g).NewStream(ctx, &grpc.StreamDesc{ClientStreams: true, ServerStreams: true}, method)
	if err != nil {
		return err
	}
	err = s.RecvMsg(&oip.ServerLiveResponse{})
	if ctx.Err() != nil {
		return errors.New("the call goes on")
	}
	return err
}

// A call without a good key ends before a message of it is read.
func TestCallWithoutAKey(t *testing.T) {
	g := daemontest.Start(t, gatewaytest.New(), "", func(c *config.Config) { c.AnonymousQuota = "" })
	for _, method := range []string{oip.GRPCInferenceService_ModelInfer_FullMethodName, oip.GRPCInferenceService_ModelStreamInfer_FullMethodName} {
		for message, header := range map[string][]string{
			"expected an API key (Authorization: Bearer ogk_...), got none": nil,
			"unknown API key":  {"authorization", "Bearer ogk_000000000000_x"},
			"expected Bearer":  {"authorization", "Basic eDp5"},
			"expected it once": {"authorization", "Bearer a", "authorization", "Bearer b"},
		} {
			if err := silent(t, g, method, header...); status.Code(err) != codes.Unauthenticated || !strings.Contains(err.Error(), message) {
				t.Errorf("%s: expected %q, got %v", method, message, err)
			}
		}
	}
}

// A call whose message does not come ends, with a key and without.
func TestMessageThatDoesNotCome(t *testing.T) {
	g := daemontest.Start(t, gatewaytest.New(), "", func(c *config.Config) { c.ReadTimeout, c.AnswerTimeout = 100*time.Millisecond, 100*time.Millisecond })
	for _, method := range []string{oip.GRPCInferenceService_ModelInfer_FullMethodName, oip.GRPCInferenceService_ServerLive_FullMethodName} {
		if err := silent(t, g, method); status.Code(err) != codes.DeadlineExceeded {
			t.Errorf("%s: expected the time to be over, got %v", method, err)
		}
	}
}

// A key that is revoked spends nothing more, not over a stream that is open either.
func TestRevokedKeyOnAnOpenStream(t *testing.T) {
	c := gatewaytest.New()
	g := daemontest.Start(t, c, "", func(c *config.Config) { c.AnonymousQuota = "" })
	key := g.Key("leaked", keys.Limits{Quota: 1e9, Per: ledger.Total})
	ctx := metadata.AppendToOutgoingContext(t.Context(), "authorization", "Bearer "+key)
	client := oip.NewGRPCInferenceServiceClient(dial(t, g))
	daemontest.Await(t, "the key to be seen", func() bool { _, err := client.ModelInfer(ctx, raw("")); return err == nil })
	stream, err := client.ModelStreamInfer(ctx)
	if err != nil {
		t.Fatal(err)
	}
	one := func() string {
		t.Helper()
		if err := stream.Send(raw("")); err != nil {
			t.Fatal(err)
		}
		r, err := stream.Recv()
		if err != nil {
			t.Fatal(err)
		}
		return r.ErrorMessage
	}
	if message := one(); message != "" {
		t.Fatal(message)
	}
	err = keys.Edit(g.Folder, func(list []keys.Key) ([]keys.Key, error) {
		now := time.Now()
		list[0].Revoked = &now
		return list, nil
	})
	if err != nil {
		t.Fatal(err)
	}
	daemontest.Await(t, "the key to be revoked", func() bool {
		_, err := client.ModelInfer(ctx, raw(""))
		return status.Code(err) == codes.PermissionDenied
	})
	before := c.Requests()
	if message := one(); !strings.Contains(message, "API key was revoked") {
		t.Errorf("expected the message to be refused, got %q", message)
	}
	if n := c.Requests(); n != before {
		t.Errorf("expected %d requests, got %d", before, n)
	}
}

func TestRetryAfter(t *testing.T) {
	c := gatewaytest.New()
	g := daemontest.Start(t, c, "", nil)
	c.Away(errors.New("connection refused"))
	var trailer metadata.MD
	_, err := oip.NewGRPCInferenceServiceClient(dial(t, g)).ModelInfer(t.Context(), raw(""), grpc.Trailer(&trailer))
	if status.Code(err) != codes.Unavailable || fmt.Sprint(trailer.Get("retry-after")) != "[5]" {
		t.Errorf("expected when to come again, got %v, %v", err, trailer)
	}
}

// Streams that only wait end with the gateway, long before those who wait for an answer have to.
func TestStreamsEndWithTheGateway(t *testing.T) {
	g := daemontest.Start(t, gatewaytest.New(), "", func(c *config.Config) { c.ShutdownTimeout = time.Hour })
	conn := dial(t, g)
	stream, err := oip.NewGRPCInferenceServiceClient(conn).ModelStreamInfer(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if err := stream.Send(raw("1")); err != nil {
		t.Fatal(err)
	}
	if r, err := stream.Recv(); err != nil || r.ErrorMessage != "" {
		t.Fatalf("got %v, %v", r, err)
	}
	watch, err := healthpb.NewHealthClient(conn).Watch(t.Context(), &healthpb.HealthCheckRequest{})
	if err != nil {
		t.Fatal(err)
	}
	if r, err := watch.Recv(); err != nil || r.Status != healthpb.HealthCheckResponse_SERVING {
		t.Fatalf("got %v, %v", r, err)
	}
	stopped := make(chan struct{})
	go func() { g.Stop(); close(stopped) }()
	if _, err := stream.Recv(); status.Code(err) != codes.Unavailable {
		t.Errorf("expected that the gateway is stopping, got %v", err)
	}
	if r, err := watch.Recv(); err != nil || r.Status != healthpb.HealthCheckResponse_NOT_SERVING {
		t.Errorf("expected a last word, got %v, %v", r, err)
	}
	if _, err := watch.Recv(); err == nil || errors.Is(err, io.EOF) {
		t.Errorf("expected the watch to end, got %v", err)
	}
	<-stopped
}
