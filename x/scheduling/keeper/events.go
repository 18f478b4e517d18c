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

func emitNodeJailed(ctx context.Context, node types.Node) error {
	return sdk.UnwrapSDKContext(ctx).EventManager().EmitTypedEvent(&types.EventNodeJailed{
		Operator: node.Operator,
		Reason:   node.JailReason,
		Until:    node.JailedUntil,
	})
}

func emitNodeUnjailed(ctx context.Context, node types.Node) error {
	return sdk.UnwrapSDKContext(ctx).EventManager().EmitTypedEvent(&types.EventNodeUnjailed{Operator: node.Operator})
}

// emitAssigned tells of an attempt; committee is the number of its seats, 0 when every member has one.
func emitAssigned(ctx context.Context, requestID uint64, assignment types.Assignment, committee int) error {
	return sdk.UnwrapSDKContext(ctx).EventManager().EmitTypedEvent(&types.EventAssigned{
		RequestId: requestID,
		Attempt:   assignment.Attempt,
		Leader:    assignment.Leader,
		Deadline:  assignment.Deadline,
		Committee: uint32(committee),
	})
}

func emitNodeState(ctx context.Context, node types.Node) error {
	return sdk.UnwrapSDKContext(ctx).EventManager().EmitTypedEvent(&types.EventNodeState{
		Operator: node.Operator, State: node.State, DrainedHeight: node.DrainedHeight,
	})
}

func emitBasePrice(ctx context.Context, market types.Market) error {
	return sdk.UnwrapSDKContext(ctx).EventManager().EmitTypedEvent(&types.EventBasePrice{
		BasePrice: market.BasePrice.String(), Utilisation: market.Utilisation,
	})
}

func emitLeaderReplaced(ctx context.Context, requestID uint64, assignment types.Assignment, replaced string) error {
	return sdk.UnwrapSDKContext(ctx).EventManager().EmitTypedEvent(&types.EventLeaderReplaced{
		RequestId: requestID, Attempt: assignment.Attempt, Leader: assignment.Leader, Replaced: replaced,
	})
}
