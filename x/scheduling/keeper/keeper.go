// Package keeper keeps the state of scheduling: the nodes, the queue of tasks and their deadlines.
package keeper

import (
	"cosmossdk.io/collections"
	collcodec "cosmossdk.io/collections/codec"
	corestore "cosmossdk.io/core/store"
	"github.com/cosmos/cosmos-sdk/codec"
	sdk "github.com/cosmos/cosmos-sdk/types"

	"github.com/opengradient/opengradient/x/scheduling/types"
)

type (
	// queueKey is (line, position in the line, request id), see queue.Key.
	queueKey = collections.Triple[uint32, int64, uint64]
	// deadlineKey is (height, request id).
	deadlineKey = collections.Pair[int64, uint64]
	// nodeKey is (height, operator address bytes).
	nodeKey = collections.Pair[int64, []byte]
	// proofKey is (SHA-256 of a model, operator address bytes, index of an environment class).
	proofKey = collections.Triple[[]byte, []byte, uint32]
)

// Keeper is the keeper of the module. Its methods are deterministic functions of the committed state.
//
// A task is in exactly one of two places: in the queue, or in AttemptDeadlines with its assignment set.
type Keeper struct {
	stakingKeeper types.StakingKeeper
	authority     string

	// Schema lists the collections of the module's store.
	Schema collections.Schema
	// ParamsVersion is the version of the current parameters, counted from 1.
	ParamsVersion collections.Item[uint64]
	// Params holds every version once.
	Params collections.Map[uint64, types.Params]
	// Nodes is keyed by operator.
	Nodes collections.Map[sdk.ValAddress, types.Node]
	// Environments is keyed by index, from 1 without gaps.
	Environments collections.Map[uint32, types.RegisteredEnvironment]
	// EnvironmentIndex finds the index by types.EnvironmentClass.Identity.
	EnvironmentIndex collections.Map[[]byte, uint32]
	// EnvironmentCounts is the number of classes each operator brought in.
	EnvironmentCounts collections.Map[sdk.ValAddress, uint32]
	// Tasks holds the open tasks by request id.
	Tasks collections.Map[uint64, types.Task]
	// Queue holds the tasks that wait for an attempt, in their order.
	Queue collections.KeySet[queueKey]
	// QueueLoad is what the tasks in Queue need together.
	QueueLoad collections.Item[types.QueueLoad]
	// QueueCursor is where the search behind tasks without power goes on; absent when it begins behind the head. It is
	// no part of an exported genesis.
	QueueCursor collections.Item[queueKey]
	// QueueClaim is the place of the task that has the first claim on the next block; absent when there is none. It is no
	// part of an exported genesis.
	QueueClaim collections.Item[queueKey]
	// FinalDeadlines has one entry per task.
	FinalDeadlines collections.KeySet[deadlineKey]
	// DeadlineCounts is the number of tasks per final deadline, absent for none.
	DeadlineCounts collections.Map[int64, uint32]
	// AttemptDeadlines has one entry per attempt under way.
	AttemptDeadlines collections.KeySet[deadlineKey]
	// Market is the base price and what it came from.
	Market collections.Item[types.Market]
	// StatusHeights has one entry per node whose status was not found stale yet: the height of that status.
	StatusHeights collections.KeySet[nodeKey]
	// NodeModels are the models that nodes have loaded, by operator address bytes and SHA-256.
	NodeModels collections.KeySet[collections.Pair[[]byte, []byte]]
	// ModelProofs are the proofs of nodes that they can run models: SHA-256, operator address bytes and the index of the
	// environment class. They stay when a node leaves, or moves to another class.
	ModelProofs collections.KeySet[proofKey]
	// Drains has one entry per leaving node: the height at whose end it has left.
	Drains collections.KeySet[nodeKey]
	// ReviewCursor is where the review of attempts goes on; absent when there is none. It is no part of an exported
	// genesis: what it would find ends at its deadline.
	ReviewCursor collections.Item[deadlineKey]
	// ReviewAgain is true when another review follows the one that is not over; absent otherwise, and not exported either.
	ReviewAgain collections.Item[bool]
}

// NewKeeper returns the keeper. authority is the address that may change the parameters. It panics when the
// collections clash, which only a programming error can cause.
func NewKeeper(cdc codec.BinaryCodec, storeService corestore.KVStoreService, stakingKeeper types.StakingKeeper, authority string) Keeper {
	sb := collections.NewSchemaBuilder(storeService)
	deadlines := collections.PairKeyCodec(collections.Int64Key, collections.Uint64Key)
	places := collections.TripleKeyCodec(collections.Uint32Key, collections.Int64Key, collections.Uint64Key)
	nodes := collections.PairKeyCodec(collections.Int64Key, collections.BytesKey)
	k := Keeper{
		stakingKeeper: stakingKeeper,
		authority:     authority,

		ParamsVersion:     collections.NewItem(sb, types.ParamsVersionKey, "params_version", collections.Uint64Value),
		Params:            collections.NewMap(sb, types.ParamsKey, "params", collections.Uint64Key, codec.CollValue[types.Params](cdc)),
		Nodes:             collections.NewMap(sb, types.NodesKey, "nodes", sdk.ValAddressKey, codec.CollValue[types.Node](cdc)),
		Environments:      collections.NewMap(sb, types.EnvironmentsKey, "environments", collections.Uint32Key, codec.CollValue[types.RegisteredEnvironment](cdc)),
		EnvironmentIndex:  collections.NewMap(sb, types.EnvironmentIndexKey, "environment_index", collections.BytesKey, collections.Uint32Value),
		EnvironmentCounts: collections.NewMap(sb, types.EnvironmentCountsKey, "environment_counts", sdk.ValAddressKey, collections.Uint32Value),
		Tasks:             collections.NewMap(sb, types.TasksKey, "tasks", collections.Uint64Key, codec.CollValue[types.Task](cdc)),
		Queue:             collections.NewKeySet(sb, types.QueueKey, "queue", places),
		QueueLoad:         collections.NewItem(sb, types.QueueLoadKey, "queue_load", codec.CollValue[types.QueueLoad](cdc)),
		QueueCursor:       collections.NewItem(sb, types.QueueCursorKey, "queue_cursor", collcodec.KeyToValueCodec(places)),
		QueueClaim:        collections.NewItem(sb, types.QueueClaimKey, "queue_claim", collcodec.KeyToValueCodec(places)),
		FinalDeadlines:    collections.NewKeySet(sb, types.FinalDeadlinesKey, "final_deadlines", deadlines),
		DeadlineCounts:    collections.NewMap(sb, types.DeadlineCountsKey, "deadline_counts", collections.Int64Key, collections.Uint32Value),
		AttemptDeadlines:  collections.NewKeySet(sb, types.AttemptDeadlinesKey, "attempt_deadlines", deadlines),
		Market:            collections.NewItem(sb, types.MarketKey, "market", codec.CollValue[types.Market](cdc)),
		StatusHeights:     collections.NewKeySet(sb, types.StatusHeightsKey, "status_heights", nodes),
		NodeModels:        collections.NewKeySet(sb, types.NodeModelsKey, "node_models", collections.PairKeyCodec(collections.BytesKey, collections.BytesKey)),
		ModelProofs: collections.NewKeySet(sb, types.ModelProofsKey, "model_proofs",
			collections.TripleKeyCodec(collections.BytesKey, collections.BytesKey, collections.Uint32Key)),
		Drains:       collections.NewKeySet(sb, types.DrainsKey, "drains", nodes),
		ReviewCursor: collections.NewItem(sb, types.ReviewKey, "review", collcodec.KeyToValueCodec(deadlines)),
		ReviewAgain:  collections.NewItem(sb, types.ReviewAgainKey, "review_again", collections.BoolValue),
	}
	schema, err := sb.Build()
	if err != nil {
		panic(err)
	}
	k.Schema = schema
	return k
}

// Authority returns the address that may change the parameters.
func (k Keeper) Authority() string { return k.authority }
