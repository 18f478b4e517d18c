package keeper

import (
	"context"
	"errors"
	"fmt"

	"cosmossdk.io/collections"
	errorsmod "cosmossdk.io/errors"
	"cosmossdk.io/math"
	sdk "github.com/cosmos/cosmos-sdk/types"

	"github.com/opengradient/opengradient/x/inference/types"
)

// reuse is a receipt that stands for a request, and what that costs.
type reuse struct {
	id             uint64
	compute, total math.Int
}

// findReusable looks for a receipt that stands for a request, as far as the message wants one.
func (k Keeper) findReusable(ctx sdk.Context, s submission, r types.Request) (found reuse, ok bool, err error) {
	if s.reuse == 0 {
		return reuse{}, false, nil
	}
	identity, err := r.Identity()
	if err != nil {
		return reuse{}, false, err
	}
	entry, err := k.ReusableReceipts.Get(ctx, identity)
	if errors.Is(err, collections.ErrNotFound) || err == nil && !entry.Stands(ctx.BlockHeight(), s.reuse, r.Sealed) {
		return reuse{}, false, nil
	}
	if err != nil {
		return reuse{}, false, err
	}
	compute, total := s.params.ReuseFee(r.Fee)
	return reuse{id: entry.RequestId, compute: compute, total: total}, true, nil
}

// payReuse pays for a receipt that is reused: the compute part to the community pool, as nobody computed, and the royalty
// to the owner of the model.
func (k Keeper) payReuse(ctx sdk.Context, s submission, r reuse) error {
	if err := k.fundCommunity(ctx, s.requester, r.compute); err != nil {
		return errorsmod.Wrap(err, "reuse")
	}
	owner, err := k.models.Owner(ctx, s.model)
	if err != nil {
		return err
	}
	royalty := r.total.Sub(r.compute)
	if err := k.takeIn(ctx, s.requester, royalty); err != nil {
		return errorsmod.Wrap(err, "royalty")
	}
	if _, err := k.giveBack(ctx, owner, royalty); err != nil {
		return errorsmod.Wrap(err, "royalty")
	}
	return k.emitReused(ctx, r.id, s.requester, r.total)
}

// offerForReuse lets the receipt of a request that was just settled stand for others of its identity, in place of the
// receipt that did so before, for as long as the parameters say. A failure stands for nothing.
func (k Keeper) offerForReuse(ctx sdk.Context, params types.Params, r types.Request) error {
	if params.ReuseBlocks == 0 || r.Status != types.REQUEST_STATUS_FINALIZED {
		return nil
	}
	identity, err := r.Identity()
	if err != nil {
		return err
	}
	return k.storeReusable(ctx, types.ReusableReceipt{
		Identity: identity, RequestId: r.Id, SettledHeight: ctx.BlockHeight(),
		Expires: ctx.BlockHeight() + int64(params.ReuseBlocks), Sealed: r.Sealed,
	})
}

// storeReusable writes an entry with its expiry, in place of an older one. One that was sealed stays while it lasts when
// the new one is not: it stands for both kinds.
func (k Keeper) storeReusable(ctx context.Context, entry types.ReusableReceipt) error {
	old, err := k.ReusableReceipts.Get(ctx, entry.Identity)
	switch {
	case err == nil && old.Sealed && !entry.Sealed && old.Expires > entry.SettledHeight:
		return nil
	case err == nil:
		if err := k.ReusableExpiries.Remove(ctx, collections.Join(old.Expires, old.Identity)); err != nil {
			return err
		}
	case !errors.Is(err, collections.ErrNotFound):
		return err
	}
	if err := k.ReusableReceipts.Set(ctx, entry.Identity, entry); err != nil {
		return err
	}
	return k.ReusableExpiries.Set(ctx, collections.Join(entry.Expires, entry.Identity))
}

// pruneReusable drops entries whose time is over, the oldest first and a bounded number in each block.
func (k Keeper) pruneReusable(ctx sdk.Context) error {
	end := collections.PairPrefix[int64, []byte](ctx.BlockHeight() + 1)
	due, err := dueBefore(ctx, k.ReusableExpiries, end, maxPrunedPerBlock)
	if err != nil {
		return fmt.Errorf("reusable receipts to drop: %w", err)
	}
	for _, key := range due {
		if err := k.ReusableReceipts.Remove(ctx, key.K2()); err != nil {
			return fmt.Errorf("reusable receipt %x: %w", key.K2(), err)
		}
		if err := k.ReusableExpiries.Remove(ctx, key); err != nil {
			return fmt.Errorf("reusable receipt %x: %w", key.K2(), err)
		}
	}
	return nil
}
