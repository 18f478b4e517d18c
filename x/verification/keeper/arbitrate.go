package keeper

import (
	"context"
	"fmt"

	"cosmossdk.io/collections"

	"github.com/opengradient/opengradient/internal/agreement"
	"github.com/opengradient/opengradient/x/verification/types"
)

// arbitrate looks for the verdict of a round by comparison, with what is in state. It is pending, and tried again at the
// end of the next block, when this one has no room for it. An agreement is entered into the round.
func (k Keeper) arbitrate(
	ctx context.Context, round *types.Round, snapshot types.Snapshot, params types.Params, closed bool,
) (agreement.ArbitrationState, error) {
	outputs, err := k.outputs(ctx, *round)
	if err != nil {
		return agreement.ArbitrationPending, err
	}
	left, err := k.elementsLeft(ctx)
	if err != nil {
		return agreement.ArbitrationPending, err
	}
	c, numbers := round.Arbitration(snapshot, outputs, closed)
	if cost := agreement.ArbitrationCost(c.Contenders); uint64(cost) > left {
		return agreement.ArbitrationPending, k.setTimer(ctx, round, blockHeight(ctx)+1)
	}
	found, err := agreement.Arbitrate(c, params.Taus(), int64(left))
	if err != nil {
		return agreement.ArbitrationPending, fmt.Errorf("arbitration of request %d: %w", round.RequestId, err)
	}
	if err := k.spendElements(ctx, uint64(found.Elements)); err != nil {
		return agreement.ArbitrationPending, err
	}
	if closing := round.CloseHeight(params); found.State == agreement.ArbitrationPending && round.TimerHeight != closing {
		// It was tried again after a block without room.
		return found.State, k.setTimer(ctx, round, closing)
	}
	if found.State == agreement.ArbitrationAgreed {
		round.Decided = numbers[found.Candidate]
		round.DecidedHeight = blockHeight(ctx)
		round.Arbitrated, round.Closed = true, closed
	}
	return found.State, nil
}

// outputs gives the published bytes of each candidate, nil where there are none.
func (k Keeper) outputs(ctx context.Context, round types.Round) ([][]byte, error) {
	outputs := make([][]byte, len(round.Candidates))
	for i, candidate := range round.Candidates {
		if candidate.Publisher == "" {
			continue
		}
		var err error
		if outputs[i], err = k.Outputs.Get(ctx, collections.Join(round.RequestId, uint32(i)+1)); err != nil {
			return nil, fmt.Errorf("output of candidate %d of request %d: %w", i+1, round.RequestId, err)
		}
	}
	return outputs, nil
}
