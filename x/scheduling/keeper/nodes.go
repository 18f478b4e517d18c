package keeper

import (
	"context"
	"errors"
	"fmt"

	"cosmossdk.io/collections"
	errorsmod "cosmossdk.io/errors"
	sdk "github.com/cosmos/cosmos-sdk/types"
	stakingtypes "github.com/cosmos/cosmos-sdk/x/staking/types"

	"github.com/opengradient/opengradient/x/scheduling/types"
)

// operatorBytes parses an operator address.
func (k Keeper) operatorBytes(operator string) (sdk.ValAddress, error) {
	address, err := k.stakingKeeper.ValidatorAddressCodec().StringToBytes(operator)
	if err != nil {
		return nil, fmt.Errorf("operator %q: %w", operator, err)
	}
	return address, nil
}

// node returns the node of an operator, or types.ErrNodeNotFound.
func (k Keeper) node(ctx context.Context, operator sdk.ValAddress) (types.Node, error) {
	node, err := k.Nodes.Get(ctx, operator)
	if errors.Is(err, collections.ErrNotFound) {
		return types.Node{}, errorsmod.Wrapf(types.ErrNodeNotFound, "expected a registered operator, got %s", operator)
	}
	return node, err
}

// RegisterNode registers the node of an existing validator, or replaces what it advertised; state, status, reliability,
// jail, what was observed and the work it leads stay. A node that has left becomes active again, as it was in all of
// this. It returns types.ErrInvalidNode or types.ErrNotValidator.
func (k Keeper) RegisterNode(ctx context.Context, msg *types.MsgRegisterNode) error {
	if err := msg.Validate(); err != nil {
		return err
	}
	operator, err := k.operatorBytes(msg.Operator)
	if err != nil {
		return errorsmod.Wrap(types.ErrInvalidNode, err.Error())
	}
	if _, err := k.stakingKeeper.GetValidator(ctx, operator); err != nil {
		if errors.Is(err, stakingtypes.ErrNoValidatorFound) {
			return errorsmod.Wrapf(types.ErrNotValidator, "expected the operator of a validator, got %s", msg.Operator)
		}
		return fmt.Errorf("load validator %s: %w", msg.Operator, err)
	}

	// An address has more than one spelling; the chain writes one and compares operators as text.
	spelled, err := k.stakingKeeper.ValidatorAddressCodec().BytesToString(operator)
	if err != nil {
		return fmt.Errorf("spell operator %s: %w", msg.Operator, err)
	}

	node, err := k.node(ctx, operator)
	switch {
	case errors.Is(err, types.ErrNodeNotFound):
		node = types.Node{
			Operator:         spelled,
			Reliability:      types.MaxReliability,
			RegisteredHeight: sdk.UnwrapSDKContext(ctx).BlockHeight(),
		}
	case err != nil:
		return err
	}
	node.Capacity = msg.Capacity
	node.MemoryBytes = msg.MemoryBytes
	node.TaskClasses = msg.TaskClasses
	node.Hardware = msg.Hardware
	if node.State == types.NODE_STATE_LEFT {
		node.State = types.NODE_STATE_ACTIVE
	}
	if err := k.Nodes.Set(ctx, operator, node); err != nil {
		return err
	}
	return emitNodeRegistered(ctx, node)
}

// SetStatus stores what a node tells of itself in a vote extension. An environment class that was never seen is
// registered, and so is the one that the node prepares, as far as there is room for it. A node that is not ready any more has the attempts under way reviewed. The caller undoes everything when it
// fails, which it does with types.ErrNodeNotFound for an operator without a node or with one that has left,
// types.ErrInvalidStatus for a status that breaks a bound, and types.ErrTooManyEnvironmentClasses.
func (k Keeper) SetStatus(ctx context.Context, operator sdk.ValAddress, status types.NodeStatus) error {
	if err := status.Validate(); err != nil {
		return err
	}
	node, err := k.node(ctx, operator)
	if err != nil {
		return err
	}
	if node.State == types.NODE_STATE_LEFT {
		return errorsmod.Wrapf(types.ErrNodeNotFound, "expected a node with a duty, got that of %s, which has left", node.Operator)
	}
	if err := k.reportModels(ctx, operator, status); err != nil {
		return err
	}
	var class uint32
	if status.Environment != nil {
		if class, err = k.environmentClass(ctx, operator, node.Operator, *status.Environment); err != nil {
			return err
		}
	}
	if status.NextEnvironment != nil {
		_, err := k.environmentClass(ctx, operator, node.Operator, *status.NextEnvironment)
		// A class that the node only prepares does not cost it the status of the one it runs in.
		if err != nil && !errors.Is(err, types.ErrTooManyEnvironmentClasses) {
			return err
		}
	}
	status.ModelsReady, status.ModelsDropped, status.NextEnvironment = nil, nil, nil

	changed := node.Status == nil || node.Status.Ready != status.Ready || node.EnvironmentClass != class
	failed := node.Status != nil && node.Status.Ready && !status.Ready
	height := sdk.UnwrapSDKContext(ctx).BlockHeight()
	if err := k.StatusHeights.Remove(ctx, collections.Join(node.StatusHeight, []byte(operator))); err != nil {
		return err
	}
	if err := k.StatusHeights.Set(ctx, collections.Join(height, []byte(operator))); err != nil {
		return err
	}
	node.Status = &status
	node.StatusHeight = height
	node.EnvironmentClass = class
	if err := k.Nodes.Set(ctx, operator, node); err != nil {
		return err
	}
	if failed {
		if err := k.startReview(ctx); err != nil {
			return err
		}
	}
	if !changed {
		return nil
	}
	return emitNodeReadiness(ctx, node)
}

// lead adds the task to what its leader leads.
func (k Keeper) lead(ctx context.Context, leader sdk.ValAddress, node *types.Node, units uint64) error {
	node.LeadingUnits += units
	return k.Nodes.Set(ctx, leader, *node)
}

// release takes the task off what its leader leads. Units never go below zero.
func (k Keeper) release(ctx context.Context, task types.Task) error {
	leader, err := k.operatorBytes(task.Assignment.Leader)
	if err != nil {
		return err
	}
	node, err := k.node(ctx, leader)
	if err != nil {
		return err
	}
	node.LeadingUnits -= min(node.LeadingUnits, task.ComputeUnits)
	return k.Nodes.Set(ctx, leader, node)
}
