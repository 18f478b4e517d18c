package keeper

import (
	"cosmossdk.io/math"
	sdk "github.com/cosmos/cosmos-sdk/types"

	"github.com/opengradient/opengradient/x/inference/types"
)

func (k Keeper) emitSubmitted(ctx sdk.Context, r types.Request) error {
	return ctx.EventManager().EmitTypedEvent(&types.EventRequestSubmitted{
		Id: r.Id, Requester: r.Requester, Model: r.Model, Digest: r.Digest, FinalDeadline: r.FinalDeadline,
	})
}

func (k Keeper) emitAssigned(ctx sdk.Context, r types.Request, leader string) error {
	return ctx.EventManager().EmitTypedEvent(&types.EventRequestAssigned{Id: r.Id, Attempt: r.Attempt, Leader: leader})
}

func (k Keeper) emitRetrying(ctx sdk.Context, r types.Request) error {
	return ctx.EventManager().EmitTypedEvent(&types.EventRequestRetrying{Id: r.Id, Attempt: r.Attempt})
}

func (k Keeper) emitFinalized(ctx sdk.Context, r types.Request, outputRoot []byte, publisher string) error {
	return ctx.EventManager().EmitTypedEvent(&types.EventRequestFinalized{
		Id: r.Id, Attempt: r.Attempt, OutputRoot: outputRoot, Publisher: publisher,
	})
}

func (k Keeper) emitFailed(ctx sdk.Context, r types.Request, refunded math.Int) error {
	return ctx.EventManager().EmitTypedEvent(&types.EventRequestFailed{Id: r.Id, Reason: r.FailureReason, Refunded: refunded.String()})
}

func (k Keeper) emitCancelled(ctx sdk.Context, r types.Request, refunded math.Int) error {
	return ctx.EventManager().EmitTypedEvent(&types.EventRequestCancelled{Id: r.Id, Refunded: refunded.String()})
}

func (k Keeper) emitSettled(ctx sdk.Context, id uint64, payouts []types.Payout) error {
	event := &types.EventRequestSettled{Id: id, Payouts: make([]*types.Payout, len(payouts))}
	for i := range payouts {
		event.Payouts[i] = &payouts[i]
	}
	return ctx.EventManager().EmitTypedEvent(event)
}

func (k Keeper) emitReused(ctx sdk.Context, id uint64, requester sdk.AccAddress, fee math.Int) error {
	return ctx.EventManager().EmitTypedEvent(&types.EventReceiptReused{Id: id, Requester: requester.String(), Fee: fee.String()})
}

func (k Keeper) emitScheduleCreated(ctx sdk.Context, s types.Schedule) error {
	return ctx.EventManager().EmitTypedEvent(&types.EventScheduleCreated{
		Id: s.Id, Owner: s.Owner, Model: s.Model, Every: s.Every, Count: s.Remaining,
	})
}

func (k Keeper) emitScheduleChanged(ctx sdk.Context, s types.Schedule) error {
	return ctx.EventManager().EmitTypedEvent(&types.EventScheduleChanged{
		Id: s.Id, Status: s.Status, Remaining: s.Remaining, Deposit: s.Deposit.String(),
	})
}

func (k Keeper) emitScheduleRun(ctx sdk.Context, r types.ScheduleRun) error {
	return ctx.EventManager().EmitTypedEvent(&types.EventScheduleRun{
		ScheduleId: r.ScheduleId, Run: r.Run, RequestId: r.RequestId, Missed: r.Missed,
	})
}

func (k Keeper) emitScheduleEnded(ctx sdk.Context, s types.Schedule, refunded math.Int) error {
	return ctx.EventManager().EmitTypedEvent(&types.EventScheduleEnded{Id: s.Id, Status: s.Status, Refunded: refunded.String()})
}
