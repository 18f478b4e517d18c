package keeper

import (
	schedulingtypes "github.com/opengradient/opengradient/x/scheduling/types"
	verificationtypes "github.com/opengradient/opengradient/x/verification/types"
)

// deliveries sums up what the rounds that are settled in one block show of each node.
type deliveries struct {
	byOperator map[string]*delivered
	order      []*delivered // in which the operators were first met
}

// delivered is one of them. What is AtOnce is kept by the life of the rounds until list sums it up.
type delivered struct {
	schedulingtypes.Delivery
	atOnce map[life]uint64
}

// life is when a round was opened and had its verdict. Settlements of one block may have several.
type life struct{ opened, final int64 }

// blocks is the number of blocks that the work of such a round had: a verdict comes two blocks after the opening at the
// earliest, and more of them are for more work, or for others that were waited for.
func (l life) blocks() uint64 { return uint64(max(1, l.final-l.opened-1)) }

func newDeliveries() *deliveries { return &deliveries{byOperator: make(map[string]*delivered)} }

// count adds a settled round of so many compute units. Who agreed has delivered; who was late, or silent although its
// votes were heard, has not. A round in which a member said something else says nothing of its capacity. The reveals of a
// sealed round come long after the work, so that they do not tell what a node does in one block.
func (d *deliveries) count(s verificationtypes.Settlement, units uint64) {
	for i, member := range s.Snapshot.Members {
		timeliness := s.Timeliness[i]
		agreed := s.Outcomes[i] == verificationtypes.MEMBER_OUTCOME_AGREED
		spoke := timeliness == verificationtypes.TimelinessBefore || timeliness == verificationtypes.TimelinessAtVerdict
		if timeliness == verificationtypes.TimelinessUnknown || spoke && !agreed {
			continue
		}
		of := d.of(member.Operator)
		of.Asked += units
		if !spoke {
			continue
		}
		of.InTime += units
		if s.Round.Sealed {
			continue
		}
		of.Latencies = append(of.Latencies, s.Round.Votes[i].Height-s.Round.OpenedHeight)
		if timeliness == verificationtypes.TimelinessAtVerdict {
			of.atOnce[life{opened: s.Round.OpenedHeight, final: s.Round.FinalHeight}] += units
		}
	}
}

func (d *deliveries) of(operator string) *delivered {
	of, known := d.byOperator[operator]
	if !known {
		of = &delivered{Delivery: schedulingtypes.Delivery{Operator: operator}, atOnce: make(map[life]uint64)}
		d.byOperator[operator] = of
		d.order = append(d.order, of)
	}
	return of
}

// list gives each operator once.
func (d *deliveries) list() []schedulingtypes.Delivery {
	list := make([]schedulingtypes.Delivery, len(d.order))
	for i, of := range d.order {
		byVerdict := make(map[int64]uint64)
		for l, units := range of.atOnce {
			byVerdict[l.final] += units / l.blocks()
		}
		for _, units := range byVerdict {
			of.AtOnce = max(of.AtOnce, units)
		}
		list[i] = of.Delivery
	}
	return list
}
