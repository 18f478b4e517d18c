package keeper

import (
	"context"
	"errors"
	"fmt"

	"cosmossdk.io/collections"
	sdk "github.com/cosmos/cosmos-sdk/types"

	"github.com/opengradient/opengradient/x/models/types"
)

// maxDroppedChunks bounds the chunks that are dropped in one block.
const maxDroppedChunks = 32

// File is the whole file of a model. It fails with ErrNoFile for a model by reference and for one whose file was dropped.
func (k Keeper) File(ctx context.Context, m types.Model) ([]byte, error) {
	if !m.HasFile() {
		return nil, types.ErrNoFile.Wrapf("model %s", m.Sha256)
	}
	free := unmetered(ctx)
	file := make([]byte, 0, m.Size_)
	for i := range uint32(types.ChunkCount(m.Size_)) {
		chunk, err := k.Chunks.Get(free, collections.Join(m.File, i))
		if errors.Is(err, collections.ErrNotFound) {
			return nil, types.ErrNoFile.Wrapf("model %s: chunk %d is not there", m.Sha256, i)
		}
		if err != nil {
			return nil, err
		}
		file = append(file, chunk...)
	}
	if uint64(len(file)) != m.Size_ {
		return nil, fmt.Errorf("file of model %s: expected %d bytes, got %d", m.Sha256, m.Size_, len(file))
	}
	return file, nil
}

// reserve takes room for a file. It fails with ErrNoRoom.
func (k Keeper) reserve(ctx context.Context, params types.Params, size uint64) error {
	stored, err := number(ctx, k.StoredBytes)
	if err != nil {
		return err
	}
	if size > params.MaxTotalBytes || stored > params.MaxTotalBytes-size {
		return types.ErrNoRoom.Wrapf("expected at most %d bytes of all files, got %d with %d more", params.MaxTotalBytes, stored, size)
	}
	return k.StoredBytes.Set(ctx, stored+size)
}

// newFileID gives out the next id.
func (k Keeper) newFileID(ctx context.Context) (uint64, error) {
	id, err := k.NextFileID.Get(ctx)
	if err != nil {
		return 0, fmt.Errorf("next file id: %w", err)
	}
	return id, k.NextFileID.Set(ctx, id+1)
}

// storeFile writes a whole file in chunks. Its bytes are already counted and its gas charged.
func (k Keeper) storeFile(ctx context.Context, id uint64, file []byte) error {
	free := unmetered(ctx)
	for i := uint32(0); len(file) > 0; i++ {
		n := min(len(file), types.ChunkBytes)
		if err := k.Chunks.Set(free, collections.Join(id, i), file[:n]); err != nil {
			return err
		}
		file = file[n:]
	}
	return nil
}

// drop has the chunks of a file removed over the next blocks.
func (k Keeper) drop(ctx context.Context, file uint64) error {
	return k.DroppedFiles.Set(ctx, file)
}

// dropChunks removes at most maxDroppedChunks chunks of the files that are dropped, oldest file first, and frees their
// room.
func (k Keeper) dropChunks(ctx sdk.Context) error {
	left := maxDroppedChunks
	for left > 0 {
		file, found, err := first(ctx, k.DroppedFiles)
		if err != nil || !found {
			return err
		}
		var keys []chunkKey
		freed := uint64(0)
		err = k.Chunks.Walk(ctx, collections.NewPrefixedPairRange[uint64, uint32](file), func(key chunkKey, chunk []byte) (bool, error) {
			keys, freed = append(keys, key), freed+uint64(len(chunk))
			return len(keys) == left, nil
		})
		if err != nil {
			return err
		}
		for _, key := range keys {
			if err := k.Chunks.Remove(ctx, key); err != nil {
				return err
			}
		}
		if err := subtract(ctx, k.StoredBytes, freed); err != nil {
			return err
		}
		if len(keys) < left {
			if err := k.DroppedFiles.Remove(ctx, file); err != nil {
				return err
			}
		}
		left -= len(keys)
	}
	return nil
}

// first is the smallest key of a set; found is false when it is empty.
func first[K any](ctx context.Context, set collections.KeySet[K]) (key K, found bool, err error) {
	err = set.Walk(ctx, nil, func(k K) (bool, error) {
		key, found = k, true
		return true, nil
	})
	return key, found, err
}
