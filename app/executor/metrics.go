package executor

import (
	"fmt"

	"github.com/prometheus/client_golang/prometheus"
)

// Event is something worth counting.
type Event string

// The events that an executor counts.
const (
	EventRun          Event = "run"           // a model was run to an outcome
	EventCacheHit     Event = "cache_hit"     // an outcome was known already
	EventModelLoaded  Event = "model_loaded"  // a model was handed to the engine
	EventFailure      Event = "failure"       // an outcome is a deterministic failure
	EventRetry        Event = "retry"         // the infrastructure failed, the run is tried again
	EventGivenUp      Event = "given_up"      // the model takes too long here, the attempt is left
	EventCancelled    Event = "cancelled"     // a run was stopped because nobody wants it any more
	EventStored       Event = "stored"        // an outcome is in the outbox
	EventDropped      Event = "dropped"       // an entry left the outbox
	EventStoreError   Event = "store_error"   // the outbox did not take an outcome
	EventQuarantined  Event = "quarantined"   // a record of the outbox cannot be read
	EventContradicted Event = "contradicted"  // committed state holds another outcome of this node
	EventStateError   Event = "state_error"   // committed state could not be read
	EventIdle         Event = "idle"          // there is work and no model may be run
	EventForeignEntry Event = "foreign_entry" // an entry was made for another request
	EventStranded     Event = "stranded"      // committed state holds a commitment that this node cannot open
)

// Metrics counts events. It is safe for concurrent use and does not block.
type Metrics interface {
	Count(Event)
}

type noMetrics struct{}

func (noMetrics) Count(Event) {}

// PrometheusMetrics counts events in a Prometheus counter.
type PrometheusMetrics struct {
	events *prometheus.CounterVec
}

// NewPrometheusMetrics makes the counter opengradient_executor_events_total, by event, and registers it. The node
// serves it with its other metrics.
func NewPrometheusMetrics(registry prometheus.Registerer) (PrometheusMetrics, error) {
	events := prometheus.NewCounterVec(prometheus.CounterOpts{
		Namespace: "opengradient", Subsystem: "executor", Name: "events_total",
		Help: "Events of the node's inference duty, by kind.",
	}, []string{"event"})
	if err := registry.Register(events); err != nil {
		return PrometheusMetrics{}, fmt.Errorf("metrics of the executor: %w", err)
	}
	return PrometheusMetrics{events: events}, nil
}

// Count implements Metrics.
func (m PrometheusMetrics) Count(event Event) { m.events.WithLabelValues(string(event)).Inc() }
