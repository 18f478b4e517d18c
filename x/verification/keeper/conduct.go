package keeper

import (
	"context"

	"github.com/opengradient/opengradient/x/verification/types"
)

// recordConduct counts a settled round for every member that had a seat in it. Outcomes are in snapshot order.
func (k Keeper) recordConduct(context.Context, types.Round, types.Snapshot, []types.MemberOutcome) error { return nil }
