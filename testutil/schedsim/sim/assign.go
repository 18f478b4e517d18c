package sim

import (
	"encoding/binary"
	"errors"
	"slices"

	"github.com/opengradient/opengradient/internal/queue"
	"github.com/opengradient/opengradient/internal/selection"
)

// eligible are the nodes that take work now, as the draws see them.
func (n *network) eligible() (nodes []selection.Node, ids []int) {
	for _, one := range n.nodes {
		if one.isEligible(n.height, n.spec.Params.HeartbeatWindow) {
			nodes = append(nodes, one.draw(n.spec.Params))
			ids = append(ids, one.id)
		}
	}
	return nodes, ids
}

// assign begins attempts while the budget of the block lasts, and returns the part of it that was used.
func (n *network) assign() (utilisation uint32, err error) {
	p := n.spec.Params
	head := n.waiting.pop(2 * int(p.Rule.Limits.Tasks))
	if len(head) == 0 {
		n.unfit = nil
		return 0, nil
	}
	head = n.claimFirst(head)
	nodes, ids := n.eligible()
	n.result.entitle(n, nodes, ids)
	b := block{network: n, nodes: nodes, ids: ids, everybody: seatsOf(ids, nil)}
	budget := queue.NewBudget(p.Rule.Limits)
	for i, t := range head {
		if budget.IsSpent() {
			for _, rest := range head[i:] {
				n.waiting.push(rest)
			}
			break
		}
		if !budget.Fits(t.need) {
			if n.unfit == nil {
				n.unfit = t
			}
			n.waiting.push(t)
			continue
		}
		a, err := b.begin(t)
		if errors.Is(err, selection.ErrNoMajority) {
			n.waiting.push(t)
			continue
		}
		if err != nil {
			return 0, err
		}
		budget.Take(t.need)
		b.begun = append(b.begun, a)
	}
	b.distribute()
	n.underWay = append(n.underWay, b.begun...)
	return budget.Utilisation(), nil
}

// claimFirst puts the first task that did not fit the last block before all others: what did not fit is looked at before its
// place, never behind it. When it is not among them, it takes the room of the last, which waits on.
func (n *network) claimFirst(head []*task) []*task {
	unfit := n.unfit
	n.unfit = nil
	if unfit == nil || unfit.ended {
		return head
	}
	at := slices.Index(head, unfit)
	if at < 0 {
		at = len(head) - 1
		n.waiting.push(head[at])
		n.waiting.take(unfit)
	}
	copy(head[1:at+1], head[:at])
	head[0] = unfit
	return head
}

// seed is that of the draws for an attempt in this block. The application hash and the digest of the request are made up.
func (n *network) seed(t *task, attempt int64) [32]byte {
	hash := binary.BigEndian.AppendUint64(binary.BigEndian.AppendUint64(nil, n.spec.Seed), uint64(n.height))
	return selection.Seed(hash, binary.BigEndian.AppendUint64(nil, t.id), uint32(attempt))
}

// block is what begins in a block.
type block struct {
	network   *network
	nodes     []selection.Node
	ids       []int
	everybody []int32
	begun     []*attempt
}

// begin draws an attempt of a task.
func (b *block) begin(t *task) (*attempt, error) {
	n := b.network
	draw := Draw{
		Seed: n.seed(t, t.attempts+1), Nodes: b.nodes, IDs: b.ids, Total: n.total,
		Task: selection.Task{Class: taskClass, Memory: nodeMemory, Committee: t.committee && t.attempts == 0},
	}
	if t.passed != nil {
		draw.Task.Passed = func(node int) bool { return t.hasPassed(b.ids[node]) }
	}
	drawn, err := n.policy.Assign(draw)
	if err != nil {
		return nil, err
	}
	t.attempts++
	a := &attempt{
		task: t, opened: n.height, deadline: min(n.height+n.spec.Params.AttemptBlocks, t.finalDeadline), committee: draw.Task.Committee,
		seats: b.everybody, leader: drawn.Leader,
	}
	if a.committee {
		a.seats = seatsOf(b.ids, drawn.Seats)
		for i, position := range drawn.Seats {
			a.threshold += b.nodes[position].Power
			if position == drawn.Leader {
				a.leader = i
			}
		}
	} else {
		a.threshold = max(2*drawn.Power/3, n.total/2) + 1
	}
	a.heard = make([]uint8, len(a.seats))
	t.current = a
	at := drawn.Members[drawn.Leader]
	leader := n.nodes[b.ids[at]]
	leader.leading += t.need.Units
	b.nodes[at].Leading = leader.leading
	n.attempts[a.deadline] = append(n.attempts[a.deadline], a)
	n.result.begin(n, a, leader)
	return a, nil
}

// distribute gives the nodes what began: of one block each does first what it leads.
func (b *block) distribute() {
	for _, a := range b.begun {
		b.network.nodes[a.seats[a.leader]].give(a, a.leader)
	}
	for _, a := range b.begun {
		for seat, id := range a.seats {
			if seat != a.leader {
				b.network.nodes[id].give(a, seat)
			}
		}
	}
}

// seatsOf are the nodes at some positions, nil for all.
func seatsOf(ids, positions []int) []int32 {
	var seats []int32
	if positions == nil {
		for _, id := range ids {
			seats = append(seats, int32(id))
		}
		return seats
	}
	for _, position := range positions {
		seats = append(seats, int32(ids[position]))
	}
	return seats
}
