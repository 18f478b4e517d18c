package selection

// Delivery sums up, for one node, the rounds that were settled in one block. All is in compute units.
type Delivery struct {
	// Asked is that of all rounds in which the node had a seat and its votes could be heard.
	Asked uint64
	// InTime is the part of Asked that the node agreed with, and not after the verdict.
	InTime uint64
	// AtOnce is the part of InTime whose attestation came in one and the same block: what the node delivers in a block.
	AtOnce uint64
}

// IsLate tells whether the node was asked for more than it delivered in time.
func (d Delivery) IsLate() bool { return d.InTime < d.Asked }

// recovery is the part of a distance that one block makes up for: an eighth.
const recovery = 8

// FloorOf is the least observed capacity, of a node that delivers nothing in time: a 64th of what an unproven node counts
// for, so that it is still drawn from time to time and can prove itself again.
func FloorOf(unproven uint64) uint64 { return max(1, unproven/64) }

// Observe corrects the observed capacity of a node by what it delivered, in compute units per block (ADR 0031).
//
//   - A node that delivered all it was asked for has proved AtOnce. Below unproven it makes up an eighth of the distance.
//   - One that was late with some is saturated: it loses an eighth of the distance to what it delivered in time, down to
//     FloorOf(unproven).
//
// Nothing that a node says of itself is part of it.
func Observe(observed, unproven uint64, d Delivery) uint64 {
	if d.Asked == 0 {
		return observed
	}
	if !d.IsLate() {
		if observed < unproven {
			observed += part(unproven - observed)
		}
		return max(observed, d.AtOnce)
	}
	if observed > d.InTime {
		observed -= part(observed - d.InTime)
	}
	return max(observed, FloorOf(unproven))
}

// Abandoned corrects the observed capacity of a leader whose attempt ended without a word from it: it loses a quarter,
// down to FloorOf(unproven).
func Abandoned(observed, unproven uint64) uint64 {
	return max(observed-observed/4, FloorOf(unproven))
}

// part is what one block makes up of a distance, at least 1 of one that is not zero.
func part(distance uint64) uint64 { return (distance-1)/recovery + 1 }

// Latency averages the time from an assignment to an attestation, in thousandths of a block: the new value counts for an
// eighth. 0 stands for none so far.
func Latency(average uint32, blocks int64) uint32 {
	const thousand, most = 1_000, 1 << 22
	sample := uint32(min(max(blocks, 0), most)) * thousand
	if average == 0 {
		return sample
	}
	if sample >= average {
		return average + (sample-average)/recovery
	}
	return average - (average-sample)/recovery
}
