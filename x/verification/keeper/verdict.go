package keeper

import (
	"context"

	"cosmossdk.io/collections"

	"github.com/opengradient/opengradient/internal/agreement"
	"github.com/opengradient/opengradient/x/verification/types"
)

// apply counts the ballots, takes the outputs, punishes what they prove, and finds out whether the round came to an end.
// A round that is left as it was is not looked at again: bytes that nobody wants must not have outputs compared anew.
func (b *block) apply(ctx context.Context, r *openRound) (types.Decision, error) {
	if err := b.count(ctx, r); err != nil {
		return types.Decision{}, err
	}
	if err := b.takeOutputs(ctx, r); err != nil {
		return types.Decision{}, err
	}
	fresh, err := b.punish(ctx, r)
	if err != nil {
		return types.Decision{}, err
	}
	if !r.moved && !r.committed {
		if !fresh && !r.unopened {
			return types.Decision{}, nil
		}
		return types.Decision{}, b.keeper.Rounds.Set(ctx, r.round.RequestId, r.round)
	}
	decision, err := b.keeper.advance(ctx, &r.round, r.electorate.snapshot, r.params)
	if err != nil {
		return types.Decision{}, err
	}
	return decision, b.keeper.Rounds.Set(ctx, r.round.RequestId, r.round)
}

// count adds the ballots of the block and sees whether an outcome has won by equality.
func (b *block) count(ctx context.Context, r *openRound) error {
	snapshot := r.electorate.snapshot
	known := len(r.round.Candidates)
	dropped, displaced := r.round.Count(snapshot, r.ballots, b.height, r.params.MaxCandidates)
	for _, position := range dropped {
		b.ignore(r.operator(position), types.ReasonTooManyCandidates)
	}
	r.fresh = len(r.round.Candidates) > known || len(displaced) > 0
	// Without a displacement, only ballots of this block are dropped.
	r.moved = len(displaced) > 0 || len(r.ballots) > len(dropped)
	for _, candidate := range displaced {
		if err := b.keeper.Outputs.Remove(ctx, collections.Join(r.round.RequestId, candidate)); err != nil {
			return err
		}
	}
	if known == 0 && len(r.round.Candidates) > 0 {
		if err := emitRoundRevealed(ctx, r.round); err != nil {
			return err
		}
	}
	if !r.contested && r.round.IsContested() {
		r.round.ContestedHeight = b.height
	}
	if r.round.Phase == types.PHASE_COMMITTING || r.round.HasDecided() {
		return nil
	}
	if verdict := r.round.Tally(snapshot); verdict.State == agreement.Agreed {
		r.round.Decided = uint32(verdict.Candidate) + 1
		r.round.DecidedHeight = b.height
	}
	return nil
}

// punish enters what the block proves against members into the round, and has each new fault punished, by member and
// kind. It tells whether there was any.
func (b *block) punish(ctx context.Context, r *openRound) (bool, error) {
	snapshot := r.electorate.snapshot
	if r.fresh || r.unopened {
		r.faults = append(r.faults, r.round.RevealFaults(snapshot, b.height)...)
	}
	var fresh types.Round // orders the faults and keeps one of each kind
	for _, fault := range r.faults {
		if r.round.AddFault(fault) {
			fresh.AddFault(fault)
		}
	}
	for _, fault := range fresh.Faults {
		if err := b.keeper.punish(ctx, r.round, snapshot, fault); err != nil {
			return false, err
		}
	}
	return len(fresh.Faults) > 0, nil
}
