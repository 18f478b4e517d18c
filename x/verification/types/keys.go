package types

import "cosmossdk.io/collections"

const (
	// ModuleName is the name of the module.
	ModuleName = "verification"
	// StoreKey is the key of the module's store.
	StoreKey = ModuleName
)

// Store prefixes.
var (
	// ParamsVersionsPrefix: version -> Params.
	ParamsVersionsPrefix = collections.NewPrefix(0)
	// ParamsCurrentKey: the current version.
	ParamsCurrentKey = collections.NewPrefix(1)
	// SnapshotsPrefix: snapshot id -> Snapshot, stored without its count of references.
	SnapshotsPrefix = collections.NewPrefix(2)
	// SnapshotReferencesPrefix: snapshot id -> count of references, kept apart so that counting rewrites 8 bytes.
	SnapshotReferencesPrefix = collections.NewPrefix(3)
	// SnapshotIndexPrefix: SHA-256 of the snapshot's content -> snapshot id.
	SnapshotIndexPrefix = collections.NewPrefix(4)
	// SnapshotSequenceKey: the next snapshot id.
	SnapshotSequenceKey = collections.NewPrefix(5)
	// RoundsPrefix: request id -> Round.
	RoundsPrefix = collections.NewPrefix(6)
	// SettleQueuePrefix: (settle height, request id).
	SettleQueuePrefix = collections.NewPrefix(7)
	// OutputsPrefix: (request id, candidate counted from 1) -> published bytes.
	OutputsPrefix = collections.NewPrefix(8)
)
