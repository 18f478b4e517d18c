package keeper

import (
	"bytes"

	"github.com/opengradient/opengradient/x/verification/types"
)

// seat is a member's place in a round. Its methods take what one block brings from the member, and say with a reason why
// they do not; an identical repeat is taken without effect.
type seat struct {
	round    *openRound
	position int
}

// commit takes the member's first commitment while the round takes any.
func (s seat) commit(commitment types.Commitment) string {
	round := &s.round.round
	held := round.Votes[s.position].Commitment
	switch {
	case len(held) > 0 && bytes.Equal(held, commitment.Commitment):
		return ""
	case !round.Sealed || round.Phase != types.PHASE_COMMITTING:
		return types.ReasonNotSealed
	case len(held) > 0:
		return types.ReasonSecondCommitment
	}
	round.Votes[s.position].Commitment = commitment.Commitment
	s.round.committed = true
	return ""
}

// attest takes the member's first attestation in a round that is not sealed. Another outcome is equivocation.
func (s seat) attest(attestation types.Attestation, height int64) string {
	round := &s.round.round
	if first, spoke := s.spoken(); spoke {
		return s.again(first, attestation.Outcome, nil, height)
	}
	switch {
	case !round.Sealed:
		s.cast(attestation, nil)
		return ""
	case round.Phase == types.PHASE_COMMITTING:
		return types.ReasonSealed
	case len(round.Votes[s.position].Commitment) == 0:
		return types.ReasonNoCommitment
	}
	if unopened, tried := round.UnopenedBy(s.position); tried && !unopened.Outcome.Equal(attestation.Outcome) {
		s.fault(attestation.Outcome, nil, height)
	}
	return types.ReasonUnopened
}

// reveal takes a reveal that opens the member's commitment as its attestation. The first one that does not is kept: the
// member is silent until it opens, but has given its word on an outcome all the same.
func (s seat) reveal(reveal types.Reveal, height int64) string {
	round := &s.round.round
	outcome := reveal.Attestation.Outcome
	if first, spoke := s.spoken(); spoke {
		return s.again(first, outcome, reveal.Salt, height)
	}
	switch {
	case !round.Sealed:
		return types.ReasonNotSealed
	case round.Phase == types.PHASE_COMMITTING:
		return types.ReasonSealed
	case len(round.Votes[s.position].Commitment) == 0:
		return types.ReasonNoCommitment
	}
	unopened, tried := round.UnopenedBy(s.position)
	if tried && !unopened.Outcome.Equal(outcome) {
		s.fault(outcome, reveal.Salt, height)
	}
	if round.Opens(s.round.operator(s.position), s.position, reveal.Salt, outcome) {
		s.cast(reveal.Attestation, reveal.Salt)
		return ""
	}
	if !tried {
		round.AddUnopened(types.UnopenedReveal{Member: uint32(s.position), Outcome: outcome, Salt: reveal.Salt, Height: height})
		s.round.unopened = true
	}
	return types.ReasonUnopened
}

// publish takes bytes once the round reveals; whether they serve is seen when all attestations are counted.
func (s seat) publish(output []byte) string {
	if s.round.round.Phase == types.PHASE_COMMITTING {
		return types.ReasonSealed
	}
	s.round.offers = append(s.round.offers, offer{position: s.position, output: output})
	return ""
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
func (s seat) cast(attestation types.Attestation, salt []byte) {
	s.round.ballotOf[s.position] = attestation.Outcome
	s.round.ballots = append(s.round.ballots, types.Ballot{
		Position:         s.position,
		Outcome:          attestation.Outcome,
		EnvironmentClass: attestation.EnvironmentClass,
		Salt:             salt,
	})
}

// again judges a further word of a member: the first one stands, and another outcome is a fault.
func (s seat) again(first, outcome types.Outcome, salt []byte, height int64) string {
	if first.Equal(outcome) {
		return ""
	}
	s.fault(outcome, salt, height)
	return types.ReasonSecondOutcome
}

func (s seat) fault(outcome types.Outcome, salt []byte, height int64) {
	s.round.faults = append(s.round.faults, types.Fault{
		Member: uint32(s.position), Kind: types.FAULT_KIND_EQUIVOCATION, Height: height, Outcome: outcome, Salt: salt,
	})
}
