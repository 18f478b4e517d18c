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
			n.retry(a, nil)
		}
	}
}

// canRetry tells whether attempts and blocks remain for another attempt of a task.
func (n *network) canRetry(t *task) bool {
	return t.attempts < n.spec.Params.MaxAttempts && n.height < t.finalDeadline
}

// retry ends an attempt without a verdict: its task waits for another, or has had all. Spared are nodes that are not passed
// over for their silence; nil is none.
func (n *network) retry(a *attempt, spared func(id int) bool) {
	t := a.task
	a.phase = over
	n.release(a)
	if !n.canRetry(t) {
		n.complete(t)
		n.result.fail(n, t)
		return
	}
	for seat, id := range a.seats {
		if !a.isHeard(seat, n.height) && (spared == nil || !spared(int(id))) {
			t.pass(int(id), len(n.nodes))
			if seat == a.leader {
				n.abandoned(a)
			}
		}
	}
	t.current = nil
	n.result.again(a)
	n.waiting.push(t)
}

// abandoned corrects what a leader that said nothing is observed to deliver, if it led for half of an attempt's time.
func (n *network) abandoned(a *attempt) {
	if 2*(n.height-max(a.opened, a.replaced)) < n.spec.Params.AttemptBlocks {
		return
	}
	leader, unproven := n.nodes[a.seats[a.leader]], n.spec.Params.UnprovenCapacity
	leader.observed = selection.Abandoned(min(leader.observedOr(unproven), leader.claimed), unproven)
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
			n.retry(a, nil)
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
			for _, group := range n.atOnce[id] {
				delivery.AtOnce += group.units / uint64(max(1, n.height-n.spec.Params.SettleBlocks-group.opened-1))
			}
			n.atOnce[id] = n.atOnce[id][:0]
			observed := one.observedOr(unproven)
			if delivery.IsLate() {
				observed = min(observed, one.claimed)
			}
			one.observed = selection.Observe(observed, unproven, delivery)
			n.delivered[id] = selection.Delivery{}
		}
	}
}

// opening is what a node attested in the block of the verdict, of rounds that were opened in one block.
type opening struct {
	opened int64
	units  uint64
}

// provedAtOnce notes what a node attested in the block of the verdict. What counts is divided by the blocks that its rounds
// took, all that were opened and had their verdict together.
func (n *network) provedAtOnce(id int32, opened int64, units uint64) {
	groups := n.atOnce[id]
	for i := range groups {
		if groups[i].opened == opened {
			groups[i].units += units
			return
		}
	}
	n.atOnce[id] = append(groups, opening{opened: opened, units: units})
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
			n.provedAtOnce(id, a.opened, units)
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
