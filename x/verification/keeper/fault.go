package keeper

import (
	"context"
	"errors"
	"fmt"

	"cosmossdk.io/math"
	sdk "github.com/cosmos/cosmos-sdk/types"
	stakingtypes "github.com/cosmos/cosmos-sdk/x/staking/types"

	"github.com/opengradient/opengradient/x/verification/types"
)

// punish slashes and jails a member for a fault that has just been proven in a round, unless it was slashed since the
// round opened: one cause, for example a machine that went wrong, shows in many rounds at once. The fault is in the round
// already, and is counted in any case.
func (k Keeper) punish(ctx context.Context, round types.Round, snapshot types.Snapshot, fault types.Fault) error {
	member := snapshot.Members[fault.Member]
	address, conduct, err := k.conductOf(ctx, member.Operator)
	if err != nil {
		return err
	}
	conduct.Faults++
	if !conduct.Punishable(round.OpenedHeight) {
		if err := k.Conducts.Set(ctx, address, conduct); err != nil {
			return err
		}
		return emitFault(ctx, round, member.Operator, fault.Kind, math.ZeroInt())
	}
	params, err := k.ParamsAt(ctx, round.ParamsVersion)
	if err != nil {
		return err
	}
	conduct.SlashedHeight = blockHeight(ctx)
	if err := k.Conducts.Set(ctx, address, conduct); err != nil {
		return err
	}
	burned := k.slash(ctx, address, round.OpenedHeight, member.Power, params.SlashFraction)
	if err := emitFault(ctx, round, member.Operator, fault.Kind, burned); err != nil {
		return err
	}
	return k.jail(ctx, member.Operator, reasonFault, params.FaultJailBlocks)
}

// slash burns a part of the stake behind the power that an operator had when the round opened, and gives what was burned:
// nothing when the validator is gone, has unbonded, or x/staking or one of its hooks fails. A fault is proven by what
// validators send; whatever comes of punishing it must not stop the chain. The event says what was burned.
func (k Keeper) slash(ctx context.Context, operator sdk.ValAddress, openedHeight, power int64, fraction math.LegacyDec) math.Int {
	sdkCtx := sdk.UnwrapSDKContext(ctx)
	cached, write := sdkCtx.CacheContext()
	// The power is that of the opening, so the stake behind it is too: what left since then is found by that height.
	burned, err := k.trySlash(cached, operator, max(openedHeight, 1), power, fraction)
	if err != nil {
		sdkCtx.Logger().Error("nothing slashed for a proven fault", "operator", operator.String(), "err", err)
		return math.ZeroInt()
	}
	write()
	return burned
}

func (k Keeper) trySlash(
	ctx sdk.Context, operator sdk.ValAddress, infractionHeight, power int64, fraction math.LegacyDec,
) (burned math.Int, err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("slashing panicked: %v", r)
		}
	}()
	validator, err := k.staking.GetValidator(ctx, operator)
	if errors.Is(err, stakingtypes.ErrNoValidatorFound) {
		return math.ZeroInt(), nil
	}
	if err != nil {
		return math.Int{}, err
	}
	if validator.IsUnbonded() {
		return math.ZeroInt(), nil
	}
	// The key may have been rotated since: stake is found by the one the validator has now.
	consAddr, err := validator.GetConsAddr()
	if err != nil {
		return math.Int{}, err
	}
	return k.staking.Slash(ctx, consAddr, infractionHeight, power, fraction)
}
