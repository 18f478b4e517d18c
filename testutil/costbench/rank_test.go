package main

import (
	"math"
	"testing"
	"time"
)

func TestSpearman(t *testing.T) {
	for name, tc := range map[string]struct {
		work  []uint64
		times []time.Duration
		want  float64
	}{
		"the same order":            {[]uint64{1, 5, 900}, []time.Duration{2, 3, 4}, 1},
		"the opposite order":        {[]uint64{1, 5, 900}, []time.Duration{4, 3, 2}, -1},
		"two neighbours exchanged":  {[]uint64{1, 2, 3, 4}, []time.Duration{1, 3, 2, 4}, 0.8}, // 1 - 6·2/(4·15)
		"ties share their rank":     {[]uint64{1, 1, 2}, []time.Duration{1, 2, 3}, math.Sqrt(3) / 2},
		"the ends exchanged of six": {[]uint64{1, 2, 3, 4, 5, 6}, []time.Duration{6, 2, 3, 4, 5, 1}, 1 - 6*50.0/210},
	} {
		rows := make([]row, len(tc.work))
		for i := range rows {
			rows[i] = row{macs: tc.work[i], median: tc.times[i]}
		}
		if got := spearman(rows); math.Abs(got-tc.want) > 1e-12 {
			t.Errorf("%s: got %v, want %v", name, got, tc.want)
		}
	}
}
