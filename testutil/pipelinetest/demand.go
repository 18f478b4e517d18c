package pipelinetest

import (
	"errors"
	"slices"

	"github.com/stretchr/testify/require"

	sdkmath "cosmossdk.io/math"
	sdk "github.com/cosmos/cosmos-sdk/types"

	inferencetypes "github.com/opengradient/opengradient/x/inference/types"
	schedulingtypes "github.com/opengradient/opengradient/x/scheduling/types"
)

// refusals are the reasons why requests and schedules may be refused: no room, not enough power, a key that is taken, or
// a model that its owner has disabled.
var refusals = []error{
	schedulingtypes.ErrQueueFull, schedulingtypes.ErrNoDeadlineSlot, schedulingtypes.ErrTaskTooLarge, inferencetypes.ErrEligiblePower,
	inferencetypes.ErrTooManyRequests, inferencetypes.ErrTooManySchedules, inferencetypes.ErrIdempotencyContent, inferencetypes.ErrModelNotUsable,
}

// Submit submits requests, and returns the ids of those accepted: all of them or none.
func (n *Network) Submit(model, rows, count int, tier inferencetypes.Tier, sealing inferencetypes.Sealing) []uint64 {
	n.t.Helper()
	return n.SubmitWith(model, rows, count, tier, sealing, func(*inferencetypes.MsgSubmitRequests) {})
}

// SubmitWith is Submit with a message that is edited first. Ids of requests that were there before are left out.
func (n *Network) SubmitWith(model, rows, count int, tier inferencetypes.Tier, sealing inferencetypes.Sealing, edit func(*inferencetypes.MsgSubmitRequests)) []uint64 {
	n.t.Helper()
	msg := &inferencetypes.MsgSubmitRequests{
		Requester: Requester.String(), Model: models[model].name, Tier: tier, Sealing: sealing, MaxFee: sdkmath.NewInt(1e12),
	}
	for range count {
		msg.Requests = append(msg.Requests, input(model, rows))
	}
	edit(msg)
	before := n.Bank.Balance(n.ctx, Requester.String())
	var answer *inferencetypes.MsgSubmitRequestsResponse
	err := n.deliver(func(ctx sdk.Context) (err error) {
		answer, err = n.Inference.SubmitRequests(ctx, msg)
		return err
	})
	if err != nil {
		require.Equal(n.t, before, n.Bank.Balance(n.ctx, Requester.String()), "what is refused costs nothing")
		n.requireRefusal(err)
		return nil
	}
	require.Len(n.t, answer.Ids, count)
	if answer.AnsweredBefore {
		require.Equal(n.t, before, n.Bank.Balance(n.ctx, Requester.String()), "an answer that is repeated costs nothing")
		n.Ends["answered before"]++
		return nil
	}
	var ids []uint64
	for _, id := range answer.Ids {
		if slices.Contains(answer.Reused, id) {
			_, err := n.Inference.Receipts.Get(n.ctx, id)
			require.NoError(n.t, err, "what is reused has a receipt")
			n.Ends["reused"]++
			continue
		}
		n.facts[id] = run{id: id, model: model, rows: rows}
		n.accepted(id)
		ids = append(ids, id)
	}
	return ids
}

func (n *Network) requireRefusal(err error) {
	n.t.Helper()
	for _, reason := range refusals {
		if errors.Is(err, reason) {
			return
		}
	}
	require.NoError(n.t, err, "a sound message is accepted, or refused for lack of room")
}

// CreateSchedule creates a schedule with twice the deposit that it needs now, and returns its id; 0 when it is refused.
func (n *Network) CreateSchedule(model, rows int, class schedulingtypes.FeeClass, every, count uint32) (id uint64) {
	n.t.Helper()
	price, err := n.Scheduling.BasePrice(n.ctx)
	require.NoError(n.t, err)
	fee := price.MulRaw(100).AddRaw(1_000)
	err = n.deliver(func(ctx sdk.Context) (err error) {
		id, err = n.Inference.CreateSchedule(ctx, &inferencetypes.MsgCreateSchedule{
			Owner: Requester.String(), Model: models[model].name, Inputs: input(model, rows).Inputs, Tier: inferencetypes.TIER_QUORUM,
			FeeClass: class, MaxFee: fee, Every: every, Count: count, Deposit: fee.MulRaw(int64(count)),
		})
		return err
	})
	if err != nil {
		n.requireRefusal(err)
		return 0
	}
	n.plans[id] = run{model: model, rows: rows}
	return id
}

// noticeRuns takes note of the requests that runs of schedules became in the block that has ended.
func (n *Network) noticeRuns() {
	n.t.Helper()
	next, err := n.Inference.NextRequestID.Get(n.ctx)
	require.NoError(n.t, err)
	for ; n.seen < next; n.seen++ {
		r, err := n.Inference.Request(n.ctx, n.seen)
		require.NoError(n.t, err)
		plan, planned := n.plans[r.ScheduleId]
		require.Equal(n.t, planned, r.ScheduleId != 0)
		if planned {
			plan.id = r.Id
			n.facts[r.Id] = plan
			n.accepted(r.Id)
			n.Ends["run of a schedule"]++
		}
	}
}

// deposits is what all schedules hold.
func (n *Network) deposits() sdkmath.Int {
	sum := sdkmath.ZeroInt()
	err := n.Inference.Schedules.Walk(n.ctx, nil, func(_ uint64, s inferencetypes.Schedule) (bool, error) {
		if !s.Status.Live() {
			require.True(n.t, s.Deposit.IsZero(), "schedule %d has ended and holds %s", s.Id, s.Deposit)
			n.Ends["schedule "+s.Status.String()] = max(1, n.Ends["schedule "+s.Status.String()])
		}
		sum = sum.Add(s.Deposit)
		return false, nil
	})
	require.NoError(n.t, err)
	return sum
}

// cancelSchedules ends all schedules.
func (n *Network) cancelSchedules() {
	for id := range n.plans {
		s, err := n.Inference.Schedule(n.ctx, id)
		require.NoError(n.t, err)
		if s.Status.Live() {
			require.NoError(n.t, n.deliver(func(ctx sdk.Context) error {
				_, err := n.Inference.CancelSchedule(ctx, &inferencetypes.MsgCancelSchedule{Owner: Requester.String(), Id: id})
				return err
			}))
		}
	}
}
