package server

import (
	"context"
	"sync"
	"time"

	"github.com/opengradient/opengradient/internal/oip"
	"github.com/opengradient/opengradient/internal/worker/wire"
)

// statistics counts the inferences of one loaded model. They start anew when the model is loaded again.
type statistics struct {
	mu                           sync.Mutex
	success, fail, queue, infer  tally
	executions, lastMilliseconds uint64
}

// tally is a number of events and their total duration.
type tally struct{ count, ns uint64 }

func (t *tally) add(d time.Duration) {
	t.count++
	t.ns += uint64(max(d, 0))
}

func (t tally) message() *oip.StatisticDuration {
	return &oip.StatisticDuration{Count: t.count, Ns: t.ns}
}

// record counts an inference that arrived, got its turn and ended at the given times.
func (s *statistics) record(arrived, started, ended time.Time, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.lastMilliseconds = uint64(ended.UnixMilli())
	s.queue.add(started.Sub(arrived))
	s.infer.add(ended.Sub(started))
	if err != nil {
		s.fail.add(ended.Sub(arrived))
		return
	}
	s.executions++
	s.success.add(ended.Sub(arrived))
}

func (s *statistics) message(m *model) *oip.ModelStatistics {
	s.mu.Lock()
	defer s.mu.Unlock()
	return &oip.ModelStatistics{
		Name:           m.name,
		Version:        wire.ModelVersion,
		LastInference:  s.lastMilliseconds,
		InferenceCount: s.executions,
		ExecutionCount: s.executions,
		InferenceStats: &oip.InferStatistics{
			Success:      s.success.message(),
			Fail:         s.fail.message(),
			Queue:        s.queue.message(),
			ComputeInfer: s.infer.message(),
		},
		MemoryUsage: []*oip.MemoryUsage{{Type: "CPU", ByteSize: uint64(m.cost)}},
	}
}

// ModelStatistics gives the counters of one loaded model, or of all. Memory is the size counted against the budget.
func (s *Server) ModelStatistics(_ context.Context, r *oip.ModelStatisticsRequest) (*oip.ModelStatisticsResponse, error) {
	if err := checkVersion(r.GetName(), r.GetVersion()); err != nil {
		return nil, err
	}
	models := s.cache.list()
	if r.GetName() != "" {
		m, ok := s.cache.get(r.GetName())
		if !ok {
			return nil, notLoaded(r.GetName())
		}
		models = []*model{m}
	}
	response := &oip.ModelStatisticsResponse{}
	for _, m := range models {
		response.ModelStats = append(response.ModelStats, m.stats.message(m))
	}
	return response, nil
}
