// Package types holds the values, messages and errors of the inference module, and what it expects of other modules.
package types

import "cosmossdk.io/collections"

const (
	// ModuleName names the module, its account that holds the escrows, and its routes.
	ModuleName = "inference"
	// StoreKey is the key of the store that holds everything but model files.
	StoreKey = ModuleName
	// Denom is the base denomination in which every amount of this module is counted.
	Denom = "uopg"
)

// Prefixes in the main store. Keys: version and id are 8 bytes big-endian, model is the 32 bytes of the SHA-256,
// address and status parts of pairs are length-prefixed or 8 bytes big-endian. Never renumber.
var (
	ParamsPrefix        = collections.NewPrefix(0) // version -> Params
	ParamsVersionPrefix = collections.NewPrefix(1) // -> current version
	// 2 to 5 held models.

	RequestsPrefix            = collections.NewPrefix(6)  // id -> Request
	NextRequestIDPrefix       = collections.NewPrefix(7)  // -> id of the next request
	InputsPrefix              = collections.NewPrefix(8)  // id -> canonical encoding of the inputs
	ResultsPrefix             = collections.NewPrefix(9)  // id -> Result
	ReceiptsPrefix            = collections.NewPrefix(10) // id -> Receipt
	RequestsByRequesterPrefix = collections.NewPrefix(11) // (requester, id)
	RequestsByModelPrefix     = collections.NewPrefix(12) // (model, id)
	RequestsByStatusPrefix    = collections.NewPrefix(13) // (status, id)
	InputExpiriesPrefix       = collections.NewPrefix(14) // (height, id)
	SchedulesPrefix           = collections.NewPrefix(15) // id -> Schedule
	NextScheduleIDPrefix      = collections.NewPrefix(16) // -> id of the next schedule
	ScheduleInputsPrefix      = collections.NewPrefix(17) // id -> canonical encoding of the inputs, until it has ended
	ScheduleRunsPrefix        = collections.NewPrefix(18) // (schedule id, run) -> ScheduleRun
	SchedulesByOwnerPrefix    = collections.NewPrefix(19) // (owner, id)
	DueSchedulesPrefix        = collections.NewPrefix(20) // (height of the next run, id)
	LiveSchedulesPrefix       = collections.NewPrefix(21) // -> number of schedules that are active or paused
	IdempotencyKeysPrefix     = collections.NewPrefix(22) // (requester, key) -> IdempotencyKey
	IdempotencyExpiriesPrefix = collections.NewPrefix(23) // (height, requester, key)
	ReusableReceiptsPrefix    = collections.NewPrefix(24) // identity -> ReusableReceipt
	ReusableExpiriesPrefix    = collections.NewPrefix(25) // (height, identity)
)

// The keys of values that are proved to those who hold no state. The keeper's collections read and write the same.

// RequestKey is the key of a request in the store.
func RequestKey(id uint64) ([]byte, error) { return byID(RequestsPrefix, id) }

// InputsKey is the key of the inputs of a request in the store. The value is their canonical encoding.
func InputsKey(id uint64) ([]byte, error) { return byID(InputsPrefix, id) }

// ResultKey is the key of the result of a request in the store.
func ResultKey(id uint64) ([]byte, error) { return byID(ResultsPrefix, id) }

// ReceiptKey is the key of the receipt of a request in the store.
func ReceiptKey(id uint64) ([]byte, error) { return byID(ReceiptsPrefix, id) }

func byID(prefix collections.Prefix, id uint64) ([]byte, error) {
	return collections.EncodeKeyWithPrefix(prefix, collections.Uint64Key, id)
}
