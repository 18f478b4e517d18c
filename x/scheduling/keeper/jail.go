package keeper

import (
	"context"
	"errors"

	errorsmod "cosmossdk.io/errors"
	sdk "github.com/cosmos/cosmos-sdk/types"

	"github.com/opengradient/opengradient/x/scheduling/types"
)

// SetReliability stores what the conduct of an operator makes of the weight of its node as leader, an integer from 0 to
// types.MaxReliability. An operator without a node is no error: there is no weight to change.
func (k Keeper) SetReliability(ctx context.Context, operator string, reliability uint32) error {
	if reliability > types.MaxReliability {
		return errorsmod.Wrapf(types.ErrInvalidNode, "reliability: expected at most %d, got %d", types.MaxReliability, reliability)
	}
	address, err := k.operatorBytes(operator)
	if err != nil {
		return errorsmod.Wrap(types.ErrInvalidNode, err.Error())
	}
	node, err := k.node(ctx, address)
	switch {
	case errors.Is(err, types.ErrNodeNotFound):
		return nil
	case err != nil:
		return err
	}
	node.Reliability = reliability
	return k.Nodes.Set(ctx, address, node)
}

// JailNode keeps the node of an operator out of every new round until its operator brings it back, at the height until
// at the earliest. Reason is one of the types.JailReason words. Of two times the later one counts, with its reason. An
// operator without a node is no error.
func (k Keeper) JailNode(ctx context.Context, operator string, until int64, reason string) error {
	if most := sdk.UnwrapSDKContext(ctx).BlockHeight() + types.MaxJailBlocks; until > most {
		return errorsmod.Wrapf(types.ErrInvalidNode, "jailed_until: expected at most height %d, got %d", most, until)
	}
	address, err := k.operatorBytes(operator)
	if err != nil {
		return errorsmod.Wrap(types.ErrInvalidNode, err.Error())
	}
	node, err := k.node(ctx, address)
	switch {
	case errors.Is(err, types.ErrNodeNotFound):
		return nil
	case err != nil:
		return err
	}
	node, changed, err := node.Jailed(until, reason)
	if err != nil || !changed {
		return err
	}
	if err := k.Nodes.Set(ctx, address, node); err != nil {
		return err
	}
	return emitNodeJailed(ctx, node)
}

// UnjailNode brings the node of an operator back when its time in jail is over. It returns types.ErrInvalidNode,
// types.ErrNodeNotFound, types.ErrNotJailed or types.ErrJailTime.
func (k Keeper) UnjailNode(ctx context.Context, operator string) error {
	address, err := k.operatorBytes(operator)
	if err != nil {
		return errorsmod.Wrap(types.ErrInvalidNode, err.Error())
	}
	node, err := k.node(ctx, address)
	if err != nil {
		return err
	}
	if node, err = node.Unjailed(sdk.UnwrapSDKContext(ctx).BlockHeight()); err != nil {
		return err
	}
	if err := k.Nodes.Set(ctx, address, node); err != nil {
		return err
	}
	return emitNodeUnjailed(ctx, node)
}
