package keeper

import (
	"context"
	"fmt"

	"cosmossdk.io/collections"

	"github.com/opengradient/opengradient/internal/agreement"
	"github.com/opengradient/opengradient/x/verification/types"
)

// Settle takes the rounds whose settle height has come out of the state, and gives them with the conduct of their
// members, ordered by (settle height, request id). Their reference to the snapshot passes to the receipt. What the
// settlements show of members has its consequences here; evidence whose time is over is dropped.
func (k Keeper) Settle(ctx context.Context) ([]types.Settlement, error) {
	due, err := k.dueSettlements(ctx, blockHeight(ctx))
	if err != nil {
		return nil, err
	}
	snapshots := make(map[uint64]types.Snapshot)
	book := newAttendanceBook(k)
	settlements := make([]types.Settlement, 0, len(due))
	for _, key := range due {
		round, err := k.Round(ctx, key.K2())
		if err != nil {
			return nil, err
		}
		snapshot, ok := snapshots[round.SnapshotId]
		if !ok {
			if snapshot, err = k.Snapshot(ctx, round.SnapshotId); err != nil {
				return nil, err
			}
			snapshots[round.SnapshotId] = snapshot
		}
		if err := k.SettleQueue.Remove(ctx, key); err != nil {
			return nil, err
		}
		settlement, err := k.settle(ctx, round, snapshot)
		if err != nil {
			return nil, fmt.Errorf("round of request %d: %w", round.RequestId, err)
		}
		if settlement.Timeliness, err = book.timeliness(ctx, settlement.Round, snapshot); err != nil {
			return nil, fmt.Errorf("timeliness in the round of request %d: %w", round.RequestId, err)
		}
		settlements = append(settlements, settlement)
	}
	if err := k.recordConduct(ctx, book, settlements); err != nil {
		return nil, err
	}
	return settlements, k.pruneEvidence(ctx)
}

// settle judges one round and takes it, with its outputs, out of the state.
func (k Keeper) settle(ctx context.Context, round types.Round, snapshot types.Snapshot) (types.Settlement, error) {
	params, err := k.ParamsAt(ctx, round.ParamsVersion)
	if err != nil {
		return types.Settlement{}, err
	}
	outputs, err := k.judge(ctx, &round, params)
	if err != nil {
		return types.Settlement{}, err
	}
	for _, fault := range round.ContradictionFaults(snapshot, params, blockHeight(ctx)) {
		if !round.AddFault(fault) {
			continue
		}
		if err := k.punish(ctx, round, snapshot, fault); err != nil {
			return types.Settlement{}, err
		}
	}
	if err := k.recordDivergences(ctx, round, snapshot); err != nil {
		return types.Settlement{}, err
	}
	outcomes, tolerated := round.Conduct()
	bitmap, err := agreement.PackOutcomes(outcomes)
	if err != nil {
		return types.Settlement{}, err
	}
	evidenceRoot, err := k.keepEvidence(ctx, types.NewEvidence(round, outputs), params)
	if err != nil {
		return types.Settlement{}, err
	}
	if err := k.clearOutputs(ctx, round); err != nil {
		return types.Settlement{}, err
	}
	if err := k.Rounds.Remove(ctx, round.RequestId); err != nil {
		return types.Settlement{}, err
	}
	return types.Settlement{
		Round:        round,
		Snapshot:     snapshot,
		Outcomes:     outcomes,
		Bitmap:       bitmap,
		Tolerated:    tolerated,
		EvidenceRoot: evidenceRoot,
	}, nil
}

// judge sets the standing of the round's candidates and gives the outputs it was judged by.
func (k Keeper) judge(ctx context.Context, round *types.Round, params types.Params) ([]types.RoundOutput, error) {
	var outputs [][]byte
	var left uint64
	if round.IsContested() {
		// Most rounds are not: their bytes need not be read.
		var err error
		if outputs, err = k.outputs(ctx, *round); err != nil {
			return nil, err
		}
		if left, err = k.elementsLeft(ctx); err != nil {
			return nil, err
		}
	}
	spent, err := round.Judge(outputs, params.Taus(), left)
	if err != nil {
		return nil, err
	}
	var published []types.RoundOutput
	for i, output := range outputs {
		if output != nil {
			published = append(published, types.RoundOutput{RequestId: round.RequestId, Candidate: uint32(i) + 1, Output: output})
		}
	}
	return published, k.spendElements(ctx, spent)
}

// dueSettlements collects the keys first: a store must not be changed under its iterator.
func (k Keeper) dueSettlements(ctx context.Context, height int64) ([]settleKey, error) {
	// Everything before the first key of the next height.
	until := new(collections.Range[settleKey]).EndExclusive(collections.Join(height+1, uint64(0)))
	iterator, err := k.SettleQueue.Iterate(ctx, until)
	if err != nil {
		return nil, fmt.Errorf("rounds to settle: %w", err)
	}
	due, err := iterator.Keys()
	if err != nil {
		return nil, fmt.Errorf("rounds to settle: %w", err)
	}
	return due, nil
}
