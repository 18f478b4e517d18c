package sim

import (
	"math"

	"github.com/opengradient/opengradient/internal/queue"
	"github.com/opengradient/opengradient/internal/selection"
)

// classes is the number of fee classes.
const classes = 3

// Result is what a run showed. Counts are of the whole run; delays, shares and utilisation leave out the warm-up.
type Result struct {
	Spec   Spec
	Policy string

	// Arrived requesters submit or find the price too high; what is submitted is accepted or refused; what is accepted ends
	// with a verdict, or fails after its attempts or at its final deadline.
	Arrived, PricedOut, Submitted, Accepted int
	Refused                                 [classes]int
	NoSlot, NoPower                         int
	Verdicts, Failed                        int
	// NeverBegan are accepted requests that ended without an attempt, of those that failed.
	NeverBegan int
	// Attempts of all requests, Committees the requests that began with a committee, Again those of them for which it found
	// no verdict; Jailed counts jails for missed rounds, Replaced leaders that were replaced.
	Attempts, Committees, Again, Jailed, Replaced int
	// Refusal is the first refusal of the queue.
	Refusal string
	// BurstAccepted, BurstVerdicts and BurstDisorder count the requests of a burst: those accepted, those with a verdict, and
	// those that began before another that had come earlier.
	BurstAccepted, BurstVerdicts, BurstDisorder int

	// Queue is the delay from acceptance to the first attempt, Verdict that from there to the verdict, End that from acceptance
	// to the end of the request, whatever end it takes.
	Queue, Verdict, End Histogram
	// LongestWait is the longest queue delay of each class, in the whole run.
	LongestWait [classes]int64
	// Used is the mean part of the scarcest limit that blocks used, while requests arrived.
	Used float64
	// Prices is the base price, Depth the number of waiting requests after each block.
	Prices []float64
	Depth  []int
	// LastBlock is the last one with arrivals.
	LastBlock int64
	// Nodes are in the order of their operators.
	Nodes []NodeResult

	used      uint64
	measured  int64
	lastBurst uint64 // id of the last request of a burst that began
}

// NodeResult is what a node did after the warm-up.
type NodeResult struct {
	Power    int64
	Speed    uint64
	Claimed  uint64
	Liar     bool
	Eligible int64 // blocks in which it could be assigned
	// Led is the compute units of the attempts that it led. By each measure of capacity, Entitled is what would have been its
	// part by stake × capacity among those eligible.
	Led      float64
	Entitled [measures]float64
}

// Measure is a way to measure capacity.
type Measure int

const (
	// Delivered is what counts for the chain: what a node advertises, as far as it was observed to deliver it.
	Delivered Measure = iota
	// Useful is the true capacity as far as a block can ask for it: at most the block's budget.
	Useful
	// True is the true capacity.
	True
	measures
)

func newResult(s Spec, policy string, nodes []*node) *Result {
	r := &Result{Spec: s, Policy: policy, Nodes: make([]NodeResult, len(nodes))}
	for i, n := range nodes {
		r.Nodes[i] = NodeResult{Power: n.power, Speed: n.speed, Claimed: n.claimed, Liar: n.liar}
	}
	return r
}

func (r *Result) isWarm(height int64) bool { return height > r.Spec.WarmUp }

// block takes in what a block used.
func (r *Result) block(n *network, used uint32) {
	price, _ := n.price.Float64()
	if !n.arriving && r.LastBlock == 0 {
		r.LastBlock = n.height
	}
	r.Prices = append(r.Prices, price)
	r.Depth = append(r.Depth, int(n.waiting.load.Tasks))
	if n.arriving && r.isWarm(n.height) {
		r.used += uint64(used)
		r.measured++
	}
}

// entitle notes what the eligible nodes are entitled to lead of a unit of work in this block.
func (r *Result) entitle(n *network, nodes []selection.Node, ids []int) {
	if !r.isWarm(n.height) {
		return
	}
	budget := n.spec.Params.Rule.Limits.Units
	var sums [measures]float64
	weights := make([][measures]float64, len(nodes))
	for i, node := range nodes {
		speed := n.nodes[ids[i]].speed
		for m, capacity := range [measures]uint64{min(node.Capacity, node.Observed), min(speed, budget), speed} {
			weights[i][m] = float64(node.Power) * float64(capacity)
			sums[m] += weights[i][m]
		}
	}
	for i, id := range ids {
		one := &r.Nodes[id]
		one.Eligible++
		for m := range weights[i] {
			one.Entitled[m] += weights[i][m] / sums[m]
		}
	}
}

// refuse takes in a refusal of the queue.
func (r *Result) refuse(class queue.Class, err error) {
	r.Refused[class]++
	if r.Refusal == "" {
		r.Refusal = err.Error()
	}
}

// begin takes in an attempt.
func (r *Result) begin(n *network, a *attempt, leader *node) {
	r.Attempts++
	if a.committee {
		r.Committees++
	}
	if r.isWarm(n.height) {
		r.Nodes[leader.id].Led += float64(a.task.need.Units)
	}
	if a.task.attempts > 1 {
		return
	}
	a.task.began = n.height
	r.waited(a.task, n.height)
	if !a.task.burst {
		return
	}
	if a.task.id < r.lastBurst {
		r.BurstDisorder++
	}
	r.lastBurst = max(r.lastBurst, a.task.id)
}

func (r *Result) waited(t *task, height int64) {
	wait := height - t.accepted
	r.LongestWait[t.class] = max(r.LongestWait[t.class], wait)
	if r.isWarm(t.accepted) {
		r.Queue.Add(wait)
	}
}

// again takes in an attempt without a verdict that is followed by another.
func (r *Result) again(a *attempt) {
	if a.committee {
		r.Again++
	}
}

// verdict takes in the end of a request with its verdict.
func (r *Result) verdict(n *network, a *attempt) {
	r.Verdicts++
	if a.task.burst {
		r.BurstVerdicts++
	}
	if r.isWarm(a.task.accepted) {
		r.Verdict.Add(n.height - a.task.began)
	}
	r.ended(a.task, n.height)
}

// fail takes in the end of a request without one.
func (r *Result) fail(n *network, t *task) {
	r.Failed++
	if t.began == 0 {
		r.NeverBegan++
		r.waited(t, n.height)
	}
	r.ended(t, n.height)
}

func (r *Result) ended(t *task, height int64) {
	if r.isWarm(t.accepted) {
		r.End.Add(height - t.accepted)
	}
}

// close sums up.
func (r *Result) close() {
	if r.measured > 0 {
		r.Used = float64(r.used) / float64(r.measured) / 10_000
	}
}

// Jain is the index of the leadership of nodes over what they are entitled to by a measure: (Σx)² / (n Σx²), 1 when all
// are alike. Counted are the nodes that could be assigned in most blocks.
func (r *Result) Jain(m Measure) float64 {
	var sum, squares, count float64
	for _, one := range r.Nodes {
		if one.Eligible*2 < r.measured || one.Entitled[m] == 0 {
			continue
		}
		x := one.Led / one.Entitled[m]
		sum, squares, count = sum+x, squares+x*x, count+1
	}
	if count == 0 || squares == 0 {
		return math.NaN()
	}
	return sum * sum / (count * squares)
}

// Liars is the part of all leadership that the liars had, and what they are entitled to by a measure.
func (r *Result) Liars(m Measure) (led, entitled float64) {
	var all, due float64
	for _, one := range r.Nodes {
		all, due = all+one.Led, due+one.Entitled[m]
		if one.Liar {
			led, entitled = led+one.Led, entitled+one.Entitled[m]
		}
	}
	return led / all, entitled / due
}
