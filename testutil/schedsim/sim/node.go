package sim

import (
	"math"
	"math/rand/v2"

	"github.com/opengradient/opengradient/internal/selection"
)

// trouble is what a node goes through for a while.
type trouble uint8

const (
	// fine: it takes work, works and attends.
	fine trouble = iota
	// slow: it works at a fraction of its speed, and does not know.
	slow
	// paused: its operator keeps it out of new work; it ends what it has.
	paused
	// failed: its worker is down and its status says so; its votes go on.
	failed
	// gone: nothing of it is heard until it is back; its status becomes stale.
	gone
)

// status is what a node says of itself in a vote extension.
type status struct {
	ready bool
	free  uint64
}

// message is the vote extension that a block carries of a node, two blocks after it was made.
type message struct {
	attends, hasStatus bool
	status             status
}

// node is one node: what is true of it, what the chain knows, and its work.
type node struct {
	id          int
	power       int64
	speed       uint64
	claimed     uint64
	liar        bool
	environment uint32

	trouble trouble
	until   int64 // of the trouble
	next    int64 // trouble
	random  *rand.Rand
	inbox   [2]message

	observed     uint64
	leading      uint64
	status       status
	statusHeight int64
	jailedUntil  int64
	conduct      conduct
	attended     uint64 // bit k for the block k before the present one

	healthy bool
	queue   []item
}

// All nodes serve the one class of tasks and have the memory.
const (
	taskClass   = 1
	nodeMemory  = 1
	nodeClasses = 1 << taskClass
)

// newNodes makes the nodes of a network, in the order of their operators' addresses.
func newNodes(s Spec) []*node {
	random := stream(s.Seed, 1)
	spec := s.Nodes
	stakes := spread(random, spec.Count, spec.Stake.Quantile)
	speeds := spread(random, spec.Count, spec.Capacity.Quantile)
	environments := spread(random, spec.Count, func(u float64) float64 {
		class := 0
		for u >= spec.Environments[class] && class < len(spec.Environments)-1 {
			u -= spec.Environments[class]
			class++
		}
		return float64(class)
	})
	liars := 0
	if spec.Liars > 0 {
		liars = max(1, int(math.Round(spec.Liars*float64(spec.Count))))
	}
	nodes := make([]*node, spec.Count)
	for i := range nodes {
		n := &node{
			id: i, power: int64(stakes[i]), speed: max(1, uint64(speeds[i])), environment: uint32(environments[i]),
			random: stream(s.Seed, 1_000+uint64(i)),
			// Every node has attended, and says that it is ready, before the first block.
			attended: math.MaxUint64, inbox: [2]message{{attends: true}, {attends: true}}, status: status{ready: true},
		}
		n.claimed = n.speed
		if i < liars {
			n.liar, n.claimed, n.speed = true, spec.LiarCapacity, max(1, uint64(spec.LiarSpeed*spec.Capacity.Median))
		}
		n.status.free = n.claimed
		n.next = n.wait(spec.Calm)
		nodes[i] = n
	}
	// Addresses have nothing to do with who lies.
	random.Shuffle(len(nodes), func(i, j int) { nodes[i], nodes[j] = nodes[j], nodes[i] })
	for i, n := range nodes {
		n.id = i
	}
	return nodes
}

// wait draws the time to the next trouble.
func (n *node) wait(calm float64) int64 {
	if calm == 0 {
		return math.MaxInt64
	}
	return 1 + int64(calm*n.random.ExpFloat64())
}

// shortestTrouble is the least number of blocks that a trouble lasts.
const shortestTrouble = 5

// recover ends what the node goes through when its time has come.
func (n *node) recover(height int64, spec NodeSpec) {
	if n.trouble != fine && height >= n.until {
		n.trouble, n.next = fine, height+n.wait(spec.Calm)
	}
}

// suffer begins a trouble of the node.
func (n *node) suffer(height int64, spec NodeSpec) {
	switch u := n.random.Float64(); {
	case u < spec.Mix[0]:
		n.trouble = slow
	case u < spec.Mix[0]+spec.Mix[1]:
		n.trouble = paused
	case u < spec.Mix[0]+spec.Mix[1]+spec.Mix[2]:
		n.trouble = failed
	default:
		n.trouble = gone
	}
	n.until = height + shortestTrouble + int64(spec.Trouble*n.random.ExpFloat64())
}

// hear takes in the extension that a block carries of the node.
func (n *node) hear(height int64) {
	m := n.inbox[height%2]
	n.attended <<= 1
	if !m.attends {
		return
	}
	n.attended |= 1
	if m.hasStatus {
		n.status, n.statusHeight = m.status, height
	}
}

// heartbeatBlocks is the age at which a node repeats its status.
const heartbeatBlocks = 4

// speak makes the extension that the block after the next carries: with a status on a change of condition, when the free
// capacity moved by a quarter of what the node advertises, and as a heartbeat.
func (n *node) speak(height int64) {
	m := message{attends: n.trouble != gone}
	if m.attends {
		m.status = status{ready: n.trouble != failed}
		if units := n.backlog(); m.status.ready && units < n.claimed {
			m.status.free = n.claimed - units
		}
		moved := max(m.status.free, n.status.free) - min(m.status.free, n.status.free)
		m.hasStatus = m.status.ready != n.status.ready || height-n.statusHeight >= heartbeatBlocks ||
			moved > 0 && moved >= (n.claimed+3)/4
	}
	n.inbox[height%2] = m
}

// isHealthy tells whether the node can be expected to end what it has begun, as far as the chain knows.
func (n *node) isHealthy(height, window int64) bool {
	return n.status.ready && height-n.statusHeight < window
}

// isEligible tells whether the chain gives the node new work.
func (n *node) isEligible(height, window int64) bool {
	return n.trouble != paused && n.isHealthy(height, window) && n.jailedUntil <= height
}

// observedOr is what the node has delivered, or what a new one counts for.
func (n *node) observedOr(unproven uint64) uint64 {
	if n.observed == 0 {
		return unproven
	}
	return n.observed
}

// draw is the node as the draws see it.
func (n *node) draw(p Params) selection.Node {
	return selection.Node{
		Power: n.power, Reliability: n.conduct.reliability(p.Window), Capacity: n.claimed, Reported: n.status.free,
		Observed: n.observedOr(p.UnprovenCapacity), Leading: n.leading, Memory: nodeMemory, Classes: nodeClasses, Environment: n.environment,
	}
}
