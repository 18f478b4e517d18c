package keeper

import (
	"cmp"
	"context"
	"errors"
	"slices"

	"github.com/opengradient/opengradient/x/verification/types"
)

// Record applies the votes of one block: first all attestations, then the published outputs, round by round. What is
// not taken is counted, evented and otherwise without effect; an error means that the state could not be read or
// written. The outcome does not depend on the order of the votes.
//
// A round is final when an outcome holds the threshold and, for a root, its bytes are at hand: the round then settles
// for the blocks its parameters say and its outputs leave the state. Identical repeats of an attestation and bytes that
// are not wanted (any more) are no offence and not counted.
func (k Keeper) Record(ctx context.Context, votes []types.OperatorVotes) (types.Recorded, error) {
	b := block{
		keeper:    k,
		height:    blockHeight(ctx),
		rounds:    make(map[uint64]*openRound),
		snapshots: make(map[uint64]*electorate),
		params:    make(map[uint64]types.Params),
		ignored:   make(map[ignoredKey]uint32),
	}
	for _, vote := range votes {
		if err := b.collect(ctx, vote); err != nil {
			return types.Recorded{}, err
		}
	}
	slices.SortFunc(b.touched, func(x, y *openRound) int { return cmp.Compare(x.round.RequestId, y.round.RequestId) })
	var recorded types.Recorded
	for _, round := range b.touched {
		if len(round.ballots) == 0 && len(round.offers) == 0 {
			continue
		}
		decision, err := b.apply(ctx, round)
		if err != nil {
			return types.Recorded{}, err
		}
		if decision.Kind != types.DecisionUnspecified {
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
}

// seat is a member's place in a round.
type seat struct {
	round    *openRound
	position int
}

// offer is the bytes one member published.
type offer struct {
	position int
	output   []byte
}

func (b *block) collect(ctx context.Context, vote types.OperatorVotes) error {
	for _, attestation := range vote.Attestations {
		if attestation.Validate() != nil {
			b.ignore(vote.Operator, types.ReasonBadOutcome)
			continue
		}
		seat, ok, err := b.seat(ctx, vote.Operator, attestation.RequestId, attestation.Attempt)
		if err != nil {
			return err
		}
		if !ok {
			continue
		}
		if first, spoke := seat.spoken(); !spoke {
			seat.cast(attestation)
		} else if !first.Equal(attestation.Outcome) {
			b.ignore(vote.Operator, types.ReasonSecondOutcome)
		}
	}
	for _, output := range vote.Outputs {
		seat, ok, err := b.seat(ctx, vote.Operator, output.RequestId, output.Attempt)
		if err != nil {
			return err
		}
		if ok {
			seat.round.offers = append(seat.round.offers, offer{position: seat.position, output: output.Output})
		}
	}
	return nil
}

// seat finds the operator's place in the round of an attempt. What has none is counted and ok is false.
func (b *block) seat(ctx context.Context, operator string, requestID uint64, attempt uint32) (s seat, ok bool, err error) {
	if err := b.load(ctx, requestID); err != nil {
		return seat{}, false, err
	}
	round := b.rounds[requestID]
	if round == nil || round.round.Attempt != attempt {
		b.ignore(operator, types.ReasonNoRound)
		return seat{}, false, nil
	}
	position, member := round.electorate.positions[operator]
	if !member {
		b.ignore(operator, types.ReasonNotMember)
	}
	return seat{round: round, position: position}, member, nil
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
	loaded := &openRound{round: round, ballotOf: make(map[int]types.Outcome)}
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

// spoken is the outcome the member attested, in this block or before.
func (s seat) spoken() (types.Outcome, bool) {
	if candidate := s.round.round.Votes[s.position].Candidate; candidate > 0 {
		return s.round.round.Candidates[candidate-1].Outcome, true
	}
	outcome, ok := s.round.ballotOf[s.position]
	return outcome, ok
}

// cast takes the member's first attestation.
func (s seat) cast(attestation types.Attestation) {
	s.round.ballotOf[s.position] = attestation.Outcome
	s.round.ballots = append(s.round.ballots, types.Ballot{
		Position:         s.position,
		Outcome:          attestation.Outcome,
		EnvironmentClass: attestation.EnvironmentClass,
	})
}
