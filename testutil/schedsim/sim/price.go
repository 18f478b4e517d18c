package sim

import (
	"math"
	"slices"
)

// PricePath sums up the second half of a run's base prices.
type PricePath struct {
	Min, Median, Max float64
	// Variation is the standard deviation over the mean, Drift the difference of the means of the two quarters over the mean.
	Variation, Drift float64
}

// Price sums up the base price in the second half of the blocks with arrivals.
func (r *Result) Price() PricePath {
	half := r.Prices[r.LastBlock/2 : r.LastBlock]
	sorted := slices.Sorted(slices.Values(half))
	mean := meanOf(half)
	var squares float64
	for _, price := range half {
		squares += (price - mean) * (price - mean)
	}
	return PricePath{
		Min: sorted[0], Median: sorted[len(sorted)/2], Max: sorted[len(sorted)-1],
		Variation: math.Sqrt(squares/float64(len(half))) / mean,
		Drift:     math.Abs(meanOf(half[len(half)/2:])-meanOf(half[:len(half)/2])) / mean,
	}
}

// Settles tells whether the price stays where it is: it moves around a mean by a tenth of it or less, and the mean is the
// same to a twentieth in both quarters.
func (p PricePath) Settles() bool { return p.Variation <= 0.10 && p.Drift <= 0.05 }

// PriceResponse tells of the base price before a burst, at its highest after it, and how many blocks after the burst it was
// back within a tenth of what it was; 0 when it was not.
func (r *Result) PriceResponse() (before, peak float64, back int64) {
	at := r.Spec.Load.BurstBlock
	before = meanOf(r.Prices[at-100 : at-1])
	after := r.Prices[at-1 : r.LastBlock]
	peak = slices.Max(after)
	highest := slices.Index(after, peak)
	for i, price := range after[highest:] {
		if price <= 1.1*before {
			return before, peak, int64(highest + i)
		}
	}
	return before, peak, 0
}

func meanOf(values []float64) float64 {
	var sum float64
	for _, value := range values {
		sum += value
	}
	return sum / float64(len(values))
}
