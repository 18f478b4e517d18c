package pipelinetest

import (
	"context"

	corestore "cosmossdk.io/core/store"
)

// Work counts what keepers ask of their stores.
type Work struct {
	// Gets counts single reads, of values and of whether there is one; Sets counts writes and deletions; Steps counts the
	// entries that iterators stood on.
	Gets, Sets, Steps int
}

// counted is a store service that counts.
type counted struct {
	corestore.KVStoreService
	work *Work
}

// OpenKVStore implements store.KVStoreService.
func (c counted) OpenKVStore(ctx context.Context) corestore.KVStore {
	return countedStore{c.KVStoreService.OpenKVStore(ctx), c.work}
}

type countedStore struct {
	corestore.KVStore
	work *Work
}

// Get implements store.KVStore.
func (s countedStore) Get(key []byte) ([]byte, error) {
	s.work.Gets++
	return s.KVStore.Get(key)
}

// Has implements store.KVStore.
func (s countedStore) Has(key []byte) (bool, error) {
	s.work.Gets++
	return s.KVStore.Has(key)
}

// Set implements store.KVStore.
func (s countedStore) Set(key, value []byte) error {
	s.work.Sets++
	return s.KVStore.Set(key, value)
}

// Delete implements store.KVStore.
func (s countedStore) Delete(key []byte) error {
	s.work.Sets++
	return s.KVStore.Delete(key)
}

// Iterator implements store.KVStore.
func (s countedStore) Iterator(start, end []byte) (corestore.Iterator, error) {
	return s.count(s.KVStore.Iterator(start, end))
}

// ReverseIterator implements store.KVStore.
func (s countedStore) ReverseIterator(start, end []byte) (corestore.Iterator, error) {
	return s.count(s.KVStore.ReverseIterator(start, end))
}

func (s countedStore) count(it corestore.Iterator, err error) (corestore.Iterator, error) {
	if err != nil {
		return nil, err
	}
	if it.Valid() {
		s.work.Steps++
	}
	return countedIterator{it, s.work}, nil
}

type countedIterator struct {
	corestore.Iterator
	work *Work
}

// Next implements store.Iterator.
func (i countedIterator) Next() {
	i.Iterator.Next()
	if i.Valid() {
		i.work.Steps++
	}
}
