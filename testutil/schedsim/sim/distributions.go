package sim

import (
	"math"
	"math/rand/v2"
)

// Pareto is the bounded Pareto distribution on [Low, High].
type Pareto struct {
	Low, High, Shape float64
}

// Quantile is the value below which a part u of the distribution lies.
func (p Pareto) Quantile(u float64) float64 {
	if p.Low == p.High {
		return p.Low
	}
	ratio := math.Pow(p.Low/p.High, p.Shape)
	return p.Low / math.Pow(1-u*(1-ratio), 1/p.Shape)
}

// Mean is the expectation. Shape is not 1.
func (p Pareto) Mean() float64 {
	if p.Low == p.High {
		return p.Low
	}
	ratio := math.Pow(p.Low/p.High, p.Shape)
	return p.Shape * math.Pow(p.Low, p.Shape) / (p.Shape - 1) *
		(math.Pow(p.Low, 1-p.Shape) - math.Pow(p.High, 1-p.Shape)) / (1 - ratio)
}

// Lognormal is the distribution of Median × e^(Sigma × standard normal).
type Lognormal struct {
	Median, Sigma float64
}

// Quantile is the value below which a part u of the distribution lies; u is strictly between 0 and 1.
func (l Lognormal) Quantile(u float64) float64 {
	return l.Median * math.Exp(l.Sigma*math.Sqrt2*math.Erfinv(2*u-1))
}

// Draw draws a value.
func (l Lognormal) Draw(random *rand.Rand) float64 {
	return l.Median * math.Exp(l.Sigma*random.NormFloat64())
}

// poisson draws a number of arrivals by adding up the times between them.
func poisson(random *rand.Rand, mean float64) int {
	count := 0
	for at := random.ExpFloat64(); at < mean; at += random.ExpFloat64() {
		count++
	}
	return count
}

// spread returns n values of a distribution in random order, at even steps of its quantiles: a small network then has the
// shape of the distribution as well as a large one.
func spread(random *rand.Rand, n int, quantile func(u float64) float64) []float64 {
	values := make([]float64, n)
	for i := range values {
		values[i] = quantile((float64(i) + 0.5) / float64(n))
	}
	random.Shuffle(n, func(i, j int) { values[i], values[j] = values[j], values[i] })
	return values
}

// stream is a generator of its own for one purpose, so that what one draws does not move the others.
func stream(seed, purpose uint64) *rand.Rand { return rand.New(rand.NewPCG(seed, purpose)) }
