package keeper

import (
	"cmp"
	"context"
	"errors"
	"fmt"

	"cosmossdk.io/collections"

	"github.com/opengradient/opengradient/x/verification/types"
)

// recordDivergences keeps how far each compared candidate of a settled round is from the verdict.
func (k Keeper) recordDivergences(ctx context.Context, round types.Round, snapshot types.Snapshot) error {
	for _, found := range round.Divergences(snapshot) {
		key := collections.Join3(round.Model, found.VerdictClass, found.OtherClass)
		divergence, err := k.Divergences.Get(ctx, key)
		if errors.Is(err, collections.ErrNotFound) {
			divergence = types.Divergence{Model: round.Model, VerdictClass: found.VerdictClass, OtherClass: found.OtherClass}
			err = k.makeRoomForDivergence(ctx, round.Model)
		}
		if err != nil {
			return fmt.Errorf("divergence of classes %d and %d: %w", found.VerdictClass, found.OtherClass, err)
		}
		divergence = divergence.Add(found.Candidate, round.RequestId, blockHeight(ctx))
		if err := k.Divergences.Set(ctx, key, divergence); err != nil {
			return err
		}
		if err := emitDivergence(ctx, round, divergence, found.Candidate); err != nil {
			return err
		}
	}
	return nil
}

// makeRoomForDivergence drops the pair of a model that was seen last the longest ago when there are as many as are kept:
// an attestation names its class itself, so invented classes must not fill the state.
func (k Keeper) makeRoomForDivergence(ctx context.Context, model []byte) error {
	iterator, err := k.Divergences.Iterate(ctx, collections.NewPrefixedTripleRange[[]byte, uint32, uint32](model))
	if err != nil {
		return err
	}
	pairs, err := iterator.Values()
	if err != nil || len(pairs) < types.MaxDivergences {
		return err
	}
	oldest := pairs[0]
	for _, pair := range pairs[1:] {
		if cmp.Or(cmp.Compare(pair.LastHeight, oldest.LastHeight), cmp.Compare(pair.LastRequestId, oldest.LastRequestId)) < 0 {
			oldest = pair
		}
	}
	return k.Divergences.Remove(ctx, collections.Join3(model, oldest.VerdictClass, oldest.OtherClass))
}
