package types

import "cosmossdk.io/collections"

const (
	// ModuleName is the name of the module.
	ModuleName = "scheduling"
	// StoreKey is the key of the module's store.
	StoreKey = ModuleName
)

// Prefixes of the module's collections. Heights are signed: after a restart from an exported genesis they can be
// negative.
var (
	// ParamsVersionKey holds the number of the current parameters.
	ParamsVersionKey = collections.NewPrefix(0)
	// ParamsKey: version → Params.
	ParamsKey = collections.NewPrefix(1)
	// NodesKey: operator address bytes → Node.
	NodesKey = collections.NewPrefix(2)
	// EnvironmentsKey: index → RegisteredEnvironment.
	EnvironmentsKey = collections.NewPrefix(3)
	// EnvironmentIndexKey: identity of an environment class → index.
	EnvironmentIndexKey = collections.NewPrefix(4)
	// EnvironmentCountsKey: operator address bytes → number of classes it brought in.
	EnvironmentCountsKey = collections.NewPrefix(5)
	// TasksKey: request id → Task.
	TasksKey = collections.NewPrefix(6)
	// QueueKey: (line, position in the line, request id), the queue in its order.
	QueueKey = collections.NewPrefix(7)
	// 8 held the number of entries of the queue.

	// FinalDeadlinesKey: (height, request id) of every task.
	FinalDeadlinesKey = collections.NewPrefix(9)
	// DeadlineCountsKey: height → number of tasks with that final deadline.
	DeadlineCountsKey = collections.NewPrefix(10)
	// AttemptDeadlinesKey: (height, request id) of every attempt under way.
	AttemptDeadlinesKey = collections.NewPrefix(11)
	// QueueCursorKey holds the key of the queue after which the search behind tasks without power goes on.
	QueueCursorKey = collections.NewPrefix(12)
	// QueueLoadKey holds what waits in the queue, together.
	QueueLoadKey = collections.NewPrefix(13)
	// MarketKey holds the base price and the utilisation of the last block.
	MarketKey = collections.NewPrefix(14)
	// StatusHeightsKey: (height, operator address bytes), the height of the status of a node that is not stale yet.
	StatusHeightsKey = collections.NewPrefix(15)
	// NodeModelsKey: (operator address bytes, SHA-256) of the models that nodes have loaded.
	NodeModelsKey = collections.NewPrefix(16)
	// DrainsKey: (height, operator address bytes), the height at whose end a leaving node has left.
	DrainsKey = collections.NewPrefix(17)
	// ReviewKey holds the place in AttemptDeadlines behind which the review of attempts goes on.
	ReviewKey = collections.NewPrefix(18)
	// ReviewAgainKey holds whether another review follows.
	ReviewAgainKey = collections.NewPrefix(19)
	// QueueClaimKey holds the key of the queue that has the first claim on the next block.
	QueueClaimKey = collections.NewPrefix(20)
	// ModelProofsKey: (SHA-256 of a model, operator address bytes, index of an environment class), what is proved.
	ModelProofsKey = collections.NewPrefix(21)
)
