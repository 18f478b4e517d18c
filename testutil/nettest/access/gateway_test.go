//go:build nettest

package access

import (
	"bytes"
	"context"
	"encoding/base64"
	le "encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	sdkmath "cosmossdk.io/math"
	sdkerrors "github.com/cosmos/cosmos-sdk/types/errors"
	"github.com/cosmos/cosmos-sdk/types/query"

	"github.com/opengradient/opengradient/internal/gateway/gatewaytest"
	"github.com/opengradient/opengradient/testutil/iris"
	"github.com/opengradient/opengradient/testutil/irisclient"
	"github.com/opengradient/opengradient/testutil/localnet"
	"github.com/opengradient/opengradient/testutil/nettest"
	inferencetypes "github.com/opengradient/opengradient/x/inference/types"
)

// oipClients lets two programs that know nothing of this project, curl and grpcurl, call the model: with JSON, with the bytes of
// golden files, with typed contents; and asks for what there is and what there is not.
func oipClients(t *testing.T, b *bed) {
	t.Run("REST", func(t *testing.T) { curlJSON(t, b) })
	t.Run("REST with bytes", func(t *testing.T) { curlBytes(t, b) })
	t.Run("REST, later", func(t *testing.T) { curlLater(t, b) })
	t.Run("REST, refused", func(t *testing.T) { curlRefused(t, b) })
	t.Run("gRPC", func(t *testing.T) { grpcurlCalls(t, b) })
	t.Run("gRPC, refused", func(t *testing.T) { grpcurlRefused(t, b) })
}

// answer is what curl got.
type answer struct {
	code   int
	header http.Header
	body   []byte
}

// curl calls the gateway as a shell does.
func (b *bed) curl(t *testing.T, path string, args ...string) answer {
	t.Helper()
	return b.curlAs(t, b.key, path, args...)
}

// curlAs is curl with another API key.
func (b *bed) curlAs(t *testing.T, key, path string, args ...string) answer {
	t.Helper()
	dir := t.TempDir()
	head, body := filepath.Join(dir, "head"), filepath.Join(dir, "body")
	cmd := exec.CommandContext(nettest.Patience(t), "curl", append([]string{"-sS", "-D", head, "-o", body, "-H", "Authorization: Bearer " + key, b.gateway + path}, args...)...)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("curl %s: %v\n%s", path, err, out)
	}
	var a answer
	text, err := os.ReadFile(head)
	if err != nil {
		t.Fatal(err)
	}
	a.header = make(http.Header)
	for _, line := range strings.Split(string(text), "\r\n") {
		if _, err := fmt.Sscanf(line, "HTTP/1.1 %d", &a.code); err == nil {
			continue
		}
		if name, value, ok := strings.Cut(line, ": "); ok {
			a.header.Add(name, value)
		}
	}
	if a.body, err = os.ReadFile(body); err != nil && !errors.Is(err, os.ErrNotExist) {
		t.Fatal(err)
	}
	return a
}

// response is an inference response.
type response struct {
	ID         string `json:"id"`
	Model      string `json:"model_name"`
	Version    string `json:"model_version"`
	Parameters struct {
		Job        string `json:"gateway_job"`
		RequestID  uint64 `json:"request_id"`
		TxHash     string `json:"tx_hash"`
		Height     int64  `json:"height"`
		OutputRoot string `json:"output_root"`
		Digest     string `json:"request_digest"`
		Fee        uint64 `json:"fee"`
		GasFee     uint64 `json:"gas_fee"`
	} `json:"parameters"`
	Outputs []struct {
		Name       string    `json:"name"`
		Datatype   string    `json:"datatype"`
		Shape      []int64   `json:"shape"`
		Data       []float64 `json:"data"`
		Parameters struct {
			Size int `json:"binary_data_size"`
		} `json:"parameters"`
	} `json:"outputs"`
}

func parse(t *testing.T, text []byte) response {
	t.Helper()
	var r response
	if err := json.Unmarshal(text, &r); err != nil {
		t.Fatalf("%v in %s", err, text)
	}
	return r
}

// prediction reads the outputs of a response; after are the bytes that follow its JSON.
func (r response) prediction(after []byte) (iris.Prediction, error) {
	var p iris.Prediction
	for _, o := range r.Outputs {
		var bytes []byte
		if n := o.Parameters.Size; n > 0 {
			if n > len(after) {
				return p, fmt.Errorf("output %s: expected %d bytes, got %d", o.Name, n, len(after))
			}
			bytes, after = after[:n], after[n:]
		}
		switch {
		case o.Name == iris.OutputLabel && bytes != nil:
			p.Label = int64(le.LittleEndian.Uint64(bytes))
		case o.Name == iris.OutputLabel:
			p.Label = int64(o.Data[0])
		default:
			for i := range p.Probabilities {
				if bytes != nil {
					p.Probabilities[i] = math.Float32frombits(le.LittleEndian.Uint32(bytes[4*i:]))
				} else {
					p.Probabilities[i] = float32(o.Data[i])
				}
			}
		}
	}
	if len(after) != 0 {
		return p, fmt.Errorf("expected no bytes after the outputs, got %d", len(after))
	}
	return p, nil
}

// body is a request for one flower.
func body(row iris.Row, more string) string {
	numbers, err := json.Marshal(row.Features)
	if err != nil {
		panic(err) // an array of numbers
	}
	return fmt.Sprintf(`{%s"inputs":[{"name":"features","shape":[1,4],"datatype":"FP32","data":%s}]}`, more, numbers)
}

// right checks an answer against the model run here, and what the response tells of it against the chain.
func (b *bed) right(t *testing.T, row iris.Row, r response, after []byte) {
	t.Helper()
	p, err := r.prediction(after)
	if err == nil {
		err = irisclient.CheckPrediction(b.Local.Predict(row.Features), p)
	}
	if err != nil {
		t.Fatal(err)
	}
	ctx := nettest.Patience(t)
	q := r.Parameters
	res, err := b.Client.Inference.Result(ctx, &inferencetypes.QueryResultRequest{Id: q.RequestID})
	if err != nil {
		t.Fatal(err)
	}
	req, err := b.Client.Inference.Request(ctx, &inferencetypes.QueryRequestRequest{Id: q.RequestID})
	if err != nil {
		t.Fatal(err)
	}
	if hex.EncodeToString(res.Result.OutputRoot) != q.OutputRoot || hex.EncodeToString(req.Request.Digest) != q.Digest || req.Request.FinalHeight != q.Height ||
		req.Request.Fee.Total.String() != strconv.FormatUint(q.Fee, 10) || req.Request.Requester != b.payer.Address.String() {
		t.Fatalf("expected what the chain says of request %d, %+v, got %+v", q.RequestID, req.Request, q)
	}
	if _, err := b.Client.WaitTx(ctx, q.TxHash); err != nil {
		t.Fatalf("transaction %s: %v", q.TxHash, err)
	}
	if r.Model != "iris" || r.Version != "1" {
		t.Fatalf("expected iris 1, got %s %s", r.Model, r.Version)
	}
}

func curlJSON(t *testing.T, b *bed) {
	row := b.Fresh(1)[0]
	a := b.curl(t, "/v2/models/iris/infer", "-d", body(row, `"id":"one",`))
	if a.code != http.StatusOK {
		t.Fatalf("%d %s", a.code, a.body)
	}
	r := parse(t, a.body)
	b.right(t, row, r, nil)
	if r.ID != "one" {
		t.Errorf("expected the id to come back, got %q", r.ID)
	}
	a = b.curl(t, "/v2/models/iris/versions/1/infer", "-H", "Content-Encoding: gzip", "--data-binary", "@"+gzipped(t, body(row, "")), "--compressed")
	if a.code != http.StatusOK {
		t.Fatalf("%d %s", a.code, a.body)
	}
	b.right(t, row, parse(t, a.body), nil)
	for path, want := range map[string]string{
		"/v2":                    `"name":"opengradient-gateway"`,
		"/v2/models/iris":        `"platform":"onnxruntime_onnx","versions":["1"]`,
		"/v2/models/iris/config": `"data_type":"TYPE_FP32","dims":[-1,4]`,
		"/v2/models/iris/stats":  `"inference_count":`,
		"/v2/models/stats":       `"name":"iris"`,
		"/v2/opengradient/usage": `"name":"tests"`,
		"/v2/health/live":        "",
		"/v2/health/ready":       "",
		"/v2/models/iris/ready":  "",
		"/v2/models/iris:1":      `"name":"iris:1"`,
		"/v2/models/" + b.Model:  `"inputs":[{"name":"features","datatype":"FP32","shape":[-1,4]}]`,
	} {
		if a := b.curl(t, path); a.code != http.StatusOK || !bytes.Contains(a.body, []byte(want)) {
			t.Errorf("%s: expected 200 with %s, got %d %s", path, want, a.code, a.body)
		}
	}
	if a := b.curl(t, "/v2/repository/index", "-X", "POST"); !bytes.Contains(a.body, []byte(`{"name":"iris","version":"1","state":"READY","reason":""}`)) {
		t.Errorf("index: got %d %s", a.code, a.body)
	}
}

func gzipped(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "body")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command("gzip", path).CombinedOutput(); err != nil {
		t.Fatalf("gzip: %v\n%s", err, out)
	}
	return path + ".gz"
}

// curlBytes sends the golden bodies of the binary tensor extension.
func curlBytes(t *testing.T, b *bed) {
	row := iris.Row{Features: [iris.Features]float32{5.1, 3.5, 1.4, 0.2}}
	for name, outputs := range map[string]int{"iris": 2, "iris-label": 1} {
		text, err := os.ReadFile(filepath.Join(localnet.Root(), "internal/gateway/binary/testdata/request", name+".golden"))
		if err != nil {
			t.Fatal(err)
		}
		g, err := gatewaytest.ParseGolden(string(text))
		if err != nil {
			t.Fatal(err)
		}
		path := filepath.Join(t.TempDir(), name)
		if err := os.WriteFile(path, g.Body, 0o600); err != nil {
			t.Fatal(err)
		}
		a := b.curl(t, "/v2/models/iris/infer", "--data-binary", "@"+path, "-H", "Inference-Header-Content-Length: "+g.Length, "-H", "Content-Type:")
		n, err := strconv.Atoi(a.header.Get("Inference-Header-Content-Length"))
		if a.code != http.StatusOK || err != nil || n > len(a.body) {
			t.Fatalf("%s: %d %v %q, %v", name, a.code, a.header, a.body, err)
		}
		r := parse(t, a.body[:n])
		asBytes := 0
		for _, o := range r.Outputs {
			if o.Parameters.Size > 0 {
				asBytes++
			}
		}
		if asBytes != outputs {
			t.Errorf("%s: expected %d outputs as bytes, got %s", name, outputs, a.body[:n])
		}
		b.right(t, row, r, a.body[n:])
	}
}

// curlLater makes a job, hears of its stages and fetches its answer; the same idempotency key gives the same job.
func curlLater(t *testing.T, b *bed) {
	row := b.Fresh(1)[0]
	ask := func() string {
		a := b.curl(t, "/v2/models/iris/infer", "-d", body(row, ""), "-H", "Prefer: respond-async", "-H", "Idempotency-Key: later")
		if a.code != http.StatusAccepted {
			t.Fatalf("%d %s", a.code, a.body)
		}
		return a.header.Get("Location")
	}
	job := ask()
	events := b.curl(t, job+"/events", "-N")
	last := 0
	for _, stage := range []string{"accepted", "submitted", "assigned", "final", "settled"} {
		at := bytes.Index(events.body, []byte("event: "+stage+"\n"))
		if at < last {
			t.Fatalf("expected the stage %s after those before it, got\n%s", stage, events.body)
		}
		last = at
	}
	if again := ask(); again != job {
		t.Errorf("expected %s, got %s", job, again)
	}
	var d struct {
		Done     bool            `json:"done"`
		Refunded uint64          `json:"refunded"`
		Response json.RawMessage `json:"response"`
	}
	a := b.curl(t, job+"?wait=30s&until=settled")
	if err := json.Unmarshal(a.body, &d); err != nil || !d.Done {
		t.Fatalf("got %s, %v", a.body, err)
	}
	b.right(t, row, parse(t, d.Response), nil)
	if a := b.curl(t, "/v2/models/iris/infer", "-d", body(b.Fresh(1)[0], ""), "-H", "Idempotency-Key: later"); a.code != http.StatusConflict {
		t.Errorf("other content: expected 409, got %d %s", a.code, a.body)
	}
	curious := b.addKey(t, "curious", "1uopg")
	nettest.Until(t, "the gateway to know the key", func() bool { return b.curlAs(t, curious, "/v2/opengradient/usage").code == http.StatusOK })
	if a := b.curlAs(t, curious, job); a.code != http.StatusNotFound {
		t.Errorf("another's job: expected 404, got %d %s", a.code, a.body)
	}
}

func curlRefused(t *testing.T, b *bed) {
	before := b.Balance(t, b.payer.Address)
	good := body(b.Fresh(1)[0], "")
	for name, c := range map[string]struct {
		path    string
		args    []string
		code    int
		message string
	}{
		"an unknown model":     {"/v2/models/none/infer", []string{"-d", good}, 404, "none"},
		"an unknown version":   {"/v2/models/iris/versions/7", nil, 404, "version 7"},
		"another datatype":     {"/v2/models/iris/infer", []string{"-d", strings.Replace(good, "FP32", "FP64", 1)}, 400, "expected FP32, got FP64"},
		"another shape":        {"/v2/models/iris/infer", []string{"-d", strings.Replace(good, "[1,4]", "[4,1]", 1)}, 400, "shape"},
		"another name":         {"/v2/models/iris/infer", []string{"-d", strings.Replace(good, "features", "x", 1)}, 400, "features"},
		"too few numbers":      {"/v2/models/iris/infer", []string{"-d", strings.Replace(good, "[1,4]", "[2,4]", 1)}, 400, "expected 32 bytes"},
		"no JSON":              {"/v2/models/iris/infer", []string{"-d", "{"}, 400, "JSON"},
		"a maximum below":      {"/v2/models/iris/infer", []string{"-d", `{"parameters":{"max_fee":1},` + good[1:]}, 400, "max_fee: expected at least"},
		"classification":       {"/v2/models/iris/infer", []string{"-d", `{"outputs":[{"name":"label","parameters":{"classification":1}}],` + good[1:]}, 400, "classification"},
		"loading a model":      {"/v2/repository/models/iris/load", []string{"-X", "POST"}, 503, "not allowed"},
		"shared memory":        {"/v2/systemsharedmemory/status", nil, 501, "not supported"},
		"a body that is large": {"/v2/models/iris/infer", []string{"--data-binary", "@" + zeroFile(t, 5<<20), "-H", "Expect:"}, 413, "at most"},
	} {
		a := b.curl(t, c.path, c.args...)
		if a.code != c.code || !bytes.Contains(a.body, []byte(c.message)) || !bytes.HasPrefix(a.body, []byte(`{"error":`)) {
			t.Errorf("%s: expected %d with %q, got %d %s", name, c.code, c.message, a.code, a.body)
		}
	}
	if a := b.curlAs(t, "ogk_000000000000_none", "/v2/models/iris/infer", "-d", good); a.code != http.StatusUnauthorized || !bytes.Contains(a.body, []byte("unknown API key")) {
		t.Errorf("an unknown key: expected 401, got %d %s", a.code, a.body)
	}
	if after := b.Balance(t, b.payer.Address); after.LT(before) { // what settles pays back
		t.Errorf("expected nothing to be paid, got %s after %s", after, before)
	}
}

func zeroFile(t *testing.T, n int) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "zeros")
	if err := os.WriteFile(path, make([]byte, n), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// call calls a method by reflection and gives what was written to standard output and to standard error.
func (b *bed) call(t *testing.T, data, method string) (stdout, stderr string, err error) {
	t.Helper()
	args := []string{"-plaintext", "-H", "authorization: Bearer " + b.key}
	if data != "" {
		args = append(args, "-d", data)
	}
	var out, errs bytes.Buffer
	cmd := exec.CommandContext(nettest.Patience(t), b.grpcurl, append(args, append([]string{b.gatewayGRPC}, strings.Fields(method)...)...)...)
	cmd.Stdout, cmd.Stderr = &out, &errs
	err = cmd.Run()
	return out.String(), errs.String(), err
}

func (b *bed) mustCall(t *testing.T, data, method string) string {
	t.Helper()
	stdout, stderr, err := b.call(t, data, method)
	if err != nil {
		t.Fatalf("grpcurl %s: %v\n%s", method, err, stderr)
	}
	return stdout
}

const service = "inference.GRPCInferenceService/"

func grpcurlCalls(t *testing.T, b *bed) {
	for method, want := range map[string]string{
		"list": "inference.GRPCInferenceService",
		"describe inference.GRPCInferenceService.ModelInfer": "rpc ModelInfer",
		service + "ServerLive":                               `"live": true`,
		service + "ServerReady":                              `"ready": true`,
		service + "ServerMetadata":                           `"name": "opengradient-gateway"`,
		service + "RepositoryIndex":                          `"state": "READY"`,
		"grpc.health.v1.Health/Check":                        `"status": "SERVING"`,
	} {
		if got := b.mustCall(t, "", method); !strings.Contains(got, want) {
			t.Errorf("%s: expected %s, got %s", method, want, got)
		}
	}
	for method, want := range map[string]string{
		"ModelReady": `"ready": true`, "ModelMetadata": `"platform": "onnxruntime_onnx"`, "ModelConfig": `"dataType": "TYPE_FP32"`, "ModelStatistics": `"name": "iris"`,
	} {
		if got := b.mustCall(t, `{"name":"iris","version":"1"}`, service+method); !strings.Contains(got, want) {
			t.Errorf("%s: expected %s, got %s", method, want, got)
		}
	}
	row := b.Fresh(1)[0]
	numbers, err := json.Marshal(row.Features)
	if err != nil {
		t.Fatal(err)
	}
	var raw []byte
	for _, v := range row.Features {
		raw = le.LittleEndian.AppendUint32(raw, math.Float32bits(v))
	}
	for name, contents := range map[string]string{
		"typed": fmt.Sprintf(`"inputs":[{"name":"features","datatype":"FP32","shape":[1,4],"contents":{"fp32_contents":%s}}]`, numbers),
		"raw":   fmt.Sprintf(`"inputs":[{"name":"features","datatype":"FP32","shape":[1,4]}],"raw_input_contents":[%q]`, base64.StdEncoding.EncodeToString(raw)),
	} {
		got := b.mustCall(t, `{"model_name":"iris","id":"g",`+contents+`}`, service+"ModelInfer")
		b.rightGRPC(t, row, got)
		if !strings.Contains(got, `"id": "g"`) {
			t.Errorf("%s: expected the id to come back, got %s", name, got)
		}
	}
	got := b.mustCall(t, fmt.Sprintf(`{"model_name":"iris","id":"s","inputs":[{"name":"features","datatype":"FP32","shape":[1,4],"contents":{"fp32_contents":%s}}]}`, numbers),
		service+"ModelStreamInfer")
	if !strings.Contains(got, `"inferResponse"`) || strings.Contains(got, "errorMessage") {
		t.Errorf("stream: got %s", got)
	}
}

// rightGRPC checks an answer in the JSON form of the gRPC message.
func (b *bed) rightGRPC(t *testing.T, row iris.Row, text string) {
	t.Helper()
	var m struct {
		Model      string `json:"modelName"`
		Version    string `json:"modelVersion"`
		Parameters map[string]struct {
			Int64  string `json:"int64Param"`
			String string `json:"stringParam"`
		} `json:"parameters"`
		Outputs []struct {
			Name  string   `json:"name"`
			Shape []string `json:"shape"`
		} `json:"outputs"`
		Raw [][]byte `json:"rawOutputContents"`
	}
	if err := json.Unmarshal([]byte(text), &m); err != nil || len(m.Raw) != len(m.Outputs) {
		t.Fatalf("%v in %s", err, text)
	}
	r := response{Model: m.Model, Version: m.Version}
	var after []byte
	for i, o := range m.Outputs {
		r.Outputs = append(r.Outputs, struct {
			Name       string    `json:"name"`
			Datatype   string    `json:"datatype"`
			Shape      []int64   `json:"shape"`
			Data       []float64 `json:"data"`
			Parameters struct {
				Size int `json:"binary_data_size"`
			} `json:"parameters"`
		}{Name: o.Name})
		r.Outputs[i].Parameters.Size = len(m.Raw[i])
		after = append(after, m.Raw[i]...)
	}
	number := func(name string) uint64 {
		n, err := strconv.ParseUint(m.Parameters[name].Int64, 10, 64)
		if err != nil {
			t.Fatalf("parameter %s: %v in %s", name, err, text)
		}
		return n
	}
	q := &r.Parameters
	q.RequestID, q.Fee, q.Height = number("request_id"), number("fee"), int64(number("height"))
	q.TxHash, q.OutputRoot, q.Digest = m.Parameters["tx_hash"].String, m.Parameters["output_root"].String, m.Parameters["request_digest"].String
	b.right(t, row, r, after)
}

func grpcurlRefused(t *testing.T, b *bed) {
	before := b.Balance(t, b.payer.Address)
	input := func(datatype, shape, numbers string) string {
		return fmt.Sprintf(`"inputs":[{"name":"features","datatype":%q,"shape":%s,"contents":{"fp32_contents":%s}}]}`, datatype, shape, numbers)
	}
	for name, c := range map[string]struct{ data, method, code, message string }{
		"an unknown model":   {`{"name":"none"}`, "ModelMetadata", "NotFound", "none"},
		"an unknown version": {`{"name":"iris","version":"7"}`, "ModelReady", "NotFound", "version 7"},
		"another datatype":   {`{"model_name":"iris",` + input("FP64", "[1,4]", "[1,2,3,4]"), "ModelInfer", "InvalidArgument", "FP64"},
		"another shape":      {`{"model_name":"iris",` + input("FP32", "[2,2]", "[1,2,3,4]"), "ModelInfer", "InvalidArgument", "shape"},
		"too few numbers":    {`{"model_name":"iris",` + input("FP32", "[1,4]", "[1,2,3]"), "ModelInfer", "InvalidArgument", "expected 16 bytes"},
		"a tier":             {`{"model_name":"iris","parameters":{"tier":{"string_param":"gold"}},` + input("FP32", "[1,4]", "[1,2,3,4]"), "ModelInfer", "InvalidArgument", "tier"},
		"loading a model":    {`{"model_name":"iris"}`, "RepositoryModelLoad", "Unavailable", "not allowed"},
	} {
		_, stderr, err := b.call(t, c.data, service+c.method)
		if err == nil || !strings.Contains(stderr, "Code: "+c.code) || !strings.Contains(stderr, c.message) {
			t.Errorf("%s: expected %s with %q, got %v\n%s", name, c.code, c.message, err, stderr)
		}
	}
	key := b.key
	b.key = "ogk_000000000000_none"
	_, stderr, err := b.call(t, `{"model_name":"iris",`+input("FP32", "[1,4]", "[1,2,3,4]"), service+"ModelInfer")
	b.key = key
	if err == nil || !strings.Contains(stderr, "Code: Unauthenticated") {
		t.Errorf("an unknown key: got %v\n%s", err, stderr)
	}
	if after := b.Balance(t, b.payer.Address); after.LT(before) { // what settles pays back
		t.Errorf("expected nothing to be paid, got %s after %s", after, before)
	}
}

// crowd lets 200 clients ask ten times each, and kills the gateway while they do. They repeat what was not answered, with the same
// idempotency key. Each gets the right answer, the chain has each request once, and the account has paid what the gateway counts.
func crowd(t *testing.T, b *bed) {
	const clients, each = 200, 10
	before := b.Balance(t, b.payer.Address)
	had, first := b.requests(t), b.height(t)
	key := b.addKey(t, "crowd", "400000000uopg")
	b.pay(t, "gateway", "keys", "set", "crowd", "--rate", "2000/s", "--concurrency", "1000")
	ctx, cancel := context.WithTimeout(t.Context(), 4*time.Minute)
	defer cancel()
	c := &crowdClient{key: key, http: &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: clients}}}
	defer c.http.CloseIdleConnections()
	c.moved(b.gateway)
	nettest.Until(t, "the gateway to know the key", func() bool {
		code, _, err := c.get(ctx, "/v2/opengradient/usage")
		return err == nil && code == http.StatusOK
	})
	rows := b.Fresh(clients * each)
	jobs := make([]string, len(rows))
	var answered atomic.Int64
	middle := make(chan struct{})
	began := time.Now()
	var wg sync.WaitGroup
	for i := range clients {
		wg.Go(func() {
			for n := i * each; n < (i+1)*each; n++ {
				r, err := c.ask(ctx, fmt.Sprint("flower ", n), body(rows[n], ""))
				if err == nil {
					var p iris.Prediction
					if p, err = r.prediction(nil); err == nil {
						err = irisclient.CheckPrediction(b.Local.Predict(rows[n].Features), p)
					}
				}
				if err != nil {
					t.Errorf("flower %d: %v", n, err)
					return
				}
				jobs[n] = r.Parameters.Job
				if answered.Add(1) == clients*each/3 {
					close(middle)
				}
			}
		})
	}
	select {
	case <-middle:
	case <-ctx.Done():
	}
	b.process.kill()
	b.startGateway(t)
	c.moved(b.gateway)
	wg.Wait()
	if t.Failed() {
		t.Fatalf("%d of %d answers, %d calls repeated", answered.Load(), clients*each, c.repeated.Load())
	}
	took := time.Since(began)
	for _, job := range jobs {
		c.settled(ctx, t, job)
	}
	if n := b.requests(t) - had; n != clients*each {
		t.Errorf("expected %d requests of the gateway's account on the chain, got %d", clients*each, n)
	}
	code, text, err := c.get(ctx, "/v2/opengradient/usage")
	var usage struct {
		Total struct{ Jobs, Reserved, Spent, Refunded uint64 }
	}
	if err = errors.Join(err, json.Unmarshal(text, &usage)); err != nil || code != http.StatusOK {
		t.Fatalf("%d %s, %v", code, text, err)
	}
	u := usage.Total
	paid := before.Sub(b.Balance(t, b.payer.Address))
	if u.Jobs != clients*each || u.Reserved != 0 || !paid.Equal(sdkmath.NewIntFromUint64(u.Spent-u.Refunded)) {
		t.Errorf("expected %d jobs and what the account has paid, %suopg, got %+v: %duopg", clients*each, paid, u, u.Spent-u.Refunded)
	}
	if u.Spent <= clients*each*b.Price.Uint64() {
		t.Errorf("expected gas to be paid beside the fees, got %duopg in all", u.Spent)
	}
	b.requireNoneFailed(t, first)
	t.Logf("%d answers in %s, %d calls repeated, %suopg", answered.Load(), took.Round(time.Millisecond), c.repeated.Load(), paid)
}

func (b *bed) height(t *testing.T) int64 {
	t.Helper()
	info, err := b.Client.RPC.ABCIInfo(nettest.Patience(t))
	if err != nil {
		t.Fatal(err)
	}
	return info.Response.LastBlockHeight
}

// requireNoneFailed looks at all transactions in the blocks after a height: one that ran out of gas would have cost something for
// nothing. A proposer may have them in another order than they were sent: a wrong sequence number costs nothing, and they come
// again.
func (b *bed) requireNoneFailed(t *testing.T, after int64) {
	t.Helper()
	for h, last := after+1, b.height(t); h <= last; h++ {
		res, err := b.Client.RPC.BlockResults(nettest.Patience(t), &h)
		if err != nil {
			t.Fatal(err)
		}
		for i, tx := range res.TxsResults {
			if tx.Code != 0 && (tx.Codespace != sdkerrors.RootCodespace || tx.Code != sdkerrors.ErrWrongSequence.ABCICode()) {
				t.Errorf("transaction %d of block %d: expected it to succeed, got code %d (%s): %s", i, h, tx.Code, tx.Codespace, tx.Log)
			}
		}
	}
}

// requests counts those of the gateway's account on the chain.
func (b *bed) requests(t *testing.T) int {
	t.Helper()
	n, page := 0, &query.PageRequest{Limit: 1000}
	for {
		res, err := b.Client.Inference.Requests(nettest.Patience(t), &inferencetypes.QueryRequestsRequest{Requester: b.payer.Address.String(), Pagination: page})
		if err != nil {
			t.Fatal(err)
		}
		n += len(res.Requests)
		if len(res.Pagination.NextKey) == 0 {
			return n
		}
		page = &query.PageRequest{Limit: 1000, Key: res.Pagination.NextKey}
	}
}

// crowdClient calls the gateway, wherever it is now.
type crowdClient struct {
	key      string
	http     *http.Client
	address  atomic.Pointer[string]
	repeated atomic.Int64
}

func (c *crowdClient) moved(address string) { c.address.Store(&address) }

func (c *crowdClient) do(ctx context.Context, method, path, idempotency, body string) (int, []byte, error) {
	r, err := http.NewRequestWithContext(ctx, method, *c.address.Load()+path, strings.NewReader(body))
	if err != nil {
		return 0, nil, err
	}
	r.Header.Set("Authorization", "Bearer "+c.key)
	if idempotency != "" {
		r.Header.Set("Idempotency-Key", idempotency)
	}
	res, err := c.http.Do(r)
	if err != nil {
		return 0, nil, err
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	return res.StatusCode, text, err
}

func (c *crowdClient) get(ctx context.Context, path string) (int, []byte, error) {
	return c.do(ctx, http.MethodGet, path, "", "")
}

// ask repeats a call until it is answered. What is neither an answer nor a reason to come again is an error.
func (c *crowdClient) ask(ctx context.Context, idempotency, body string) (response, error) {
	for {
		code, text, err := c.do(ctx, http.MethodPost, "/v2/models/iris/infer", idempotency, body)
		switch {
		case ctx.Err() != nil:
			return response{}, ctx.Err()
		case err == nil && code == http.StatusOK:
			var r response
			return r, json.Unmarshal(text, &r)
		case bytes.Contains(text, []byte("sequence")):
			return response{}, fmt.Errorf("expected no error of a sequence number, got %d %s", code, text)
		case err != nil, code == http.StatusTooManyRequests, code == http.StatusServiceUnavailable, code == http.StatusGatewayTimeout:
		default:
			return response{}, fmt.Errorf("%d %s", code, text)
		}
		c.repeated.Add(1)
		if err := pause(ctx, 250*time.Millisecond); err != nil {
			return response{}, err
		}
	}
}

func pause(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}

// settled waits until nothing more will happen to a job.
func (c *crowdClient) settled(ctx context.Context, t *testing.T, job string) {
	t.Helper()
	for {
		code, text, err := c.get(ctx, "/v2/opengradient/jobs/"+job+"?wait=30s&until=settled")
		if err != nil || code != http.StatusOK {
			t.Fatalf("job %s: %d %s, %v", job, code, text, err)
		}
		if bytes.Contains(text, []byte(`"done":true`)) {
			return
		}
	}
}
