// Package rest serves the Open Inference Protocol over HTTP as Triton does, with the binary tensor extension, and what is the
// gateway's own below /v2/opengradient.
package rest

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"runtime/debug"
	"slices"
	"strings"
	"time"

	"github.com/opengradient/opengradient/internal/gateway/keys"
	"github.com/opengradient/opengradient/internal/gateway/service"
)

// Config says how the server works.
type Config struct {
	// MaxBody bounds the body of a request, in bytes, before and after decompression.
	MaxBody int64
	// ReadTimeout is how long a client may take to send a body.
	ReadTimeout time.Duration
	// WriteTimeout is how long it may take to read an answer, or one event of a stream.
	WriteTimeout time.Duration
	// Origins are those that browsers may call from; "*" is any.
	Origins []string
	// MaxWait bounds a long poll.
	MaxWait time.Duration
}

// Server is the HTTP handler.
type Server struct {
	cfg Config
	*service.Service
	mux *http.ServeMux
}

// New builds the handler.
func New(cfg Config, s *service.Service) *Server {
	r := &Server{cfg: cfg, Service: s, mux: http.NewServeMux()}
	r.routes()
	return r
}

// handler answers a request, or returns why not.
type handler func(http.ResponseWriter, *http.Request) error

func (s *Server) routes() {
	get, post := http.MethodGet, http.MethodPost
	for _, route := range []struct {
		method, path string
		handle       handler
	}{
		{get, "/v2", s.server},
		{get, "/v2/health/live", s.live},
		{get, "/v2/health/ready", s.ready},
		{get, "/v2/models/stats", s.statistics},
		{get, "/v2/models/{model}", s.metadata},
		{get, "/v2/models/{model}/ready", s.modelReady},
		{get, "/v2/models/{model}/config", s.config},
		{get, "/v2/models/{model}/stats", s.statistics},
		{post, "/v2/models/{model}/infer", s.infer},
		{get, "/v2/models/{model}/versions/{version}", s.metadata},
		{get, "/v2/models/{model}/versions/{version}/ready", s.modelReady},
		{get, "/v2/models/{model}/versions/{version}/config", s.config},
		{get, "/v2/models/{model}/versions/{version}/stats", s.statistics},
		{post, "/v2/models/{model}/versions/{version}/infer", s.infer},
		{post, "/v2/repository/index", s.index},
		{post, "/v2/repository/{repository}/index", s.index},
		{post, "/v2/repository/models/{model}/load", s.repository},
		{post, "/v2/repository/models/{model}/unload", s.repository},
		{get, "/v2/opengradient/usage", s.usage},
		{get, "/v2/opengradient/jobs/{job}", s.job},
		{get, "/v2/opengradient/jobs/{job}/events", s.events},
	} {
		s.mux.HandleFunc(route.method+" "+route.path, s.wrap(route.path, route.handle))
	}
	for prefix, what := range map[string]string{
		"/v2/systemsharedmemory/": "system shared memory", "/v2/cudasharedmemory/": "CUDA shared memory",
		"/v2/trace/": "tracing", "/v2/logging": "changing the log", "/v2/models/{model}/generate": "generation",
		"/v2/models/{model}/generate_stream": "generation", "/v2/models/{model}/trace/setting": "tracing",
	} {
		s.mux.HandleFunc(prefix, s.wrap(prefix, func(http.ResponseWriter, *http.Request) error {
			return service.Errorf(service.Unsupported, "%s is not supported by this server", what)
		}))
	}
	s.mux.HandleFunc("/", s.wrap("other", func(w http.ResponseWriter, r *http.Request) error {
		if method := s.method(r); method != "" {
			w.Header().Set("Allow", map[string]string{get: "GET, HEAD", post: post}[method])
			return service.Errorf(service.Code{HTTP: http.StatusMethodNotAllowed}, "method: expected %s, got %.20q", method, r.Method)
		}
		return service.Errorf(service.NotFound, "expected a path of the Open Inference Protocol such as /v2/models/MODEL/infer, got %.128q", r.URL.Path)
	}))
}

// method is the one that the path of a request is for; empty when it is for none.
func (s *Server) method(r *http.Request) string {
	for _, method := range []string{http.MethodGet, http.MethodPost} {
		other := *r
		other.Method = method
		if _, pattern := s.mux.Handler(&other); strings.HasPrefix(pattern, method+" ") {
			return method
		}
	}
	return ""
}

// ServeHTTP implements http.Handler.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Body != nil && r.Body != http.NoBody {
		// It holds whoever reads the body, or nobody: what is left of it is read when the handler ends.
		_ = http.NewResponseController(w).SetReadDeadline(time.Now().Add(s.cfg.ReadTimeout))
	}
	if s.cors(w, r) {
		return
	}
	s.mux.ServeHTTP(w, r)
}

// wrap counts, logs and writes errors.
func (s *Server) wrap(route string, h handler) http.HandlerFunc {
	return func(rw http.ResponseWriter, r *http.Request) {
		began := time.Now()
		w := &recorder{ResponseWriter: rw}
		err := s.guard(w, r, h)
		if err != nil && w.code == 0 {
			s.fail(w, err)
		}
		s.Stats.HTTP(route, w.code)
		level := slog.LevelDebug
		if w.code >= http.StatusInternalServerError {
			level = slog.LevelWarn
		}
		s.Log.Log(r.Context(), level, "http", "method", r.Method, "path", r.URL.Path, "code", w.code, "bytes", w.bytes,
			"took", time.Since(began), "remote", r.RemoteAddr, "error", err)
	}
}

// guard keeps a defect in one handler from ending the process.
func (s *Server) guard(w http.ResponseWriter, r *http.Request, h handler) (err error) {
	defer func() {
		if p := recover(); p != nil {
			s.Log.Error("handler panicked", "path", r.URL.Path, "panic", p, "stack", string(debug.Stack()))
			err = service.Errorf(service.Internal, "internal error, see the log of the gateway")
		}
	}()
	return h(w, r)
}

// fail writes an error as Triton does.
func (s *Server) fail(w http.ResponseWriter, err error) {
	e := service.AsError(err)
	if e.RetryAfter > 0 {
		w.Header().Set("Retry-After", e.RetrySeconds())
	}
	body := map[string]any{"error": e.Message}
	if e.Job != "" {
		body["gateway_job"] = e.Job
		w.Header().Set("Location", jobPath(e.Job))
	}
	if e.HTTP == http.StatusUnauthorized {
		w.Header().Set("WWW-Authenticate", `Bearer realm="`+service.Name+`"`)
	}
	s.writeJSON(w, e.HTTP, body)
}

func jobPath(id string) string { return "/v2/opengradient/jobs/" + id }

// caller finds out who calls.
func (s *Server) caller(r *http.Request) (*keys.Caller, error) {
	return s.Caller(r.Header.Get("Authorization"))
}

// allowed tells whether browsers may call from an origin.
func (s *Server) allowed(origin string) bool {
	return slices.ContainsFunc(s.cfg.Origins, func(o string) bool { return o == "*" || strings.EqualFold(o, origin) })
}

// cors tells browsers what they may do; done is true when that is all they asked.
func (s *Server) cors(w http.ResponseWriter, r *http.Request) (done bool) {
	origin := r.Header.Get("Origin")
	if origin == "" || len(s.cfg.Origins) == 0 {
		return false
	}
	w.Header().Add("Vary", "Origin")
	preflight := r.Method == http.MethodOptions && r.Header.Get("Access-Control-Request-Method") != ""
	if s.allowed(origin) {
		h := w.Header()
		h.Set("Access-Control-Allow-Origin", origin)
		h.Set("Access-Control-Expose-Headers", "Inference-Header-Content-Length, Location, Retry-After, Preference-Applied")
		if preflight {
			h.Set("Access-Control-Allow-Methods", "GET, POST, OPTIONS")
			h.Set("Access-Control-Allow-Headers", "Authorization, Content-Type, Content-Encoding, Idempotency-Key, Prefer, Inference-Header-Content-Length, Last-Event-ID")
			h.Set("Access-Control-Max-Age", "600")
		}
	}
	if preflight {
		w.WriteHeader(http.StatusNoContent)
	}
	return preflight
}

// recorder remembers what was written.
type recorder struct {
	http.ResponseWriter
	code  int
	bytes int
}

// WriteHeader implements http.ResponseWriter.
func (r *recorder) WriteHeader(code int) {
	if r.code == 0 {
		r.code = code
	}
	r.ResponseWriter.WriteHeader(code)
}

// Write implements http.ResponseWriter.
func (r *recorder) Write(b []byte) (int, error) {
	if r.code == 0 {
		r.code = http.StatusOK
	}
	n, err := r.ResponseWriter.Write(b)
	r.bytes += n
	return n, err
}

// Unwrap lets http.ResponseController find the connection.
func (r *recorder) Unwrap() http.ResponseWriter { return r.ResponseWriter }

// patience bounds a write by the clock of the connection.
func (s *Server) patience(w http.ResponseWriter) {
	// A writer without deadlines, as tests have it, writes without one.
	if err := http.NewResponseController(w).SetWriteDeadline(time.Now().Add(s.cfg.WriteTimeout)); err != nil && !errors.Is(err, http.ErrNotSupported) {
		s.Log.Debug("no deadline for a write", "error", err)
	}
}

// bounded is a context that also ends when the gateway drains: for those who only look.
func (s *Server) bounded(ctx context.Context) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancel(ctx)
	go func() {
		select {
		case <-ctx.Done():
		case <-s.Draining():
			cancel()
		}
	}()
	return ctx, cancel
}
