package keeper

import (
	"context"
	"errors"
	"fmt"

	"cosmossdk.io/collections"
)

// claimFirst puts the task that has the first claim on this block in front of the first places of the queue. When it is
// none of them, it takes the room of the last.
func (k Keeper) claimFirst(ctx context.Context, places []queueKey) ([]queueKey, error) {
	claim, err := k.QueueClaim.Get(ctx)
	if errors.Is(err, collections.ErrNotFound) {
		return places, nil
	}
	if err != nil {
		return nil, fmt.Errorf("load the first claim on the block: %w", err)
	}
	if waits, err := k.Queue.Has(ctx, claim); err != nil || !waits {
		return places, err
	}
	at := 0
	for at < len(places)-1 && places[at].K3() != claim.K3() {
		at++
	}
	copy(places[1:], places[:at])
	places[0] = claim
	return places, nil
}

// storeClaim gives the first task that did not fit this block the first claim on the next: it then begins before what
// comes in front of it, of which there could be a little in every block (ADR 0032).
func (k Keeper) storeClaim(ctx context.Context, unfit *queueKey) error {
	if unfit == nil {
		return k.QueueClaim.Remove(ctx)
	}
	return k.QueueClaim.Set(ctx, *unfit)
}
