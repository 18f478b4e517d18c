package keeper

import (
	"cosmossdk.io/math"
	sdk "github.com/cosmos/cosmos-sdk/types"

	"github.com/opengradient/opengradient/x/inference/types"
)

func (k Keeper) emitModelRegistered(ctx sdk.Context, m types.Model) error {
	return ctx.EventManager().EmitTypedEvent(&types.EventModelRegistered{Sha256: m.Sha256, Name: m.Name, Owner: m.Owner})
}

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
