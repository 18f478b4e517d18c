package rest_test

import (
	"bufio"
	"bytes"
	"compress/flate"
	"compress/gzip"
	"compress/zlib"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/opengradient/opengradient/internal/gateway/chain"
	"github.com/opengradient/opengradient/internal/gateway/config"
	"github.com/opengradient/opengradient/internal/gateway/daemontest"
	"github.com/opengradient/opengradient/internal/gateway/gatewaytest"
	"github.com/opengradient/opengradient/internal/gateway/keys"
	"github.com/opengradient/opengradient/internal/gateway/ledger"
)

const (
	inferPath = "/v2/models/iris/infer"
	jsonBody  = `{"id":"42","inputs":[{"name":"x","shape":[1,2],"datatype":"FP32","data":[1.5,-2]}]}`
	length    = "Inference-Header-Content-Length"
)

// compact drops what differs from run to run.
func member(t *testing.T, body string, path ...string) any {
	t.Helper()
	d := json.NewDecoder(strings.NewReader(body))
	d.UseNumber()
	var v any
	if err := d.Decode(&v); err != nil {
		t.Fatalf("%v in %s", err, body)
	}
	for _, name := range path {
		m, ok := v.(map[string]any)
		if !ok {
			t.Fatalf("expected an object with %s in %s", name, body)
		}
		v = m[name]
	}
	return v
}

func TestMetadata(t *testing.T) {
	c := gatewaytest.New()
	second := gatewaytest.Iris
	second.Version, second.SHA256, second.Status, second.Reason = 2, strings.Repeat("cd", 32), "rejected", "load: no"
	c.Add(second)
	g := daemontest.Start(t, c, "", nil)
	for path, want := range map[string]string{
		"/v2": `{"extensions":["binary_tensor_data","model_configuration","model_repository","statistics","parameters"],"name":"opengradient-gateway","version":"test"}`,
		"/v2/models/iris/versions/1": `{"inputs":[{"name":"x","datatype":"FP32","shape":[-1,2]}],"name":"iris","outputs":[{"name":"y","datatype":"FP32","shape":[-1,2]}],` +
			`"platform":"onnxruntime_onnx","versions":["1"]}`,
		"/v2/models/iris/versions/1/config": `{"backend":"onnxruntime","batch_input":[],"batch_output":[],"default_model_filename":"model.onnx",` +
			`"input":[{"allow_ragged_batch":false,"data_type":"TYPE_FP32","dims":[-1,2],"format":"FORMAT_NONE","is_shape_tensor":false,"name":"x","optional":false}],` +
			`"instance_group":[],"max_batch_size":0,"name":"iris",` +
			`"output":[{"data_type":"TYPE_FP32","dims":[-1,2],"is_shape_tensor":false,"label_filename":"","name":"y"}],` +
			`"parameters":{"sha256":{"string_value":"` + gatewaytest.Iris.SHA256 + `"}},"platform":"onnxruntime_onnx","version_policy":{"specific":{"versions":[1]}}}`,
		"/v2/health/live": "", "/v2/health/ready": "", "/v2/models/iris:1/ready": "", "/v2/models/" + gatewaytest.Iris.SHA256 + "/ready": "",
		"/v2/models/stats": `{"model_stats":[]}`,
	} {
		if r := g.Do("GET", path, ""); r.Code != 200 || r.Body != want {
			t.Errorf("%s: expected 200 and\n%s\ngot %d and\n%s", path, want, r.Code, r.Body)
		}
	}
	for body, want := range map[string]string{
		"":               `[{"name":"iris","version":"1","state":"READY","reason":""},{"name":"iris","version":"2","state":"UNAVAILABLE","reason":"rejected: load: no"}]`,
		`{"ready":true}`: `[{"name":"iris","version":"1","state":"READY","reason":""}]`,
	} {
		if r := g.Do("POST", "/v2/repository/index", body); r.Code != 200 || r.Body != want {
			t.Errorf("index %s: expected %s, got %d %s", body, want, r.Code, r.Body)
		}
	}
}

func TestErrors(t *testing.T) {
	second := gatewaytest.Iris
	second.Name, second.SHA256, second.Status = "off", strings.Repeat("cd", 32), "disabled"
	c := gatewaytest.New()
	c.Add(second)
	g := daemontest.Start(t, c, "", func(c *config.Config) { c.MaxBodyBytes = 2048 })
	input := func(x string) string { return `{"inputs":[` + x + `]}` }
	x := func(rest string) string { return input(`{"name":"x","shape":[1,2],` + rest + `}`) }
	for name, c := range map[string]struct {
		method, path, body string
		header             []string
		code               int
		message            string
	}{
		"an unknown model":           {"POST", "/v2/models/none/infer", jsonBody, nil, 404, "'none' is not found|unknown model"},
		"an unknown version":         {"GET", "/v2/models/iris/versions/9", "", nil, 404, "'iris' version 9 is not found"},
		"a model that is off":        {"POST", "/v2/models/off/infer", jsonBody, nil, 503, "disabled"},
		"one asked whether ready":    {"GET", "/v2/models/off/ready", "", nil, 503, "off:1 is disabled"},
		"no JSON":                    {"POST", inferPath, "hello", nil, 400, "invalid character"},
		"no inputs":                  {"POST", inferPath, `{}`, nil, 400, "inputs: expected at least one tensor"},
		"a misspelt member":          {"POST", inferPath, `{"input":[]}`, nil, 400, `got \"input\"`},
		"an unknown datatype":        {"POST", inferPath, x(`"datatype":"FLOAT","data":[1,2]`), nil, 400, "FP32"},
		"another datatype":           {"POST", inferPath, x(`"datatype":"FP64","data":[1,2]`), nil, 400, `inputs[\"x\"].datatype: expected FP32, got FP64`},
		"too few elements":           {"POST", inferPath, x(`"datatype":"FP32","data":[1]`), nil, 400, "expected 8 bytes for 2 elements"},
		"a wrong shape":              {"POST", inferPath, input(`{"name":"x","shape":[1,3],"datatype":"FP32","data":[1,2,3]}`), nil, 400, `inputs[\"x\"].shape`},
		"a wrong name":               {"POST", inferPath, input(`{"name":"z","shape":[1,2],"datatype":"FP32","data":[1,2]}`), nil, 400, `inputs[\"x\"].name`},
		"a number that overflows":    {"POST", inferPath, x(`"datatype":"FP32","data":[1e39,2]`), nil, 400, "range of FP32"},
		"an unknown output":          {"POST", inferPath, `{"outputs":[{"name":"q"}],` + jsonBody[1:], nil, 400, `outputs[\"q\"]`},
		"classification":             {"POST", inferPath, `{"outputs":[{"name":"y","parameters":{"classification":3}}],` + jsonBody[1:], nil, 400, "classification extension is not supported"},
		"shared memory":              {"POST", inferPath, input(`{"name":"x","shape":[1,2],"datatype":"FP32","parameters":{"shared_memory_region":"r"}}`), nil, 400, "shared memory is not supported"},
		"a tier that is none":        {"POST", inferPath, `{"parameters":{"tier":"gold"},` + jsonBody[1:], nil, 400, `parameters.tier: expected quorum or committee, got \"gold\"`},
		"a maximum below the fee":    {"POST", inferPath, `{"parameters":{"max_fee":5},` + jsonBody[1:], nil, 400, "max_fee: expected at least 1000uopg, got 5uopg"},
		"a maximum of nothing":       {"POST", inferPath, `{"parameters":{"max_fee":"0uopg"},` + jsonBody[1:], nil, 400, "at least 1uopg"},
		"a maximum that is none":     {"POST", inferPath, `{"parameters":{"max_fee":"many"},` + jsonBody[1:], nil, 400, "an amount such as 5000uopg"},
		"sealed as a text":           {"POST", inferPath, `{"parameters":{"sealed":"yes"},` + jsonBody[1:], nil, 400, "sealed: expected true or false"},
		"a length that is none":      {"POST", inferPath, jsonBody, []string{length, "x"}, 400, "Inference-Header-Content-Length: expected a number"},
		"a length beyond the body":   {"POST", inferPath, jsonBody, []string{length, "9999"}, 400, "at most the"},
		"bytes in surplus":           {"POST", inferPath, jsonBody + "abcd", []string{length, fmt.Sprint(len(jsonBody))}, 400, "no bytes after"},
		"a body that is too large":   {"POST", inferPath, strings.Repeat(" ", 3000), nil, 413, "at most 2048 bytes"},
		"a large one, compressed":    {"POST", inferPath, squeeze(t, "gzip", strings.Repeat(" ", 3000)), []string{"Content-Encoding", "gzip"}, 413, "when decompressed"},
		"an unknown encoding":        {"POST", inferPath, jsonBody, []string{"Content-Encoding", "br"}, 400, "gzip, deflate or identity"},
		"gzip that is none":          {"POST", inferPath, jsonBody, []string{"Content-Encoding", "gzip"}, 400, "gzip"},
		"an unknown key":             {"POST", inferPath, jsonBody, []string{"Authorization", "Bearer ogk_000000000000_x"}, 401, "unknown API key"},
		"another scheme":             {"POST", inferPath, jsonBody, []string{"Authorization", "Basic eDp5"}, 401, "Bearer"},
		"another method":             {"GET", inferPath, "", nil, 405, "POST"},
		"another path":               {"GET", "/v1/models", "", nil, 404, "/v2/models/MODEL/infer"},
		"loading":                    {"POST", "/v2/repository/models/iris/load", "", nil, 503, "explicit model load / unload is not allowed"},
		"unloading":                  {"POST", "/v2/repository/models/iris/unload", "", nil, 503, "explicit model load / unload is not allowed"},
		"the state of shared memory": {"GET", "/v2/systemsharedmemory/status", "", nil, 501, "not supported"},
		"tracing":                    {"POST", "/v2/trace/setting", "{}", nil, 501, "not supported"},
		"tracing of a model":         {"GET", "/v2/models/iris/trace/setting", "", nil, 501, "not supported"},
		"logging":                    {"GET", "/v2/logging", "", nil, 501, "not supported"},
		"generation":                 {"POST", "/v2/models/iris/generate", "{}", nil, 501, "not supported"},
		"a job that is none":         {"GET", "/v2/opengradient/jobs/1", "", nil, 404, "no such job"},
		"a wait that is none":        {"GET", "/v2/opengradient/jobs/1?wait=long", "", nil, 400, "30s"},
	} {
		r := g.Do(c.method, c.path, c.body, c.header...)
		found := false
		for _, m := range strings.Split(c.message, "|") {
			found = found || strings.Contains(r.Body, m)
		}
		if r.Code != c.code || !found {
			t.Errorf("%s: expected %d with %q, got %d %s", name, c.code, c.message, r.Code, r.Body)
		}
		if text, ok := member(t, r.Body, "error").(string); !ok || text == "" || r.Header.Get("Content-Type") != "application/json" {
			t.Errorf("%s: expected an error in JSON, got %s", name, r.Body)
		}
	}
	if n := c.Requests(); n != 0 {
		t.Errorf("expected nothing to be signed, got %d requests", n)
	}
}

func squeeze(t *testing.T, encoding, body string) string {
	t.Helper()
	var b bytes.Buffer
	var w io.WriteCloser
	switch encoding {
	case "gzip":
		w = gzip.NewWriter(&b)
	case "deflate":
		w = zlib.NewWriter(&b)
	case "bare":
		var err error
		if w, err = flate.NewWriter(&b, flate.BestSpeed); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := io.WriteString(w, body); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func TestInferInEveryForm(t *testing.T) {
	g := daemontest.Start(t, gatewaytest.New(), "", nil)
	x, y := string(gatewaytest.X(1.5, -2).Data), string(gatewaytest.Y(1.5, -2).Data)
	head := `{"inputs":[{"name":"x","shape":[1,2],"datatype":"FP32","parameters":{"binary_data_size":8}}]`
	all := head + `,"parameters":{"binary_data_output":true,"priority":3,"unknown":{"a":[1]}}}`
	one := head + `,"outputs":[{"name":"y","parameters":{"binary_data":true,"classification":0}}]}`
	asText := head + `,"parameters":{"binary_data_output":true},"outputs":[{"name":"y","parameters":{"binary_data":false}}]}`
	kserve := `{"id":null,"model_name":"iris","parameters":null,"outputs":null,` + jsonBody[len(`{"id":"42",`):]
	for name, c := range map[string]struct {
		path, body string
		header     []string
		binary     bool
	}{
		"JSON":                            {inferPath, jsonBody, nil, false},
		"JSON to a version":               {"/v2/models/iris/versions/1/infer", jsonBody, nil, false},
		"JSON with members that are null": {inferPath, kserve, nil, false},
		"JSON, gzip":                      {inferPath, squeeze(t, "gzip", jsonBody), []string{"Content-Encoding", "gzip"}, false},
		"JSON, deflate":                   {inferPath, squeeze(t, "deflate", jsonBody), []string{"Content-Encoding", "deflate"}, false},
		"JSON, bare deflate":              {inferPath, squeeze(t, "bare", jsonBody), []string{"Content-Encoding", "deflate"}, false},
		"bytes in, JSON out":              {inferPath, head + "}" + x, []string{length, fmt.Sprint(len(head) + 1)}, false},
		"bytes in, all outputs bytes":     {inferPath, all + x, []string{length, fmt.Sprint(len(all))}, true},
		"bytes in, an output as bytes":    {inferPath, one + x, []string{length, fmt.Sprint(len(one))}, true},
		"bytes in, an output as JSON":     {inferPath, asText + x, []string{length, fmt.Sprint(len(asText))}, false},
		"bytes in, gzip":                  {inferPath, squeeze(t, "gzip", one+x), []string{length, fmt.Sprint(len(one)), "Content-Encoding", "gzip"}, true},
		"nothing but bytes":               {inferPath, x, []string{length, "0"}, true},
	} {
		r := g.Do("POST", c.path, c.body, c.header...)
		if r.Code != 200 {
			t.Errorf("%s: %d %s", name, r.Code, r.Body)
			continue
		}
		text := r.Body
		if c.binary {
			var n int
			if _, err := fmt.Sscan(r.Header.Get(length), &n); err != nil || n > len(r.Body) || r.Header.Get("Content-Type") != "application/octet-stream" {
				t.Fatalf("%s: expected bytes, got %v", name, r.Header)
			}
			text = r.Body[:n]
			if r.Body[n:] != y {
				t.Errorf("%s: expected %x, got %x", name, y, r.Body[n:])
			}
		}
		outputs := fmt.Sprint(member(t, text, "outputs"))
		want := "[map[data:[3 -4] datatype:FP32 name:y shape:[1 2]]]"
		if c.binary {
			want = "[map[datatype:FP32 name:y parameters:map[binary_data_size:8] shape:[1 2]]]"
		}
		if outputs != want {
			t.Errorf("%s: expected %s, got %s", name, want, outputs)
		}
		if id := member(t, text, "id"); strings.HasPrefix(name, "JSON") && !strings.Contains(name, "null") && id != "42" {
			t.Errorf("%s: expected the id to come back, got %v", name, id)
		}
		if got := fmt.Sprint(member(t, text, "model_name"), member(t, text, "model_version")); got != "iris1" {
			t.Errorf("%s: got model %s", name, got)
		}
		p := member(t, text, "parameters").(map[string]any)
		for _, key := range []string{"gateway_job", "request_id", "tx_hash", "submitted_height", "height", "model_sha256", "output_root", "request_digest", "fee", "gas_fee", "reused"} {
			if _, ok := p[key]; !ok {
				t.Errorf("%s: expected parameter %s in %v", name, key, p)
			}
		}
		if fmt.Sprintf("%v %v %v", p["fee"], p["gas_fee"], p["reused"]) != "1000 70 false" {
			t.Errorf("%s: got %v", name, p)
		}
	}
	stats := member(t, g.Do("GET", "/v2/models/iris/stats", "").Body, "model_stats").([]any)[0].(map[string]any)
	if fmt.Sprintf("%v %v", stats["inference_count"], stats["version"]) != "12 1" {
		t.Errorf("got %v", stats)
	}
}

func TestAnswerIsCompressedWhenAsked(t *testing.T) {
	g := daemontest.Start(t, gatewaytest.New(), "", nil)
	zeros := strings.Repeat("0,", 1999) + "0"
	body := `{"inputs":[{"name":"x","shape":[1000,2],"datatype":"FP32","data":[` + zeros + `]}]}`
	for encoding, open := range map[string]func(io.Reader) (io.ReadCloser, error){
		"gzip":    func(r io.Reader) (io.ReadCloser, error) { return gzip.NewReader(r) },
		"deflate": zlib.NewReader,
	} {
		r := g.Do("POST", inferPath, body, "Accept-Encoding", encoding)
		if r.Header.Get("Content-Encoding") != encoding {
			t.Fatalf("expected %s, got %v", encoding, r.Header)
		}
		in, err := open(strings.NewReader(r.Body))
		if err != nil {
			t.Fatal(err)
		}
		text, err := io.ReadAll(in)
		if err != nil || len(text) < 4000 {
			t.Errorf("%s: got %d bytes, %v", encoding, len(text), err)
		}
		member(t, string(text), "outputs")
	}
	if r := g.Do("POST", inferPath, body, "Accept-Encoding", "gzip;q=0"); r.Header.Get("Content-Encoding") != "" {
		t.Error("expected no compression for a client that refuses it")
	}
}

func TestAsynchronousJob(t *testing.T) {
	c := gatewaytest.New()
	c.Reach(chain.StageAssigned)
	g := daemontest.Start(t, c, "", func(c *config.Config) { c.AnswerTimeout = 100 * time.Millisecond })
	r := g.Do("POST", inferPath, jsonBody, "Prefer", "respond-async")
	path := r.Header.Get("Location")
	if r.Code != 202 || !strings.HasPrefix(path, "/v2/opengradient/jobs/") || member(t, r.Body, "stage") == nil {
		t.Fatalf("got %d %v %s", r.Code, r.Header, r.Body)
	}
	if r := g.Do("POST", inferPath, `{"parameters":{"async":true},`+jsonBody[1:]); r.Code != 202 {
		t.Errorf("expected 202 by a parameter, got %d", r.Code)
	}
	// A synchronous request whose time is over tells where it goes on.
	r = g.Do("POST", inferPath, jsonBody)
	if r.Code != 504 || r.Header.Get("Location") == "" || member(t, r.Body, "gateway_job") == nil {
		t.Errorf("got %d %v %s", r.Code, r.Header, r.Body)
	}
	if r := g.Do("GET", path+"?wait=50ms", ""); r.Code != 200 || member(t, r.Body, "response") != nil {
		t.Errorf("got %d %s", r.Code, r.Body)
	}
	// Two streams: one sees all stages, one those it has not seen.
	lines := func(header ...string) <-chan []string {
		out := make(chan []string, 1)
		request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+g.REST+path+"/events", nil)
		if err != nil {
			t.Fatal(err)
		}
		for i := 0; i+1 < len(header); i += 2 {
			request.Header.Set(header[i], header[i+1])
		}
		connected := make(chan error, 1)
		go func() {
			res, err := http.DefaultClient.Do(request)
			connected <- err
			if err != nil {
				return
			}
			defer res.Body.Close()
			var got []string
			for s := bufio.NewScanner(res.Body); s.Scan(); {
				if name, ok := strings.CutPrefix(s.Text(), "event: "); ok {
					got = append(got, name)
				}
			}
			out <- got
		}()
		if err := <-connected; err != nil {
			t.Fatal(err)
		}
		return out
	}
	whole, rest := lines(), lines("Last-Event-ID", "3")
	c.Reach(chain.StageSettled)
	if got := fmt.Sprint(<-whole); got != "[accepted submitted assigned final settled]" {
		t.Errorf("got %s", got)
	}
	if got := fmt.Sprint(<-rest); got != "[final settled]" {
		t.Errorf("got %s", got)
	}
	if r := g.Do("GET", path+"/events", "", "Last-Event-Id", "5"); r.Code != http.StatusNoContent {
		t.Errorf("a stream that has ended: expected 204, got %d", r.Code)
	}
	r = g.Do("GET", path+"?wait=10s&until=settled", "")
	if done, _ := member(t, r.Body, "done").(bool); !done || fmt.Sprint(member(t, r.Body, "response", "outputs")) != "[map[data:[3 -4] datatype:FP32 name:y shape:[1 2]]]" ||
		fmt.Sprint(member(t, r.Body, "refunded")) != "100" || member(t, r.Body, "response", "id") != "42" {
		t.Errorf("got %s", r.Body)
	}
}

func TestKeysAndQuotas(t *testing.T) {
	g := daemontest.Start(t, gatewaytest.New(), "", func(c *config.Config) { c.AnonymousQuota = "" })
	if r := g.Do("POST", inferPath, jsonBody); r.Code != 401 || r.Header.Get("WWW-Authenticate") == "" {
		t.Errorf("without a key: expected 401, got %d", r.Code)
	}
	if r := g.Do("GET", "/v2/models/iris", ""); r.Code != 200 {
		t.Errorf("metadata without a key: expected 200, got %d", r.Code)
	}
	alice := g.Key("alice", keys.Limits{Quota: 3000, Per: ledger.Total})
	bob := g.Key("bob", keys.Limits{Quota: 1e9, Per: ledger.PerDay, Rate: 0.001, Burst: 2})
	daemontest.Await(t, "the keys to be seen", func() bool {
		return g.Do("GET", "/v2/opengradient/usage", "", "Authorization", "Bearer "+bob).Code == 200
	})
	codes := ""
	var job string
	for range 3 {
		r := g.Do("POST", inferPath, jsonBody, "Authorization", "Bearer "+alice)
		codes += fmt.Sprint(r.Code, " ")
		if r.Code == 200 {
			job = member(t, r.Body, "parameters", "gateway_job").(string)
			g.Do("GET", "/v2/opengradient/jobs/"+job+"?wait=10s&until=settled", "", "Authorization", "Bearer "+alice)
		} else if !strings.Contains(r.Body, "spending quota exceeded") {
			t.Errorf("got %s", r.Body)
		}
	}
	// A request reserves 1320 and costs 970.
	if codes != "200 200 429 " {
		t.Errorf("got %s", codes)
	}
	usage := g.Do("GET", "/v2/opengradient/usage", "", "Authorization", "Bearer "+alice).Body
	if got := fmt.Sprint(member(t, usage, "used_uopg"), " ", member(t, usage, "left_uopg"), " ", member(t, usage, "name")); got != "1940 1060 alice" {
		t.Errorf("got %s from %s", got, usage)
	}
	if r := g.Do("GET", "/v2/opengradient/jobs/"+job, "", "Authorization", "Bearer "+bob); r.Code != 404 {
		t.Errorf("another's job: expected 404, got %d", r.Code)
	}
	codes = ""
	for range 3 {
		r := g.Do("POST", inferPath, jsonBody, "Authorization", "Bearer "+bob)
		codes += fmt.Sprint(r.Code, " ")
		if r.Code == 429 && r.Header.Get("Retry-After") == "" {
			t.Error("expected Retry-After")
		}
	}
	if codes != "200 200 429 " {
		t.Errorf("got %s", codes)
	}
	err := keys.Edit(g.Folder, func(list []keys.Key) ([]keys.Key, error) {
		now := time.Now()
		list[0].Revoked = &now
		return list, nil
	})
	if err != nil {
		t.Fatal(err)
	}
	daemontest.Await(t, "the key to be revoked", func() bool {
		return g.Do("GET", "/v2/opengradient/usage", "", "Authorization", "Bearer "+alice).Code == 403
	})
}

func TestIdempotencyKeyAcrossRestarts(t *testing.T) {
	c := gatewaytest.New()
	g := daemontest.Start(t, c, "", nil)
	job := func(r daemontest.Response) string {
		t.Helper()
		if r.Code != 200 {
			t.Fatalf("got %d %s", r.Code, r.Body)
		}
		return member(t, r.Body, "parameters", "gateway_job").(string)
	}
	first := job(g.Do("POST", inferPath, jsonBody, "Idempotency-Key", "k"))
	inBody := `{"parameters":{"idempotency_key":"k"},` + strings.Replace(jsonBody[1:], "42", "43", 1)
	for range 2 {
		r := g.Do("POST", inferPath, inBody)
		if again := job(r); again != first {
			t.Errorf("expected job %s, got %s", first, again)
		}
		if id := member(t, r.Body, "id"); id != "43" {
			t.Errorf("expected the id of the call, got %v", id)
		}
		if r := g.Do("POST", inferPath, strings.Replace(jsonBody, "1.5", "1.25", 1), "Idempotency-Key", "k"); r.Code != 409 {
			t.Errorf("other content: expected 409, got %d", r.Code)
		}
		g.Stop()
		g = daemontest.Start(t, c, g.Folder, nil)
	}
	if n := c.Requests(); n != 1 {
		t.Errorf("expected one request, got %d", n)
	}
}

func TestChainAway(t *testing.T) {
	c := gatewaytest.New()
	g := daemontest.Start(t, c, "", nil)
	c.Away(errors.New("connection refused at 10.0.0.1"))
	for method, path := range map[string]string{"GET": "/v2/health/ready", "POST": inferPath} {
		r := g.Do(method, path, jsonBody)
		if r.Code != 503 || !strings.Contains(r.Body, "the chain cannot be reached") || strings.Contains(r.Body, "10.0.0.1") {
			t.Errorf("%s: expected 503, got %d %s", path, r.Code, r.Body)
		}
	}
	if r := g.Do("GET", "/v2/models/iris", ""); r.Code != 503 || strings.Contains(r.Body, "10.0.0.1") {
		t.Errorf("metadata: expected 503 and nothing of the network, got %d %s", r.Code, r.Body)
	}
	if r := g.Do("GET", "/v2/health/live", ""); r.Code != 200 {
		t.Errorf("live: expected 200, got %d", r.Code)
	}
	c.Away(nil)
	if r := g.Do("POST", inferPath, jsonBody); r.Code != 200 {
		t.Errorf("expected 200, got %d %s", r.Code, r.Body)
	}
}

func TestCORS(t *testing.T) {
	g := daemontest.Start(t, gatewaytest.New(), "", func(c *config.Config) { c.CORSOrigins = []string{"https://app.example.org"} })
	r := g.Do("OPTIONS", inferPath, "", "Origin", "https://app.example.org", "Access-Control-Request-Method", "POST")
	if r.Code != 204 || r.Header.Get("Access-Control-Allow-Origin") != "https://app.example.org" || !strings.Contains(r.Header.Get("Access-Control-Allow-Headers"), "Idempotency-Key") {
		t.Errorf("got %d %v", r.Code, r.Header)
	}
	if r := g.Do("OPTIONS", inferPath, "", "Origin", "https://evil.example.org", "Access-Control-Request-Method", "POST"); r.Header.Get("Access-Control-Allow-Origin") != "" {
		t.Errorf("another origin: got %v", r.Header)
	}
	if r := g.Do("GET", "/v2", "", "Origin", "https://app.example.org"); r.Header.Get("Access-Control-Allow-Origin") == "" {
		t.Errorf("got %v", r.Header)
	}
}

func TestFailedRequest(t *testing.T) {
	for reason, code := range map[string]int{"execution": 500, "deadline": 503, "no_agreement": 503} {
		c := gatewaytest.New()
		c.Fail(&chain.Failure{Reason: reason, Detail: "why"})
		g := daemontest.Start(t, c, "", nil)
		r := g.Do("POST", inferPath, jsonBody)
		if r.Code != code || !strings.Contains(r.Body, reason+": why") || member(t, r.Body, "gateway_job") == nil {
			t.Errorf("%s: expected %d, got %d %s", reason, code, r.Code, r.Body)
		}
	}
}
