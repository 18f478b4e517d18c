package rest_test

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"math"
	"net"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/opengradient/opengradient/internal/gateway/chain"
	"github.com/opengradient/opengradient/internal/gateway/config"
	"github.com/opengradient/opengradient/internal/gateway/daemontest"
	"github.com/opengradient/opengradient/internal/gateway/gatewaytest"
)

// patience bounds what a test waits for in vain.
const patience = 20 * time.Second

// open sends text on a connection of its own.
func open(t *testing.T, address, text string) net.Conn {
	t.Helper()
	c, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	if err := c.SetDeadline(time.Now().Add(patience)); err != nil {
		t.Fatal(err)
	}
	if _, err := io.WriteString(c, text); err != nil {
		t.Fatal(err)
	}
	return c
}

// answer reads one answer from a connection.
func answer(t *testing.T, c net.Conn) daemontest.Response {
	t.Helper()
	r, err := http.ReadResponse(bufio.NewReader(c), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Body.Close()
	b, err := io.ReadAll(r.Body)
	if err != nil {
		t.Fatal(err)
	}
	return daemontest.Response{Code: r.StatusCode, Header: r.Header, Body: string(b)}
}

// asked begins to send jsonBody and returns once the server waits for it.
func asked(t *testing.T, g *daemontest.Gateway, header string) net.Conn {
	t.Helper()
	c := open(t, g.REST, post(inferPath, header+"Expect: 100-continue\r\n", "", len(jsonBody)))
	const goOn = "HTTP/1.1 100 Continue\r\n\r\n"
	got := make([]byte, len(goOn))
	if _, err := io.ReadFull(c, got); err != nil || string(got) != goOn {
		t.Fatalf("expected to be asked for the body, got %q, %v", got, err)
	}
	return c
}

func post(path, header, body string, length int) string {
	return fmt.Sprintf("POST %s HTTP/1.1\r\nHost: x\r\n%sContent-Length: %d\r\n\r\n%s", path, header, length, body)
}

// A client that announces a body and does not send it loses its connection, whoever would have read the body.
func TestBodyThatDoesNotCome(t *testing.T) {
	g := daemontest.Start(t, gatewaytest.New(), "", func(c *config.Config) { c.ReadTimeout = 100 * time.Millisecond })
	deflated := squeeze(t, "deflate", jsonBody)
	for name, c := range map[string]struct{ address, text string }{
		"inference":                 {g.REST, post(inferPath, "", "{", 1000)},
		"an unknown key":            {g.REST, post(inferPath, "Authorization: Bearer ogk_0\r\n", "", 1000)},
		"a check":                   {g.REST, strings.Replace(post("/v2/health/live", "", "", 1000), "POST", "GET", 1)},
		"the index":                 {g.REST, post("/v2/repository/index", "", "{", 1000)},
		"an unknown encoding":       {g.REST, post("/v2/repository/index", "Content-Encoding: br\r\n", "", 1000)},
		"after a compressed stream": {g.REST, post(inferPath, "Content-Encoding: deflate\r\n", deflated, len(deflated)+1000)},
		"an unknown path":           {g.REST, post("/v1", "", "", 1000)},
		"metrics":                   {g.Metrics, strings.Replace(post("/metrics", "", "", 1000), "POST", "GET", 1)},
	} {
		if _, err := io.ReadAll(open(t, c.address, c.text)); errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("%s: expected the connection to be closed, it is open", name)
		}
	}
}

// The time for the body is not that for the answer.
func TestAnswerMayTakeLongerThanTheBody(t *testing.T) {
	c := gatewaytest.New()
	c.Reach(chain.StageAssigned)
	g := daemontest.Start(t, c, "", func(c *config.Config) { c.ReadTimeout, c.AnswerTimeout = 100*time.Millisecond, 500*time.Millisecond })
	zipped := squeeze(t, "gzip", jsonBody)
	for name, text := range map[string]string{"plain": post(inferPath, "", jsonBody, len(jsonBody)), "gzip": post(inferPath, "Content-Encoding: gzip\r\n", zipped, len(zipped))} {
		if r := answer(t, open(t, g.REST, text)); r.Code != http.StatusGatewayTimeout {
			t.Errorf("%s: expected the time of the answer to be over, got %d %s", name, r.Code, r.Body)
		}
	}
}

func TestIndexTakesASmallBodyOnly(t *testing.T) {
	g := daemontest.Start(t, gatewaytest.New(), "", nil)
	large := `{"ready":true}` + strings.Repeat(" ", 5000)
	for name, r := range map[string]daemontest.Response{
		"plain": g.Do("POST", "/v2/repository/index", large),
		"gzip":  g.Do("POST", "/v2/repository/index", squeeze(t, "gzip", large), "Content-Encoding", "gzip"),
	} {
		if r.Code != 413 || !strings.Contains(r.Body, "at most 4096 bytes") {
			t.Errorf("%s: expected 413, got %d %s", name, r.Code, r.Body)
		}
	}
}

// Requests that are being received hold memory, of which there is only so much.
func TestMemoryForBodies(t *testing.T) {
	g := daemontest.Start(t, gatewaytest.New(), "", func(c *config.Config) { c.MaxBodyBytes, c.MaxBodyMemory = 1024, 1025 })
	first := asked(t, g, "")
	if r := g.Do("POST", inferPath, jsonBody); r.Code != 503 || r.Header.Get("Retry-After") != "1" {
		t.Errorf("without memory: expected 503, got %d %v %s", r.Code, r.Header, r.Body)
	}
	if r := g.Do("GET", "/v2/models/iris", ""); r.Code != 200 {
		t.Errorf("a call without a body: expected 200, got %d", r.Code)
	}
	if _, err := io.WriteString(first, jsonBody); err != nil {
		t.Fatal(err)
	}
	if r := answer(t, first); r.Code != http.StatusOK {
		t.Errorf("expected the answer, got %d %s", r.Code, r.Body)
	}
	daemontest.Await(t, "the memory to be free", func() bool { return g.Do("POST", inferPath, jsonBody).Code == 200 })
}

// A caller sends as many requests at one time as it may have without an answer, and can repeat one when it has no room.
func TestRequestsThatAreBeingReceived(t *testing.T) {
	c := gatewaytest.New()
	c.Reach(chain.StageAccepted)
	g := daemontest.Start(t, c, "", func(c *config.Config) { c.AnonymousConcurrency = 1 })
	slow := asked(t, g, "Idempotency-Key: k\r\nPrefer: respond-async\r\n")
	if r := g.Do("POST", inferPath, jsonBody); r.Code != 429 || r.Header.Get("Retry-After") == "" {
		t.Errorf("while another is received: expected 429, got %d %s", r.Code, r.Body)
	}
	if _, err := io.WriteString(slow, jsonBody); err != nil {
		t.Fatal(err)
	}
	r := answer(t, slow)
	if r.Code != http.StatusAccepted {
		t.Fatalf("got %d %s", r.Code, r.Body)
	}
	for range 3 {
		if again := g.Do("POST", inferPath, jsonBody, "Idempotency-Key", "k", "Prefer", "respond-async"); again.Code != 202 || again.Header.Get("Location") != r.Header.Get("Location") {
			t.Errorf("expected the same job, got %d %s", again.Code, again.Body)
		}
		if other := g.Do("POST", inferPath, jsonBody); other.Code != 429 {
			t.Errorf("another request: expected 429, got %d %s", other.Code, other.Body)
		}
	}
}

// Calls that wait for jobs have a number too, and end with the gateway.
func TestCallsThatWait(t *testing.T) {
	c := gatewaytest.New()
	c.Reach(chain.StageAccepted)
	g := daemontest.Start(t, c, "", func(c *config.Config) { c.AnonymousConcurrency = 1 })
	job := g.Do("POST", inferPath, jsonBody, "Prefer", "respond-async", "Idempotency-Key", "k").Header.Get("Location")
	var streams []net.Conn
	for range 4 {
		c := open(t, g.REST, "GET "+job+"/events HTTP/1.1\r\nHost: x\r\n\r\n")
		if line, err := bufio.NewReader(c).ReadString('\n'); err != nil || !strings.Contains(line, " 200 ") {
			t.Fatalf("expected a stream, got %q, %v", line, err)
		}
		streams = append(streams, c)
	}
	for name, r := range map[string]daemontest.Response{
		"a stream": g.Do("GET", job+"/events", ""), "a poll": g.Do("GET", job+"?wait=1ms", ""), "the same request": g.Do("POST", inferPath, jsonBody, "Idempotency-Key", "k"),
	} {
		if r.Code != 429 || r.Header.Get("Retry-After") == "" || !strings.Contains(r.Body, "expected at most 4") {
			t.Errorf("%s: expected 429, got %d %s", name, r.Code, r.Body)
		}
	}
	for _, path := range []string{job, "/v2/health/live"} {
		if r := g.Do("GET", path, ""); r.Code != 200 {
			t.Errorf("%s: expected 200 without a wait, got %d %s", path, r.Code, r.Body)
		}
	}
	if err := streams[0].Close(); err != nil {
		t.Fatal(err)
	}
	daemontest.Await(t, "room", func() bool { return g.Do("GET", job+"?wait=1ms", "").Code == 200 })
	polled := make(chan *http.Response, 1)
	go func() {
		for {
			r, err := http.Get("http://" + g.REST + job + "?wait=50s")
			if err != nil {
				t.Errorf("a poll: %v", err)
			} else if err := r.Body.Close(); err != nil || r.StatusCode == http.StatusTooManyRequests {
				continue // the look below has the place
			}
			polled <- r
			return
		}
	}()
	daemontest.Await(t, "the poll to wait", func() bool { return g.Do("GET", job+"?wait=1ms", "").Code == 429 })
	g.Stop()
	if r := <-polled; r == nil || r.StatusCode != http.StatusServiceUnavailable || r.Header.Get("Retry-After") == "" {
		t.Errorf("while the gateway ends: expected 503, got %v", r)
	}
}

func TestOriginWithoutAKey(t *testing.T) {
	g := daemontest.Start(t, gatewaytest.New(), "", func(c *config.Config) { c.CORSOrigins = []string{"https://app.example.org"} })
	for origin, code := range map[string]int{"https://app.example.org": 200, "https://evil.example.org": 403, "null": 403} {
		if r := g.Do("POST", inferPath, jsonBody, "Origin", origin, "Content-Type", "text/plain"); r.Code != code {
			t.Errorf("%s: expected %d, got %d %s", origin, code, r.Code, r.Body)
		}
	}
	if r := g.Do("GET", "/v2/models/iris", "", "Origin", "https://evil.example.org"); r.Code != 200 {
		t.Errorf("what needs no key: expected 200, got %d", r.Code)
	}
}

// What a client chooses, and the gateway keeps, has bounds.
func TestBoundsOfARequest(t *testing.T) {
	c := gatewaytest.New()
	g := daemontest.Start(t, c, "", nil)
	with := func(id, parameters string) string {
		return fmt.Sprintf(`{"id":%q,"parameters":%s,%s`, id, parameters, jsonBody[len(`{"id":"42",`):])
	}
	members := func(n int) string {
		var b strings.Builder
		for i := range n {
			fmt.Fprintf(&b, `,"p%d":0`, i)
		}
		return "{" + b.String()[1:] + "}"
	}
	for name, tc := range map[string]struct {
		body    string
		code    int
		message string
	}{
		"the longest id":       {with(strings.Repeat("x", 1024), "{}"), 200, ""},
		"a longer one":         {with(strings.Repeat("x", 1025), "{}"), 400, "id: expected at most 1024 bytes, got 1025"},
		"the largest maximum":  {with("", `{"max_fee":4611686018427387904}`), 429, "quota"},
		"a larger one":         {with("", `{"max_fee":4611686018427387905}`), 400, "parameters.max_fee: expected at most 4611686018427387904uopg, got 4611686018427387905uopg"},
		"the largest number":   {with("", fmt.Sprintf(`{"max_fee":"%duopg"}`, uint64(math.MaxUint64))), 400, "parameters.max_fee"},
		"many parameters":      {with("", members(64)), 200, ""},
		"too many parameters":  {with("", members(65)), 400, "parameters: expected at most 64 members"},
		"parameters too large": {with("", `{"x":"`+strings.Repeat("y", 65<<10)+`"}`), 400, "parameters: expected at most 65536 bytes"},
		"nothing":              {"", 400, "expected a JSON document, got an empty body"},
		"nothing but space":    {" \n", 400, "expected a JSON document, got an empty body"},
		"too many inputs":      {`{"inputs":[` + strings.Repeat("0,", 1000) + `0]}`, 400, "inputs: expected at most 256 elements, got more"},
		"too many dimensions":  {`{"inputs":[{"name":"x","shape":[` + strings.Repeat("1,", 1000) + `1]}]}`, 400, "shape: expected at most"},
		"an output's too many": {`{"outputs":[{"name":"y","parameters":` + members(65) + `}],` + jsonBody[1:], 400, "parameters: expected at most 64 members"},
		"an index of requests": {`[` + jsonBody + `]`, 400, "expected an object"},
	} {
		r := g.Do("POST", inferPath, tc.body)
		if r.Code != tc.code || !strings.Contains(r.Body, tc.message) {
			t.Errorf("%s: expected %d with %q, got %d %.300s", name, tc.code, tc.message, r.Code, r.Body)
		}
	}
}

func TestOtherMethods(t *testing.T) {
	g := daemontest.Start(t, gatewaytest.New(), "", nil)
	for path, allowed := range map[string]string{"/v2/health/live": "GET, HEAD", "/v2/models/iris": "GET, HEAD", "/v2/opengradient/usage": "GET, HEAD", inferPath: "POST"} {
		if r := g.Do("DELETE", path, ""); r.Code != 405 || r.Header.Get("Allow") != allowed {
			t.Errorf("%s: expected 405 and %s, got %d %v", path, allowed, r.Code, r.Header)
		}
	}
	if r := g.Do("HEAD", "/v2/health/live", ""); r.Code != 200 {
		t.Errorf("HEAD: expected 200, got %d", r.Code)
	}
}
