package app_test

import (
	"cmp"
	"fmt"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	abci "github.com/cometbft/cometbft/abci/types"
	dbm "github.com/cosmos/cosmos-db"
	"github.com/cosmos/cosmos-sdk/baseapp"
	pruningtypes "github.com/cosmos/cosmos-sdk/store/v2/pruning/types"

	"github.com/opengradient/opengradient/app"
	"github.com/opengradient/opengradient/testutil/chaintest"
)

// earlyWrite is the size from which on IAVL writes a batch before it is complete, if it is let.
const earlyWrite = 100_000

// pruneEvery is the number of blocks between two prunings, the least that the SDK allows.
const pruneEvery = 10

// TestKilledInCommit kills an application after each of the writes by which it stores a block: what is left has to bring it to
// the same state when it executes the block again, and the next one.
func TestKilledInCommit(t *testing.T) {
	for name, options := range map[string][]func(*baseapp.BaseApp){
		"all versions kept": nil,
		"versions pruned": {
			baseapp.SetPruning(pruningtypes.NewCustomPruningOptions(2, pruneEvery)), baseapp.SetIAVLSyncPruning(true),
		},
	} {
		t.Run(name, func(t *testing.T) { killInCommit(t, options) })
	}
}

func killInCommit(t *testing.T, options []func(*baseapp.BaseApp)) {
	db := &journal{MemDB: dbm.NewMemDB()}
	c := start(t, chaintest.Options{DB: db, BaseAppOptions: options})
	register(t, c)
	for (c.Height()+1)%pruneEvery != 0 {
		c.Next()
	}
	before := db.begin(t)
	many := submission(c.Accounts[0].Address, 64)
	deliver(t, c, c.Tx(c.Accounts[0], 0, many, many, many))
	block, hash, writes := c.LastBlock(), c.App.LastCommitID().Hash, db.writes
	assert.Greater(t, slices.MaxFunc(writes, func(a, b write) int { return cmp.Compare(a.size(), b.size()) }).size(), earlyWrite,
		"size of the largest write")
	c.Next()
	next, nextHash := c.LastBlock(), c.App.LastCommitID().Hash

	for cut := range len(writes) + 1 {
		t.Run(fmt.Sprintf("after %d writes of %d", cut, len(writes)), func(t *testing.T) {
			left := copyOf(t, before)
			for _, w := range writes[:cut] {
				w.apply(t, left)
			}
			a := reopen(t, left, options...)
			defer func() { require.NoError(t, a.Close()) }()
			if a.LastBlockHeight() < block.Height {
				execute(t, a, block)
			}
			require.Equal(t, hash, a.LastCommitID().Hash, "application hash of the block that was under way")
			execute(t, a, next)
			require.Equal(t, nextHash, a.LastCommitID().Hash, "application hash of the next block")
		})
	}
}

func execute(t *testing.T, a *app.App, block *abci.RequestFinalizeBlock) {
	t.Helper()
	_, err := a.FinalizeBlock(block)
	require.NoError(t, err)
	_, err = a.Commit()
	require.NoError(t, err)
}

// journal is a database that remembers the order of what was written, a batch being one write.
type journal struct {
	*dbm.MemDB
	writes []write
}

// write is one write; a nil value deletes.
type write []struct{ key, value []byte }

// size is that of the keys and values, in bytes.
func (w write) size() (size int) {
	for _, e := range w {
		size += len(e.key) + len(e.value)
	}
	return size
}

func (w write) apply(t *testing.T, db dbm.DB) {
	t.Helper()
	for _, e := range w {
		if e.value == nil {
			require.NoError(t, db.Delete(e.key))
		} else {
			require.NoError(t, db.Set(e.key, e.value))
		}
	}
}

// begin forgets the writes so far and returns what they made.
func (j *journal) begin(t *testing.T) *dbm.MemDB {
	t.Helper()
	j.writes = nil
	return copyOf(t, j.MemDB)
}

func copyOf(t *testing.T, db *dbm.MemDB) *dbm.MemDB {
	t.Helper()
	out := dbm.NewMemDB()
	it, err := db.Iterator(nil, nil)
	require.NoError(t, err)
	defer func() { require.NoError(t, it.Close()) }()
	for ; it.Valid(); it.Next() {
		require.NoError(t, out.Set(it.Key(), it.Value()))
	}
	return out
}

func (j *journal) one(key, value []byte) {
	j.writes = append(j.writes, write{{key: key, value: value}})
}

func (j *journal) Set(key, value []byte) error {
	j.one(key, value)
	return j.MemDB.Set(key, value)
}

func (j *journal) SetSync(key, value []byte) error { return j.Set(key, value) }

func (j *journal) Delete(key []byte) error {
	j.one(key, nil)
	return j.MemDB.Delete(key)
}

func (j *journal) DeleteSync(key []byte) error { return j.Delete(key) }

func (j *journal) NewBatch() dbm.Batch { return &journalBatch{Batch: j.MemDB.NewBatch(), of: j} }

func (j *journal) NewBatchWithSize(size int) dbm.Batch {
	return &journalBatch{Batch: j.MemDB.NewBatchWithSize(size), of: j}
}

type journalBatch struct {
	dbm.Batch
	of    *journal
	write write
}

func (b *journalBatch) Set(key, value []byte) error {
	b.write = append(b.write, struct{ key, value []byte }{key, value})
	return b.Batch.Set(key, value)
}

func (b *journalBatch) Delete(key []byte) error {
	b.write = append(b.write, struct{ key, value []byte }{key, nil})
	return b.Batch.Delete(key)
}

func (b *journalBatch) Write() error {
	b.of.writes = append(b.of.writes, b.write)
	return b.Batch.Write()
}

func (b *journalBatch) WriteSync() error { return b.Write() }
