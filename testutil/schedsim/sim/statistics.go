package sim

// Histogram counts delays in blocks.
type Histogram struct {
	counts []int
	total  int
	sum    int64
}

// Add counts a delay.
func (h *Histogram) Add(blocks int64) {
	for int64(len(h.counts)) <= blocks {
		h.counts = append(h.counts, 0)
	}
	h.counts[blocks]++
	h.total++
	h.sum += blocks
}

// Count is the number of delays.
func (h *Histogram) Count() int { return h.total }

// Mean is their mean.
func (h *Histogram) Mean() float64 { return float64(h.sum) / float64(h.total) }

// Quantile is the delay that a part q of all do not exceed. As delays are whole blocks, and many are alike, it is
// interpolated within the block in which it falls: 3.4 says that four tenths of those of 4 blocks are needed for it.
func (h *Histogram) Quantile(q float64) float64 {
	need := q * float64(h.total)
	for blocks, count := range h.counts {
		if float64(count) >= need && count > 0 {
			return float64(blocks) - 1 + need/float64(count)
		}
		need -= float64(count)
	}
	return float64(len(h.counts))
}

// Above is the part of the delays above a number of blocks.
func (h *Histogram) Above(blocks int64) float64 {
	above := 0
	for at := blocks + 1; at < int64(len(h.counts)); at++ {
		above += h.counts[at]
	}
	return float64(above) / float64(h.total)
}

// Median is the least delay that half of all do not exceed, in whole blocks.
func (h *Histogram) Median() int64 {
	need := (h.total + 1) / 2
	for blocks, count := range h.counts {
		if need -= count; need <= 0 {
			return int64(blocks)
		}
	}
	return int64(len(h.counts))
}

// Distribution is the part of the delays of at most 0, 1, 2, … blocks.
func (h *Histogram) Distribution() []float64 {
	parts := make([]float64, len(h.counts))
	sum := 0
	for blocks, count := range h.counts {
		sum += count
		parts[blocks] = float64(sum) / float64(h.total)
	}
	return parts
}
