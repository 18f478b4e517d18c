package sim

import (
	"errors"

	"github.com/opengradient/opengradient/internal/selection"
)

// review looks at the attempts under way when a node has turned unhealthy: one that can bring no verdict ends at once where
// another can begin, one whose leader is unhealthy goes on under another.
func (n *network) review() error {
	window := n.spec.Params.HeartbeatWindow
	var healthy int64
	for _, one := range n.nodes {
		if one.isHealthy(n.height, window) {
			healthy += one.power
		}
	}
	majority := healthy > n.total-healthy
	for _, a := range n.underWay {
		if a.phase != open {
			continue
		}
		var power, lost int64
		for seat, id := range a.seats {
			one := n.nodes[id]
			power += one.power
			if !a.isHeard(seat, n.height) && !one.isHealthy(n.height, window) {
				lost += one.power
			}
		}
		switch {
		case a.decided == 0 && power-lost < a.threshold:
			if majority && a.task.attempts < n.spec.Params.MaxAttempts && n.height < a.task.finalDeadline {
				n.retry(a)
			}
		case !n.nodes[a.seats[a.leader]].isHealthy(n.height, window) && !a.isHeard(a.leader, n.height):
			if err := n.replace(a); err != nil {
				return err
			}
		}
	}
	return nil
}

// replace draws another leader among the seats that take work now, by the policy's draw of leaders.
func (n *network) replace(a *attempt) error {
	nodes, ids := n.eligible()
	seatOf := make(map[int]int, len(a.seats))
	for seat, id := range a.seats {
		if seat != a.leader {
			seatOf[int(id)] = seat
		}
	}
	sits, fresh := false, false
	for _, id := range ids {
		if _, ok := seatOf[id]; ok {
			sits, fresh = true, fresh || !a.task.hasPassed(id)
		}
	}
	if !sits {
		return nil
	}
	drawn, err := n.policy.Assign(Draw{
		Seed: n.seed(a.task, a.task.attempts), Nodes: nodes, IDs: ids, Total: n.total,
		Task: selection.Task{Class: taskClass, Memory: nodeMemory, Passed: func(node int) bool {
			_, ok := seatOf[ids[node]]
			return !ok || fresh && a.task.hasPassed(ids[node])
		}},
	})
	if errors.Is(err, selection.ErrNoMajority) {
		return nil
	}
	if err != nil {
		return err
	}
	n.release(a)
	leader := n.nodes[ids[drawn.Members[drawn.Leader]]]
	a.leader, a.replaced = seatOf[leader.id], n.height
	leader.leading += a.task.need.Units
	n.result.Replaced++
	return nil
}
