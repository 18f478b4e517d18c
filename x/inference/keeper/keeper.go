// Package keeper holds the state of requests, results, receipts and schedules, and carries each request from its
// submission to its end.
package keeper

import (
	"context"
	"fmt"

	"cosmossdk.io/collections"
	"cosmossdk.io/core/store"
	"cosmossdk.io/log/v2"
	"github.com/cosmos/cosmos-sdk/codec"
	sdk "github.com/cosmos/cosmos-sdk/types"

	"github.com/opengradient/opengradient/x/inference/types"
)

// Keeper of the inference module.
type Keeper struct {
	accounts     types.AccountKeeper
	bank         types.BankKeeper
	distribution types.DistributionKeeper
	staking      types.StakingKeeper
	scheduling   types.SchedulingKeeper
	verification types.VerificationKeeper
	models       types.ModelsKeeper
	authority    string

	Schema collections.Schema

	Params        collections.Map[uint64, types.Params]
	ParamsVersion collections.Item[uint64]

	Requests            collections.Map[uint64, types.Request]
	NextRequestID       collections.Item[uint64]
	Inputs              collections.Map[uint64, []byte]
	Results             collections.Map[uint64, types.Result]
	Receipts            collections.Map[uint64, types.Receipt]
	RequestsByRequester collections.KeySet[collections.Pair[[]byte, uint64]]
	RequestsByModel     collections.KeySet[collections.Pair[[]byte, uint64]]
	RequestsByStatus    collections.KeySet[collections.Pair[uint64, uint64]]
	InputExpiries       collections.KeySet[collections.Pair[int64, uint64]]

	Schedules        collections.Map[uint64, types.Schedule]
	NextScheduleID   collections.Item[uint64]
	ScheduleInputs   collections.Map[uint64, []byte]
	ScheduleRuns     collections.Map[collections.Pair[uint64, uint32], types.ScheduleRun]
	SchedulesByOwner collections.KeySet[collections.Pair[[]byte, uint64]]
	DueSchedules     collections.KeySet[collections.Pair[int64, uint64]]
	LiveSchedules    collections.Item[uint64]

	IdempotencyKeys     collections.Map[collections.Pair[[]byte, string], types.IdempotencyKey]
	IdempotencyExpiries collections.KeySet[collections.Triple[int64, []byte, string]]
	ReusableReceipts    collections.Map[[]byte, types.ReusableReceipt]
	ReusableExpiries    collections.KeySet[collections.Pair[int64, []byte]]
}

// NewKeeper builds the keeper. It panics when the module account is not among the app's, or the authority is not an
// address: both are faults of the app's wiring.
func NewKeeper(
	cdc codec.BinaryCodec,
	storeService store.KVStoreService,
	accounts types.AccountKeeper,
	bank types.BankKeeper,
	distribution types.DistributionKeeper,
	staking types.StakingKeeper,
	scheduling types.SchedulingKeeper,
	verification types.VerificationKeeper,
	models types.ModelsKeeper,
	authority string,
) Keeper {
	if accounts.GetModuleAddress(types.ModuleName) == nil {
		panic(fmt.Sprintf("the module account of x/%s is not set", types.ModuleName))
	}
	if _, err := sdk.AccAddressFromBech32(authority); err != nil {
		panic(fmt.Sprintf("x/%s: authority %q: %s", types.ModuleName, authority, err))
	}
	sb := collections.NewSchemaBuilder(storeService)
	byBytes := collections.PairKeyCodec(collections.BytesKey, collections.Uint64Key)
	byHeight := collections.PairKeyCodec(collections.Int64Key, collections.Uint64Key)
	k := Keeper{
		accounts: accounts, bank: bank, distribution: distribution, staking: staking,
		scheduling: scheduling, verification: verification, models: models, authority: authority,

		Params:        collections.NewMap(sb, types.ParamsPrefix, "params", collections.Uint64Key, codec.CollValue[types.Params](cdc)),
		ParamsVersion: collections.NewItem(sb, types.ParamsVersionPrefix, "params_version", collections.Uint64Value),

		Requests:            collections.NewMap(sb, types.RequestsPrefix, "requests", collections.Uint64Key, codec.CollValue[types.Request](cdc)),
		NextRequestID:       collections.NewItem(sb, types.NextRequestIDPrefix, "next_request_id", collections.Uint64Value),
		Inputs:              collections.NewMap(sb, types.InputsPrefix, "inputs", collections.Uint64Key, collections.BytesValue),
		Results:             collections.NewMap(sb, types.ResultsPrefix, "results", collections.Uint64Key, codec.CollValue[types.Result](cdc)),
		Receipts:            collections.NewMap(sb, types.ReceiptsPrefix, "receipts", collections.Uint64Key, codec.CollValue[types.Receipt](cdc)),
		RequestsByRequester: collections.NewKeySet(sb, types.RequestsByRequesterPrefix, "requests_by_requester", byBytes),
		RequestsByModel:     collections.NewKeySet(sb, types.RequestsByModelPrefix, "requests_by_model", byBytes),
		RequestsByStatus:    collections.NewKeySet(sb, types.RequestsByStatusPrefix, "requests_by_status", collections.PairKeyCodec(collections.Uint64Key, collections.Uint64Key)),
		InputExpiries:       collections.NewKeySet(sb, types.InputExpiriesPrefix, "input_expiries", byHeight),

		Schedules:        collections.NewMap(sb, types.SchedulesPrefix, "schedules", collections.Uint64Key, codec.CollValue[types.Schedule](cdc)),
		NextScheduleID:   collections.NewItem(sb, types.NextScheduleIDPrefix, "next_schedule_id", collections.Uint64Value),
		ScheduleInputs:   collections.NewMap(sb, types.ScheduleInputsPrefix, "schedule_inputs", collections.Uint64Key, collections.BytesValue),
		ScheduleRuns:     collections.NewMap(sb, types.ScheduleRunsPrefix, "schedule_runs", collections.PairKeyCodec(collections.Uint64Key, collections.Uint32Key), codec.CollValue[types.ScheduleRun](cdc)),
		SchedulesByOwner: collections.NewKeySet(sb, types.SchedulesByOwnerPrefix, "schedules_by_owner", byBytes),
		DueSchedules:     collections.NewKeySet(sb, types.DueSchedulesPrefix, "due_schedules", byHeight),
		LiveSchedules:    collections.NewItem(sb, types.LiveSchedulesPrefix, "live_schedules", collections.Uint64Value),

		IdempotencyKeys:     collections.NewMap(sb, types.IdempotencyKeysPrefix, "idempotency_keys", collections.PairKeyCodec(collections.BytesKey, collections.StringKey), codec.CollValue[types.IdempotencyKey](cdc)),
		IdempotencyExpiries: collections.NewKeySet(sb, types.IdempotencyExpiriesPrefix, "idempotency_expiries", collections.TripleKeyCodec(collections.Int64Key, collections.BytesKey, collections.StringKey)),
		ReusableReceipts:    collections.NewMap(sb, types.ReusableReceiptsPrefix, "reusable_receipts", collections.BytesKey, codec.CollValue[types.ReusableReceipt](cdc)),
		ReusableExpiries:    collections.NewKeySet(sb, types.ReusableExpiriesPrefix, "reusable_expiries", collections.PairKeyCodec(collections.Int64Key, collections.BytesKey)),
	}
	var err error
	if k.Schema, err = sb.Build(); err != nil {
		panic(err)
	}
	return k
}

// Authority is the address that may change the parameters.
func (k Keeper) Authority() string { return k.authority }

func (k Keeper) logger(ctx context.Context) log.Logger {
	return sdk.UnwrapSDKContext(ctx).Logger().With("module", "x/"+types.ModuleName)
}

// atomically runs step on a cached context and writes it, with its events, only when step succeeds.
func atomically(ctx sdk.Context, step func(ctx sdk.Context) error) error {
	cached, write := ctx.CacheContext()
	if err := step(cached); err != nil {
		return err
	}
	write()
	return nil
}
