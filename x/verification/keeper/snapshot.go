package keeper

import (
	"context"
	"errors"
	"fmt"

	"cosmossdk.io/collections"

	"github.com/opengradient/opengradient/x/verification/types"
)

// Snapshot gives a snapshot with its count of references, or ErrSnapshotNotFound.
func (k Keeper) Snapshot(ctx context.Context, id uint64) (types.Snapshot, error) {
	snapshot, err := k.Snapshots.Get(ctx, id)
	if errors.Is(err, collections.ErrNotFound) {
		return types.Snapshot{}, types.ErrSnapshotNotFound.Wrapf("expected a snapshot with id %d, got none", id)
	}
	if err != nil {
		return types.Snapshot{}, fmt.Errorf("snapshot %d: %w", id, err)
	}
	if snapshot.References, err = k.SnapshotReferences.Get(ctx, id); err != nil {
		return types.Snapshot{}, fmt.Errorf("references of snapshot %d: %w", id, err)
	}
	return snapshot, nil
}

// acquireSnapshot gives the id of the snapshot with this content and adds a reference. Content seen for the first time
// is checked and stored under the next id.
func (k Keeper) acquireSnapshot(ctx context.Context, snapshot types.Snapshot) (uint64, error) {
	hash := snapshot.ContentHash()
	id, err := k.SnapshotIndex.Get(ctx, hash[:])
	if err == nil {
		references, err := k.SnapshotReferences.Get(ctx, id)
		if err != nil {
			return 0, fmt.Errorf("references of snapshot %d: %w", id, err)
		}
		return id, k.SnapshotReferences.Set(ctx, id, references+1)
	}
	if !errors.Is(err, collections.ErrNotFound) {
		return 0, fmt.Errorf("snapshot by content: %w", err)
	}
	if err := snapshot.Validate(); err != nil {
		return 0, err
	}
	if id, err = k.SnapshotSequence.Get(ctx); err != nil {
		return 0, fmt.Errorf("next snapshot id: %w", err)
	}
	if err := k.SnapshotSequence.Set(ctx, id+1); err != nil {
		return 0, err
	}
	snapshot.Id = id
	return id, k.storeSnapshot(ctx, snapshot, 1)
}

// storeSnapshot writes a snapshot, its references and its place in the index.
func (k Keeper) storeSnapshot(ctx context.Context, snapshot types.Snapshot, references uint64) error {
	hash := snapshot.ContentHash()
	snapshot.References = 0
	if err := k.Snapshots.Set(ctx, snapshot.Id, snapshot); err != nil {
		return err
	}
	if err := k.SnapshotReferences.Set(ctx, snapshot.Id, references); err != nil {
		return err
	}
	return k.SnapshotIndex.Set(ctx, hash[:], snapshot.Id)
}

// ReleaseSnapshot takes one reference away and removes the snapshot with the last. Rounds that are abandoned release
// theirs by themselves; a settled round's reference belongs to its receipt and is released only when there is none.
func (k Keeper) ReleaseSnapshot(ctx context.Context, id uint64) error {
	snapshot, err := k.Snapshot(ctx, id)
	if err != nil {
		return err
	}
	if snapshot.References > 1 {
		return k.SnapshotReferences.Set(ctx, id, snapshot.References-1)
	}
	hash := snapshot.ContentHash()
	if err := k.SnapshotIndex.Remove(ctx, hash[:]); err != nil {
		return err
	}
	if err := k.SnapshotReferences.Remove(ctx, id); err != nil {
		return err
	}
	return k.Snapshots.Remove(ctx, id)
}
