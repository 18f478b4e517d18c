package keeper

import (
	"bytes"
	"context"
	"fmt"
	"slices"

	"cosmossdk.io/collections"

	"github.com/opengradient/opengradient/x/verification/types"
)

// attend remembers whose vote extensions this block carries, while there is a round in which that can matter, and
// forgets the blocks that are too long ago. Operators are in any order.
func (k Keeper) attend(ctx context.Context, operators []string) error {
	height := blockHeight(ctx)
	if err := k.forgetAttendances(ctx, height-types.AttendanceBlocks); err != nil {
		return err
	}
	some, err := k.hasRounds(ctx)
	if err != nil || !some {
		return err
	}
	attendance := types.Attendance{Height: height, Operators: make([][]byte, 0, len(operators))}
	for _, operator := range operators {
		address, err := types.ParseOperator(operator)
		if err != nil {
			return err
		}
		attendance.Operators = append(attendance.Operators, address)
	}
	slices.SortFunc(attendance.Operators, bytes.Compare)
	attendance.Operators = slices.CompactFunc(attendance.Operators, bytes.Equal)
	return k.Attendances.Set(ctx, height, attendance)
}

// forgetAttendances drops the records up to a height, which are few: no more are ever kept than types.AttendanceBlocks.
func (k Keeper) forgetAttendances(ctx context.Context, until int64) error {
	iterator, err := k.Attendances.Iterate(ctx, new(collections.Range[int64]).EndInclusive(until))
	if err != nil {
		return fmt.Errorf("attendances up to %d: %w", until, err)
	}
	old, err := iterator.Keys()
	if err != nil {
		return fmt.Errorf("attendances up to %d: %w", until, err)
	}
	for _, height := range old {
		if err := k.Attendances.Remove(ctx, height); err != nil {
			return err
		}
	}
	return nil
}

// hasRounds tells whether there is any round.
func (k Keeper) hasRounds(ctx context.Context) (bool, error) {
	iterator, err := k.Rounds.Iterate(ctx, nil)
	if err != nil {
		return false, fmt.Errorf("rounds: %w", err)
	}
	some := iterator.Valid()
	return some, iterator.Close()
}
