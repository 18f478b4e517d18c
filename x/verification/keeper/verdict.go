package keeper

import (
	"context"
	"fmt"

	"cosmossdk.io/collections"

	"github.com/opengradient/opengradient/internal/agreement"
	"github.com/opengradient/opengradient/x/verification/types"
)

// apply counts the ballots, takes the outputs and finds out whether the round came to an end.
func (b *block) apply(ctx context.Context, r *openRound) (types.Decision, error) {
	snapshot := r.electorate.snapshot
	before := r.round.Tally(snapshot)
	dropped, displaced := r.round.Count(snapshot, r.ballots, b.height, r.params.MaxCandidates)
	for _, position := range dropped {
		b.ignore(snapshot.Members[position].Operator, types.ReasonTooManyCandidates)
	}
	for _, candidate := range displaced {
		if err := b.keeper.Outputs.Remove(ctx, collections.Join(r.round.RequestId, candidate)); err != nil {
			return types.Decision{}, err
		}
	}
	after := r.round.Tally(snapshot)
	if after.State == agreement.Agreed && !r.round.HasDecided() {
		r.round.Decided = uint32(after.Candidate) + 1
		r.round.DecidedHeight = b.height
	}
	output, err := b.takeOutputs(ctx, r)
	if err != nil {
		return types.Decision{}, err
	}
	decision := types.Decision{
		RequestID:  r.round.RequestId,
		Attempt:    r.round.Attempt,
		Leader:     r.round.Leader,
		SnapshotID: r.round.SnapshotId,
	}
	switch winner := r.round.Winner(); {
	case r.round.Phase != types.PHASE_OPEN:
	case r.round.HasDecided() && (winner.Outcome.Failed() || winner.Publisher != ""):
		decision.Kind = types.DecisionFinal
		decision.Outcome = winner.Outcome
		decision.Publisher = winner.Publisher
		if decision.Output, err = b.finalize(ctx, r, output); err != nil {
			return types.Decision{}, err
		}
	case after.State == agreement.Impossible && before.State != agreement.Impossible:
		decision.Kind = types.DecisionImpossible
	}
	return decision, b.keeper.Rounds.Set(ctx, r.round.RequestId, r.round)
}

// finalize turns the round to settling and gives the winner's bytes, which leave this module's state with all others.
// Output is the winner's bytes if they came in this block.
func (b *block) finalize(ctx context.Context, r *openRound, output []byte) ([]byte, error) {
	requestID := r.round.RequestId
	if winner := r.round.Winner(); output == nil && !winner.Outcome.Failed() {
		var err error
		if output, err = b.keeper.Outputs.Get(ctx, collections.Join(requestID, r.round.Decided)); err != nil {
			return nil, fmt.Errorf("output of candidate %d of request %d: %w", r.round.Decided, requestID, err)
		}
	}
	if err := b.keeper.clearOutputs(ctx, r.round); err != nil {
		return nil, err
	}
	for i := range r.round.Candidates {
		if uint32(i)+1 != r.round.Decided {
			r.round.Candidates[i].Publisher = ""
		}
	}
	r.round.Phase = types.PHASE_SETTLING
	r.round.FinalHeight = b.height
	r.round.SettleHeight = b.height + int64(r.params.SettleBlocks)
	if err := b.keeper.SettleQueue.Set(ctx, collections.Join(r.round.SettleHeight, requestID)); err != nil {
		return nil, err
	}
	return output, emitVerdict(ctx, r.round)
}
