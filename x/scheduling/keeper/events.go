package keeper

import (
	"context"

	sdk "github.com/cosmos/cosmos-sdk/types"

	"github.com/opengradient/opengradient/x/scheduling/types"
)

func emitNodeRegistered(ctx context.Context, node types.Node) error {
	return sdk.UnwrapSDKContext(ctx).EventManager().EmitTypedEvent(&types.EventNodeRegistered{
		Operator:    node.Operator,
		Capacity:    node.Capacity,
		MemoryBytes: node.MemoryBytes,
	})
}

func emitNodeReadiness(ctx context.Context, node types.Node) error {
	return sdk.UnwrapSDKContext(ctx).EventManager().EmitTypedEvent(&types.EventNodeReadiness{
		Operator:         node.Operator,
		Ready:            node.Status.Ready,
		EnvironmentClass: node.EnvironmentClass,
	})
}

func emitEnvironmentClassRegistered(ctx context.Context, registered types.RegisteredEnvironment) error {
	return sdk.UnwrapSDKContext(ctx).EventManager().EmitTypedEvent(&types.EventEnvironmentClassRegistered{
		Index:          registered.Index,
		RuntimeVersion: registered.Environment.RuntimeVersion,
		Isa:            registered.Environment.Isa,
	})
}

func emitAssigned(ctx context.Context, requestID uint64, assignment types.Assignment) error {
	return sdk.UnwrapSDKContext(ctx).EventManager().EmitTypedEvent(&types.EventAssigned{
		RequestId: requestID,
		Attempt:   assignment.Attempt,
		Leader:    assignment.Leader,
		Deadline:  assignment.Deadline,
	})
}
