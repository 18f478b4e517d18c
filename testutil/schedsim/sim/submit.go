package sim

import (
	"errors"

	"github.com/opengradient/opengradient/internal/queue"
)

// submit lets those submit whose limit allows it.
func (n *network) submit() error {
	hasPower := n.hasPower()
	for _, one := range n.load.next(n.height) {
		n.result.Arrived++
		affordable, err := n.load.affords(one, n.price)
		if err != nil {
			return err
		}
		if !affordable {
			n.result.PricedOut++
			continue
		}
		n.result.Submitted++
		if !hasPower {
			n.result.NoPower++
			continue
		}
		if err := n.accept(one); err != nil {
			return err
		}
	}
	if n.spec.Blocks > 0 {
		n.arriving = n.height < n.spec.Blocks
	} else {
		n.arriving = n.result.Submitted < n.spec.Requests
	}
	return nil
}

// accept puts a request in the queue, or refuses it for want of room or of a slot at its final deadline.
func (n *network) accept(one wish) error {
	p := n.spec.Params
	t := &task{
		class: one.class, committee: one.committee, need: queue.Need{Units: one.work.Units, Bytes: one.work.OutputBytes},
		accepted: n.height, finalDeadline: n.height + p.Lifetime(), burst: one.burst,
	}
	switch err := p.Rule.Admit(n.waiting.load, t.need, t.class); {
	case errors.Is(err, queue.ErrFull):
		n.result.refuse(t.class, err)
		return nil
	case err != nil:
		return err
	}
	if n.slots[t.finalDeadline] >= p.DeadlineQuota {
		n.result.NoSlot++
		return nil
	}
	n.nextID++
	t.id = n.nextID
	n.slots[t.finalDeadline]++
	n.finals[t.finalDeadline] = append(n.finals[t.finalDeadline], t)
	n.open++
	n.result.Accepted++
	if t.burst {
		n.result.BurstAccepted++
	}
	n.waiting.push(t)
	return nil
}

// hasPower tells whether the eligible nodes hold the part of all power that a submission needs.
func (n *network) hasPower() bool {
	var power int64
	for _, one := range n.nodes {
		if one.isEligible(n.height, n.spec.Params.HeartbeatWindow) {
			power += one.power
		}
	}
	return 10_000*power/n.total >= n.spec.Params.MinEligiblePower
}
