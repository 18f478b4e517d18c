package keeper

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"

	"cosmossdk.io/collections"

	"github.com/opengradient/opengradient/internal/agreement"
	"github.com/opengradient/opengradient/x/verification/types"
)

// advance takes a round through the phases that are due and gives the decision this brings, if any. The caller stores the
// round.
func (k Keeper) advance(
	ctx context.Context, round *types.Round, snapshot types.Snapshot, params types.Params,
) (types.Decision, error) {
	height := blockHeight(ctx)
	if round.Phase == types.PHASE_SETTLING {
		return types.Decision{}, nil
	}
	if round.IsComplete() {
		return k.finalize(ctx, round, params)
	}
	if round.Phase == types.PHASE_ARBITRATING && round.TimerHeight == 0 {
		// It was given up already, and waits for its caller to abandon it; or it has decided and waits for bytes.
		return types.Decision{}, nil
	}
	switch round.Step(snapshot, params, height) {
	case types.StepReveal:
		round.Phase, round.RevealingHeight = types.PHASE_OPEN, height
		if err := emitRoundSealed(ctx, *round); err != nil {
			return types.Decision{}, err
		}
		return types.Decision{}, k.setTimer(ctx, round, round.SoftHeight(params))
	case types.StepArbitrate:
		if err := k.beginArbitration(ctx, round, params); err != nil {
			return types.Decision{}, err
		}
	case types.StepGiveUp:
		return newDecision(*round, types.DecisionImpossible), nil
	}
	if round.Phase != types.PHASE_ARBITRATING || round.HasDecided() {
		return types.Decision{}, nil
	}
	return k.decideByComparison(ctx, round, snapshot, params, height >= round.CloseHeight(params))
}

func (k Keeper) beginArbitration(ctx context.Context, round *types.Round, params types.Params) error {
	round.Phase, round.ArbitratingHeight = types.PHASE_ARBITRATING, blockHeight(ctx)
	if err := k.setTimer(ctx, round, round.CloseHeight(params)); err != nil {
		return err
	}
	return emitRoundArbitrating(ctx, *round)
}

func (k Keeper) decideByComparison(
	ctx context.Context, round *types.Round, snapshot types.Snapshot, params types.Params, closed bool,
) (types.Decision, error) {
	state, err := k.arbitrate(ctx, round, snapshot, params, closed)
	switch {
	case err != nil:
		return types.Decision{}, err
	case state == agreement.ArbitrationAgreed:
		return k.finalize(ctx, round, params)
	case state == agreement.ArbitrationNoVerdict:
		return newDecision(*round, types.DecisionImpossible), k.setTimer(ctx, round, 0)
	default:
		return types.Decision{}, nil
	}
}

// finalize turns a round with a complete verdict to settling. Its outputs stay until it is settled.
func (k Keeper) finalize(ctx context.Context, round *types.Round, params types.Params) (types.Decision, error) {
	winner := round.Winner()
	decision := newDecision(*round, types.DecisionFinal)
	decision.Outcome, decision.Publisher, decision.Arbitrated = winner.Outcome, winner.Publisher, round.Arbitrated
	if !winner.Outcome.Failed() {
		var err error
		if decision.Output, err = k.Outputs.Get(ctx, collections.Join(round.RequestId, round.Decided)); err != nil {
			return types.Decision{}, fmt.Errorf("output of candidate %d of request %d: %w", round.Decided, round.RequestId, err)
		}
	}
	if err := k.setTimer(ctx, round, 0); err != nil {
		return types.Decision{}, err
	}
	if !round.Arbitrated {
		round.ArbitratingHeight = 0
	}
	round.Phase = types.PHASE_SETTLING
	round.FinalHeight = blockHeight(ctx)
	round.SettleHeight = round.FinalHeight + int64(params.SettleBlocks)
	if err := k.SettleQueue.Set(ctx, collections.Join(round.SettleHeight, round.RequestId)); err != nil {
		return types.Decision{}, err
	}
	return decision, emitVerdict(ctx, *round)
}

func newDecision(round types.Round, kind types.DecisionKind) types.Decision {
	return types.Decision{
		RequestID:  round.RequestId,
		Attempt:    round.Attempt,
		Kind:       kind,
		Leader:     round.Leader,
		SnapshotID: round.SnapshotId,
	}
}

// setTimer moves the timer of a round; 0 takes it away.
func (k Keeper) setTimer(ctx context.Context, round *types.Round, height int64) error {
	if err := k.Timers.Remove(ctx, collections.Join(round.TimerHeight, round.RequestId)); err != nil {
		return err
	}
	round.TimerHeight = height
	if height == 0 {
		return nil
	}
	return k.Timers.Set(ctx, collections.Join(height, round.RequestId))
}

// Advance moves on the rounds whose timer has come: it begins reveals and arbitrations, and closes arbitrations. It is
// called at the end of each block, and returns the decisions this brings, by request id.
func (k Keeper) Advance(ctx context.Context) ([]types.Decision, error) {
	due, err := k.dueTimers(ctx, blockHeight(ctx))
	if err != nil {
		return nil, err
	}
	var decisions []types.Decision
	for _, key := range due {
		decision, err := k.update(ctx, key.K2(), k.goOff)
		if err != nil {
			return nil, err
		}
		if decision.Kind != types.DecisionUnspecified {
			decisions = append(decisions, decision)
		}
	}
	slices.SortFunc(decisions, func(a, b types.Decision) int { return cmp.Compare(a.RequestID, b.RequestID) })
	return decisions, nil
}

// goOff moves on a round whose timer has come. Unless it is set anew, it has none from then on.
func (k Keeper) goOff(
	ctx context.Context, round *types.Round, snapshot types.Snapshot, params types.Params,
) (types.Decision, error) {
	decision, err := k.advance(ctx, round, snapshot, params)
	if err != nil || round.TimerHeight == 0 || round.TimerHeight > blockHeight(ctx) {
		return decision, err
	}
	return decision, k.setTimer(ctx, round, 0)
}

// dueTimers collects the keys first: a store must not be changed under its iterator.
func (k Keeper) dueTimers(ctx context.Context, height int64) ([]timerKey, error) {
	until := new(collections.Range[timerKey]).EndExclusive(collections.Join(height+1, uint64(0)))
	iterator, err := k.Timers.Iterate(ctx, until)
	if err != nil {
		return nil, fmt.Errorf("timers of rounds: %w", err)
	}
	due, err := iterator.Keys()
	if err != nil {
		return nil, fmt.Errorf("timers of rounds: %w", err)
	}
	return due, nil
}

// transition changes a round under its snapshot and parameters.
type transition func(ctx context.Context, round *types.Round, snapshot types.Snapshot, params types.Params) (types.Decision, error)

// update loads a round, changes it and stores it.
func (k Keeper) update(ctx context.Context, requestID uint64, change transition) (types.Decision, error) {
	round, err := k.Round(ctx, requestID)
	if err != nil {
		return types.Decision{}, err
	}
	snapshot, err := k.Snapshot(ctx, round.SnapshotId)
	if err != nil {
		return types.Decision{}, err
	}
	params, err := k.ParamsAt(ctx, round.ParamsVersion)
	if err != nil {
		return types.Decision{}, err
	}
	decision, err := change(ctx, &round, snapshot, params)
	if err != nil {
		return types.Decision{}, err
	}
	return decision, k.Rounds.Set(ctx, requestID, round)
}

// Conclude closes the round of a request whose attempt is over: what has been published decides. The decision is
// types.DecisionFinal when there is a verdict; otherwise, also without a round, its kind is types.DecisionImpossible and
// the caller abandons the round.
func (k Keeper) Conclude(ctx context.Context, requestID uint64) (types.Decision, error) {
	impossible := types.Decision{RequestID: requestID, Kind: types.DecisionImpossible}
	decision, err := k.update(ctx, requestID, k.conclude)
	if errors.Is(err, types.ErrRoundNotFound) {
		return impossible, nil
	}
	if err != nil {
		return types.Decision{}, err
	}
	if decision.Kind != types.DecisionFinal {
		impossible.Attempt = decision.Attempt
		return impossible, nil
	}
	return decision, nil
}

func (k Keeper) conclude(
	ctx context.Context, round *types.Round, snapshot types.Snapshot, params types.Params,
) (types.Decision, error) {
	undecided := newDecision(*round, types.DecisionImpossible)
	switch {
	case round.Phase == types.PHASE_COMMITTING, round.Phase == types.PHASE_SETTLING, round.HasDecided():
		// A complete verdict is given in the block that completes it: bytes are missing here.
		return undecided, nil
	case !round.CanArbitrate(snapshot, 0):
		return undecided, nil
	case round.Phase == types.PHASE_OPEN:
		if err := k.beginArbitration(ctx, round, params); err != nil {
			return types.Decision{}, err
		}
	}
	return k.decideByComparison(ctx, round, snapshot, params, true)
}
