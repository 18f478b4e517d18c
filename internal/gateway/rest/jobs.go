package rest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"time"

	"github.com/opengradient/opengradient/internal/gateway/jobs"
	"github.com/opengradient/opengradient/internal/gateway/keys"
	"github.com/opengradient/opengradient/internal/gateway/service"
)

// heartbeat keeps proxies from closing a stream of events that is quiet.
const heartbeat = 15 * time.Second

// jobDocument is a job as its client sees it.
type jobDocument struct {
	Job             string          `json:"gateway_job"`
	ID              string          `json:"id,omitempty"`
	Stage           jobs.Stage      `json:"stage"`
	Done            bool            `json:"done"`
	Created         time.Time       `json:"created"`
	Model           string          `json:"model_name"`
	Version         string          `json:"model_version"`
	SHA256          string          `json:"model_sha256"`
	RequestID       uint64          `json:"request_id,omitempty"`
	TxHash          string          `json:"tx_hash,omitempty"`
	SubmittedHeight int64           `json:"submitted_height,omitempty"`
	Height          int64           `json:"height,omitempty"`
	OutputRoot      string          `json:"output_root,omitempty"`
	RequestDigest   string          `json:"request_digest,omitempty"`
	MaxFee          uint64          `json:"max_fee"`
	Fee             uint64          `json:"fee,omitempty"`
	GasFee          uint64          `json:"gas_fee,omitempty"`
	Refunded        uint64          `json:"refunded,omitempty"`
	Reused          bool            `json:"reused,omitempty"`
	Events          []jobs.Event    `json:"events"`
	Failure         *jobs.Failure   `json:"failure,omitempty"`
	Response        json.RawMessage `json:"response,omitempty"` // the answer, as the inference call gives it
}

// describe writes a job, and its answer when it is there.
func (s *Server) describe(a service.Answer) jobDocument {
	d := jobDocument{
		Job: a.ID, ID: a.ClientID, Stage: a.Stage, Done: a.Done != nil, Created: a.Created, Model: a.Model, Version: a.Version, SHA256: a.SHA256,
		RequestID: a.RequestID, TxHash: a.TxHash, SubmittedHeight: a.Height, Height: a.FinalHeight, OutputRoot: a.OutputRoot,
		RequestDigest: a.RequestDigest, MaxFee: a.MaxFee, Fee: a.Fee, GasFee: a.GasFee(), Refunded: a.Refunded, Reused: a.Reused,
		Events: a.Events, Failure: a.Failure,
	}
	if a.Tensors != nil {
		body, _, err := response(a).Append(nil, func(string) bool { return false })
		if err != nil {
			s.Log.Error("answer not written", "job", a.ID, "error", err)
			return d
		}
		d.Response = body
	}
	return d
}

func (s *Server) job(w http.ResponseWriter, r *http.Request) error {
	caller, err := s.caller(r)
	if err != nil {
		return err
	}
	var wait time.Duration
	if text := r.URL.Query().Get("wait"); text != "" {
		if wait, err = time.ParseDuration(text); err != nil || wait < 0 {
			return service.Errorf(service.Invalid, "wait: expected a duration such as 30s, got %.40q", text)
		}
		wait = min(wait, s.cfg.MaxWait)
	}
	until := r.URL.Query().Get("until")
	if until != "" && until != "final" && until != "settled" {
		return service.Errorf(service.Invalid, "until: expected final or settled, got %.40q", until)
	}
	a, err := s.poll(r, caller, wait, until == "settled")
	if err != nil {
		return err
	}
	body, err := json.Marshal(s.describe(a))
	if err != nil {
		return err
	}
	w.Header().Set("Cache-Control", "no-store")
	s.write(w, r, http.StatusOK, "application/json", body)
	return nil
}

// poll reads a job, after a wait that ends with the gateway.
func (s *Server) poll(r *http.Request, caller *keys.Caller, wait time.Duration, settled bool) (service.Answer, error) {
	id := r.PathValue("job")
	if wait == 0 {
		return s.Job(r.Context(), caller, id, 0, settled)
	}
	leave, err := s.Waits(caller)
	if err != nil {
		return service.Answer{}, err
	}
	defer leave()
	ctx, cancel := s.bounded(r.Context())
	defer cancel()
	a, err := s.Job(ctx, caller, id, wait, settled)
	if err != nil && ctx.Err() != nil && r.Context().Err() == nil {
		return a, jobs.ErrStopping
	}
	return a, err
}

// eventDocument is one event of a stream.
type eventDocument struct {
	jobs.Event
	Job       string        `json:"gateway_job"`
	RequestID uint64        `json:"request_id,omitempty"`
	Failure   *jobs.Failure `json:"failure,omitempty"`
}

// events tells the stages of a job as they come, those before the call first, unless the client has seen them.
func (s *Server) events(w http.ResponseWriter, r *http.Request) error {
	caller, err := s.caller(r)
	if err != nil {
		return err
	}
	seen := 0
	if text := r.Header.Get("Last-Event-ID"); text != "" {
		if seen, err = strconv.Atoi(text); err != nil || seen < 0 {
			return service.Errorf(service.Invalid, "header Last-Event-ID: expected the number of an event, got %.40q", text)
		}
	}
	id := r.PathValue("job")
	j, err := s.Engine.Get(caller.ID, id)
	if err != nil {
		return err
	}
	if j.Done != nil && seen >= len(j.Events) {
		w.WriteHeader(http.StatusNoContent) // tells a browser not to come again
		return nil
	}
	leave, err := s.Waits(caller)
	if err != nil {
		return err
	}
	defer leave()
	h := w.Header()
	h.Set("Content-Type", "text/event-stream")
	h.Set("Cache-Control", "no-store")
	h.Set("X-Accel-Buffering", "no")
	w.WriteHeader(http.StatusOK)
	ctx, cancel := s.bounded(r.Context())
	defer cancel()
	rc := http.NewResponseController(w)
	for {
		for ; seen < len(j.Events); seen++ {
			data, err := json.Marshal(eventDocument{Event: j.Events[seen], Job: j.ID, RequestID: j.RequestID, Failure: failureAt(j, seen)})
			if err != nil {
				return err
			}
			s.patience(w)
			if _, err := fmt.Fprintf(w, "id: %d\nevent: %s\ndata: %s\n\n", seen+1, j.Events[seen].Stage, data); err != nil {
				return err
			}
		}
		if err := rc.Flush(); err != nil && !errors.Is(err, http.ErrNotSupported) {
			return err
		}
		if j.Done != nil {
			return nil
		}
		next, err := s.next(ctx, caller.ID, id, seen)
		if err != nil {
			return nil // the client or the gateway ends: the client comes again with the last id
		}
		if len(next.Events) == seen && next.Done == nil {
			s.patience(w)
			if _, err := fmt.Fprint(w, ": still there\n\n"); err != nil {
				return err
			}
		}
		j = next
	}
}

// failureAt is the failure of a job at the event that tells it.
func failureAt(j jobs.Job, i int) *jobs.Failure {
	if j.Events[i].Stage == jobs.StageFailed {
		return j.Failure
	}
	return nil
}

// next waits for an event after those that were seen, as long as a stream may be quiet.
func (s *Server) next(ctx context.Context, key, id string, seen int) (jobs.Job, error) {
	quiet, cancel := context.WithTimeout(ctx, heartbeat)
	defer cancel()
	j, err := s.Engine.Wait(quiet, key, id, func(j jobs.Job) bool { return len(j.Events) > seen || j.Done != nil })
	if errors.Is(err, context.DeadlineExceeded) && ctx.Err() == nil {
		return j, nil
	}
	return j, err
}
