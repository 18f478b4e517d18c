package app_test

import (
	"context"
	"encoding/json"
	"net"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/gorilla/mux"
	"github.com/stretchr/testify/require"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	reflectionv1 "google.golang.org/grpc/reflection/grpc_reflection_v1"
	"google.golang.org/grpc/status"
	"google.golang.org/grpc/test/bufconn"

	abci "github.com/cometbft/cometbft/abci/types"
	cmtlog "github.com/cometbft/cometbft/libs/log"
	cmtrpcserver "github.com/cometbft/cometbft/rpc/jsonrpc/server"
	"github.com/cosmos/cosmos-sdk/codec"

	"github.com/opengradient/opengradient/app/nodetypes"
	"github.com/opengradient/opengradient/internal/oipjson"
	"github.com/opengradient/opengradient/internal/tensor"
	"github.com/opengradient/opengradient/testutil/chaintest"
	inferencetypes "github.com/opengradient/opengradient/x/inference/types"
)

// serve serves the application as the SDK's start command does, and gives a connection to it.
func serve(t *testing.T, c *chaintest.Chain) *grpc.ClientConn {
	t.Helper()
	protoCodec := codec.NewProtoCodec(c.App.EncodingConfig().InterfaceRegistry).GRPCCodec()
	server := grpc.NewServer(grpc.ForceServerCodec(protoCodec))
	c.App.RegisterGRPCServerWithSkipCheckHeader(server, false)
	listener := bufconn.Listen(1 << 20)
	go func() { _ = server.Serve(listener) }() // until the test ends it
	t.Cleanup(server.Stop)
	conn, err := grpc.NewClient("passthrough:///node", grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithContextDialer(func(ctx context.Context, _ string) (net.Conn, error) { return listener.DialContext(ctx) }),
		grpc.WithDefaultCallOptions(grpc.ForceCodec(protoCodec)))
	require.NoError(t, err)
	t.Cleanup(func() { _ = conn.Close() })
	return conn
}

// waited calls WaitRequest and returns once the call waits on the node.
func waited(ctx context.Context, t *testing.T, c *chaintest.Chain, conn *grpc.ClientConn, until nodetypes.Stage) <-chan error {
	t.Helper()
	before := c.App.Waiting()
	came := make(chan error, 1)
	go func() {
		res, err := nodetypes.NewServiceClient(conn).WaitRequest(ctx, &nodetypes.WaitRequestRequest{Id: 1, Until: until})
		if err == nil && !res.Reached {
			err = context.DeadlineExceeded
		}
		came <- err
	}()
	require.Eventually(t, func() bool { return c.App.Waiting() == before+1 }, 10*time.Second, time.Millisecond)
	return came
}

// TestWaitFollowsCommits: a call comes back at the block in which the request reached the stage.
func TestWaitFollowsCommits(t *testing.T) {
	c := start(t, chaintest.Options{})
	conn := serve(t, c)
	register(t, c)
	deliver(t, c, c.Tx(c.Accounts[0], 0, submission(c.Accounts[0].Address, 1)))
	final := waited(t.Context(), t, c, conn, nodetypes.STAGE_FINAL)
	settled := waited(t.Context(), t, c, conn, nodetypes.STAGE_SETTLED)
	for request(t, c, 1).Status.Open() {
		require.Equal(t, 2, c.App.Waiting())
		c.Next()
	}
	require.NoError(t, <-final)
	for range 3 {
		c.Next()
	}
	require.NoError(t, <-settled)

	res, err := nodetypes.NewServiceClient(conn).WaitRequest(t.Context(), &nodetypes.WaitRequestRequest{Id: 1, Until: nodetypes.STAGE_SETTLED})
	require.NoError(t, err)
	require.Equal(t, &nodetypes.WaitRequestResponse{Request: request(t, c, 1), Stage: nodetypes.STAGE_SETTLED, Reached: true, Height: c.Height()}, res)
	_, err = nodetypes.NewServiceClient(conn).WaitRequest(t.Context(), &nodetypes.WaitRequestRequest{Id: 2})
	require.Equal(t, codes.NotFound, status.Code(err))
}

// TestCallsThatWaitEnd: with their client, and with the node.
func TestCallsThatWaitEnd(t *testing.T) {
	c := start(t, chaintest.Options{})
	conn := serve(t, c)
	register(t, c)
	deliver(t, c, c.Tx(c.Accounts[0], 0, submission(c.Accounts[0].Address, 1)))
	ctx, cancel := context.WithCancel(t.Context())
	gone := waited(ctx, t, c, conn, nodetypes.STAGE_SETTLED)
	cancel()
	require.Equal(t, codes.Canceled, status.Code(<-gone))
	require.Eventually(t, func() bool { return c.App.Waiting() == 0 }, 10*time.Second, time.Millisecond)

	stopped := waited(t.Context(), t, c, conn, nodetypes.STAGE_SETTLED)
	c.App.StopWaiting()
	require.Equal(t, codes.Unavailable, status.Code(<-stopped))
	require.Zero(t, c.App.Waiting())
}

// TestCallsThatWaitAreNotReachedThroughABCI: one mutex guards the connections of consensus and of queries.
func TestCallsThatWaitAreNotReachedThroughABCI(t *testing.T) {
	c := start(t, chaintest.Options{})
	const path = "/opengradient.node.v1.Service/WaitRequest"
	require.Nil(t, c.App.GRPCQueryRouter().Route(path))
	require.Empty(t, c.App.GRPCQueryRouter().HybridHandlerByRequestName("opengradient.node.v1.WaitRequestRequest"))
	data, err := (&nodetypes.WaitRequestRequest{Id: 1}).Marshal()
	require.NoError(t, err)
	res, err := c.App.Query(t.Context(), &abci.RequestQuery{Path: path, Data: data})
	require.NoError(t, err)
	require.NotZero(t, res.Code, "expected an error, got %+v", res)
	require.Contains(t, res.Log, "unknown query path")
	// The same path by which queries are reached.
	res, err = c.App.Query(t.Context(), &abci.RequestQuery{Path: "/opengradient.inference.v1.Query/Params"})
	require.NoError(t, err)
	require.Zero(t, res.Code)
}

// TestReflection: our services are listed and described. Version v1alpha is the SDK's.
func TestReflection(t *testing.T) {
	c := start(t, chaintest.Options{})
	stream, err := reflectionv1.NewServerReflectionClient(plain(t, c)).ServerReflectionInfo(t.Context())
	require.NoError(t, err)
	ask := func(req *reflectionv1.ServerReflectionRequest) *reflectionv1.ServerReflectionResponse {
		require.NoError(t, stream.Send(req))
		res, err := stream.Recv()
		require.NoError(t, err)
		return res
	}
	listed := make(map[string]bool)
	list := ask(&reflectionv1.ServerReflectionRequest{MessageRequest: &reflectionv1.ServerReflectionRequest_ListServices{}})
	for _, service := range list.GetListServicesResponse().Service {
		listed[service.Name] = true
	}
	for _, service := range []string{
		"opengradient.inference.v1.Query", "opengradient.models.v1.Query", "opengradient.scheduling.v1.Query",
		"opengradient.verification.v1.Query", "opengradient.node.v1.Service", "cosmos.bank.v1beta1.Query",
	} {
		require.True(t, listed[service], "%s in %v", service, listed)
		described := ask(&reflectionv1.ServerReflectionRequest{MessageRequest: &reflectionv1.ServerReflectionRequest_FileContainingSymbol{FileContainingSymbol: service}})
		require.Nil(t, described.GetErrorResponse(), service)
		require.NotEmpty(t, described.GetFileDescriptorResponse().GetFileDescriptorProto(), service)
	}
}

// plain is a connection with the codec of google.golang.org, which the messages of the reflection service need.
func plain(t *testing.T, c *chaintest.Chain) *grpc.ClientConn {
	t.Helper()
	server := grpc.NewServer()
	c.App.RegisterGRPCServer(server)
	listener := bufconn.Listen(1 << 20)
	go func() { _ = server.Serve(listener) }() // until the test ends it
	t.Cleanup(server.Stop)
	conn, err := grpc.NewClient("passthrough:///node", grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithContextDialer(func(ctx context.Context, _ string) (net.Conn, error) { return listener.DialContext(ctx) }))
	require.NoError(t, err)
	t.Cleanup(func() { _ = conn.Close() })
	return conn
}

// TestCallsThatWaitEndOverREST: with their time, which may be longer than the server gives a request to be read, and with
// their client.
func TestCallsThatWaitEndOverREST(t *testing.T) {
	c := start(t, chaintest.Options{})
	register(t, c)
	deliver(t, c, c.Tx(c.Accounts[0], 0, submission(c.Accounts[0].Address, 1)))
	router := mux.NewRouter()
	require.NoError(t, c.App.RequestRoutes(router))
	config := cmtrpcserver.DefaultConfig()
	config.ReadTimeout = 100 * time.Millisecond
	listener, err := cmtrpcserver.Listen("tcp://127.0.0.1:0", 0)
	require.NoError(t, err)
	go func() { _ = cmtrpcserver.Serve(listener, router, cmtlog.NewNopLogger(), config) }() // until the test ends it
	t.Cleanup(func() { _ = listener.Close() })
	path := func(timeout string) string {
		return "http://" + listener.Addr().String() + "/opengradient/node/v1/requests/1/wait?until=settled&timeout=" + timeout
	}

	began := time.Now()
	response, err := http.Get(path("500ms"))
	require.NoError(t, err)
	defer response.Body.Close()
	require.GreaterOrEqual(t, time.Since(began), 500*time.Millisecond)
	require.Equal(t, http.StatusOK, response.StatusCode)
	var waited struct {
		Reached bool   `json:"reached"`
		Stage   string `json:"stage"`
	}
	require.NoError(t, json.NewDecoder(response.Body).Decode(&waited))
	require.False(t, waited.Reached)
	require.Equal(t, "STAGE_ASSIGNED", waited.Stage)
	require.Zero(t, c.App.Waiting())

	ctx, cancel := context.WithCancel(t.Context())
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, path("60s"), nil)
	require.NoError(t, err)
	gone := make(chan error, 1)
	go func() {
		response, err := http.DefaultClient.Do(request)
		if err == nil {
			err = response.Body.Close()
		}
		gone <- err
	}()
	require.Eventually(t, func() bool { return c.App.Waiting() == 1 }, 10*time.Second, time.Millisecond)
	cancel()
	require.ErrorIs(t, <-gone, context.Canceled)
	require.Eventually(t, func() bool { return c.App.Waiting() == 0 }, 10*time.Second, time.Millisecond)
}

// TestTensorsOverREST: what a browser reads is what the queries give.
func TestTensorsOverREST(t *testing.T) {
	c := start(t, chaintest.Options{})
	register(t, c)
	deliver(t, c, c.Tx(c.Accounts[0], 0, submission(c.Accounts[0].Address, 1)))
	router := mux.NewRouter()
	require.NoError(t, c.App.RequestRoutes(router))
	get := func(path string) (int, []byte) {
		answer := httptest.NewRecorder()
		router.ServeHTTP(answer, httptest.NewRequest(http.MethodGet, path, nil))
		return answer.Code, answer.Body.Bytes()
	}
	code, _ := get("/opengradient/node/v1/requests/1/outputs")
	require.Equal(t, http.StatusBadRequest, code)
	for request(t, c, 1).Status.Open() {
		c.Next()
	}
	code, body := get("/opengradient/node/v1/requests/1/outputs")
	require.Equal(t, http.StatusOK, code, string(body))
	var outputs struct {
		ID      string          `json:"id"`
		Status  string          `json:"status"`
		Outputs json.RawMessage `json:"outputs"`
	}
	require.NoError(t, json.Unmarshal(body, &outputs))
	want, err := tensor.Decode(answer(0, 1), tensor.DefaultLimits)
	require.NoError(t, err)
	wantJSON, err := oipjson.MarshalTensors(want)
	require.NoError(t, err)
	require.Equal(t, string(wantJSON), string(outputs.Outputs))
	require.Equal(t, "1", outputs.ID)
	require.Equal(t, inferencetypes.REQUEST_STATUS_FINALIZED.String(), outputs.Status)
	code, body = get("/opengradient/node/v1/requests/1/inputs?tensor=x")
	require.Equal(t, http.StatusOK, code)
	require.Contains(t, string(body), `"inputs":[{"name":"x","datatype":"FP32","shape":[1,2],"data":[0,0.5]}]`)
	code, body = get("/opengradient/node/v1/requests/2/inputs")
	require.Equal(t, http.StatusNotFound, code, string(body))

	// Wrong parameters are refused, and so are routes that are none.
	code, body = get("/opengradient/inference/v1/requests?status=foo")
	require.Equal(t, http.StatusBadRequest, code, string(body))
	require.Contains(t, string(body), "status: expected one of submitted")
	code, body = get("/opengradient/inference/v1/nothing")
	require.Equal(t, http.StatusNotFound, code, string(body))
	require.Contains(t, string(body), `"message":"expected a route of the REST API, got GET`)

	// A stage is a word over REST.
	code, body = get("/opengradient/node/v1/requests/1/wait?until=final&timeout=0s")
	require.Equal(t, http.StatusOK, code, string(body))
	require.Contains(t, string(body), `"reached":true`)
	code, body = get("/opengradient/node/v1/requests/1/wait?until=never")
	require.Equal(t, http.StatusBadRequest, code, string(body))
	code, body = get("/opengradient/node/v1/requests/1/wait?timeout=2m")
	require.Equal(t, http.StatusBadRequest, code, string(body))
}
