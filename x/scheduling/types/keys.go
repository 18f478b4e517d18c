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
	// QueueDepthKey holds the number of entries of the queue.
	QueueDepthKey = collections.NewPrefix(8)
	// FinalDeadlinesKey: (height, request id) of every task.
	FinalDeadlinesKey = collections.NewPrefix(9)
	// DeadlineCountsKey: height → number of tasks with that final deadline.
	DeadlineCountsKey = collections.NewPrefix(10)
	// AttemptDeadlinesKey: (height, request id) of every attempt under way.
	AttemptDeadlinesKey = collections.NewPrefix(11)
	// QueueCursorKey holds the key of the queue after which the search behind tasks without power goes on.
	QueueCursorKey = collections.NewPrefix(12)
)
