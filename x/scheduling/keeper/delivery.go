package keeper

import (
	"context"
	"errors"

	sdk "github.com/cosmos/cosmos-sdk/types"

	"github.com/opengradient/opengradient/internal/selection"
	"github.com/opengradient/opengradient/x/scheduling/types"
)

// RecordDeliveries corrects what nodes are observed to deliver, by the rounds that were settled in this block. Each
// operator occurs once. An operator without a node is no error: there is nothing to correct.
func (k Keeper) RecordDeliveries(ctx context.Context, deliveries []types.Delivery) error {
	if len(deliveries) == 0 {
		return nil
	}
	params, _, err := k.CurrentParams(ctx)
	if err != nil {
		return err
	}
	for _, delivery := range deliveries {
		operator, err := k.operatorBytes(delivery.Operator)
		if err != nil {
			return err
		}
		node, err := k.node(ctx, operator)
		if errors.Is(err, types.ErrNodeNotFound) {
			continue
		}
		if err != nil {
			return err
		}
		before := node
		observed := node.Observed(params)
		if delivery.IsLate() {
			// It was too much for a node that counted for so much, whatever more it might have counted for.
			observed = node.Counted(params)
		}
		node.ObservedCapacity = selection.Observe(observed, params.UnprovenCapacity, delivery.Delivery)
		for _, blocks := range delivery.Latencies {
			node.ObservedLatency = selection.Latency(node.ObservedLatency, blocks)
		}
		if node.ObservedCapacity == before.ObservedCapacity && node.ObservedLatency == before.ObservedLatency {
			continue
		}
		if err := k.Nodes.Set(ctx, operator, node); err != nil {
			return err
		}
	}
	return nil
}

// abandoned corrects what the leader of an attempt that goes on or ends without it is observed to deliver: it said nothing,
// or was at fault. Who led for less than half of an attempt's time may still have been at work, and loses nothing.
func (k Keeper) abandoned(ctx context.Context, task types.Task) error {
	accepted, err := k.ParamsAt(ctx, task.ParamsVersion)
	if err != nil {
		return err
	}
	led := sdk.UnwrapSDKContext(ctx).BlockHeight() - task.Assignment.AssignedHeight
	if 2*led < int64(accepted.AttemptBlocks) {
		return nil
	}
	params, _, err := k.CurrentParams(ctx)
	if err != nil {
		return err
	}
	operator, err := k.operatorBytes(task.Assignment.Leader)
	if err != nil {
		return err
	}
	node, err := k.node(ctx, operator)
	if err != nil {
		return err
	}
	node.ObservedCapacity = selection.Abandoned(node.Counted(params), params.UnprovenCapacity)
	return k.Nodes.Set(ctx, operator, node)
}
