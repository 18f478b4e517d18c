package app_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"cosmossdk.io/log/v2"
	abci "github.com/cometbft/cometbft/abci/types"
	dbm "github.com/cosmos/cosmos-db"
	"github.com/cosmos/cosmos-sdk/baseapp"
	"github.com/cosmos/cosmos-sdk/store/v2/snapshots"
	snapshottypes "github.com/cosmos/cosmos-sdk/store/v2/snapshots/types"
	simtestutil "github.com/cosmos/cosmos-sdk/testutil/sims"

	"github.com/opengradient/opengradient/app"
	"github.com/opengradient/opengradient/testutil/chaintest"
)

func snapshotOption(t *testing.T) func(*baseapp.BaseApp) {
	t.Helper()
	store, err := snapshots.NewStore(dbm.NewMemDB(), t.TempDir())
	require.NoError(t, err)
	// The interval is never reached: snapshots are taken by the test.
	return baseapp.SetSnapshot(store, snapshottypes.NewSnapshotOptions(1_000_000, 2))
}

// TestSnapshotCarriesModelsAndOpenRequests restores a snapshot in a new node, as state sync does. The node then executes
// the same blocks with the same hashes: it has the models, the requests in every stage, the rounds and the queue.
func TestSnapshotCarriesModelsAndOpenRequests(t *testing.T) {
	c := chainWithOpenRequests(t, snapshotOption(t))
	taken, err := c.App.SnapshotManager().Create(uint64(c.Height()))
	require.NoError(t, err)

	restored := reopen(t, dbm.NewMemDB(), snapshotOption(t))
	listed, err := c.App.ListSnapshots(&abci.RequestListSnapshots{})
	require.NoError(t, err)
	require.Len(t, listed.Snapshots, 1)
	offer, err := restored.OfferSnapshot(&abci.RequestOfferSnapshot{Snapshot: listed.Snapshots[0], AppHash: c.App.LastCommitID().Hash})
	require.NoError(t, err)
	require.Equal(t, abci.ResponseOfferSnapshot_ACCEPT, offer.Result)
	for i := range taken.Chunks {
		chunk, err := c.App.LoadSnapshotChunk(&abci.RequestLoadSnapshotChunk{Height: taken.Height, Format: taken.Format, Chunk: i})
		require.NoError(t, err)
		applied, err := restored.ApplySnapshotChunk(&abci.RequestApplySnapshotChunk{Index: i, Chunk: chunk.Chunk})
		require.NoError(t, err)
		require.Equal(t, abci.ResponseApplySnapshotChunk_ACCEPT, applied.Result)
	}
	require.Equal(t, c.Height(), restored.LastBlockHeight())
	require.Equal(t, c.App.LastCommitID().Hash, restored.LastCommitID().Hash)

	c.Followers = append(c.Followers, restored)
	finish(t, c)
}

// TestRestartedNodeGoesOn closes a node in the middle of open requests and opens it again from its database.
func TestRestartedNodeGoesOn(t *testing.T) {
	db := dbm.NewMemDB()
	c := chainWithOpenRequests(t)
	exported, err := c.App.Export(nil)
	require.NoError(t, err)
	next := c.Import(exported.AppState, exported.Height, reopen(t, db))
	next.Attest(answer)
	for range 3 {
		next.Next()
		require.NoError(t, next.Followers[0].Close())
		next.Followers[0] = reopen(t, db)
		require.Equal(t, next.Height(), next.Followers[0].LastBlockHeight())
	}
	finish(t, next)
}

// TestStoresAreClosedOnce: the SDK closes an application that ran consensus twice, and LevelDB refuses the second time.
func TestStoresAreClosedOnce(t *testing.T) {
	db, err := dbm.NewGoLevelDB("application", t.TempDir(), nil)
	require.NoError(t, err)
	a := reopen(t, db)
	require.NoError(t, a.Close())
	require.NoError(t, a.Close())
}

// reopen is an application over db, with the state committed there.
func reopen(t *testing.T, db dbm.DB, options ...func(*baseapp.BaseApp)) *app.App {
	t.Helper()
	options = append(options, baseapp.SetChainID(chaintest.ChainID))
	a, err := app.New(log.NewNopLogger(), db, nil, true, simtestutil.AppOptionsMap{}, options...)
	require.NoError(t, err)
	return a
}

// finish lets validators be honest until every request of the chain has ended.
func finish(t *testing.T, c *chaintest.Chain) {
	t.Helper()
	c.Attest(answer)
	for range 16 {
		c.Next()
	}
	requireAllEnded(t, c)
}
