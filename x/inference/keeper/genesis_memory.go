package keeper

import (
	"bytes"
	"cmp"
	"context"
	"math"
	"slices"

	"cosmossdk.io/collections"
	sdk "github.com/cosmos/cosmos-sdk/types"

	"github.com/opengradient/opengradient/x/inference/types"
)

// importMemory imports what is remembered for a time: idempotency keys and reusable receipts.
func (k Keeper) importMemory(ctx sdk.Context, state types.GenesisState, base int64) error {
	for _, key := range state.IdempotencyKeys {
		if key.Expires > math.MaxInt64-base {
			return types.ErrInvalidGenesis.Wrapf("idempotency key %q: %d blocks overflow", key.Key, key.Expires)
		}
		key.Expires += base
		if err := k.storeKey(ctx, key); err != nil {
			return err
		}
	}
	for _, entry := range state.ReusableReceipts {
		if entry.Expires > math.MaxInt64-base {
			return types.ErrInvalidGenesis.Wrapf("reusable receipt of request %d: %d blocks overflow", entry.RequestId, entry.Expires)
		}
		entry.SettledHeight, entry.Expires = entry.SettledHeight+base, entry.Expires+base
		if err := k.storeReusable(ctx, entry); err != nil {
			return err
		}
	}
	return nil
}

// exportMemory leaves out what waits to be dropped.
func (k Keeper) exportMemory(ctx context.Context, state *types.GenesisState) error {
	height := sdk.UnwrapSDKContext(ctx).BlockHeight()
	type owned struct {
		requester []byte
		key       types.IdempotencyKey
	}
	var keys []owned
	err := k.IdempotencyKeys.Walk(ctx, nil, func(place collections.Pair[[]byte, string], key types.IdempotencyKey) (bool, error) {
		if key.Expires > height {
			key.Expires -= height
			keys = append(keys, owned{place.K1(), key})
		}
		return false, nil
	})
	if err != nil {
		return err
	}
	// The store orders addresses by their length first.
	slices.SortFunc(keys, func(a, b owned) int {
		return cmp.Or(bytes.Compare(a.requester, b.requester), cmp.Compare(a.key.Key, b.key.Key))
	})
	for _, k := range keys {
		state.IdempotencyKeys = append(state.IdempotencyKeys, k.key)
	}
	return k.ReusableReceipts.Walk(ctx, nil, func(_ []byte, entry types.ReusableReceipt) (bool, error) {
		if entry.Expires > height {
			entry.SettledHeight, entry.Expires = entry.SettledHeight-height, entry.Expires-height
			state.ReusableReceipts = append(state.ReusableReceipts, entry)
		}
		return false, nil
	})
}
