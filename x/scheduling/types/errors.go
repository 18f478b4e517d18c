package types

import (
	"google.golang.org/grpc/codes"

	"cosmossdk.io/errors"
)

// Errors of the module. Each is wrapped with what was expected and what came.
var (
	// ErrInvalidParams is returned for parameters outside their bounds.
	ErrInvalidParams = errors.Register(ModuleName, 2, "invalid scheduling parameters")
	// ErrInvalidNode is returned for an advertised node that breaks a bound.
	ErrInvalidNode = errors.Register(ModuleName, 3, "invalid node")
	// ErrInvalidStatus is returned for a node status that breaks a bound.
	ErrInvalidStatus = errors.Register(ModuleName, 4, "invalid node status")
	// ErrInvalidTask is returned for a task that breaks a bound.
	ErrInvalidTask = errors.Register(ModuleName, 5, "invalid task")
	// ErrInvalidGenesis is returned for a genesis state that is not consistent.
	ErrInvalidGenesis = errors.Register(ModuleName, 6, "invalid scheduling genesis")
	// ErrNodeNotFound is returned for an operator without a registered node.
	ErrNodeNotFound = errors.RegisterWithGRPCCode(ModuleName, 7, codes.NotFound, "node not found")
	// ErrNotValidator is returned when the signer does not operate a validator.
	ErrNotValidator = errors.Register(ModuleName, 8, "not the operator of a validator")
	// ErrTooManyEnvironmentClasses is returned when one more environment class would pass a bound.
	ErrTooManyEnvironmentClasses = errors.Register(ModuleName, 9, "too many environment classes")
	// ErrTaskNotFound is returned for a request without a task.
	ErrTaskNotFound = errors.RegisterWithGRPCCode(ModuleName, 10, codes.NotFound, "task not found")
	// ErrTaskExists is returned when a request is enqueued a second time.
	ErrTaskExists = errors.Register(ModuleName, 11, "task exists")
	// ErrTaskTooLarge is returned for a task that is larger than the budget of a whole block.
	ErrTaskTooLarge = errors.Register(ModuleName, 12, "task too large for a block")
	// ErrQueueFull is returned while a new task could not be sure to begin within queue_blocks, or as many tasks wait as the
	// parameters allow.
	ErrQueueFull = errors.Register(ModuleName, 13, "queue full")
	// ErrNoDeadlineSlot is returned when the task's final deadline has no slot left.
	ErrNoDeadlineSlot = errors.Register(ModuleName, 14, "no deadline slot left")
	// ErrNotQueued is returned when a task that is to be cancelled has begun an attempt.
	ErrNotQueued = errors.Register(ModuleName, 15, "task has begun an attempt")
	// ErrNoAttempt is returned when a task that is to be retried has no attempt under way.
	ErrNoAttempt = errors.Register(ModuleName, 16, "no attempt under way")
	// ErrPower is returned when the staking module reports powers that cannot be used.
	ErrPower = errors.Register(ModuleName, 17, "invalid consensus power")
	// ErrNotJailed is returned when a node that is to come back is not jailed.
	ErrNotJailed = errors.Register(ModuleName, 18, "node is not jailed")
	// ErrJailTime is returned when a jailed node is to come back before its time is over.
	ErrJailTime = errors.Register(ModuleName, 19, "time in jail is not over")
	// ErrNodeState is returned when the state of a node does not go with what its operator asks for.
	ErrNodeState = errors.Register(ModuleName, 20, "node state does not allow it")
	// ErrInvalidProof is returned for a proof of something that is no model, or in a class that is not registered.
	ErrInvalidProof = errors.Register(ModuleName, 21, "invalid model proof")
)
