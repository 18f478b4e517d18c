package keeper

import (
	"context"
	"errors"

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

// abandoned corrects what the leader of an attempt is observed to deliver: it said nothing, or was at fault.
func (k Keeper) abandoned(ctx context.Context, leader string) error {
	params, _, err := k.CurrentParams(ctx)
	if err != nil {
		return err
	}
	operator, err := k.operatorBytes(leader)
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
