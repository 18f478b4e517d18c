// Package keeper stores the rounds of verification and applies the rules of internal/agreement to them.
package keeper

import (
	"context"
	"fmt"

	"cosmossdk.io/collections"
	"cosmossdk.io/core/store"
	"github.com/cosmos/cosmos-sdk/codec"
	sdk "github.com/cosmos/cosmos-sdk/types"

	"github.com/opengradient/opengradient/x/verification/types"
)

// outputKey is (request id, candidate counted from 1).
type outputKey = collections.Pair[uint64, uint32]

// settleKey is (settle height, request id).
type settleKey = collections.Pair[int64, uint64]

// timerKey is (timer height, request id).
type timerKey = collections.Pair[int64, uint64]

// divergenceKey is (SHA-256 of the model, class of the verdict, other class).
type divergenceKey = collections.Triple[[]byte, uint32, uint32]

// expiryKey is (expiry height, request id).
type expiryKey = collections.Pair[int64, uint64]

// Keeper is the state of the verification module. It knows a request by its id only.
type Keeper struct {
	staking   types.StakingKeeper
	nodes     types.NodeKeeper
	authority string

	Schema collections.Schema
	// ParamsVersions: version -> Params, each stored once.
	ParamsVersions collections.Map[uint64, types.Params]
	// ParamsCurrent: the current version.
	ParamsCurrent collections.Item[uint64]
	// Snapshots: id -> Snapshot with references left zero.
	Snapshots collections.Map[uint64, types.Snapshot]
	// SnapshotReferences: id -> count of rounds and receipts, at least 1.
	SnapshotReferences collections.Map[uint64, uint64]
	// SnapshotIndex: content hash -> id.
	SnapshotIndex collections.Map[[]byte, uint64]
	// SnapshotSequence: the next snapshot id, from 1.
	SnapshotSequence collections.Item[uint64]
	// Rounds: request id -> Round.
	Rounds collections.Map[uint64, types.Round]
	// SettleQueue: (settle height, request id) of the rounds that settle.
	SettleQueue collections.KeySet[settleKey]
	// Outputs: (request id, candidate counted from 1) -> published bytes of rounds that are not settled.
	Outputs collections.Map[outputKey, []byte]
	// Timers: (timer height, request id) of the rounds whose phase is looked at again.
	Timers collections.KeySet[timerKey]
	// Compared: height -> tensor elements that the block has compared; of one height only.
	Compared collections.Map[int64, uint64]
	// Conducts: operator -> Conduct.
	Conducts collections.Map[sdk.ValAddress, types.Conduct]
	// Divergences: (model, class of the verdict, other class) -> Divergence, at most types.MaxDivergences per model.
	Divergences collections.Map[divergenceKey, types.Divergence]
	// Attendances: height -> Attendance, of the last types.AttendanceBlocks heights that had a round.
	Attendances collections.Map[int64, types.Attendance]
	// Evidence: request id -> StoredEvidence of settled rounds.
	Evidence collections.Map[uint64, types.StoredEvidence]
	// EvidenceExpiry: (expiry height, request id), one for each record of evidence.
	EvidenceExpiry collections.KeySet[expiryKey]
}

// NewKeeper gives a keeper over the module's store. Authority is the address that may change the parameters.
func NewKeeper(
	cdc codec.BinaryCodec,
	storeService store.KVStoreService,
	staking types.StakingKeeper,
	nodes types.NodeKeeper,
	authority string,
) Keeper {
	sb := collections.NewSchemaBuilder(storeService)
	k := Keeper{
		staking: staking, nodes: nodes, authority: authority,
		ParamsVersions: collections.NewMap(sb, types.ParamsVersionsPrefix, "params_versions",
			collections.Uint64Key, codec.CollValue[types.Params](cdc)),
		ParamsCurrent: collections.NewItem(sb, types.ParamsCurrentKey, "params_current", collections.Uint64Value),
		Snapshots: collections.NewMap(sb, types.SnapshotsPrefix, "snapshots",
			collections.Uint64Key, codec.CollValue[types.Snapshot](cdc)),
		SnapshotReferences: collections.NewMap(sb, types.SnapshotReferencesPrefix, "snapshot_references",
			collections.Uint64Key, collections.Uint64Value),
		SnapshotIndex: collections.NewMap(sb, types.SnapshotIndexPrefix, "snapshot_index",
			collections.BytesKey, collections.Uint64Value),
		SnapshotSequence: collections.NewItem(sb, types.SnapshotSequenceKey, "snapshot_sequence", collections.Uint64Value),
		Rounds: collections.NewMap(sb, types.RoundsPrefix, "rounds",
			collections.Uint64Key, codec.CollValue[types.Round](cdc)),
		SettleQueue: collections.NewKeySet(sb, types.SettleQueuePrefix, "settle_queue",
			collections.PairKeyCodec(collections.Int64Key, collections.Uint64Key)),
		Outputs: collections.NewMap(sb, types.OutputsPrefix, "outputs",
			collections.PairKeyCodec(collections.Uint64Key, collections.Uint32Key), collections.BytesValue),
		Timers: collections.NewKeySet(sb, types.TimersPrefix, "timers",
			collections.PairKeyCodec(collections.Int64Key, collections.Uint64Key)),
		Compared: collections.NewMap(sb, types.ComparedPrefix, "compared", collections.Int64Key, collections.Uint64Value),
		Conducts: collections.NewMap(sb, types.ConductsPrefix, "conducts",
			sdk.ValAddressKey, codec.CollValue[types.Conduct](cdc)),
		Divergences: collections.NewMap(sb, types.DivergencesPrefix, "divergences",
			collections.TripleKeyCodec(collections.BytesKey, collections.Uint32Key, collections.Uint32Key),
			codec.CollValue[types.Divergence](cdc)),
		Attendances: collections.NewMap(sb, types.AttendancesPrefix, "attendances",
			collections.Int64Key, codec.CollValue[types.Attendance](cdc)),
		Evidence: collections.NewMap(sb, types.EvidencePrefix, "evidence",
			collections.Uint64Key, codec.CollValue[types.StoredEvidence](cdc)),
		EvidenceExpiry: collections.NewKeySet(sb, types.EvidenceExpiryPrefix, "evidence_expiry",
			collections.PairKeyCodec(collections.Int64Key, collections.Uint64Key)),
	}
	schema, err := sb.Build()
	if err != nil {
		panic(fmt.Sprintf("x/%s: the store's prefixes overlap: %v", types.ModuleName, err))
	}
	k.Schema = schema
	return k
}

// Authority is the address that may change the parameters.
func (k Keeper) Authority() string { return k.authority }

func blockHeight(ctx context.Context) int64 { return sdk.UnwrapSDKContext(ctx).BlockHeight() }
