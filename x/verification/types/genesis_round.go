package types

import (
	"fmt"
	"slices"

	"github.com/opengradient/opengradient/internal/agreement"
)

// maxAge bounds how far in the past a height of the genesis state may lie, in blocks, so that no sum overflows.
const maxAge = int64(1) << 60

// Shift is the round with every height that is set moved by a number of blocks. The genesis state holds rounds shifted
// so that the last block before it has height 0.
func (r Round) Shift(blocks int64) Round {
	r.OpenedHeight += blocks
	r.Votes = slices.Clone(r.Votes)
	for i := range r.Votes {
		if r.Votes[i].Candidate > 0 {
			r.Votes[i].Height += blocks
		}
	}
	if r.HasDecided() {
		r.DecidedHeight += blocks
	}
	if r.Phase == PHASE_SETTLING {
		r.FinalHeight += blocks
		r.SettleHeight += blocks
	}
	return r
}

// validateRound checks a round of the genesis state against what it refers to. Outputs are by candidate.
func validateRound(r Round, snapshot Snapshot, params Params, outputs map[uint32][]byte) error {
	if r.Phase != PHASE_OPEN && r.Phase != PHASE_SETTLING {
		return fmt.Errorf("expected an open or settling round, got %s", r.Phase)
	}
	if r.Attempt == 0 || r.MaxOutputBytes == 0 {
		return fmt.Errorf("expected attempt and output limit from 1, got %d and %d", r.Attempt, r.MaxOutputBytes)
	}
	if snapshot.Position(r.Leader) < 0 {
		return fmt.Errorf("expected a member as leader, got %q", r.Leader)
	}
	if len(r.Votes) != len(snapshot.Members) {
		return fmt.Errorf("expected %d votes, got %d", len(snapshot.Members), len(r.Votes))
	}
	if r.OpenedHeight > 0 || r.OpenedHeight < -maxAge {
		return fmt.Errorf("expected an opening at %d to 0, got %d", -maxAge, r.OpenedHeight)
	}
	for _, check := range []func() error{
		func() error { return validateVotes(r, snapshot) },
		func() error { return validateCandidates(r, params) },
		func() error { return validateDecision(r, snapshot, params) },
		func() error { return validateOutputs(r, snapshot, outputs) },
	} {
		if err := check(); err != nil {
			return err
		}
	}
	return nil
}

// validateVotes checks each vote and that the candidates' powers are the sums of theirs.
func validateVotes(r Round, snapshot Snapshot) error {
	powers := make([]int64, len(r.Candidates))
	for i, vote := range r.Votes {
		if vote.Candidate == 0 {
			if !vote.Equal(MemberVote{}) {
				return fmt.Errorf("expected nothing of silent member %d, got %v", i, vote)
			}
			continue
		}
		if int(vote.Candidate) > len(r.Candidates) {
			return fmt.Errorf("expected a vote of member %d for one of %d candidates, got %d", i, len(r.Candidates), vote.Candidate)
		}
		if vote.EnvironmentClass == 0 {
			return fmt.Errorf("expected an environment class of member %d from 1, got 0", i)
		}
		if vote.Height <= r.OpenedHeight || vote.Height > 0 {
			return fmt.Errorf("expected a vote of member %d after %d and up to 0, got %d", i, r.OpenedHeight, vote.Height)
		}
		powers[vote.Candidate-1] += snapshot.Members[i].Power
	}
	for i, candidate := range r.Candidates {
		if candidate.Power != powers[i] || powers[i] == 0 {
			return fmt.Errorf("expected candidate %d with the positive power of its votes %d, got %d", i+1, powers[i], candidate.Power)
		}
	}
	return nil
}

func validateCandidates(r Round, params Params) error {
	if uint64(len(r.Candidates)) > uint64(params.MaxCandidates) {
		return fmt.Errorf("expected at most %d candidates, got %d", params.MaxCandidates, len(r.Candidates))
	}
	for i, candidate := range r.Candidates {
		if err := candidate.Outcome.Validate(); err != nil {
			return fmt.Errorf("candidate %d: %w", i+1, err)
		}
		if first := r.FindCandidate(candidate.Outcome); first != uint32(i)+1 {
			return fmt.Errorf("expected candidates to differ, got %d equal to %d", i+1, first)
		}
	}
	return nil
}

// validateDecision checks the decision against the rule, and the heights of decision and verdict.
func validateDecision(r Round, snapshot Snapshot, params Params) error {
	var decided uint32
	if verdict := r.Tally(snapshot); verdict.State == agreement.Agreed {
		decided = uint32(verdict.Candidate) + 1
	}
	if r.Decided != decided {
		return fmt.Errorf("expected candidate %d to have won by the votes, got %d", decided, r.Decided)
	}
	if decided == 0 && r.DecidedHeight != 0 {
		return fmt.Errorf("expected no height of a decision, got %d", r.DecidedHeight)
	}
	if decided > 0 && (r.DecidedHeight <= r.OpenedHeight || r.DecidedHeight > 0) {
		return fmt.Errorf("expected a decision after %d and up to 0, got %d", r.OpenedHeight, r.DecidedHeight)
	}
	complete := decided > 0 && (r.Winner().Outcome.Failed() || r.Winner().Publisher != "")
	if settling := r.Phase == PHASE_SETTLING; complete != settling {
		return fmt.Errorf("expected a settling round when the verdict is complete (%t), got %s", complete, r.Phase)
	}
	if !complete {
		if r.FinalHeight != 0 || r.SettleHeight != 0 {
			return fmt.Errorf("expected no heights of a verdict, got %d and %d", r.FinalHeight, r.SettleHeight)
		}
		return nil
	}
	if r.FinalHeight < r.DecidedHeight || r.FinalHeight > 0 {
		return fmt.Errorf("expected a verdict at %d to 0, got %d", r.DecidedHeight, r.FinalHeight)
	}
	if want := r.FinalHeight + int64(params.SettleBlocks); r.SettleHeight != want || want <= 0 {
		return fmt.Errorf("expected settlement at %d and after 0, got %d", want, r.SettleHeight)
	}
	return nil
}

// validateOutputs checks that the outputs are there exactly for the published candidates of an open round. A settling
// round keeps only the name of the winner's publisher.
func validateOutputs(r Round, snapshot Snapshot, outputs map[uint32][]byte) error {
	expected := 0
	for i, candidate := range r.Candidates {
		number := uint32(i) + 1
		if candidate.Publisher == "" {
			continue
		}
		if vote, member := r.VoteOf(snapshot, candidate.Publisher); !member || vote.Candidate != number {
			return fmt.Errorf("expected a member that attested candidate %d as its publisher, got %q", number, candidate.Publisher)
		}
		if r.Phase == PHASE_SETTLING {
			if number != r.Decided || candidate.Outcome.Failed() {
				return fmt.Errorf("expected no publisher of candidate %d after the verdict, got %s", number, candidate.Publisher)
			}
			continue
		}
		expected++
		if err := CheckOutput(candidate.Outcome, outputs[number], r.MaxOutputBytes); err != nil {
			return fmt.Errorf("output of candidate %d: %w", number, err)
		}
	}
	if len(outputs) != expected {
		return fmt.Errorf("expected outputs of %d published candidates, got %d", expected, len(outputs))
	}
	return nil
}
