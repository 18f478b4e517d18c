package types

import "cosmossdk.io/collections"

const (
	// ModuleName is the name of the module.
	ModuleName = "verification"
	// StoreKey is the key of the module's store.
	StoreKey = ModuleName
)

const (
	// AttendanceBlocks is how many blocks are remembered by whose vote extensions they carried. A round that takes longer
	// is judged by the last of them.
	AttendanceBlocks = 64
	// MinChances is how many blocks must have carried an operator's extension before its silence is a miss: a proposer can
	// leave out the votes of a third of the power.
	MinChances = 3
	// MaxDivergences is how many pairs of environment classes are remembered for one model. The one that was seen last
	// the longest ago makes room for another.
	MaxDivergences = 64
	// MaxPrunedEvidence is how many records of evidence one block drops.
	MaxPrunedEvidence = 256
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
	// OutputsPrefix: (request id, candidate counted from 1) -> published bytes of a round that is not settled.
	OutputsPrefix = collections.NewPrefix(8)
	// TimersPrefix: (timer height, request id).
	TimersPrefix = collections.NewPrefix(9)
	// ComparedPrefix: height -> tensor elements that the block has compared.
	ComparedPrefix = collections.NewPrefix(10)
	// ConductsPrefix: operator -> Conduct.
	ConductsPrefix = collections.NewPrefix(11)
	// DivergencesPrefix: (SHA-256 of the model, class of the verdict, other class) -> Divergence.
	DivergencesPrefix = collections.NewPrefix(12)
	// AttendancesPrefix: height -> Attendance.
	AttendancesPrefix = collections.NewPrefix(13)
	// EvidencePrefix: request id -> StoredEvidence.
	EvidencePrefix = collections.NewPrefix(14)
	// EvidenceExpiryPrefix: (expiry height, request id).
	EvidenceExpiryPrefix = collections.NewPrefix(15)
)

// The keys of values that are proved to those who hold no state. The keeper's collections read and write the same.

// SnapshotKey is the key of a power snapshot in the store. The value leaves the count of references out.
func SnapshotKey(id uint64) ([]byte, error) {
	return collections.EncodeKeyWithPrefix(SnapshotsPrefix, collections.Uint64Key, id)
}

// EvidenceKey is the key of the StoredEvidence of a request in the store.
func EvidenceKey(requestID uint64) ([]byte, error) {
	return collections.EncodeKeyWithPrefix(EvidencePrefix, collections.Uint64Key, requestID)
}

// ParamsVersionKey is the key of a version of the parameters in the store.
func ParamsVersionKey(version uint64) ([]byte, error) {
	return collections.EncodeKeyWithPrefix(ParamsVersionsPrefix, collections.Uint64Key, version)
}
