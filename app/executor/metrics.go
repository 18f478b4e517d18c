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

	EventModelUnloaded Event = "model_unloaded" // a model made room for another
	EventWarmed        Event = "warmed"         // a model was loaded ahead of any run
	EventWarmError     Event = "warm_error"     // a model could not be loaded ahead of any run
	EventFetched       Event = "fetched"        // the file of a model by reference is here
	EventFetchError    Event = "fetch_error"    // the file of a model by reference cannot be had now
	EventTrial         Event = "trial"          // a model was tried, with a finding
	EventTrialFailure  Event = "trial_failure"  // the finding is a failure
	EventTrialRetry    Event = "trial_retry"    // the infrastructure failed, the trial is repeated
)

// Level is something that goes up and down.
type Level string

// The levels that an executor measures.
const (
	LevelLoaded     Level = "models_loaded"       // models that the engine holds
	LevelLoadedSize Level = "models_loaded_bytes" // what they are counted with against the budget
	LevelUntried    Level = "models_untried"      // models that wait for a trial in the class of the engine
	LevelNextProven Level = "next_models_proven"  // models in use that are proven in the next class
	LevelNextTotal  Level = "next_models_total"   // models in use, while a next class is prepared
)

// Metrics counts events and measures levels. It is safe for concurrent use and does not block.
type Metrics interface {
	Count(Event)
	Measure(Level, uint64)
}

type noMetrics struct{}

func (noMetrics) Count(Event)           {}
func (noMetrics) Measure(Level, uint64) {}

// PrometheusMetrics counts events in a Prometheus counter and keeps levels in a gauge.
type PrometheusMetrics struct {
	events *prometheus.CounterVec
	levels *prometheus.GaugeVec
}

// NewPrometheusMetrics makes the counter opengradient_executor_events_total, by event, and the gauge
// opengradient_executor_level, by level, and registers them. The node serves them with its other metrics.
func NewPrometheusMetrics(registry prometheus.Registerer) (PrometheusMetrics, error) {
	events := prometheus.NewCounterVec(prometheus.CounterOpts{
		Namespace: "opengradient", Subsystem: "executor", Name: "events_total",
		Help: "Events of the node's inference duty, by kind.",
	}, []string{"event"})
	levels := prometheus.NewGaugeVec(prometheus.GaugeOpts{
		Namespace: "opengradient", Subsystem: "executor", Name: "level",
		Help: "Levels of the node's inference duty, by kind.",
	}, []string{"level"})
	for _, collector := range []prometheus.Collector{events, levels} {
		if err := registry.Register(collector); err != nil {
			return PrometheusMetrics{}, fmt.Errorf("metrics of the executor: %w", err)
		}
	}
	return PrometheusMetrics{events: events, levels: levels}, nil
}

// Measure implements Metrics.
func (m PrometheusMetrics) Measure(level Level, value uint64) {
	m.levels.WithLabelValues(string(level)).Set(float64(value))
}

// Count implements Metrics.
func (m PrometheusMetrics) Count(event Event) { m.events.WithLabelValues(string(event)).Inc() }
