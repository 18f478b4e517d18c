package sim

import (
	"fmt"
	"math/big"

	"github.com/opengradient/opengradient/internal/pricing"
	"github.com/opengradient/opengradient/internal/selection"
)

// network is the state of a run.
type network struct {
	spec   Spec
	policy Policy
	nodes  []*node
	total  int64
	load   *workload
	price  *big.Int
	height int64

	waiting   waiting
	unfit     *task      // the first that did not fit the last block
	underWay  []*attempt // by request
	settling  map[int64][]*attempt
	attempts  map[int64][]*attempt // by deadline
	overdue   []*attempt
	finals    map[int64][]*task // by final deadline
	slots     map[int64]int64   // of open tasks, by final deadline
	open      int
	nextID    uint64
	arriving  bool
	delivered []selection.Delivery // of one block, by node
	atOnce    [][]opening          // of one block, by node

	result *Result
}

// Run simulates a spec under a policy until every request has ended.
func Run(s Spec, p Policy) (*Result, error) {
	n := newNetwork(s, p)
	for n.arriving || n.open > 0 {
		n.height++
		if err := n.block(); err != nil {
			return nil, fmt.Errorf("%s under %s: block %d: %w", s.Name, p.Name(), n.height, err)
		}
	}
	n.result.close()
	return n.result, nil
}

func newNetwork(s Spec, p Policy) *network {
	n := &network{
		spec: s, policy: p, nodes: newNodes(s), load: newWorkload(s), price: s.price(), arriving: true,
		waiting:  waiting{heads: s.Params.Rule.HeadStarts},
		settling: make(map[int64][]*attempt), attempts: make(map[int64][]*attempt),
		finals: make(map[int64][]*task), slots: make(map[int64]int64),
		delivered: make([]selection.Delivery, s.Nodes.Count), atOnce: make([][]opening, s.Nodes.Count),
	}
	for _, one := range n.nodes {
		n.total += one.power
	}
	n.result = newResult(s, p.Name(), n.nodes)
	return n
}

// block is one block, in the order of the chain: what votes carry, submissions, timers, settlements, deadlines, and
// what begins. Then the nodes work until the next one.
func (n *network) block() error {
	failed := n.live()
	n.record()
	if n.arriving {
		if err := n.submit(); err != nil {
			return err
		}
	}
	n.giveUp()
	n.settle()
	n.expire()
	if failed {
		if err := n.review(); err != nil {
			return err
		}
	}
	used, err := n.assign()
	if err != nil {
		return err
	}
	n.result.block(n, used)
	if n.price, err = pricing.NextBase(n.price, used, n.spec.Params.Market); err != nil {
		return err
	}
	for _, one := range n.nodes {
		one.work(n.height, n.spec.Nodes)
		one.speak(n.height)
	}
	return nil
}

// live begins and ends what nodes go through, and takes in what the votes in the block say of them. It tells whether one
// turned unhealthy. As consensus needs two thirds of the power, no more than a third is in trouble at a time.
func (n *network) live() (failed bool) {
	var troubled int64
	for _, one := range n.nodes {
		one.recover(n.height, n.spec.Nodes)
		if one.trouble != fine {
			troubled += one.power
		}
	}
	for _, one := range n.nodes {
		if one.trouble == fine && n.height >= one.next && 3*(troubled+one.power) <= n.total {
			one.suffer(n.height, n.spec.Nodes)
			troubled += one.power
		}
		one.hear(n.height)
		healthy := one.isHealthy(n.height, n.spec.Params.HeartbeatWindow)
		failed = failed || one.healthy && !healthy
		one.healthy = healthy
	}
	return failed
}
