package sim

import (
	"errors"

	"github.com/opengradient/opengradient/internal/selection"
)

// review looks at the attempts under way when a node has turned unhealthy: one that can bring no verdict ends at once where
// another can begin, one whose leader is unhealthy goes on under another.
func (n *network) review() error {
	healthy := func(id int) bool { return n.nodes[id].isHealthy(n.height, n.spec.Params.HeartbeatWindow) }
	nodes, ids := n.eligible()
	var power int64
	for _, node := range nodes {
		power += node.Power
	}
	majority := power > n.total-power
	for _, a := range n.underWay {
		if a.phase != open {
			continue
		}
		var power, lost int64
		for seat, id := range a.seats {
			one := n.nodes[id]
			power += one.power
			if !a.isHeard(seat, n.height) && !healthy(int(id)) {
				lost += one.power
			}
		}
		switch {
		case a.decided == 0 && power-lost < a.threshold:
			if majority && n.canRetry(a.task) {
				n.retry(a, healthy)
			}
		case !healthy(int(a.seats[a.leader])) && !a.isHeard(a.leader, n.height):
			if err := n.replace(a, nodes, ids); err != nil {
				return err
			}
		}
	}
	return nil
}

// replace draws another leader among the seats that take work now, by the policy's draw of leaders. What the new one leads is
// counted in nodes too.
func (n *network) replace(a *attempt, nodes []selection.Node, ids []int) error {
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
	n.abandoned(a)
	at := drawn.Members[drawn.Leader]
	leader := n.nodes[ids[at]]
	a.leader, a.replaced = seatOf[leader.id], n.height
	leader.leading += a.task.need.Units
	nodes[at].Leading = leader.leading
	n.result.Replaced++
	return nil
}
