package executor

import (
	"context"
	"fmt"

	"go.opentelemetry.io/otel/metric"
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
)

// Metrics counts events. It is safe for concurrent use and does not block.
type Metrics interface {
	Count(Event)
}

type noMetrics struct{}

func (noMetrics) Count(Event) {}

// MeterMetrics counts events in OpenTelemetry counters.
type MeterMetrics struct {
	counters map[Event]metric.Int64Counter
}

// NewMeterMetrics makes the counters opengradient.executor.<event> on a meter.
func NewMeterMetrics(meter metric.Meter) (*MeterMetrics, error) {
	m := &MeterMetrics{counters: make(map[Event]metric.Int64Counter)}
	for _, event := range []Event{
		EventRun, EventCacheHit, EventModelLoaded, EventFailure, EventRetry, EventGivenUp, EventCancelled, EventStored, EventDropped,
		EventStoreError, EventQuarantined, EventContradicted, EventStateError, EventIdle, EventForeignEntry,
	} {
		counter, err := meter.Int64Counter("opengradient.executor." + string(event))
		if err != nil {
			return nil, fmt.Errorf("metrics of the executor: %w", err)
		}
		m.counters[event] = counter
	}
	return m, nil
}

// Count implements Metrics. An unknown event is not counted.
func (m *MeterMetrics) Count(event Event) {
	if counter, ok := m.counters[event]; ok {
		counter.Add(context.Background(), 1)
	}
}
