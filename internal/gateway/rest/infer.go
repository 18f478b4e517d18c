package rest

import (
	"net/http"
	"strings"
	"time"

	"github.com/opengradient/opengradient/internal/gateway/binary"
	"github.com/opengradient/opengradient/internal/gateway/jobs"
	"github.com/opengradient/opengradient/internal/gateway/keys"
	"github.com/opengradient/opengradient/internal/gateway/service"
)

func (s *Server) infer(w http.ResponseWriter, r *http.Request) error {
	caller, err := s.caller(r)
	if err != nil {
		return err
	}
	if origin := r.Header.Get("Origin"); caller.ID == keys.Anonymous && origin != "" && !s.allowed(origin) {
		// Any page that a browser on this network shows could spend what is there for those without a key.
		return service.Errorf(service.Forbidden, "header Origin: expected an API key, or one of cors-origins, got %.128q", origin)
	}
	if wait, ok := caller.Allow(); !ok {
		return &service.Error{Code: service.TooMany, Message: "too many requests of this API key per second", RetryAfter: max(wait, time.Second)}
	}
	held := s.Hold()
	defer held.Release()
	model, version := r.PathValue("model"), r.PathValue("version")
	request, err := s.receive(w, r, caller, held)
	if err != nil {
		return err
	}
	ask := jobs.Ask{Model: model, Version: version, ID: request.ID, Inputs: request.Inputs, Outputs: request.Names()}
	ask.IdempotencyKey = strings.TrimSpace(r.Header.Get("Idempotency-Key"))
	answer, options, err := s.Infer(r.Context(), caller, ask, asynchronous{request.Parameters, prefersAsync(r.Header)})
	if err != nil {
		return err
	}
	// The client's own identifier is that of this call, also when another call made the job.
	answer.ClientID = request.ID
	if options.Async {
		w.Header().Set("Location", jobPath(answer.ID))
		w.Header().Set("Preference-Applied", "respond-async")
		s.writeJSON(w, http.StatusAccepted, s.describe(answer))
		return nil
	}
	return s.respond(w, r, answer, request)
}

// receive reads a request. A caller that sends slowly takes the place of its own requests only.
func (s *Server) receive(w http.ResponseWriter, r *http.Request, caller *keys.Caller, held *service.Held) (binary.Request, error) {
	leave, err := s.Receives(caller)
	if err != nil {
		return binary.Request{}, err
	}
	defer leave()
	body, err := s.readBody(w, r, s.cfg.MaxBody, held)
	if err != nil {
		return binary.Request{}, err
	}
	return s.parse(r, body, r.PathValue("model"), r.PathValue("version"))
}

// parse reads a request in any of its three forms.
func (s *Server) parse(r *http.Request, body []byte, model, version string) (binary.Request, error) {
	header := r.Header.Get(binary.Header)
	n, err := binary.ParseLength(header, len(body))
	if err != nil {
		return binary.Request{}, err
	}
	if header == "" || n > 0 {
		return binary.Parse(body, n)
	}
	m, err := s.Model(r.Context(), model, version)
	if err != nil {
		return binary.Request{}, err
	}
	return binary.ParseRaw(body, m.Inputs)
}

// respond writes the answer in the form that the request asks for.
func (s *Server) respond(w http.ResponseWriter, r *http.Request, a service.Answer, request binary.Request) error {
	binaryOutputs := make(map[string]bool, len(request.Outputs))
	for _, o := range request.Outputs {
		binaryOutputs[o.Name] = o.Binary
	}
	body, jsonBytes, err := response(a).Append(nil, func(name string) bool {
		asked, listed := binaryOutputs[name]
		return listed && asked || !listed && request.BinaryAll
	})
	if err != nil {
		return err
	}
	contentType := "application/json"
	if jsonBytes >= 0 {
		contentType = "application/octet-stream"
		w.Header()[binary.Header] = []string{itoa(jsonBytes)}
	}
	s.write(w, r, http.StatusOK, contentType, body)
	return nil
}

func response(a service.Answer) binary.Response {
	return binary.Response{Model: a.Model, Version: a.Version, ID: a.ClientID, Parameters: a.Parameters(), Outputs: a.Tensors}
}

// prefersAsync reads the header Prefer.
func prefersAsync(h http.Header) bool {
	for _, value := range h.Values("Prefer") {
		for part := range strings.SplitSeq(value, ",") {
			if strings.EqualFold(strings.TrimSpace(part), "respond-async") {
				return true
			}
		}
	}
	return false
}

// asynchronous are parameters beside a header that asks for an answer at once.
type asynchronous struct {
	service.Parameters
	prefer bool
}

// Bool implements service.Parameters.
func (a asynchronous) Bool(name string) (value, given bool, err error) {
	value, given, err = a.Parameters.Bool(name)
	if err == nil && !given && name == service.ParamAsync && a.prefer {
		return true, true, nil
	}
	return value, given, err
}
