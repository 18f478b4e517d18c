package keeper

import (
	"bytes"
	"context"
	"errors"
	"fmt"

	"cosmossdk.io/collections"
	sdk "github.com/cosmos/cosmos-sdk/types"

	"github.com/opengradient/opengradient/x/inference/types"
)

// newKey is the idempotency key of a message with what the message asks for. Its key is empty when the message has none.
func (s submission) newKey(msg *types.MsgSubmitRequests, readings []reading) (types.IdempotencyKey, error) {
	if msg.IdempotencyKey == "" {
		return types.IdempotencyKey{}, nil
	}
	if err := types.ValidateIdempotencyKey(msg.IdempotencyKey); err != nil {
		return types.IdempotencyKey{}, err
	}
	content := types.Content{
		Model: s.model.Sha256, Tier: msg.Tier, Sealing: msg.Sealing, FeeClass: msg.FeeClass, ReuseBlocks: msg.ReuseBlocks,
		Outputs: s.names(), InputRoots: make([][]byte, len(readings)),
	}
	for i, r := range readings {
		content.InputRoots[i] = r.root
	}
	hash, err := content.Hash()
	if err != nil {
		return types.IdempotencyKey{}, err
	}
	return types.IdempotencyKey{Requester: s.requester.String(), Key: msg.IdempotencyKey, Content: hash}, nil
}

// IdempotencyKey is what a message with a key was answered with. It fails with ErrIdempotencyKeyNotFound when there was
// none, or its time is over.
func (k Keeper) IdempotencyKey(ctx context.Context, requester sdk.AccAddress, key string) (types.IdempotencyKey, error) {
	known, err := k.IdempotencyKeys.Get(ctx, collections.Join([]byte(requester), key))
	absent := errors.Is(err, collections.ErrNotFound)
	if err != nil && !absent {
		return types.IdempotencyKey{}, err
	}
	if absent || !known.Remembered(sdk.UnwrapSDKContext(ctx).BlockHeight()) {
		return types.IdempotencyKey{}, types.ErrIdempotencyKeyNotFound.Wrapf("expected a key that %s used and that is remembered, got %.64q", requester, key)
	}
	return known, nil
}

// answeredBefore looks up what a key was answered with. It fails with ErrIdempotencyContent when the message asked for
// something else then.
func (k Keeper) answeredBefore(ctx context.Context, key types.IdempotencyKey) (known types.IdempotencyKey, found bool, err error) {
	if key.Key == "" {
		return types.IdempotencyKey{}, false, nil
	}
	requester, err := sdk.AccAddressFromBech32(key.Requester)
	if err != nil {
		return types.IdempotencyKey{}, false, fmt.Errorf("requester: %w", err)
	}
	known, err = k.IdempotencyKey(ctx, requester, key.Key)
	if errors.Is(err, types.ErrIdempotencyKeyNotFound) {
		return types.IdempotencyKey{}, false, nil
	}
	if err != nil {
		return types.IdempotencyKey{}, false, err
	}
	if !bytes.Equal(known.Content, key.Content) {
		return types.IdempotencyKey{}, false, types.ErrIdempotencyContent.Wrapf("key %q: expected the content %x, got %x", key.Key, known.Content, key.Content)
	}
	return known, true, nil
}

// remember stores what a key was answered with. A message without a key leaves nothing.
func (k Keeper) remember(ctx sdk.Context, params types.Params, key types.IdempotencyKey, answer *types.MsgSubmitRequestsResponse) error {
	if key.Key == "" {
		return nil
	}
	key.Ids, key.Reused = answer.Ids, answer.Reused
	key.Expires = ctx.BlockHeight() + int64(params.IdempotencyBlocks)
	return k.storeKey(ctx, key)
}

// storeKey writes a key with its expiry, in place of one whose time is over and that waits to be dropped.
func (k Keeper) storeKey(ctx context.Context, key types.IdempotencyKey) error {
	requester, err := sdk.AccAddressFromBech32(key.Requester)
	if err != nil {
		return fmt.Errorf("requester: %w", err)
	}
	place := collections.Join([]byte(requester), key.Key)
	old, err := k.IdempotencyKeys.Get(ctx, place)
	switch {
	case err == nil:
		if err := k.IdempotencyExpiries.Remove(ctx, collections.Join3(old.Expires, place.K1(), place.K2())); err != nil {
			return err
		}
	case !errors.Is(err, collections.ErrNotFound):
		return err
	}
	if err := k.IdempotencyKeys.Set(ctx, place, key); err != nil {
		return err
	}
	return k.IdempotencyExpiries.Set(ctx, collections.Join3(key.Expires, place.K1(), place.K2()))
}

// pruneKeys forgets keys whose time is over, the oldest first and a bounded number in each block.
func (k Keeper) pruneKeys(ctx sdk.Context) error {
	end := collections.TriplePrefix[int64, []byte, string](ctx.BlockHeight() + 1)
	due, err := dueBefore(ctx, k.IdempotencyExpiries, end, maxPrunedPerBlock)
	if err != nil {
		return fmt.Errorf("idempotency keys to forget: %w", err)
	}
	for _, key := range due {
		if err := k.IdempotencyKeys.Remove(ctx, collections.Join(key.K2(), key.K3())); err != nil {
			return fmt.Errorf("idempotency key %q: %w", key.K3(), err)
		}
		if err := k.IdempotencyExpiries.Remove(ctx, key); err != nil {
			return fmt.Errorf("idempotency key %q: %w", key.K3(), err)
		}
	}
	return nil
}
