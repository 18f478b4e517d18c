package worker

import (
	"context"
	"net"
	"slices"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/grpc/test/bufconn"

	"github.com/opengradient/opengradient/internal/oip"
)

// honest answers every inference with two outputs, and fails on the model "bad" with a mark in the trailer.
type honest struct {
	oip.UnimplementedGRPCInferenceServiceServer
}

func (honest) ServerLive(context.Context, *oip.ServerLiveRequest) (*oip.ServerLiveResponse, error) {
	return &oip.ServerLiveResponse{Live: true}, nil
}

func (honest) ModelInfer(ctx context.Context, r *oip.ModelInferRequest) (*oip.ModelInferResponse, error) {
	if r.ModelName == "bad" {
		if err := grpc.SetTrailer(ctx, metadata.Pairs("mark", "yes")); err != nil {
			return nil, err
		}
		return nil, status.Error(codes.Aborted, "the model fails")
	}
	return &oip.ModelInferResponse{ModelName: r.ModelName, RawOutputContents: [][]byte{{1, 2, 3}, {255}}}, nil
}

func dial(t *testing.T, s *grpc.Server) *grpc.ClientConn {
	t.Helper()
	listener := bufconn.Listen(1 << 20)
	go func() { _ = s.Serve(listener) }()
	t.Cleanup(s.Stop)
	conn, err := grpc.NewClient("passthrough:///pipe", grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithContextDialer(func(ctx context.Context, _ string) (net.Conn, error) { return listener.DialContext(ctx) }))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	return conn
}

func proxied(t *testing.T, wrong byte) oip.GRPCInferenceServiceClient {
	t.Helper()
	server := grpc.NewServer()
	oip.RegisterGRPCInferenceServiceServer(server, honest{})
	return oip.NewGRPCInferenceServiceClient(dial(t, NewProxy(dial(t, server), wrong)))
}

func TestProxyAltersTheFirstByteOfEveryOutput(t *testing.T) {
	got, err := proxied(t, 2).ModelInfer(t.Context(), &oip.ModelInferRequest{ModelName: "good"})
	if err != nil {
		t.Fatal(err)
	}
	want := [][]byte{{3, 2, 3}, {1}}
	if got.ModelName != "good" || !slices.EqualFunc(want, got.RawOutputContents, slices.Equal) {
		t.Errorf("expected outputs %v of model good, got %v of %q", want, got.RawOutputContents, got.ModelName)
	}
}

func TestProxyPassesOtherCallsOn(t *testing.T) {
	got, err := proxied(t, 2).ServerLive(t.Context(), &oip.ServerLiveRequest{})
	if err != nil || !got.Live {
		t.Errorf("expected a live server, got %v and %v", got, err)
	}
}

func TestProxyPassesFailuresOnWithTheirTrailer(t *testing.T) {
	var trailer metadata.MD
	_, err := proxied(t, 2).ModelInfer(t.Context(), &oip.ModelInferRequest{ModelName: "bad"}, grpc.Trailer(&trailer))
	if status.Code(err) != codes.Aborted || !slices.Equal(trailer.Get("mark"), []string{"yes"}) {
		t.Errorf("expected code Aborted with the mark, got %v with %v", err, trailer)
	}
}

func TestMoveSocket(t *testing.T) {
	socket, args, err := moveSocket([]string{"--nice", "5", "--socket", "/tmp/a.sock", "--supervised"})
	if want := []string{"--nice", "5", "--socket", "/tmp/a-r.sock", "--supervised"}; err != nil || socket != "/tmp/a.sock" || !slices.Equal(args, want) {
		t.Errorf("expected /tmp/a.sock and %q, got %s, %q and %v", want, socket, args, err)
	}
	for _, args := range [][]string{nil, {"--socket"}, {"--nice", "5"}} {
		if _, _, err := moveSocket(args); err == nil {
			t.Errorf("%q: expected an error", args)
		}
	}
}
