package keeper

import (
	"context"
	"fmt"

	"cosmossdk.io/collections"
	sdk "github.com/cosmos/cosmos-sdk/types"

	"github.com/opengradient/opengradient/x/verification/types"
)

// initConsequences writes what is kept beside the rounds. Base is the height of the last block before the genesis. The
// encoding of evidence stays as it is: a receipt holds its root.
func (k Keeper) initConsequences(ctx context.Context, gs types.GenesisState, base int64) error {
	for _, conduct := range gs.Conducts {
		address, err := types.ParseOperator(conduct.Operator)
		if err != nil {
			return err
		}
		if err := k.Conducts.Set(ctx, address, conduct.Shift(base+1)); err != nil {
			return err
		}
	}
	for _, divergence := range gs.Divergences {
		key := collections.Join3(divergence.Model, divergence.VerdictClass, divergence.OtherClass)
		if err := k.Divergences.Set(ctx, key, divergence.Shift(base)); err != nil {
			return err
		}
	}
	for _, attendance := range gs.Attendances {
		attendance.Height += base
		if err := k.Attendances.Set(ctx, attendance.Height, attendance); err != nil {
			return err
		}
	}
	for _, stored := range gs.Evidence {
		stored.ExpiryHeight += base
		if err := k.storeEvidence(ctx, stored); err != nil {
			return err
		}
	}
	return nil
}

// exportConsequences adds what is kept beside the rounds, with heights counted from a height.
func (k Keeper) exportConsequences(ctx context.Context, gs *types.GenesisState, height int64) error {
	err := k.Conducts.Walk(ctx, nil, func(_ sdk.ValAddress, conduct types.Conduct) (bool, error) {
		gs.Conducts = append(gs.Conducts, conduct.Shift(-height-1))
		return false, nil
	})
	if err != nil {
		return fmt.Errorf("export of the conducts: %w", err)
	}
	err = k.Divergences.Walk(ctx, nil, func(_ divergenceKey, divergence types.Divergence) (bool, error) {
		gs.Divergences = append(gs.Divergences, divergence.Shift(-height))
		return false, nil
	})
	if err != nil {
		return fmt.Errorf("export of the divergences: %w", err)
	}
	// Older ones are dropped with the next block that carries votes.
	recent := new(collections.Range[int64]).StartInclusive(height - types.AttendanceBlocks)
	err = k.Attendances.Walk(ctx, recent, func(_ int64, attendance types.Attendance) (bool, error) {
		attendance.Height -= height
		gs.Attendances = append(gs.Attendances, attendance)
		return false, nil
	})
	if err != nil {
		return fmt.Errorf("export of the attendances: %w", err)
	}
	err = k.Evidence.Walk(ctx, nil, func(_ uint64, stored types.StoredEvidence) (bool, error) {
		stored.ExpiryHeight -= height
		gs.Evidence = append(gs.Evidence, stored)
		return false, nil
	})
	if err != nil {
		return fmt.Errorf("export of the evidence: %w", err)
	}
	return nil
}
