package keeper

import (
	"fmt"

	sdk "github.com/cosmos/cosmos-sdk/types"

	"github.com/opengradient/opengradient/x/inference/types"
	modelstypes "github.com/opengradient/opengradient/x/models/types"
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
		return k.endAttempt(ctx, r, nil)
	}
	if decided, err := k.conclude(ctx, r); err != nil || decided {
		return err
	}
	if _, err := k.verification.Abandon(ctx, r.Id); err != nil {
		return err
	}
	return k.failRefunded(ctx, r, types.FAILURE_REASON_DEADLINE)
}

// endAttempt closes the round of an attempt and, when that brings no verdict, ends the attempt; see retryOrFail.
func (k Keeper) endAttempt(ctx sdk.Context, r types.Request, spared func(operator string) bool) error {
	if decided, err := k.conclude(ctx, r); err != nil || decided {
		return err
	}
	return k.retryOrFail(ctx, r, spared)
}

// conclude closes the round of an assigned request, and tells whether that brought a verdict: what has been published may
// still decide.
func (k Keeper) conclude(ctx sdk.Context, r types.Request) (decided bool, err error) {
	if r.Status != types.REQUEST_STATUS_ASSIGNED {
		return false, nil
	}
	d, err := k.verification.Conclude(ctx, r.Id)
	if err != nil || d.Kind != verificationtypes.DecisionFinal {
		return false, err
	}
	return true, k.decide(ctx, d)
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
	opening, err := newOpening(r, p)
	if err != nil {
		return err
	}
	if err := k.verification.OpenRound(ctx, opening); err != nil {
		return err
	}
	r.Status, r.Attempt, r.AssignedHeight = types.REQUEST_STATUS_ASSIGNED, a.Attempt, ctx.BlockHeight()
	if err := k.updateRequest(ctx, r); err != nil {
		return err
	}
	return k.emitAssigned(ctx, r, a.Leader)
}

// newOpening asks for the round of an attempt: of a committee when the placement names seats, otherwise of all members.
func newOpening(r types.Request, p schedulingtypes.Placement) (verificationtypes.RoundOpening, error) {
	model, ok := modelstypes.ParseModelID(r.Model)
	if !ok {
		return verificationtypes.RoundOpening{}, fmt.Errorf("request %d: model: expected a sha256, got %q", r.Id, r.Model)
	}
	rule := verificationtypes.RULE_QUORUM
	if len(p.Seats) > 0 {
		if r.Tier != types.TIER_COMMITTEE {
			return verificationtypes.RoundOpening{}, fmt.Errorf("request %d: expected no committee in %s, got %d seats", r.Id, r.Tier, len(p.Seats))
		}
		rule = verificationtypes.RULE_COMMITTEE
	}
	members := make([]verificationtypes.Member, len(p.Members))
	for i, m := range p.Members {
		members[i] = verificationtypes.Member{Operator: m.Operator, Power: m.Power}
	}
	return verificationtypes.RoundOpening{
		RequestID: r.Id, Attempt: p.Task.Assignment.Attempt, Leader: p.Task.Assignment.Leader,
		Members: members, TotalPower: p.TotalPower, MaxOutputBytes: r.MaxOutputBytes,
		Rule: rule, Seats: p.Seats, Sealed: r.Sealed, Digest: r.Digest, Model: model,
	}, nil
}
