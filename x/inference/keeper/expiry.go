package keeper

import (
	"context"

	"cosmossdk.io/collections"
)

// maxPrunedPerBlock bounds the entries of each kind that one block drops. What is over waits for the next one.
const maxPrunedPerBlock = 256

// dueBefore is the first keys of an index by height that come before a key, at most limit of them. They are collected
// before any is handled: a store must not change under its iterator.
func dueBefore[K any](ctx context.Context, index collections.KeySet[K], end K, limit int) ([]K, error) {
	var due []K
	err := index.Walk(ctx, new(collections.Range[K]).EndExclusive(end), func(key K) (bool, error) {
		due = append(due, key)
		return len(due) == limit, nil
	})
	return due, err
}
