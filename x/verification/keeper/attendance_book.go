package keeper

import (
	"context"
	"errors"
	"fmt"

	"cosmossdk.io/collections"

	"github.com/opengradient/opengradient/x/verification/types"
)

// attendanceBook looks up once in a block whose vote extensions earlier blocks carried, to tell silence from not having
// been heard.
type attendanceBook struct {
	keeper Keeper
	blocks map[int64]types.Attendance
	params map[uint64]types.Params // by version
}

func newAttendanceBook(k Keeper) *attendanceBook {
	return &attendanceBook{keeper: k, blocks: make(map[int64]types.Attendance), params: make(map[uint64]types.Params)}
}

// chances counts the blocks from one height to another, both included, in which a silent member of a round could have been
// heard. There are none when the round tells no further outcome apart: whoever is silent may have spoken, and there was no
// room for its word. What is not remembered any more is no chance.
func (b *attendanceBook) chances(ctx context.Context, round types.Round, operator string, from, to int64) (int, error) {
	params, known := b.params[round.ParamsVersion]
	if !known {
		var err error
		if params, err = b.keeper.ParamsAt(ctx, round.ParamsVersion); err != nil {
			return 0, err
		}
		b.params[round.ParamsVersion] = params
	}
	if round.IsFull(params) {
		return 0, nil
	}
	address, err := types.ParseOperator(operator)
	if err != nil {
		return 0, err
	}
	chances := 0
	for height := max(from, blockHeight(ctx)-types.AttendanceBlocks); height <= to; height++ {
		attendance, err := b.block(ctx, height)
		if err != nil {
			return 0, err
		}
		if attendance.Attends(address) {
			chances++
		}
	}
	return chances, nil
}

// block gives the record of a height; an empty one when there is none.
func (b *attendanceBook) block(ctx context.Context, height int64) (types.Attendance, error) {
	if known, ok := b.blocks[height]; ok {
		return known, nil
	}
	attendance, err := b.keeper.Attendances.Get(ctx, height)
	if err != nil && !errors.Is(err, collections.ErrNotFound) {
		return types.Attendance{}, fmt.Errorf("attendance of %d: %w", height, err)
	}
	b.blocks[height] = attendance
	return attendance, nil
}

// timeliness tells when each member of a round with a verdict was heard.
func (b *attendanceBook) timeliness(ctx context.Context, round types.Round, snapshot types.Snapshot) ([]types.Timeliness, error) {
	heard := make([]types.Timeliness, len(snapshot.Members))
	for i, member := range snapshot.Members {
		var failed error
		heard[i] = round.Timeliness(i, func(height int64) bool {
			var chances int
			chances, failed = b.chances(ctx, round, member.Operator, height, height)
			return chances > 0
		})
		if failed != nil {
			return nil, failed
		}
	}
	return heard, nil
}
