package keeper_test

import (
	"math/big"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"cosmossdk.io/math"

	"github.com/opengradient/opengradient/x/inference/types"
	schedulingtypes "github.com/opengradient/opengradient/x/scheduling/types"
	verificationtypes "github.com/opengradient/opengradient/x/verification/types"
)

func committeeSubmission(sealing types.Sealing) *types.MsgSubmitRequests {
	msg := submission(input(1))
	msg.Tier, msg.Sealing = types.TIER_COMMITTEE, sealing
	return msg
}

func TestCommitteeIsAskedFor(t *testing.T) {
	f := newFixture(t)
	id := f.submit(committeeSubmission(types.SEALING_SEALED))[0]
	r := f.request(id)
	require.True(t, r.Sealed)
	require.Equal(t, int64(50), r.Fee.Compute.Int64(), "half of what tier QUORUM costs")
	task, err := f.scheduling.task(f.ctx, id)
	require.NoError(t, err)
	require.True(t, task.Committee)
	quorum, err := f.scheduling.task(f.ctx, f.submit(submission(input(1)))[0])
	require.NoError(t, err)
	require.False(t, quorum.Committee)

	f.assign(id)
	opening := f.verification.openings[0]
	require.Equal(t, verificationtypes.RULE_COMMITTEE, opening.Rule)
	require.Equal(t, committee, opening.Seats)
	require.Equal(t, members(), opening.Members)
	require.True(t, opening.Sealed)
	require.Equal(t, r.Digest, opening.Digest)
}

// The fee is fixed at submission: when all eligible members make the next attempt they share what the committee
// would have had, and those of the committee that failed have no more part in it than the others.
func TestCommitteeFallsBackToQuorumAtNoExtraPrice(t *testing.T) {
	f := newFixture(t)
	id := f.submit(committeeSubmission(types.SEALING_DEFAULT))[0]
	before := f.request(id)
	f.assign(id)
	f.verification.passOver = []string{operator(2)}
	f.decide(f.impossible(id))
	task, err := f.scheduling.task(f.ctx, id)
	require.NoError(t, err)
	require.Equal(t, []string{operator(2)}, task.PassedOver)
	f.assign(id)
	require.Equal(t, verificationtypes.RULE_QUORUM, f.verification.openings[1].Rule)
	require.Empty(t, f.verification.openings[1].Seats)
	require.Equal(t, before.Fee, f.request(id).Fee)

	d := f.decision(id)
	f.decide(d)
	f.verification.settlements = []verificationtypes.Settlement{f.settlement(d, agreed, agreed, agreed)}
	f.endBlock()
	f.requireEnded(id, types.REQUEST_STATUS_FINALIZED, 0)
	// 50 for compute: publisher 10, members 30 by power 30:20:50.
	require.Equal(t, []int64{9, 6, 10 + 15}, []int64{f.balance(operator(0)), f.balance(operator(1)), f.balance(operator(2))})
	receipt, err := f.k.Receipts.Get(f.ctx, id)
	require.NoError(t, err)
	require.Equal(t, types.TIER_COMMITTEE, receipt.Tier)
	require.Empty(t, receipt.Committee)
}

// Only seats share the fee, one that agreed within the tolerance like the others, and the receipt says who was what.
func TestSettlementOfACommittee(t *testing.T) {
	f := newFixture(t)
	id := f.submit(committeeSubmission(types.SEALING_SEALED))[0]
	f.assign(id)
	d := f.decision(id)
	f.decide(d)
	s := f.settlement(d, agreed, neutral, agreed)
	s.Tolerated, s.Round.Arbitrated = []byte{1}, true
	f.verification.settlements = []verificationtypes.Settlement{s}
	f.endBlock()
	f.requireEnded(id, types.REQUEST_STATUS_FINALIZED, 0)
	// 50 for compute: publisher 10, members 30 by power 30:50 rounded down.
	require.Equal(t, []int64{11, 0, 10 + 18}, []int64{f.balance(operator(0)), f.balance(operator(1)), f.balance(operator(2))})

	res, err := f.queries.Receipt(f.ctx, &types.QueryReceiptRequest{Id: id})
	require.NoError(t, err)
	require.NoError(t, res.Receipt.Validate())
	require.Equal(t, []byte{seatBits}, res.Receipt.Committee)
	require.Equal(t, []byte{1}, res.Receipt.Tolerated)
	require.True(t, res.Receipt.Arbitrated)
	require.True(t, res.Receipt.Sealed)
	require.True(t, res.Receipt.Refunded.IsZero())
	require.Equal(t, []types.ReceiptMember{
		{Operator: operator(0), Power: 30, Outcome: agreed, Seat: true, Tolerated: true},
		{Operator: operator(1), Power: 20, Outcome: neutral},
		{Operator: operator(2), Power: 50, Outcome: agreed, Seat: true},
	}, res.Members)
}

// Whatever seats and conduct are, coins are conserved, seats that agreed get their part by power among the seats, the
// parts of the other seats go back to the requester, and who has no seat gets nothing.
func TestOnlySeatsShare(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		f := newFixture(t)
		f.scheduling.basePrice = math.NewInt(rapid.Int64Range(0, 100_000).Draw(t, "base"))
		msg := committeeSubmission(types.SEALING_DEFAULT)
		msg.MaxFee = math.NewInt(1_000_000)
		id := f.submit(msg)[0]
		f.assign(id)
		fee := f.request(id).Fee
		d := f.decision(id)
		failed := rapid.Bool().Draw(t, "failure")
		if failed {
			d = f.failure(id, verificationtypes.FAILURE_EXECUTION)
		}
		f.decide(d)

		// The publisher is the last member: it has a seat and agreed.
		s := f.settlement(d, agreed, agreed, agreed)
		bits := byte(rapid.IntRange(0, 3).Draw(t, "seats")) | 0b100
		s.Round.Seats = []byte{bits}
		if bits == 0b111 && rapid.Bool().Draw(t, "quorum") {
			s.Round.Seats = nil
		}
		seats := int64(0)
		for i, m := range s.Snapshot.Members {
			switch {
			case bits>>i&1 == 0:
				s.Outcomes[i] = neutral
				continue
			case i < 2:
				s.Outcomes[i] = verificationtypes.MemberOutcome(rapid.IntRange(0, 3).Draw(t, "conduct"))
			}
			seats += m.Power
			if s.Outcomes[i] == agreed && rapid.Bool().Draw(t, "tolerated") {
				s.Tolerated = []byte{1 << i}
			}
		}
		f.bank.set(f.ctx, alice.String(), math.ZeroInt())
		community := f.balance(communityPool)
		f.verification.settlements = []verificationtypes.Settlement{s}
		f.endBlock()
		f.requireEnded(id, f.request(id).Status, f.request(id).FailureReason)

		floor := func(r *big.Rat) int64 { return new(big.Int).Quo(r.Num(), r.Denom()).Int64() }
		part := func(bps int64) int64 { return floor(big.NewRat(fee.Compute.Int64()*bps, 10_000)) }
		pool, publisher := part(6_000), part(2_000)
		if failed {
			pool, publisher = part(8_000), 0
		}
		refund, paid := int64(0), int64(0)
		for i, m := range s.Snapshot.Members {
			want := int64(0)
			if bits>>i&1 == 1 {
				if want = floor(big.NewRat(pool*m.Power, seats)); s.Outcomes[i] != agreed {
					refund, want = refund+want, 0
				}
			}
			if i == 2 {
				want += publisher
			}
			require.Equal(t, want, f.balance(m.Operator), "member %d", i)
			paid += want
		}
		require.Equal(t, refund, f.balance(alice.String()))
		require.Equal(t, part(1_000)+fee.Royalty.Int64(), f.balance(owner.String()))
		total := paid + refund + f.balance(owner.String()) + f.balance(communityPool) - community
		require.Equal(t, fee.Escrow().Int64(), total, "all of the escrow is paid out and no more")
	})
}

// Governance changes the terms of requests to come; one in flight keeps its fee, its sealing and its shares.
func TestParametersOfARequestInFlightStay(t *testing.T) {
	f := newFixture(t)
	id := f.submit(committeeSubmission(types.SEALING_DEFAULT))[0]
	was := f.request(id)
	require.False(t, was.Sealed)
	f.setParams(func(p *types.Params) {
		p.CommitteeMultiplier, p.SealFee, p.InputBlocks = 40_000, math.ZeroInt(), 1
		p.FeeShares = types.FeeShares{Community: 10_000}
	})
	f.assign(id)
	require.False(t, f.verification.openings[0].Sealed)
	d := f.decision(id)
	f.decide(d)
	f.verification.settlements = []verificationtypes.Settlement{f.settlement(d, agreed, neutral, agreed)}
	f.endBlock()
	require.Equal(t, was.Fee, f.request(id).Fee)
	require.Equal(t, int64(11), f.balance(operator(0)))
	f.endBlocks(5)
	require.True(t, f.hasInputs(id))

	later := f.request(f.submit(committeeSubmission(types.SEALING_DEFAULT))[0])
	require.True(t, later.Sealed)
	require.Equal(t, int64(400), later.Fee.Compute.Int64())
}

// A publisher without a seat is a fault of another module: the request is refunded.
func TestPublisherNeedsASeat(t *testing.T) {
	f := newFixture(t)
	id := f.submit(committeeSubmission(types.SEALING_DEFAULT))[0]
	f.assign(id)
	d := f.decision(id)
	d.Publisher = operator(1)
	f.decide(d)
	f.verification.settlements = []verificationtypes.Settlement{f.settlement(d, agreed, agreed, agreed)}
	f.endBlock()
	f.requireEnded(id, types.REQUEST_STATUS_FINALIZED, 0)
	receipt, err := f.k.Receipts.Get(f.ctx, id)
	require.NoError(t, err)
	require.Equal(t, receipt.Fee.Escrow(), receipt.Refunded)
}

func TestRoundsAreClosedBeforeTheyAreGivenUp(t *testing.T) {
	for name, tc := range map[string]struct {
		due  schedulingtypes.Expiry
		made func(f *fixture, id uint64) verificationtypes.Decision
		want types.RequestStatus
	}{
		"attempt, with a verdict": {
			schedulingtypes.Expiry{}, (*fixture).decision, types.REQUEST_STATUS_FINALIZED,
		},
		"attempt, with a failure": {schedulingtypes.Expiry{}, func(f *fixture, id uint64) verificationtypes.Decision {
			return f.failure(id, verificationtypes.FAILURE_EXECUTION)
		}, types.REQUEST_STATUS_FAILED},
		"attempt, without":               {schedulingtypes.Expiry{}, (*fixture).impossible, types.REQUEST_STATUS_RETRYING},
		"final deadline, with a verdict": {schedulingtypes.Expiry{Final: true}, (*fixture).decision, types.REQUEST_STATUS_FINALIZED},
		"final deadline, without":        {schedulingtypes.Expiry{Final: true}, (*fixture).impossible, types.REQUEST_STATUS_FAILED},
	} {
		t.Run(name, func(t *testing.T) {
			f, id := start(t)
			f.verification.concluded[id] = tc.made(f, id)
			tc.due.RequestID = id
			f.scheduling.due = []schedulingtypes.Expiry{tc.due}
			f.endBlock()
			require.Equal(t, tc.want, f.request(id).Status)
			require.NoError(t, f.k.CheckEscrow(f.ctx))
		})
	}
}

func TestTimersDecide(t *testing.T) {
	f := newFixture(t)
	ids := f.submit(submission(input(1), input(1), input(1)))
	f.assign(ids...)
	stale := f.decision(ids[2])
	stale.Attempt = 9
	f.verification.advanced = []verificationtypes.Decision{f.decision(ids[0]), f.impossible(ids[1]), stale}
	f.endBlock()
	require.Equal(t, types.REQUEST_STATUS_FINALIZED, f.request(ids[0]).Status)
	require.Equal(t, types.REQUEST_STATUS_RETRYING, f.request(ids[1]).Status)
	f.requireEnded(ids[2], types.REQUEST_STATUS_FAILED, types.FAILURE_REASON_INTERNAL)
}

func TestOrderOfTheEndOfABlock(t *testing.T) {
	f, id := start(t)
	f.createSchedule(schedule(5, 2))
	*f.sweeps = nil
	f.scheduling.due = []schedulingtypes.Expiry{{RequestID: id}}
	f.endBlock()
	require.Equal(t, sweeps{"advance", "settle", "expired", "conclude", "review", "enqueue", "assign"}, *f.sweeps)
}

// The settlements of a block look each validator up once to know whether it exists, and once to pay it.
func TestValidatorsAreLookedUpOncePerBlock(t *testing.T) {
	f := newFixture(t)
	ids := f.submit(submission(input(1), input(1), input(1), input(1)))
	f.assign(ids...)
	for _, id := range ids {
		d := f.decision(id)
		f.decide(d)
		f.verification.settlements = append(f.verification.settlements, f.settlement(d, agreed, agreed, agreed))
	}
	f.staking.asked = 0
	f.endBlock()
	require.Equal(t, 2*len(members()), f.staking.asked)
}
