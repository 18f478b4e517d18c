package keeper_test

import (
	"context"

	corestore "cosmossdk.io/core/store"
)

// counts is what a keeper has done to its store.
type counts struct {
	// reads counts Get and Has, steps the entries that iterators came to, and open those that were not closed.
	reads, steps, open int
	// writes counts Set and Delete by key.
	writes map[string]int
}

// total is the number of operations since it was last asked.
func (c *counts) total() int {
	sum := c.reads + c.steps
	for _, n := range c.writes {
		sum += n
	}
	c.reads, c.steps, c.writes = 0, 0, nil
	return sum
}

// countingService is a store service that counts.
type countingService struct {
	corestore.KVStoreService
	*counts
}

func (s countingService) OpenKVStore(ctx context.Context) corestore.KVStore {
	return countingStore{s.KVStoreService.OpenKVStore(ctx), s.counts}
}

type countingStore struct {
	corestore.KVStore
	*counts
}

func (s countingStore) wrote(key []byte) {
	if s.writes == nil {
		s.writes = make(map[string]int)
	}
	s.writes[string(key)]++
}

func (s countingStore) Get(key []byte) ([]byte, error) {
	s.reads++
	return s.KVStore.Get(key)
}

func (s countingStore) Has(key []byte) (bool, error) {
	s.reads++
	return s.KVStore.Has(key)
}

func (s countingStore) Set(key, value []byte) error {
	s.wrote(key)
	return s.KVStore.Set(key, value)
}

func (s countingStore) Delete(key []byte) error {
	s.wrote(key)
	return s.KVStore.Delete(key)
}

func (s countingStore) Iterator(start, end []byte) (corestore.Iterator, error) {
	iterator, err := s.KVStore.Iterator(start, end)
	return s.count(iterator), err
}

func (s countingStore) ReverseIterator(start, end []byte) (corestore.Iterator, error) {
	iterator, err := s.KVStore.ReverseIterator(start, end)
	return s.count(iterator), err
}

func (s countingStore) count(iterator corestore.Iterator) corestore.Iterator {
	s.open++
	s.steps++
	return countingIterator{iterator, s.counts}
}

type countingIterator struct {
	corestore.Iterator
	*counts
}

func (i countingIterator) Next() {
	i.steps++
	i.Iterator.Next()
}

func (i countingIterator) Close() error {
	i.open--
	return i.Iterator.Close()
}
