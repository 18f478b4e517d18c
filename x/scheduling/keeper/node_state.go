package keeper

import (
	"context"
	"fmt"

	"cosmossdk.io/collections"
	errorsmod "cosmossdk.io/errors"
	sdk "github.com/cosmos/cosmos-sdk/types"

	"github.com/opengradient/opengradient/x/scheduling/types"
)

// PauseNode keeps the node of an operator out of new work. What it has begun goes on. It returns types.ErrInvalidNode,
// types.ErrNodeNotFound or types.ErrNodeState.
func (k Keeper) PauseNode(ctx context.Context, operator string) error {
	return k.changeState(ctx, operator, types.Node.Paused)
}

// ResumeNode brings the paused or leaving node of an operator back. It returns types.ErrInvalidNode,
// types.ErrNodeNotFound or types.ErrNodeState.
func (k Keeper) ResumeNode(ctx context.Context, operator string) error {
	return k.changeState(ctx, operator, types.Node.Resumed)
}

// LeaveNode takes the node of an operator out of new work and, at the end of the block of the height it returns, out of
// duty: by then every attempt that is under way now has ended. It returns types.ErrInvalidNode, types.ErrNodeNotFound or
// types.ErrNodeState.
func (k Keeper) LeaveNode(ctx context.Context, operator string) (drained int64, err error) {
	drained = sdk.UnwrapSDKContext(ctx).BlockHeight()
	err = k.AttemptDeadlines.Walk(ctx, new(collections.Range[deadlineKey]).Descending(), func(key deadlineKey) (bool, error) {
		drained = max(drained, key.K1())
		return true, nil
	})
	if err != nil {
		return 0, fmt.Errorf("look for the last attempt under way: %w", err)
	}
	return drained, k.changeState(ctx, operator, func(n types.Node) (types.Node, error) { return n.Leaving(drained) })
}

// changeState stores the node of an operator in another state, and when it is to have left.
func (k Keeper) changeState(ctx context.Context, operator string, change func(types.Node) (types.Node, error)) error {
	address, err := k.operatorBytes(operator)
	if err != nil {
		return errorsmod.Wrap(types.ErrInvalidNode, err.Error())
	}
	before, err := k.node(ctx, address)
	if err != nil {
		return err
	}
	after, err := change(before)
	if err != nil {
		return err
	}
	return k.storeState(ctx, address, before, after)
}

// storeState stores a node whose state has changed and moves it in the index of those that are leaving.
func (k Keeper) storeState(ctx context.Context, operator sdk.ValAddress, before, after types.Node) error {
	if before.State == types.NODE_STATE_LEAVING {
		if err := k.Drains.Remove(ctx, collections.Join(before.DrainedHeight, []byte(operator))); err != nil {
			return err
		}
	}
	if after.State == types.NODE_STATE_LEAVING {
		if err := k.Drains.Set(ctx, collections.Join(after.DrainedHeight, []byte(operator))); err != nil {
			return err
		}
	}
	if err := k.Nodes.Set(ctx, operator, after); err != nil {
		return err
	}
	return emitNodeState(ctx, after)
}

// drain ends the duty of the nodes that are leaving and take part in nothing any more. One that still leads an attempt, or
// may be a member of one that is overdue, stays for another block.
func (k Keeper) drain(ctx context.Context) error {
	height := sdk.UnwrapSDKContext(ctx).BlockHeight()
	due, err := dueNodes(ctx, k.Drains, height)
	if err != nil || len(due) == 0 {
		return err
	}
	overdue, err := k.hasOverdue(ctx, height)
	if err != nil {
		return err
	}
	for _, key := range due {
		operator := sdk.ValAddress(key.K2())
		before, err := k.node(ctx, operator)
		if err != nil {
			return err
		}
		after := before.Left()
		if overdue || before.LeadingUnits > 0 {
			after = before
			after.DrainedHeight = height + 1
		} else if err := k.forget(ctx, operator, before); err != nil {
			return err
		}
		if err := k.storeState(ctx, operator, before, after); err != nil {
			return err
		}
	}
	return nil
}

// forget drops what a node that has left has reported.
func (k Keeper) forget(ctx context.Context, operator sdk.ValAddress, node types.Node) error {
	if err := k.StatusHeights.Remove(ctx, collections.Join(node.StatusHeight, []byte(operator))); err != nil {
		return err
	}
	models, err := k.ModelsOf(ctx, operator)
	if err != nil {
		return err
	}
	for _, model := range models {
		if err := k.NodeModels.Remove(ctx, collections.Join([]byte(operator), model)); err != nil {
			return err
		}
	}
	return nil
}

// hasOverdue tells whether an attempt under way has a deadline that is over: of those only so many end in one block.
func (k Keeper) hasOverdue(ctx context.Context, height int64) (overdue bool, err error) {
	err = k.AttemptDeadlines.Walk(ctx, nil, func(key deadlineKey) (bool, error) {
		overdue = key.K1() <= height
		return true, nil
	})
	if err != nil {
		return false, fmt.Errorf("look for overdue attempts: %w", err)
	}
	return overdue, nil
}

// dueNodes collects the entries of an index of nodes up to a height: an index must not change under its iterator. There
// is at most one for each node.
func dueNodes(ctx context.Context, index collections.KeySet[nodeKey], height int64) (due []nodeKey, err error) {
	err = index.Walk(ctx, collections.NewPrefixUntilPairRange[int64, []byte](height), func(key nodeKey) (bool, error) {
		due = append(due, key)
		return false, nil
	})
	if err != nil {
		return nil, fmt.Errorf("walk an index of nodes: %w", err)
	}
	return due, nil
}
