package modelstore

import (
	"errors"
	"fmt"

	"github.com/prometheus/client_golang/prometheus"
)

// Event is something worth counting.
type Event string

// The events that a store counts.
const (
	EventFetched    Event = "fetched"     // a file was put into the cache
	EventFailed     Event = "failed"      // no source gave a file
	EventResumed    Event = "resumed"     // a transfer goes on over another connection
	EventRestarted  Event = "restarted"   // bytes of several sources did not make the file
	EventWrongBytes Event = "wrong_bytes" // a source gave something else, or too much or too little
	EventCorrupt    Event = "corrupt"     // a file of the cache had changed and was removed
)

// Metrics counts events and bytes. It is safe for concurrent use and does not block.
type Metrics interface {
	Count(Event)
	// Received counts bytes from a kind of source: file, peer or chain.
	Received(from Kind, bytes int)
	// Sent counts bytes to other nodes.
	Sent(bytes int)
}

type noMetrics struct{}

func (noMetrics) Count(Event)        {}
func (noMetrics) Received(Kind, int) {}
func (noMetrics) Sent(int)           {}

// PrometheusMetrics counts in Prometheus counters.
type PrometheusMetrics struct {
	events   *prometheus.CounterVec
	received *prometheus.CounterVec
	sent     prometheus.Counter
}

// NewPrometheusMetrics makes the counters opengradient_models_events_total, by event, opengradient_models_received_bytes_total,
// by kind of source, and opengradient_models_sent_bytes_total, and registers them.
func NewPrometheusMetrics(registry prometheus.Registerer) (PrometheusMetrics, error) {
	options := func(name, help string) prometheus.CounterOpts {
		return prometheus.CounterOpts{Namespace: "opengradient", Subsystem: "models", Name: name, Help: help}
	}
	m := PrometheusMetrics{
		events:   prometheus.NewCounterVec(options("events_total", "Events of the node's model files, by kind."), []string{"event"}),
		received: prometheus.NewCounterVec(options("received_bytes_total", "Bytes of model files that were read, by kind of source."), []string{"source"}),
		sent:     prometheus.NewCounter(options("sent_bytes_total", "Bytes of model files that were served to other nodes.")),
	}
	if err := errors.Join(registry.Register(m.events), registry.Register(m.received), registry.Register(m.sent)); err != nil {
		return PrometheusMetrics{}, fmt.Errorf("metrics of the model files: %w", err)
	}
	return m, nil
}

// Count implements Metrics.
func (m PrometheusMetrics) Count(event Event) { m.events.WithLabelValues(string(event)).Inc() }

// Received implements Metrics.
func (m PrometheusMetrics) Received(from Kind, bytes int) {
	m.received.WithLabelValues(string(from)).Add(float64(bytes))
}

// Sent implements Metrics.
func (m PrometheusMetrics) Sent(bytes int) { m.sent.Add(float64(bytes)) }
