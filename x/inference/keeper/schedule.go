package keeper

import (
	"fmt"

	sdk "github.com/cosmos/cosmos-sdk/types"

	"github.com/opengradient/opengradient/x/inference/types"
	schedulingtypes "github.com/opengradient/opengradient/x/scheduling/types"
	verificationtypes "github.com/opengradient/opengradient/x/verification/types"
)

// expire ends the attempts, and the requests, whose deadline has come.
func (k Keeper) expire(ctx sdk.Context) error {
	due, err := k.scheduling.Expired(ctx)
	if err != nil {
		return fmt.Errorf("expired tasks: %w", err)
	}
	for _, e := range due {
		err := atomically(ctx, func(ctx sdk.Context) error { return k.expireOne(ctx, e) })
		if err == nil {
			continue
		}
		if err := k.abort(ctx, e.RequestID, err); err != nil {
			return fmt.Errorf("deadline of request %d: %w", e.RequestID, err)
		}
	}
	return nil
}

func (k Keeper) expireOne(ctx sdk.Context, e schedulingtypes.Expiry) error {
	r, err := k.Request(ctx, e.RequestID)
	if err != nil {
		return err
	}
	if !r.Status.Open() {
		return types.ErrUnexpectedStatus.Wrapf("deadline: expected an open request, got %s", r.Status)
	}
	if !e.Final {
		return k.retryOrFail(ctx, r)
	}
	if _, err := k.verification.Abandon(ctx, r.Id); err != nil {
		return err
	}
	return k.failRefunded(ctx, r, types.FAILURE_REASON_DEADLINE)
}

// assign begins the attempts for which this block has room.
func (k Keeper) assign(ctx sdk.Context) error {
	placements, err := k.scheduling.Assign(ctx)
	if err != nil {
		return fmt.Errorf("assign tasks: %w", err)
	}
	for _, p := range placements {
		err := atomically(ctx, func(ctx sdk.Context) error { return k.assignOne(ctx, p) })
		if err == nil {
			continue
		}
		if err := k.abort(ctx, p.Task.RequestId, err); err != nil {
			return fmt.Errorf("assignment of request %d: %w", p.Task.RequestId, err)
		}
	}
	return nil
}

func (k Keeper) assignOne(ctx sdk.Context, p schedulingtypes.Placement) error {
	r, err := k.Request(ctx, p.Task.RequestId)
	if err != nil {
		return err
	}
	a := p.Task.Assignment
	if a == nil {
		return fmt.Errorf("request %d: expected an assignment, got none", r.Id)
	}
	if r.Status != types.REQUEST_STATUS_SUBMITTED && r.Status != types.REQUEST_STATUS_RETRYING {
		return types.ErrUnexpectedStatus.Wrapf("assignment: expected a queued request, got %s", r.Status)
	}
	members := make([]verificationtypes.Member, len(p.Members))
	for i, m := range p.Members {
		members[i] = verificationtypes.Member{Operator: m.Operator, Power: m.Power}
	}
	err = k.verification.OpenRound(ctx, verificationtypes.RoundOpening{
		RequestID: r.Id, Attempt: a.Attempt, Leader: a.Leader, Members: members, TotalPower: p.TotalPower, MaxOutputBytes: r.MaxOutputBytes,
	})
	if err != nil {
		return err
	}
	r.Status, r.Attempt, r.AssignedHeight = types.REQUEST_STATUS_ASSIGNED, a.Attempt, ctx.BlockHeight()
	if err := k.updateRequest(ctx, r); err != nil {
		return err
	}
	return k.emitAssigned(ctx, r, a.Leader)
}
