// Package wholebatch makes IAVL write what a block changes in a store at once (ADR 0045).
package wholebatch

import (
	dbm "github.com/cosmos/cosmos-db"
)

// Bound is the size in bytes from which on a batch may be written in parts again. It is above what the gas of a block changes in
// one store; what can reach it is the rebuilding of an index, or a first pruning of many versions.
const Bound = 256 << 20

// DB is a database whose batches say that they are small until they reach Bound.
type DB struct {
	dbm.DB
	bound int
}

// New gives the database whose batches are written whole.
func New(db dbm.DB) DB { return DB{DB: db, bound: Bound} }

// NewBatch implements dbm.DB.
func (d DB) NewBatch() dbm.Batch { return batch{Batch: d.DB.NewBatch(), bound: d.bound} }

// NewBatchWithSize implements dbm.DB.
func (d DB) NewBatchWithSize(size int) dbm.Batch {
	return batch{Batch: d.DB.NewBatchWithSize(size), bound: d.bound}
}

type batch struct {
	dbm.Batch
	bound int
}

// GetByteSize is what the batch has beyond the bound, in bytes. IAVL asks for it before each entry, and for nothing else than to
// write a batch early.
func (b batch) GetByteSize() (int, error) {
	size, err := b.Batch.GetByteSize()
	return max(0, size-b.bound), err
}
