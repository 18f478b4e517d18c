package service

import (
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"pgregory.net/rapid"

	"github.com/opengradient/opengradient/internal/gateway/jobs"
)

// A counter that is told less than nothing panics: the clock of the machine may be set back between any two events.
func TestClockThatGoesBack(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		s := NewStats(prometheus.NewRegistry())
		var j jobs.Job
		j.Name, j.Version = "iris", "1"
		last := rapid.SampledFrom([]jobs.Stage{jobs.StageFinal, jobs.StageFailed}).Draw(rt, "last")
		if last == jobs.StageFailed {
			j.Failure = &jobs.Failure{Reason: "deadline"}
		}
		stages := []jobs.Stage{jobs.StageAccepted, jobs.StageSubmitted, last}
		if rapid.Bool().Draw(rt, "assigned") {
			stages = []jobs.Stage{jobs.StageAccepted, jobs.StageSubmitted, jobs.StageAssigned, last}
		}
		for i, stage := range stages {
			at := time.UnixMilli(1_800_000_000_000 + rapid.Int64Range(-5000, 5000).Draw(rt, "time"))
			j.Events = append(j.Events, jobs.Event{N: i + 1, Stage: stage, Time: at})
		}
		s.Answered(j)
		m := s.Models("iris", "1")
		if len(m) != 1 || m[0].Success.Count+m[0].Fail.Count != 1 {
			rt.Fatalf("expected it to be counted once, got %+v", m)
		}
		for _, d := range []Duration{m[0].Success, m[0].Fail, m[0].Queue, m[0].Compute} {
			if d.NS > uint64(10*time.Second) {
				rt.Fatalf("expected times of at most 10 s, got %+v", m[0])
			}
		}
	})
}
