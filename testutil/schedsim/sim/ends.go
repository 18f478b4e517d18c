package sim

import (
	"cmp"
	"math/bits"
	"slices"

	"github.com/opengradient/opengradient/internal/selection"
)

// attends tells whether the next vote of a node will be heard.
func (n *network) attends(id int) bool { return n.nodes[id].trouble != gone }

// record counts what the votes in a block say, and ends the requests that they decide.
func (n *network) record() {
	slices.SortFunc(n.underWay, func(a, b *attempt) int { return cmp.Compare(a.task.id, b.task.id) })
	left := n.underWay[:0]
	for _, a := range n.underWay {
		switch {
		case a.phase != open:
		case a.record(n.height, n.spec.Params.TurnBlocks, n.attends):
			n.finish(a)
		default:
			left = append(left, a)
		}
	}
	n.underWay = left
}

// finish ends a request with its verdict.
func (n *network) finish(a *attempt) {
	a.phase, a.final, a.settles = settled, n.height, n.height+n.spec.Params.SettleBlocks
	n.settling[a.settles] = append(n.settling[a.settles], a)
	n.release(a)
	n.complete(a.task)
	n.result.verdict(n, a)
}

// release takes an attempt off what its leader leads.
func (n *network) release(a *attempt) {
	leader := n.nodes[a.seats[a.leader]]
	leader.leading -= min(leader.leading, a.task.need.Units)
}

// complete frees what an ended task holds.
func (n *network) complete(t *task) {
	t.ended, t.current = true, nil
	if n.slots[t.finalDeadline]--; n.slots[t.finalDeadline] == 0 {
		delete(n.slots, t.finalDeadline)
	}
	n.open--
}

// giveUp ends the committees whose soft time is over while a seat is silent.
func (n *network) giveUp() {
	for _, a := range n.underWay {
		if a.committee && a.phase == open && a.decided == 0 && n.height >= a.opened+1+n.spec.Params.SoftBlocks {
			n.retry(a)
		}
	}
}

// retry ends an attempt without a verdict: its task waits for another, or has had all.
func (n *network) retry(a *attempt) {
	t := a.task
	a.phase = over
	n.release(a)
	if t.attempts >= n.spec.Params.MaxAttempts || n.height >= t.finalDeadline {
		n.complete(t)
		n.result.fail(n, t)
		return
	}
	for seat, id := range a.seats {
		if !a.isHeard(seat, n.height) {
			t.pass(int(id), len(n.nodes))
		}
	}
	if !a.isHeard(a.leader, n.height) {
		leader, unproven := n.nodes[a.seats[a.leader]], n.spec.Params.UnprovenCapacity
		leader.observed = selection.Abandoned(min(leader.observedOr(unproven), leader.claimed), unproven)
	}
	t.current = nil
	n.result.again(a)
	n.waiting.push(t)
}

// expire ends the tasks whose final deadline has come, and attempts whose deadline has, as many as a block ends.
func (n *network) expire() {
	for _, t := range n.finals[n.height] {
		if t.ended {
			continue
		}
		if a := t.current; a != nil {
			a.phase = over
			n.release(a)
		} else {
			n.waiting.drop(t)
		}
		n.complete(t)
		n.result.fail(n, t)
	}
	delete(n.finals, n.height)

	n.overdue = append(n.overdue, n.attempts[n.height]...)
	delete(n.attempts, n.height)
	most := 2 * int(n.spec.Params.Rule.Limits.Tasks)
	for len(n.overdue) > 0 && most > 0 {
		a := n.overdue[0]
		n.overdue = n.overdue[1:]
		if a.phase == open {
			n.retry(a)
			most--
		}
	}
}

// settle corrects what nodes are observed to deliver, and their conduct, by the rounds that settle.
func (n *network) settle() {
	due := n.settling[n.height]
	if len(due) == 0 {
		return
	}
	delete(n.settling, n.height)
	for _, a := range due {
		n.judge(a)
	}
	unproven := n.spec.Params.UnprovenCapacity
	for id, delivery := range n.delivered {
		if delivery.Asked > 0 {
			one := n.nodes[id]
			observed := one.observedOr(unproven)
			if delivery.IsLate() {
				observed = min(observed, one.claimed)
			}
			one.observed = selection.Observe(observed, unproven, delivery)
			n.delivered[id] = selection.Delivery{}
		}
	}
}

// minChances is the number of blocks in which a node must have been heard for its silence to be a miss.
const minChances = 3

// judge takes in a round that settles. All that settle in one block had their verdict in the same one.
func (n *network) judge(a *attempt) {
	p := n.spec.Params
	units := a.task.need.Units
	verdict := uint8(a.final - a.opened)
	chances := uint64(1)<<(n.height-a.opened-1) - 1 // the blocks from the first that could hear the round to this one
	for seat, id := range a.seats {
		one := n.nodes[id]
		heard := a.heard[seat]
		delivery := &n.delivered[id]
		switch {
		case heard > 0 && heard < verdict:
			delivery.Asked += units
			delivery.InTime += units
		case heard == verdict:
			delivery.Asked += units
			delivery.InTime += units
			delivery.AtOnce += units
		case one.attended>>(n.height-a.final)&1 == 1:
			delivery.Asked += units
		}
		missed := heard == 0
		if missed && bits.OnesCount64(one.attended&chances) < minChances {
			continue
		}
		if one.conduct.count(missed, p.Window, p.MaxMissed) {
			one.jailedUntil = n.height + p.JailBlocks
			n.result.Jailed++
		}
	}
	a.phase = over
	a.task = &task{need: a.task.need}
}
