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
	"google.golang.org/grpc/credentials/insecure"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/metadata"
	reflectpb "google.golang.org/grpc/reflection/grpc_reflection_v1"
	"google.golang.org/grpc/status"

	"github.com/opengradient/opengradient/internal/gateway/chain"
	"github.com/opengradient/opengradient/internal/gateway/config"
	"github.com/opengradient/opengradient/internal/gateway/daemontest"
	"github.com/opengradient/opengradient/internal/gateway/gatewaytest"
	"github.com/opengradient/opengradient/internal/oip"
)

func dial(t *testing.T, g *daemontest.Gateway) *grpc.ClientConn {
	t.Helper()
	conn, err := grpc.NewClient(g.GRPC, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	return conn
}

func text(s string) *oip.InferParameter {
	return &oip.InferParameter{ParameterChoice: &oip.InferParameter_StringParam{StringParam: s}}
}

func number(n int64) *oip.InferParameter {
	return &oip.InferParameter{ParameterChoice: &oip.InferParameter_Int64Param{Int64Param: n}}
}

type input = oip.ModelInferRequest_InferInputTensor

func raw(id string) *oip.ModelInferRequest {
	return &oip.ModelInferRequest{
		ModelName: "iris", Id: id, Inputs: []*input{{Name: "x", Datatype: "FP32", Shape: []int64{1, 2}}},
		RawInputContents: [][]byte{gatewaytest.X(1.5, -2).Data},
	}
}

func typed(id string) *oip.ModelInferRequest {
	r := raw(id)
	r.RawInputContents = nil
	r.Inputs[0].Contents = &oip.InferTensorContents{Fp32Contents: []float32{1.5, -2}}
	return r
}

func TestInfer(t *testing.T) {
	g := daemontest.Start(t, gatewaytest.New(), "", nil)
	c := oip.NewGRPCInferenceServiceClient(dial(t, g))
	for name, r := range map[string]*oip.ModelInferRequest{"raw": raw("7"), "typed": typed("7")} {
		r.ModelVersion = "1"
		got, err := c.ModelInfer(t.Context(), r)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if string(got.RawOutputContents[0]) != string(gatewaytest.Y(1.5, -2).Data) || got.Id != "7" || got.ModelName != "iris" || got.ModelVersion != "1" ||
			got.Outputs[0].Name != "y" || fmt.Sprint(got.Outputs[0].Shape) != "[1 2]" {
			t.Errorf("%s: got %v", name, got)
		}
		if p := got.Parameters; p["fee"].GetInt64Param() != 1000 || p["gas_fee"].GetInt64Param() != 70 || len(p["output_root"].GetStringParam()) != 64 ||
			p["request_id"].GetInt64Param() < 1 || p["height"].GetInt64Param() < 1 || p["reused"].GetBoolParam() {
			t.Errorf("%s: got parameters %v", name, p)
		}
	}
	stats, err := c.ModelStatistics(t.Context(), &oip.ModelStatisticsRequest{Name: "iris"})
	if err != nil || stats.ModelStats[0].InferenceCount != 2 {
		t.Errorf("got %v, %v", stats, err)
	}
}

func TestMetadata(t *testing.T) {
	g := daemontest.Start(t, gatewaytest.New(), "", nil)
	conn := dial(t, g)
	c := oip.NewGRPCInferenceServiceClient(conn)
	if r, err := c.ServerLive(t.Context(), &oip.ServerLiveRequest{}); err != nil || !r.Live {
		t.Errorf("got %v, %v", r, err)
	}
	if r, err := c.ServerReady(t.Context(), &oip.ServerReadyRequest{}); err != nil || !r.Ready {
		t.Errorf("got %v, %v", r, err)
	}
	if r, err := c.ServerMetadata(t.Context(), &oip.ServerMetadataRequest{}); err != nil || r.Name != "opengradient-gateway" || len(r.Extensions) == 0 {
		t.Errorf("got %v, %v", r, err)
	}
	if r, err := c.ModelReady(t.Context(), &oip.ModelReadyRequest{Name: "iris"}); err != nil || !r.Ready {
		t.Errorf("got %v, %v", r, err)
	}
	m, err := c.ModelMetadata(t.Context(), &oip.ModelMetadataRequest{Name: "iris", Version: "1"})
	if err != nil || m.Platform != "onnxruntime_onnx" || fmt.Sprint(m.Versions) != "[1]" || m.Inputs[0].Name != "x" || fmt.Sprint(m.Inputs[0].Shape) != "[-1 2]" {
		t.Errorf("got %v, %v", m, err)
	}
	k, err := c.ModelConfig(t.Context(), &oip.ModelConfigRequest{Name: "iris"})
	if err != nil || k.Config.Input[0].DataType != oip.DataType_TYPE_FP32 || k.Config.Backend != "onnxruntime" || k.Config.MaxBatchSize != 0 {
		t.Errorf("got %v, %v", k, err)
	}
	i, err := c.RepositoryIndex(t.Context(), &oip.RepositoryIndexRequest{})
	if err != nil || len(i.Models) != 1 || i.Models[0].State != "READY" {
		t.Errorf("got %v, %v", i, err)
	}
	h, err := healthpb.NewHealthClient(conn).Check(t.Context(), &healthpb.HealthCheckRequest{Service: "inference.GRPCInferenceService"})
	if err != nil || h.Status != healthpb.HealthCheckResponse_SERVING {
		t.Errorf("got %v, %v", h, err)
	}
	s, err := reflectpb.NewServerReflectionClient(conn).ServerReflectionInfo(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Send(&reflectpb.ServerReflectionRequest{MessageRequest: &reflectpb.ServerReflectionRequest_ListServices{}}); err != nil {
		t.Fatal(err)
	}
	if r, err := s.Recv(); err != nil || !strings.Contains(r.String(), "inference.GRPCInferenceService") {
		t.Errorf("got %v, %v", r, err)
	}
}

func TestErrors(t *testing.T) {
	c := gatewaytest.New()
	g := daemontest.Start(t, c, "", func(c *config.Config) { c.AnswerTimeout, c.MaxBodyBytes = 200*time.Millisecond, 4096 })
	client := oip.NewGRPCInferenceServiceClient(dial(t, g))
	with := func(change func(*oip.ModelInferRequest)) *oip.ModelInferRequest {
		r := raw("")
		change(r)
		return r
	}
	parameters := func(name string, p *oip.InferParameter) *oip.ModelInferRequest {
		return with(func(r *oip.ModelInferRequest) { r.Parameters = map[string]*oip.InferParameter{name: p} })
	}
	for name, tc := range map[string]struct {
		request *oip.ModelInferRequest
		code    codes.Code
		message string
	}{
		"an unknown model":        {with(func(r *oip.ModelInferRequest) { r.ModelName = "none" }), codes.NotFound, "none"},
		"another datatype":        {with(func(r *oip.ModelInferRequest) { r.Inputs[0].Datatype = "INT32" }), codes.InvalidArgument, "expected FP32, got INT32"},
		"a wrong shape":           {with(func(r *oip.ModelInferRequest) { r.Inputs[0].Shape = []int64{2, 1} }), codes.InvalidArgument, "shape"},
		"too few bytes":           {with(func(r *oip.ModelInferRequest) { r.RawInputContents[0] = nil }), codes.InvalidArgument, "expected 8 bytes"},
		"no inputs":               {with(func(r *oip.ModelInferRequest) { r.Inputs, r.RawInputContents = nil, nil }), codes.InvalidArgument, "inputs"},
		"a tier that is none":     {parameters("tier", text("gold")), codes.InvalidArgument, "parameters.tier"},
		"a tier that is a number": {parameters("tier", number(1)), codes.InvalidArgument, "parameters.tier: expected a text"},
		"a negative maximum":      {parameters("max_fee", number(-1)), codes.InvalidArgument, "at least 0"},
		"a maximum below the fee": {parameters("max_fee", text("5uopg")), codes.InvalidArgument, "max_fee"},
		"classification": {with(func(r *oip.ModelInferRequest) {
			r.Outputs = []*oip.ModelInferRequest_InferRequestedOutputTensor{{Name: "y", Parameters: map[string]*oip.InferParameter{"classification": number(2)}}}
		}), codes.InvalidArgument, "classification"},
		"an id that is too long": {with(func(r *oip.ModelInferRequest) { r.Id = strings.Repeat("x", 1025) }), codes.InvalidArgument, "id: expected at most 1024 bytes, got 1025"},
		"too many parameters": {with(func(r *oip.ModelInferRequest) {
			r.Parameters = make(map[string]*oip.InferParameter)
			for i := range 65 {
				r.Parameters[fmt.Sprint(i)] = number(0)
			}
		}), codes.InvalidArgument, "parameters: expected at most 64 members, got 65"},
		"a maximum beyond the bound":  {parameters("max_fee", text("18446744073709551615uopg")), codes.InvalidArgument, "parameters.max_fee"},
		"a message that is too large": {with(func(r *oip.ModelInferRequest) { r.Id = strings.Repeat("x", 5000) }), codes.ResourceExhausted, "larger than max"},
	} {
		_, err := client.ModelInfer(t.Context(), tc.request)
		if status.Code(err) != tc.code || !strings.Contains(err.Error(), tc.message) {
			t.Errorf("%s: expected %s with %q, got %v", name, tc.code, tc.message, err)
		}
	}
	if n := c.Requests(); n != 0 {
		t.Errorf("expected nothing to be signed, got %d requests", n)
	}
	if _, err := client.ModelMetadata(t.Context(), &oip.ModelMetadataRequest{Name: "iris", Version: "8"}); status.Code(err) != codes.NotFound {
		t.Errorf("an unknown version: got %v", err)
	}
	if _, err := client.RepositoryModelLoad(t.Context(), &oip.RepositoryModelLoadRequest{ModelName: "iris"}); status.Code(err) != codes.Unavailable {
		t.Errorf("loading: got %v", err)
	}
	ctx := metadata.AppendToOutgoingContext(t.Context(), "authorization", "Bearer ogk_no")
	if _, err := client.ModelInfer(ctx, raw("")); status.Code(err) != codes.Unauthenticated {
		t.Errorf("an unknown key: got %v", err)
	}
	c.Reach(chain.StageAssigned)
	var trailer metadata.MD
	if _, err := client.ModelInfer(t.Context(), raw(""), grpc.Trailer(&trailer)); status.Code(err) != codes.DeadlineExceeded || len(trailer.Get("gateway-job")) != 1 {
		t.Errorf("no answer in time: got %v, %v", err, trailer)
	}
	r, err := client.ModelInfer(t.Context(), parameters("async", &oip.InferParameter{ParameterChoice: &oip.InferParameter_BoolParam{BoolParam: true}}))
	if err != nil || r.Parameters["gateway_job"].GetStringParam() == "" || len(r.Outputs) != 0 {
		t.Errorf("asynchronous: got %v, %v", r, err)
	}
}

func TestStream(t *testing.T) {
	g := daemontest.Start(t, gatewaytest.New(), "", nil)
	s, err := oip.NewGRPCInferenceServiceClient(dial(t, g)).ModelStreamInfer(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	const n = 200
	sent := make(chan error, 1)
	go func() {
		for i := range n {
			r := raw(fmt.Sprint(i))
			if i == 3 {
				r.ModelName = "none"
			}
			if err := s.Send(r); err != nil {
				sent <- err
				return
			}
		}
		sent <- s.CloseSend()
	}()
	for i := range n {
		r, err := s.Recv()
		if err != nil {
			t.Fatal(err)
		}
		if r.InferResponse.Id != fmt.Sprint(i) {
			t.Fatalf("expected response %d, got %s", i, r.InferResponse.Id)
		}
		if failed := r.ErrorMessage != ""; failed != (i == 3) {
			t.Errorf("response %d: got %q", i, r.ErrorMessage)
		}
	}
	if _, err := s.Recv(); !errors.Is(err, io.EOF) {
		t.Errorf("expected the end, got %v", err)
	}
	if err := <-sent; err != nil {
		t.Error(err)
	}
}

// A gateway that ends says so and lets those who wait have their answers.
func TestGracefulEnd(t *testing.T) {
	c := gatewaytest.New()
	c.Reach(chain.StageAssigned)
	g := daemontest.Start(t, c, "", nil)
	client := oip.NewGRPCInferenceServiceClient(dial(t, g))
	answered := make(chan error, 1)
	go func() {
		_, err := client.ModelInfer(context.Background(), raw(""))
		answered <- err
	}()
	deadline := time.Now().Add(10 * time.Second)
	for ticker := time.NewTicker(10 * time.Millisecond); c.Requests() == 0; <-ticker.C {
		if time.Now().After(deadline) {
			t.Fatal("waited in vain for the request")
		}
	}
	stopped := make(chan struct{})
	go func() { g.Stop(); close(stopped) }()
	for ticker := time.NewTicker(10 * time.Millisecond); ; <-ticker.C {
		if _, err := client.ServerReady(t.Context(), &oip.ServerReadyRequest{}); err != nil {
			break // no new calls are taken
		}
	}
	c.Reach(chain.StageFinal)
	if err := <-answered; err != nil {
		t.Errorf("expected the answer, got %v", err)
	}
	<-stopped
	g = daemontest.Start(t, c, g.Folder, nil)
	c.Reach(chain.StageSettled)
	if r := g.Do("GET", "/v2/opengradient/usage", ""); !strings.Contains(r.Body, `"jobs":1`) {
		t.Errorf("got %s", r.Body)
	}
}
