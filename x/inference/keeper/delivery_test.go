package keeper_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/opengradient/opengradient/internal/selection"
	"github.com/opengradient/opengradient/x/inference/types"
	schedulingtypes "github.com/opengradient/opengradient/x/scheduling/types"
	verificationtypes "github.com/opengradient/opengradient/x/verification/types"
)

const (
	unknown   = verificationtypes.TimelinessUnknown
	late      = verificationtypes.TimelinessLate
	before    = verificationtypes.TimelinessBefore
	atVerdict = verificationtypes.TimelinessAtVerdict
)

// heard sets when each member of a settlement was heard: the round opened at height 100, its verdict came at 104, and who
// was heard before the verdict was heard at 102.
func heard(s verificationtypes.Settlement, timeliness ...verificationtypes.Timeliness) verificationtypes.Settlement {
	s.Timeliness, s.Round.OpenedHeight, s.Round.FinalHeight = timeliness, 100, 104
	for i, when := range timeliness {
		switch when {
		case before:
			s.Round.Votes[i].Height = 102
		case atVerdict:
			s.Round.Votes[i].Height = 104
		}
	}
	return s
}

func delivery(node int, asked, inTime, atOnce uint64, latencies ...int64) schedulingtypes.Delivery {
	return schedulingtypes.Delivery{
		Operator: operator(node), Delivery: selection.Delivery{Asked: asked, InTime: inTime, AtOnce: atOnce}, Latencies: latencies,
	}
}

// What a settled round of 3 compute units says of its members.
func TestDeliveriesOfARound(t *testing.T) {
	conducts := func(c ...verificationtypes.MemberOutcome) []verificationtypes.MemberOutcome { return c }
	for name, tc := range map[string]struct {
		conduct []verificationtypes.MemberOutcome
		heard   []verificationtypes.Timeliness
		sealed  bool
		want    []schedulingtypes.Delivery
	}{
		"all agreed in time": {
			conducts(agreed, agreed, agreed), []verificationtypes.Timeliness{before, atVerdict, atVerdict}, false,
			[]schedulingtypes.Delivery{delivery(0, 3, 3, 0, 2), delivery(1, 3, 3, 1, 4), delivery(2, 3, 3, 1, 4)},
		},
		"late, though it agreed in the end": {
			conducts(agreed, agreed, agreed), []verificationtypes.Timeliness{late, atVerdict, atVerdict}, false,
			[]schedulingtypes.Delivery{delivery(0, 3, 0, 0), delivery(1, 3, 3, 1, 4), delivery(2, 3, 3, 1, 4)},
		},
		"silent though it was heard": {
			conducts(missing, agreed, agreed), []verificationtypes.Timeliness{late, before, atVerdict}, false,
			[]schedulingtypes.Delivery{delivery(0, 3, 0, 0), delivery(1, 3, 3, 0, 2), delivery(2, 3, 3, 1, 4)},
		},
		"silent because it was not heard": {
			conducts(missing, agreed, agreed), []verificationtypes.Timeliness{unknown, before, atVerdict}, false,
			[]schedulingtypes.Delivery{delivery(1, 3, 3, 0, 2), delivery(2, 3, 3, 1, 4)},
		},
		"said something else": {
			conducts(disagreed, agreed, agreed), []verificationtypes.Timeliness{before, before, atVerdict}, false,
			[]schedulingtypes.Delivery{delivery(1, 3, 3, 0, 2), delivery(2, 3, 3, 1, 4)},
		},
		"said something else, late": {
			conducts(disagreed, agreed, agreed), []verificationtypes.Timeliness{late, before, atVerdict}, false,
			[]schedulingtypes.Delivery{delivery(0, 3, 0, 0), delivery(1, 3, 3, 0, 2), delivery(2, 3, 3, 1, 4)},
		},
		"sealed: reveals tell of no block": {
			conducts(agreed, missing, agreed), []verificationtypes.Timeliness{before, late, atVerdict}, true,
			[]schedulingtypes.Delivery{delivery(0, 3, 3, 0), delivery(1, 3, 0, 0), delivery(2, 3, 3, 0)},
		},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFixture(t)
			raiseCost(f)
			msg := submission(input(2))
			if tc.sealed {
				msg.Sealing = types.SEALING_SEALED
			}
			id := f.submit(msg)[0]
			require.Equal(t, uint64(3), f.request(id).ComputeUnits)
			f.assign(id)
			d := f.decision(id)
			f.decide(d)
			f.verification.settlements = []verificationtypes.Settlement{heard(f.settlement(d, tc.conduct...), tc.heard...)}
			f.scheduling.deliveries = nil
			f.endBlock()
			require.Equal(t, tc.want, f.scheduling.deliveries)
		})
	}
}

// The rounds of a block are summed up for each node; what it attests in one block counts together, and of several blocks
// the largest.
func TestDeliveriesOfABlock(t *testing.T) {
	f := newFixture(t)
	ids := f.submit(submission(input(1), input(1), input(1), input(1), input(1)))
	f.assign(ids...)
	for i, id := range ids {
		d := f.decision(id)
		f.decide(d)
		s := heard(f.settlement(d, agreed, agreed, agreed), atVerdict, late, before)
		if i >= 3 { // in another block
			s.Round.FinalHeight = 105
			s.Round.Votes[0].Height = 105
		}
		f.verification.settlements = append(f.verification.settlements, s)
	}
	f.endBlock()
	require.Equal(t, []schedulingtypes.Delivery{
		delivery(0, 5, 5, 1, 4, 4, 4, 5, 5), delivery(1, 5, 0, 0), delivery(2, 5, 5, 0, 2, 2, 2, 2, 2),
	}, f.scheduling.deliveries)
}

// What a round proves of one block is its part of the blocks that it took, beside the one in which votes travel.
func TestAtOnceIsThePartOfOneBlock(t *testing.T) {
	for took, want := range map[int64]uint64{1: 5, 2: 5, 3: 2, 4: 1, 6: 1, 7: 0} {
		f := newFixture(t)
		ids := f.submit(submission(input(1), input(1), input(1), input(1), input(1)))
		f.assign(ids...)
		for _, id := range ids {
			d := f.decision(id)
			f.decide(d)
			s := heard(f.settlement(d, agreed, agreed, agreed), atVerdict, atVerdict, atVerdict)
			s.Round.OpenedHeight = s.Round.FinalHeight - took
			f.verification.settlements = append(f.verification.settlements, s)
		}
		f.endBlock()
		require.Equal(t, want, f.scheduling.deliveries[0].AtOnce, "%d blocks", took)
	}
}

func TestRefundedSettlementsSayNothingOfCapacity(t *testing.T) {
	f := newFixture(t)
	ids := f.submit(submission(input(1), input(1)))
	f.assign(ids...)
	for i, id := range ids {
		d := f.decision(id)
		f.decide(d)
		s := heard(f.settlement(d, agreed, agreed, agreed), atVerdict, atVerdict, atVerdict)
		if i == 0 {
			s.Round.Candidates[0].Publisher = operator(7)
		}
		f.verification.settlements = append(f.verification.settlements, s)
	}
	f.endBlock()
	require.Equal(t, []schedulingtypes.Delivery{delivery(0, 1, 1, 0, 4), delivery(1, 1, 1, 0, 4), delivery(2, 1, 1, 0, 4)}, f.scheduling.deliveries)
}
