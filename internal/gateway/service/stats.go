package service

import (
	"sort"
	"strconv"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/opengradient/opengradient/internal/gateway/jobs"
)

// Duration is a count of events and the time they took together.
type Duration struct {
	Count uint64 `json:"count"`
	NS    uint64 `json:"ns"`
}

func (d *Duration) add(t time.Duration) {
	d.Count++
	d.NS += uint64(max(t, 0))
}

// ModelStats counts what became of the requests for one version of a model, since the start of the process.
type ModelStats struct {
	Name, Version string
	Last          time.Time
	Success, Fail Duration
	Queue         Duration // from acceptance to the assignment
	Compute       Duration // from the assignment to the final answer
}

// Stats counts requests, for clients and for Prometheus. It is safe for concurrent use.
type Stats struct {
	mu     sync.Mutex
	models map[[2]string]*ModelStats

	success, failure, count, exec *prometheus.CounterVec
	requestUS, queueUS, computeUS *prometheus.CounterVec
	refused                       *prometheus.CounterVec
	repeated                      prometheus.Counter
	http, grpc                    *prometheus.CounterVec
	latency                       prometheus.Histogram
	commitSeconds, commitSize     prometheus.Histogram
}

// NewStats registers the metrics. The names that begin with nv_inference are those that Triton has.
func NewStats(r prometheus.Registerer) *Stats {
	s := &Stats{models: make(map[[2]string]*ModelStats)}
	counter := func(into **prometheus.CounterVec, name, help string, labels ...string) {
		*into = prometheus.NewCounterVec(prometheus.CounterOpts{Name: name, Help: help}, labels)
		r.MustRegister(*into)
	}
	counter(&s.success, "nv_inference_request_success", "Requests that were answered with outputs", "model", "version")
	counter(&s.failure, "nv_inference_request_failure", "Requests that ended without outputs", "model", "version", "reason")
	counter(&s.count, "nv_inference_count", "Inferences", "model", "version")
	counter(&s.exec, "nv_inference_exec_count", "Executions", "model", "version")
	counter(&s.requestUS, "nv_inference_request_duration_us", "Time of requests, from acceptance to the answer, in microseconds", "model", "version")
	counter(&s.queueUS, "nv_inference_queue_duration_us", "Time of requests before they are assigned, in microseconds", "model", "version")
	counter(&s.computeUS, "nv_inference_compute_infer_duration_us", "Time of requests from their assignment to the answer, in microseconds", "model", "version")
	counter(&s.refused, "opengradient_gateway_refused_total", "Requests that were not taken, by HTTP status", "code")
	counter(&s.http, "opengradient_gateway_http_requests_total", "HTTP requests, by route and status", "route", "code")
	counter(&s.grpc, "opengradient_gateway_grpc_requests_total", "gRPC calls, by method and code", "method", "code")
	s.repeated = prometheus.NewCounter(prometheus.CounterOpts{Name: "opengradient_gateway_repeated_total", Help: "Requests that found the job of their idempotency key"})
	s.latency = prometheus.NewHistogram(prometheus.HistogramOpts{
		Name: "opengradient_gateway_answer_seconds", Help: "Time from acceptance to the answer",
		Buckets: []float64{0.5, 1, 1.5, 2, 3, 4, 6, 8, 12, 20, 40, 80},
	})
	s.commitSeconds = prometheus.NewHistogram(prometheus.HistogramOpts{
		Name: "opengradient_gateway_commit_seconds", Help: "Time of a write of jobs to disk, synced",
		Buckets: prometheus.ExponentialBuckets(0.0005, 2, 12),
	})
	s.commitSize = prometheus.NewHistogram(prometheus.HistogramOpts{
		Name: "opengradient_gateway_commit_transactions", Help: "Changes of jobs that share a write to disk",
		Buckets: prometheus.ExponentialBuckets(1, 2, 10),
	})
	r.MustRegister(s.repeated, s.latency, s.commitSeconds, s.commitSize)
	return s
}

// Answered counts a job that has its answer.
func (s *Stats) Answered(j jobs.Job) {
	at := make(map[jobs.Stage]time.Time, len(j.Events))
	for _, e := range j.Events {
		at[e.Stage] = e.Time
	}
	end, ok := at[jobs.StageFinal]
	if !ok {
		end = at[jobs.StageFailed]
	}
	span := func(from, to time.Time) time.Duration { return max(to.Sub(from), 0) } // a clock may be set back
	whole := span(at[jobs.StageAccepted], end)
	s.latency.Observe(whole.Seconds())
	s.requestUS.WithLabelValues(j.Name, j.Version).Add(float64(whole.Microseconds()))
	s.mu.Lock()
	defer s.mu.Unlock()
	key := [2]string{j.Name, j.Version}
	m := s.models[key]
	if m == nil {
		m = &ModelStats{Name: j.Name, Version: j.Version}
		s.models[key] = m
	}
	m.Last = end
	if assigned, ok := at[jobs.StageAssigned]; ok {
		queue, compute := span(at[jobs.StageAccepted], assigned), span(assigned, end)
		m.Queue.add(queue)
		m.Compute.add(compute)
		s.queueUS.WithLabelValues(j.Name, j.Version).Add(float64(queue.Microseconds()))
		s.computeUS.WithLabelValues(j.Name, j.Version).Add(float64(compute.Microseconds()))
	}
	if j.Failure != nil {
		m.Fail.add(whole)
		s.failure.WithLabelValues(j.Name, j.Version, j.Failure.Reason).Inc()
		return
	}
	m.Success.add(whole)
	s.success.WithLabelValues(j.Name, j.Version).Inc()
	s.count.WithLabelValues(j.Name, j.Version).Inc()
	s.exec.WithLabelValues(j.Name, j.Version).Inc()
}

// Models gives the statistics of a version of a model, of all versions when it is empty, or of all models.
func (s *Stats) Models(name, version string) []ModelStats {
	s.mu.Lock()
	defer s.mu.Unlock()
	list := make([]ModelStats, 0, len(s.models))
	for _, m := range s.models {
		if (name == "" || m.Name == name) && (version == "" || m.Version == version) {
			list = append(list, *m)
		}
	}
	sort.Slice(list, func(i, j int) bool {
		if list[i].Name != list[j].Name {
			return list[i].Name < list[j].Name
		}
		return list[i].Version < list[j].Version
	})
	return list
}

// Refused counts a request that was not taken.
func (s *Stats) Refused(code int) { s.refused.WithLabelValues(strconv.Itoa(code)).Inc() }

// Repeated counts a request that found the job of its idempotency key.
func (s *Stats) Repeated() { s.repeated.Inc() }

// HTTP counts an HTTP request; the routes are few.
func (s *Stats) HTTP(route string, code int) { s.http.WithLabelValues(route, strconv.Itoa(code)).Inc() }

// GRPC counts a gRPC call.
func (s *Stats) GRPC(method, code string) { s.grpc.WithLabelValues(method, code).Inc() }

// Commit is told of every write to disk.
func (s *Stats) Commit(transactions int, took time.Duration) {
	s.commitSize.Observe(float64(transactions))
	s.commitSeconds.Observe(took.Seconds())
}
