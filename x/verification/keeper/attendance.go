package keeper

import (
	"context"
)

// attend remembers whose vote extensions this block carries. Operators are in any order.
func (k Keeper) attend(context.Context, []string) error { return nil }

// chances counts, by operator, the blocks from one height to another, both included, that carried its vote extension:
// in so many it could have been heard.
func (k Keeper) chances(_ context.Context, _, _ int64) (map[string]int, error) {
	return map[string]int{}, nil
}
