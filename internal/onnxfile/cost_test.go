package onnxfile

import (
	"errors"
	"math"
	"testing"
)

func TestComputeUnits(t *testing.T) {
	for name, tc := range map[string]struct {
		cost     []CostTerm
		bindings map[string]int64
		want     uint64
		err      error
	}{
		"nothing costs one unit":          {nil, nil, 1, nil},
		"a full unit":                     {[]CostTerm{{nil, 1_000_000, 0}}, nil, 1, nil},
		"a unit begun":                    {[]CostTerm{{nil, 1_000_001, 0}}, nil, 2, nil},
		"elements weigh eight":            {[]CostTerm{{nil, 0, 250_000}}, nil, 2, nil},
		"terms are added before rounding": {[]CostTerm{{nil, 400_000, 0}, {[]string{"N"}, 300_000, 0}}, map[string]int64{"N": 2}, 1, nil},
		"powers of a symbol":              {[]CostTerm{{[]string{"N", "N"}, 1_000_000, 0}}, map[string]int64{"N": 3}, 9, nil},
		"the largest sum":                 {[]CostTerm{{nil, math.MaxUint64, 0}}, nil, math.MaxUint64/1_000_000 + 1, nil},
		"a symbol without value":          {[]CostTerm{{[]string{"N"}, 1, 0}}, nil, 0, ErrBinding},
		"a symbol of zero":                {[]CostTerm{{[]string{"N"}, 1, 0}}, map[string]int64{"N": 0}, 0, ErrBinding},
		"a product that overflows":        {[]CostTerm{{[]string{"N", "N"}, 3, 0}}, map[string]int64{"N": 1 << 32}, 0, ErrOverflow},
		"elements that overflow":          {[]CostTerm{{nil, 0, 1 << 61}}, nil, 0, ErrOverflow},
		"a term that overflows":           {[]CostTerm{{nil, math.MaxUint64, 1}}, nil, 0, ErrOverflow},
		"a sum that overflows":            {[]CostTerm{{nil, math.MaxUint64, 0}, {nil, 1, 0}}, nil, 0, ErrOverflow},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := ComputeUnits(tc.cost, tc.bindings)
			if got != tc.want || !errors.Is(err, tc.err) {
				t.Fatalf("got %d, %v; want %d, %v", got, err, tc.want, tc.err)
			}
		})
	}
}

func TestPeakActivationBytesRefuses(t *testing.T) {
	r := Report{PeakActivation: []ByteTerm{{nil, math.MaxUint64}, {[]string{"N"}, 1}}}
	if _, err := r.PeakActivationBytes(map[string]int64{"N": 1}); !errors.Is(err, ErrOverflow) {
		t.Errorf("an overflow: %v", err)
	}
	if _, err := r.PeakActivationBytes(nil); !errors.Is(err, ErrBinding) {
		t.Errorf("a symbol without value: %v", err)
	}
}
