package keeper

import (
	"context"

	errorsmod "cosmossdk.io/errors"

	"github.com/opengradient/opengradient/x/scheduling/types"
)

// SetReliability stores what the conduct of an operator makes of the weight of its node as leader, an integer from 0 to
// types.MaxReliability. An operator without a node is no error: there is no weight to change.
func (k Keeper) SetReliability(ctx context.Context, operator string, reliability uint32) error {
	return errorsmod.Wrapf(types.ErrInvalidNode, "expected reliability of %s, got %d", operator, reliability)
}

// JailNode keeps the node of an operator out of every new round until its operator brings it back, at the height until
// at the earliest. Reason is a stable word. The later of two times counts. An operator without a node is no error.
func (k Keeper) JailNode(ctx context.Context, operator string, until int64, reason string) error {
	return errorsmod.Wrapf(types.ErrInvalidNode, "expected to jail %s until %d for %s", operator, until, reason)
}

// UnjailNode brings the node of an operator back when its time in jail is over.
func (k Keeper) UnjailNode(ctx context.Context, operator string) error {
	return errorsmod.Wrapf(types.ErrInvalidNode, "expected a jailed node, got %s", operator)
}
