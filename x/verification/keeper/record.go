package keeper

import (
	"cmp"
	"context"
	"errors"
	"slices"

	"github.com/opengradient/opengradient/x/verification/types"
)

// Record applies the votes of one block, of every operator whose extension it carries: first all commitments,
// attestations and reveals, then the published outputs, then changes of phase, round by round. What is not taken is
// counted, evented and otherwise without effect, but for contradictions, which are punished; an error means that the state
// could not be read or written. The outcome does not depend on the order of the votes.
//
// A round is final when an outcome has won and, for a root, its bytes are at hand: the round then settles for the blocks
// its parameters say. Identical repeats and bytes that are not wanted (any more) are no offence and not counted.
func (k Keeper) Record(ctx context.Context, votes []types.OperatorVotes) (types.Recorded, error) {
	b := block{
		keeper:    k,
		height:    blockHeight(ctx),
		rounds:    make(map[uint64]*openRound),
		snapshots: make(map[uint64]*electorate),
		params:    make(map[uint64]types.Params),
		ignored:   make(map[ignoredKey]uint32),
	}
	operators := make([]string, len(votes))
	for i, vote := range votes {
		operators[i] = vote.Operator
		if err := b.collect(ctx, vote); err != nil {
			return types.Recorded{}, err
		}
	}
	if err := b.keeper.attend(ctx, operators); err != nil {
		return types.Recorded{}, err
	}
	slices.SortFunc(b.touched, func(x, y *openRound) int { return cmp.Compare(x.round.RequestId, y.round.RequestId) })
	var recorded types.Recorded
	for _, round := range b.touched {
		if !round.changed() {
			continue
		}
		decision, err := b.apply(ctx, round)
		if err != nil {
			return types.Recorded{}, err
		}
		if decision.Kind == types.DecisionFinal || decision.Kind == types.DecisionImpossible && !round.givenUp {
			recorded.Decisions = append(recorded.Decisions, decision)
		}
	}
	recorded.Ignored = b.ignoredInOrder()
	for _, ignored := range recorded.Ignored {
		if err := emitAttestationIgnored(ctx, ignored); err != nil {
			return types.Recorded{}, err
		}
	}
	return recorded, nil
}

// block gathers what the votes of one block hold for each round. Every round, snapshot and version of the parameters is
// loaded once.
type block struct {
	keeper    Keeper
	height    int64
	rounds    map[uint64]*openRound // nil for a request without a round
	snapshots map[uint64]*electorate
	params    map[uint64]types.Params
	touched   []*openRound
	ignored   map[ignoredKey]uint32
}

type ignoredKey struct{ operator, reason string }

// electorate is a snapshot with its members by operator.
type electorate struct {
	snapshot  types.Snapshot
	positions map[string]int
}

// openRound is a round with the content of the block that concerns it and has passed the checks on each vote by itself.
type openRound struct {
	round      types.Round
	electorate *electorate
	params     types.Params
	ballots    []types.Ballot
	ballotOf   map[int]types.Outcome // by position, for the ballots of this block
	offers     []offer
	faults     []types.Fault
	// contested is what the round was before the block.
	contested bool
	// givenUp is true when an earlier block reported that the round has no verdict.
	givenUp bool
	// committed and unopened tell whether the block brought a commitment, or a reveal that opens none.
	committed, unopened bool
	// fresh tells whether the block brought an outcome that the round did not know; moved, whether it brought votes or
	// outputs that the round took.
	fresh, moved bool
}

func (r *openRound) changed() bool {
	return len(r.ballots)+len(r.offers)+len(r.faults) > 0 || r.committed || r.unopened
}

// offer is the bytes one member published.
type offer struct {
	position int
	output   []byte
}

// collect takes what one extension holds for each round.
func (b *block) collect(ctx context.Context, vote types.OperatorVotes) error {
	for _, commitment := range vote.Commitments {
		if len(commitment.Commitment) != types.CommitmentSize {
			b.ignore(vote.Operator, types.ReasonBadOutcome)
			continue
		}
		err := b.with(ctx, vote.Operator, commitment.RequestId, commitment.Attempt, func(s seat) string { return s.commit(commitment) })
		if err != nil {
			return err
		}
	}
	for _, attestation := range vote.Attestations {
		if attestation.Validate() != nil {
			b.ignore(vote.Operator, types.ReasonBadOutcome)
			continue
		}
		err := b.with(ctx, vote.Operator, attestation.RequestId, attestation.Attempt, func(s seat) string { return s.attest(attestation, b.height) })
		if err != nil {
			return err
		}
	}
	for _, reveal := range vote.Reveals {
		attestation := reveal.Attestation
		if attestation.Validate() != nil || len(reveal.Salt) != types.SaltSize {
			b.ignore(vote.Operator, types.ReasonBadOutcome)
			continue
		}
		err := b.with(ctx, vote.Operator, attestation.RequestId, attestation.Attempt, func(s seat) string { return s.reveal(reveal, b.height) })
		if err != nil {
			return err
		}
	}
	for _, output := range vote.Outputs {
		err := b.with(ctx, vote.Operator, output.RequestId, output.Attempt, func(s seat) string { return s.publish(output.Output) })
		if err != nil {
			return err
		}
	}
	return nil
}

// with hands the operator's seat in the round of an attempt to take, which says why it does not take what there is, or
// nothing. What has no seat is counted.
func (b *block) with(ctx context.Context, operator string, requestID uint64, attempt uint32, take func(seat) string) error {
	s, reason, err := b.seat(ctx, operator, requestID, attempt)
	if err != nil {
		return err
	}
	if reason == "" {
		reason = take(s)
	}
	if reason != "" {
		b.ignore(operator, reason)
	}
	return nil
}

// seat finds the operator's place in the round of an attempt, or the reason why it has none.
func (b *block) seat(ctx context.Context, operator string, requestID uint64, attempt uint32) (s seat, reason string, err error) {
	if err := b.load(ctx, requestID); err != nil {
		return seat{}, "", err
	}
	round := b.rounds[requestID]
	if round == nil || round.round.Attempt != attempt {
		return seat{}, types.ReasonNoRound, nil
	}
	position, member := round.electorate.positions[operator]
	switch {
	case !member:
		return seat{}, types.ReasonNotMember, nil
	case !round.round.HasSeat(position):
		return seat{}, types.ReasonNoSeat, nil
	default:
		return seat{round: round, position: position}, "", nil
	}
}

// load brings the round of a request into b.rounds, as nil when there is none.
func (b *block) load(ctx context.Context, requestID uint64) error {
	if _, known := b.rounds[requestID]; known {
		return nil
	}
	round, err := b.keeper.Round(ctx, requestID)
	if errors.Is(err, types.ErrRoundNotFound) {
		b.rounds[requestID] = nil
		return nil
	}
	if err != nil {
		return err
	}
	loaded := &openRound{round: round, ballotOf: make(map[int]types.Outcome), contested: round.IsContested()}
	if loaded.electorate, err = b.electorate(ctx, round.SnapshotId); err != nil {
		return err
	}
	params, ok := b.params[round.ParamsVersion]
	if !ok {
		if params, err = b.keeper.ParamsAt(ctx, round.ParamsVersion); err != nil {
			return err
		}
		b.params[round.ParamsVersion] = params
	}
	loaded.params = params
	loaded.givenUp = round.Step(loaded.electorate.snapshot, params, b.height-1) == types.StepGiveUp
	b.rounds[requestID] = loaded
	b.touched = append(b.touched, loaded)
	return nil
}

func (b *block) electorate(ctx context.Context, id uint64) (*electorate, error) {
	if loaded, ok := b.snapshots[id]; ok {
		return loaded, nil
	}
	snapshot, err := b.keeper.Snapshot(ctx, id)
	if err != nil {
		return nil, err
	}
	loaded := &electorate{snapshot: snapshot, positions: make(map[string]int, len(snapshot.Members))}
	for i, member := range snapshot.Members {
		loaded.positions[member.Operator] = i
	}
	b.snapshots[id] = loaded
	return loaded, nil
}

func (b *block) ignore(operator, reason string) { b.ignored[ignoredKey{operator, reason}]++ }

func (b *block) ignoredInOrder() []types.Ignored {
	counts := make([]types.Ignored, 0, len(b.ignored))
	for key, count := range b.ignored {
		counts = append(counts, types.Ignored{Operator: key.operator, Reason: key.reason, Count: count})
	}
	slices.SortFunc(counts, func(x, y types.Ignored) int {
		return cmp.Or(cmp.Compare(x.Operator, y.Operator), cmp.Compare(x.Reason, y.Reason))
	})
	return counts
}
