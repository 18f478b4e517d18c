package worker

import (
	"context"
	"encoding/binary"
	"math"
	"net"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/grpc/test/bufconn"

	"github.com/opengradient/opengradient/internal/oip"
	"github.com/opengradient/opengradient/testutil/byzantine"
)

// honest answers every inference with its raw inputs, and fails on the model "bad" with a mark in the trailer.
type honest struct {
	oip.UnimplementedGRPCInferenceServiceServer
}

func (honest) ServerMetadata(context.Context, *oip.ServerMetadataRequest) (*oip.ServerMetadataResponse, error) {
	return &oip.ServerMetadataResponse{Name: "honest", Extensions: []string{"statistics", "og-isa=avx2"}}, nil
}

func (honest) ServerReady(context.Context, *oip.ServerReadyRequest) (*oip.ServerReadyResponse, error) {
	return &oip.ServerReadyResponse{Ready: true}, nil
}

func (honest) ModelInfer(ctx context.Context, r *oip.ModelInferRequest) (*oip.ModelInferResponse, error) {
	if r.ModelName == "bad" {
		if err := grpc.SetTrailer(ctx, metadata.Pairs("mark", "yes")); err != nil {
			return nil, err
		}
		return nil, status.Error(codes.Aborted, "the model fails")
	}
	answer := &oip.ModelInferResponse{ModelName: r.ModelName, RawOutputContents: r.RawInputContents}
	for _, in := range r.Inputs {
		answer.Outputs = append(answer.Outputs, &oip.ModelInferResponse_InferOutputTensor{Name: in.Name, Datatype: in.Datatype})
	}
	return answer, nil
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

// proxied is a client of a proxy with a plan; crashed is closed when the proxy crashes its worker.
func proxied(t *testing.T, plan byzantine.Plan) (client oip.GRPCInferenceServiceClient, crashed chan struct{}) {
	t.Helper()
	server := grpc.NewServer()
	oip.RegisterGRPCInferenceServiceServer(server, honest{})
	file := byzantine.OpenFile(filepath.Join(t.TempDir(), "plan.json"))
	if err := file.Write(plan); err != nil {
		t.Fatal(err)
	}
	crashed = make(chan struct{})
	return oip.NewGRPCInferenceServiceClient(dial(t, NewProxy(dial(t, server), file, func() { close(crashed) }, false))), crashed
}

func float(v float32) []byte {
	return binary.LittleEndian.AppendUint32(nil, math.Float32bits(v))
}

// ask runs one FP32 and one INT64 through the model.
func ask(t *testing.T, plan byzantine.Plan) [][]byte {
	t.Helper()
	client, _ := proxied(t, plan)
	got, err := client.ModelInfer(t.Context(), &oip.ModelInferRequest{
		ModelName: "good",
		Inputs: []*oip.ModelInferRequest_InferInputTensor{
			{Name: "x", Datatype: "FP32"}, {Name: "n", Datatype: "INT64"},
		},
		RawInputContents: [][]byte{float(1), {255, 0, 0, 0, 0, 0, 0, 0}},
	})
	if err != nil {
		t.Fatal(err)
	}
	return got.RawOutputContents
}

func TestProxyFollowsItsPlan(t *testing.T) {
	next := math.Nextafter32(1, 2)
	integer := []byte{255, 0, 0, 0, 0, 0, 0, 0}
	for _, tc := range []struct {
		name string
		plan byzantine.Plan
		want [][]byte
	}{
		{"honest", byzantine.Plan{}, [][]byte{float(1), integer}},
		{"wrong adds to the first byte of every output", byzantine.Plan{Worker: byzantine.WorkerWrong, Amount: 2},
			[][]byte{{2, 0, 0x80, 0x3f}, {1, 0, 0, 0, 0, 0, 0, 0}}},
		{"perturb moves floats only", byzantine.Plan{Worker: byzantine.WorkerPerturb, Amount: 1}, [][]byte{float(next), integer}},
		{"perturb moves towards 0 as well", byzantine.Plan{Worker: byzantine.WorkerPerturb, Amount: -1},
			[][]byte{float(math.Nextafter32(1, 0)), integer}},
		{"nudge moves the inputs", byzantine.Plan{Worker: byzantine.WorkerNudge, Amount: 1}, [][]byte{float(next), integer}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if got := ask(t, tc.plan); !slices.EqualFunc(got, tc.want, slices.Equal) {
				t.Errorf("expected outputs %v, got %v", tc.want, got)
			}
		})
	}
	if got := ask(t, byzantine.Plan{Worker: byzantine.WorkerRandom}); slices.EqualFunc(got, [][]byte{float(1), integer}, slices.Equal) {
		t.Error("random: expected other bytes than the honest ones")
	}
}

func TestPerturbKeepsZeroAndWhatIsNotFinite(t *testing.T) {
	for _, v := range []float32{0, float32(math.Copysign(0, -1)), float32(math.Inf(1)), float32(math.NaN()), math.MaxFloat32} {
		contents := float(v)
		perturb(contents, "FP32", 1)
		if want := float(v); !slices.Equal(contents, want) {
			t.Errorf("%v: expected %x, got %x", v, want, contents)
		}
	}
}

func TestProxyNamesAnotherClass(t *testing.T) {
	for isa, want := range map[string]string{"": "og-isa=avx2", "sse": "og-isa=sse"} {
		client, _ := proxied(t, byzantine.Plan{ISA: isa})
		got, err := client.ServerMetadata(t.Context(), &oip.ServerMetadataRequest{})
		if err != nil || !slices.Equal(got.Extensions, []string{"statistics", want}) {
			t.Errorf("%q: expected %s, got %v and %v", isa, want, got.GetExtensions(), err)
		}
	}
}

func TestProxyCrashesAndHangs(t *testing.T) {
	client, crashed := proxied(t, byzantine.Plan{Worker: byzantine.WorkerCrash})
	if _, err := client.ModelInfer(t.Context(), &oip.ModelInferRequest{}); status.Code(err) != codes.Unavailable {
		t.Errorf("crash: expected code Unavailable, got %v", err)
	}
	select {
	case <-crashed:
	default:
		t.Error("crash: expected the worker to be ended")
	}
	client, _ = proxied(t, byzantine.Plan{Worker: byzantine.WorkerHang})
	if got, err := client.ServerReady(t.Context(), &oip.ServerReadyRequest{}); err != nil || !got.Ready {
		t.Errorf("hang: expected a server that says it is ready, got %v and %v", got, err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if _, err := client.ModelInfer(ctx, &oip.ModelInferRequest{}); status.Code(err) != codes.DeadlineExceeded {
		t.Errorf("hang: expected no answer until the deadline, got %v", err)
	}
	client, _ = proxied(t, byzantine.Plan{Worker: byzantine.WorkerSlow, Amount: 60_000})
	slow, stop := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer stop()
	if _, err := client.ModelInfer(slow, &oip.ModelInferRequest{}); status.Code(err) != codes.DeadlineExceeded {
		t.Errorf("slow: expected no answer before its time, got %v", err)
	}
	client, _ = proxied(t, byzantine.Plan{Worker: byzantine.WorkerSlow, Amount: 1})
	if _, err := client.ModelInfer(t.Context(), &oip.ModelInferRequest{}); err != nil {
		t.Errorf("slow: expected an answer after a while, got %v", err)
	}
}

func TestProxyPassesFailuresOnWithTheirTrailer(t *testing.T) {
	client, _ := proxied(t, byzantine.Plan{Worker: byzantine.WorkerWrong, Amount: 2})
	var trailer metadata.MD
	_, err := client.ModelInfer(t.Context(), &oip.ModelInferRequest{ModelName: "bad"}, grpc.Trailer(&trailer))
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
