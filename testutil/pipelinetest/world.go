// Package pipelinetest runs the keepers of models, inference, scheduling and verification together, block by block, without an
// application around them: coins, stake and rewards are simple ledgers, stores are in memory. It is fast enough for
// long random schedules, and nodes behave in it as each test draws.
package pipelinetest

import (
	"crypto/sha256"
	"encoding/binary"

	"github.com/stretchr/testify/require"

	corestore "cosmossdk.io/core/store"
	"cosmossdk.io/log/v2"
	cmtproto "github.com/cometbft/cometbft/proto/tendermint/types"
	dbm "github.com/cosmos/cosmos-db"
	"github.com/cosmos/cosmos-sdk/codec"
	codectypes "github.com/cosmos/cosmos-sdk/codec/types"
	"github.com/cosmos/cosmos-sdk/runtime"
	"github.com/cosmos/cosmos-sdk/store/v2/cachemulti"
	"github.com/cosmos/cosmos-sdk/store/v2/dbadapter"
	storetypes "github.com/cosmos/cosmos-sdk/store/v2/types"
	sdk "github.com/cosmos/cosmos-sdk/types"
	authtypes "github.com/cosmos/cosmos-sdk/x/auth/types"

	inferencekeeper "github.com/opengradient/opengradient/x/inference/keeper"
	inferencetypes "github.com/opengradient/opengradient/x/inference/types"
	modelskeeper "github.com/opengradient/opengradient/x/models/keeper"
	modelstypes "github.com/opengradient/opengradient/x/models/types"
	schedulingkeeper "github.com/opengradient/opengradient/x/scheduling/keeper"
	schedulingtypes "github.com/opengradient/opengradient/x/scheduling/types"
	verificationkeeper "github.com/opengradient/opengradient/x/verification/keeper"
	verificationtypes "github.com/opengradient/opengradient/x/verification/types"
)

// ChainID is the chain id of every world.
const ChainID = "pipelinetest-1"

// TB is what the package needs of *testing.T, *testing.B or *rapid.T.
type TB interface {
	require.TestingT
	Helper()
}

// Authority may change every module's parameters.
var Authority = authtypes.NewModuleAddress("gov").String()

// World is the four keepers on their stores, with the ledgers of coins and stake beside them.
type World struct {
	Inference    inferencekeeper.Keeper
	Scheduling   schedulingkeeper.Keeper
	Verification verificationkeeper.Keeper
	Models       modelskeeper.Keeper
	Bank         *Bank
	Staking      *Staking
	// Work is what the keepers have asked of their stores.
	Work *Work

	t     TB
	ctx   sdk.Context
	store cachemulti.Store
}

// Genesis is the state of the four modules.
type Genesis struct {
	Models       modelstypes.GenesisState
	Inference    inferencetypes.GenesisState
	Scheduling   schedulingtypes.GenesisState
	Verification verificationtypes.GenesisState
}

var storeNames = []string{
	bankStore, stakingStore, schedulingtypes.StoreKey, verificationtypes.StoreKey, inferencetypes.StoreKey,
	modelstypes.StoreKey, modelstypes.FileStoreKey,
}

// newWorld has empty stores. The next block is that of the height.
func newWorld(t TB, height int64) *World {
	keys := storetypes.NewKVStoreKeys(storeNames...)
	stores := make(map[storetypes.StoreKey]storetypes.CacheWrapper, len(keys))
	for _, key := range keys {
		stores[key] = dbadapter.Store{DB: dbm.NewMemDB()}
	}
	cdc := codec.NewProtoCodec(codectypes.NewInterfaceRegistry())
	w := &World{t: t, store: cachemulti.NewStore(stores), Work: &Work{}}
	service := func(key *storetypes.KVStoreKey) corestore.KVStoreService {
		return counted{runtime.NewKVStoreService(key), w.Work}
	}
	w.Bank = &Bank{key: keys[bankStore]}
	w.Staking = &Staking{key: keys[stakingStore], bank: w.Bank}
	w.Scheduling = schedulingkeeper.NewKeeper(cdc, service(keys[schedulingtypes.StoreKey]), w.Staking, Authority)
	w.Verification = verificationkeeper.NewKeeper(cdc, service(keys[verificationtypes.StoreKey]), w.Staking, w.Scheduling, Authority)
	w.Models = modelskeeper.NewKeeper(cdc, service(keys[modelstypes.StoreKey]), service(keys[modelstypes.FileStoreKey]),
		accounts{}, w.Bank, w.Bank, w.Scheduling, w.Verification, Authority)
	w.Inference = inferencekeeper.NewKeeper(cdc, service(keys[inferencetypes.StoreKey]),
		accounts{}, w.Bank, w.Bank, w.Staking, w.Scheduling, w.Verification, w.Models, Authority)
	w.ctx = sdk.NewContext(w.store, cmtproto.Header{ChainID: ChainID}, false, log.NewNopLogger())
	w.at(height)
	return w
}

// at moves the world to a height. The hash that draws leaders differs from block to block.
func (w *World) at(height int64) {
	header := w.ctx.BlockHeader()
	header.Height = height
	hash := sha256.Sum256(binary.BigEndian.AppendUint64([]byte("app"), uint64(height)))
	header.AppHash = hash[:]
	w.ctx = w.ctx.WithBlockHeader(header).WithEventManager(sdk.NewEventManager())
}

// Ctx is over the state as it stands.
func (w *World) Ctx() sdk.Context { return w.ctx }

// Height is that of the block under way.
func (w *World) Height() int64 { return w.ctx.BlockHeight() }

// Init imports a genesis. The next block is that of the world's height.
func (w *World) Init(g Genesis) {
	w.t.Helper()
	require.NoError(w.t, w.Scheduling.InitGenesis(w.ctx, g.Scheduling))
	require.NoError(w.t, w.Verification.InitGenesis(w.ctx, g.Verification))
	require.NoError(w.t, w.Models.InitGenesis(w.ctx, g.Models))
	require.NoError(w.t, w.Inference.InitGenesis(w.ctx, g.Inference))
}

// Export gives the state of the four modules after the block of a height, the last one of the chain.
func (w *World) Export(height int64) Genesis {
	w.t.Helper()
	ctx := w.ctx.WithBlockHeight(height)
	scheduling, err := w.Scheduling.ExportGenesis(ctx)
	require.NoError(w.t, err)
	verification, err := w.Verification.ExportGenesis(ctx)
	require.NoError(w.t, err)
	models, err := w.Models.ExportGenesis(ctx)
	require.NoError(w.t, err)
	inference, err := w.Inference.ExportGenesis(ctx)
	require.NoError(w.t, err)
	return Genesis{Models: *models, Inference: *inference, Scheduling: *scheduling, Verification: *verification}
}

// Restart exports the state after the block of the height before and goes on with it in new stores, as a new chain does
// whose first block has the height next. What is imported exports as it came; before block 1 it cannot, as height 0 also
// stands for never.
func (w *World) Restart(next int64) *World {
	w.t.Helper()
	g := w.Export(w.Height() - 1)
	require.NoError(w.t, g.Scheduling.Validate())
	require.NoError(w.t, g.Verification.Validate())
	require.NoError(w.t, g.Models.Validate())
	require.NoError(w.t, g.Inference.Validate())
	fresh := newWorld(w.t, next)
	fresh.Bank.Blocked = w.Bank.Blocked
	copyStore(fresh.Bank.store(fresh.ctx), w.Bank.store(w.ctx))
	copyStore(fresh.Staking.store(fresh.ctx), w.Staking.store(w.ctx))
	fresh.Init(g)
	if next > 1 {
		again := fresh.Export(next - 1)
		requireSame(w.t, "scheduling", &g.Scheduling, &again.Scheduling)
		requireSame(w.t, "verification", &g.Verification, &again.Verification)
		requireSame(w.t, "models", &g.Models, &again.Models)
		requireSame(w.t, "inference", &g.Inference, &again.Inference)
	}
	fresh.store.Write()
	return fresh
}

// requireSame compares two states by what would be written to a file.
func requireSame(t TB, module string, want, got interface {
	Marshal() ([]byte, error)
	String() string
},
) {
	t.Helper()
	first, err := want.Marshal()
	require.NoError(t, err)
	second, err := got.Marshal()
	require.NoError(t, err)
	if string(first) != string(second) {
		require.Equal(t, want.String(), got.String(), "the state of %s changes by export and import", module)
		require.Fail(t, "the state of "+module+" changes by export and import")
	}
}

// RecordVotes does what the pre-blocker does with the vote extensions of one block: statuses first, then everything
// else, in one branch of the state. A status may be refused; nothing else may fail.
func (w *World) RecordVotes(statuses []Status, votes []verificationtypes.OperatorVotes) {
	w.t.Helper()
	for _, s := range statuses {
		branch, write := w.ctx.CacheContext()
		if err := w.Scheduling.SetStatus(branch, s.Operator, s.Status); err == nil {
			write()
		} else {
			require.ErrorIs(w.t, err, schedulingtypes.ErrNodeNotFound)
		}
	}
	branch, write := w.ctx.CacheContext()
	require.NoError(w.t, w.Inference.RecordVotes(branch, votes), "votes of block %d", w.Height())
	write()
}

// EndBlock ends the block under way and moves to the next.
func (w *World) EndBlock() {
	w.t.Helper()
	require.NoError(w.t, w.Models.EndBlock(w.ctx), "end of block %d", w.Height())
	require.NoError(w.t, w.Inference.EndBlock(w.ctx), "end of block %d", w.Height())
	w.Staking.endBlock(w.ctx)
	w.store.Write()
	w.at(w.Height() + 1)
}

// Status is the status of a node in its vote extension.
type Status struct {
	Operator sdk.ValAddress
	Status   schedulingtypes.NodeStatus
}

// deliver executes one message. Nothing of it remains when it fails.
func (w *World) deliver(message func(ctx sdk.Context) error) error {
	branch, write := w.ctx.CacheContext()
	if err := message(branch); err != nil {
		return err
	}
	write()
	return nil
}
