package types

import (
	"fmt"
	"slices"

	"github.com/opengradient/opengradient/internal/agreement"
)

// maxAge bounds how far in the past a height of the genesis state may lie, in blocks, so that no sum overflows.
const maxAge = int64(1) << 60

// Shift is the round with every height that is set moved by a number of blocks. The genesis state holds rounds shifted
// so that the last block before it has height 0. Whether a height is set follows from the rest of the round, since 0 is
// the height of that block there; only timers, which are always ahead, say so themselves.
func (r Round) Shift(blocks int64) Round {
	r.OpenedHeight += blocks
	r.Votes = slices.Clone(r.Votes)
	for i := range r.Votes {
		if r.Votes[i].Candidate > 0 {
			r.Votes[i].Height += blocks
		}
	}
	r.Candidates = slices.Clone(r.Candidates)
	for i := range r.Candidates {
		if r.Candidates[i].Publisher != "" {
			r.Candidates[i].PublishedHeight += blocks
		}
	}
	r.Faults = slices.Clone(r.Faults)
	for i := range r.Faults {
		r.Faults[i].Height += blocks
	}
	r.Unopened = slices.Clone(r.Unopened)
	for i := range r.Unopened {
		r.Unopened[i].Height += blocks
	}
	for _, height := range []struct {
		set   bool
		value *int64
	}{
		{r.HasDecided(), &r.DecidedHeight},
		{r.Phase == PHASE_SETTLING, &r.FinalHeight},
		{r.Phase == PHASE_SETTLING, &r.SettleHeight},
		{r.isRevealing(), &r.RevealingHeight},
		{r.IsContested(), &r.ContestedHeight},
		{r.wasArbitrated(), &r.ArbitratingHeight},
		{r.TimerHeight != 0, &r.TimerHeight},
	} {
		if height.set {
			*height.value += blocks
		}
	}
	return r
}

// isRevealing tells whether a sealed round takes reveals, or has taken them.
func (r Round) isRevealing() bool { return r.Sealed && r.Phase != PHASE_COMMITTING }

// wasArbitrated tells whether outputs are compared, or the verdict was found so.
func (r Round) wasArbitrated() bool { return r.Phase == PHASE_ARBITRATING || r.Arbitrated }

// validateRound checks a round of the genesis state against what it refers to. Outputs are by candidate.
func validateRound(r Round, snapshot Snapshot, params Params, outputs map[uint32][]byte) error {
	if r.Attempt == 0 || r.MaxOutputBytes == 0 {
		return fmt.Errorf("expected attempt and output limit from 1, got %d and %d", r.Attempt, r.MaxOutputBytes)
	}
	if len(r.Digest) != RootSize || len(r.Model) != RootSize {
		return fmt.Errorf("expected a digest and a model of %d bytes, got %d and %d", RootSize, len(r.Digest), len(r.Model))
	}
	if len(r.Votes) != len(snapshot.Members) {
		return fmt.Errorf("expected %d votes, got %d", len(snapshot.Members), len(r.Votes))
	}
	if r.OpenedHeight > 0 || r.OpenedHeight < -maxAge {
		return fmt.Errorf("expected an opening at %d to 0, got %d", -maxAge, r.OpenedHeight)
	}
	for _, check := range []func() error{
		func() error { return validateSeats(r, snapshot) },
		func() error { return validatePhase(r, params) },
		func() error { return validateVotes(r, snapshot) },
		func() error { return validateCandidates(r, params) },
		func() error { return validateOutputs(r, snapshot, outputs) },
		func() error { return validateDecision(r, snapshot, params, outputs) },
		func() error { return validateFaults(r) },
		func() error { return validateUnopened(r, snapshot) },
	} {
		if err := check(); err != nil {
			return err
		}
	}
	return nil
}

// validateSeats checks the rule, who takes part, and that the leader does.
func validateSeats(r Round, snapshot Snapshot) error {
	switch r.Rule {
	case RULE_QUORUM:
		if len(r.Seats) > 0 {
			return fmt.Errorf("expected no seats under %s, got %x", r.Rule, r.Seats)
		}
	case RULE_COMMITTEE:
		if len(r.Seats) == 0 {
			return fmt.Errorf("expected seats under %s, got none", r.Rule)
		}
		if err := checkBits(r.Seats, len(snapshot.Members)); err != nil {
			return fmt.Errorf("seats: %w", err)
		}
	default:
		return fmt.Errorf("expected a known rule, got %s", r.Rule)
	}
	if leader := snapshot.Position(r.Leader); leader < 0 || !r.HasSeat(leader) {
		return fmt.Errorf("expected a member with a seat as leader, got %q", r.Leader)
	}
	return nil
}

// validatePhase checks the phase, the heights at which it and those before it began, and its timer.
func validatePhase(r Round, params Params) error {
	var timers []int64
	switch r.Phase {
	case PHASE_COMMITTING:
		if !r.Sealed {
			return fmt.Errorf("expected a sealed round to take commitments, got one that is not")
		}
		if len(r.Candidates) > 0 || len(r.Unopened) > 0 {
			return fmt.Errorf("expected no outcomes while commitments are taken, got %d and %d unopened", len(r.Candidates), len(r.Unopened))
		}
		timers = []int64{r.SealHeight(params)}
	case PHASE_OPEN:
		timers = []int64{r.SoftHeight(params)}
	case PHASE_ARBITRATING:
		// What did not fit into a block is tried again in the next.
		timers = []int64{r.CloseHeight(params), 1}
		if r.TimerHeight == 0 {
			// It has gone off, or the round was given up before.
			timers = nil
		}
	case PHASE_SETTLING:
	default:
		return fmt.Errorf("expected a known phase, got %s", r.Phase)
	}
	if err := validateTimer(r.TimerHeight, timers); err != nil {
		return err
	}
	for _, height := range []struct {
		name string
		set  bool
		got  int64
	}{
		{"the reveals", r.isRevealing(), r.RevealingHeight},
		{"the contest", r.IsContested(), r.ContestedHeight},
		{"the arbitration", r.wasArbitrated(), r.ArbitratingHeight},
	} {
		if err := r.validateHeight(height.name, height.set, height.got); err != nil {
			return err
		}
	}
	return nil
}

// validateTimer checks that a timer is one of those possible, and ahead. There is none when it has gone off.
func validateTimer(timer int64, possible []int64) error {
	if timer > 0 && slices.Contains(possible, timer) || timer == 0 && (len(possible) == 0 || possible[0] <= 0) {
		return nil
	}
	return fmt.Errorf("expected a timer at one of the heights %d, or 0 when it has passed, got %d", possible, timer)
}

// validateHeight checks that a height that is set lies after the opening and not ahead, and that another is zero.
func (r Round) validateHeight(name string, set bool, height int64) error {
	if set && (height <= r.OpenedHeight || height > 0) {
		return fmt.Errorf("expected %s after %d and up to 0, got %d", name, r.OpenedHeight, height)
	}
	if !set && height != 0 {
		return fmt.Errorf("expected no height of %s, got %d", name, height)
	}
	return nil
}

// validateVotes checks each vote and that the candidates' powers are the sums of theirs.
func validateVotes(r Round, snapshot Snapshot) error {
	powers := make([]int64, len(r.Candidates))
	for i, vote := range r.Votes {
		if err := validateVote(r, snapshot, i); err != nil {
			return fmt.Errorf("vote of member %d: %w", i, err)
		}
		if vote.Candidate > 0 {
			powers[vote.Candidate-1] += snapshot.Members[i].Power
		}
	}
	for i, candidate := range r.Candidates {
		if candidate.Power != powers[i] || powers[i] == 0 {
			return fmt.Errorf("expected candidate %d with the positive power of its votes %d, got %d", i+1, powers[i], candidate.Power)
		}
	}
	return nil
}

func validateVote(r Round, snapshot Snapshot, position int) error {
	vote := r.Votes[position]
	if !r.HasSeat(position) && !vote.Equal(MemberVote{}) {
		return fmt.Errorf("expected nothing without a seat, got %v", vote)
	}
	if size := len(vote.Commitment); size > 0 && (!r.Sealed || size != CommitmentSize) {
		return fmt.Errorf("expected a commitment of %d bytes in a sealed round only, got %d bytes", CommitmentSize, size)
	}
	if vote.Candidate == 0 {
		if !vote.Equal(MemberVote{Commitment: vote.Commitment}) {
			return fmt.Errorf("expected nothing of a silent member but a commitment, got %v", vote)
		}
		return nil
	}
	if int(vote.Candidate) > len(r.Candidates) {
		return fmt.Errorf("expected one of %d candidates, got %d", len(r.Candidates), vote.Candidate)
	}
	if vote.EnvironmentClass == 0 {
		return fmt.Errorf("expected an environment class from 1, got 0")
	}
	from := r.OpenedHeight
	if r.Sealed {
		from = r.RevealingHeight
	}
	if vote.Height <= from || vote.Height > 0 {
		return fmt.Errorf("expected a height after %d and up to 0, got %d", from, vote.Height)
	}
	if !r.Sealed && len(vote.Salt) > 0 {
		return fmt.Errorf("expected no salt in a round that is not sealed, got %x", vote.Salt)
	}
	if r.Sealed && (len(vote.Salt) != SaltSize ||
		!r.Opens(snapshot.Members[position].Operator, position, vote.Salt, r.Candidates[vote.Candidate-1].Outcome)) {
		return fmt.Errorf("expected a salt that opens the commitment %x, got %x", vote.Commitment, vote.Salt)
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
		if candidate.Standing != STANDING_NEUTRAL || candidate.Error != 0 {
			return fmt.Errorf("expected no standing of candidate %d before the settlement, got %s with error %d", i+1, candidate.Standing, candidate.Error)
		}
		if err := r.validateHeight(fmt.Sprintf("the bytes of candidate %d", i+1), candidate.Publisher != "", candidate.PublishedHeight); err != nil {
			return err
		}
	}
	return nil
}

// validateDecision checks the decision against the rule, and the heights of decision and verdict.
func validateDecision(r Round, snapshot Snapshot, params Params, outputs map[uint32][]byte) error {
	if err := validateWinner(r, snapshot, params, outputs); err != nil {
		return err
	}
	if err := r.validateHeight("the decision", r.HasDecided(), r.DecidedHeight); err != nil {
		return err
	}
	if settling := r.Phase == PHASE_SETTLING; r.IsComplete() != settling {
		return fmt.Errorf("expected a settling round when the verdict is complete (%t), got %s", r.IsComplete(), r.Phase)
	}
	if !r.IsComplete() {
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

// validateWinner derives the winner again, by equality or from the published bytes.
func validateWinner(r Round, snapshot Snapshot, params Params, outputs map[uint32][]byte) error {
	if r.Closed && !r.Arbitrated {
		return fmt.Errorf("expected only an arbitration to close, got a round without a verdict from one")
	}
	if r.Arbitrated {
		if r.Phase != PHASE_SETTLING || r.Decided == 0 || int(r.Decided) > len(r.Candidates) {
			return fmt.Errorf("expected a settling round with a winner from the arbitration, got %s and candidate %d", r.Phase, r.Decided)
		}
		published := make([][]byte, len(r.Candidates))
		for i := range published {
			published[i] = outputs[uint32(i)+1]
		}
		_, err := r.replayVerdict(snapshot, params, published)
		return err
	}
	var decided uint32
	if verdict := r.Tally(snapshot); verdict.State == agreement.Agreed {
		decided = uint32(verdict.Candidate) + 1
	}
	if r.Decided != decided {
		return fmt.Errorf("expected candidate %d to have won by the votes, got %d", decided, r.Decided)
	}
	return nil
}

// validateOutputs checks that the outputs are there exactly for the published candidates.
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

// validateFaults checks that faults are in order, of members with a seat, and hold what their kind says.
func validateFaults(r Round) error {
	var ordered Round
	for i, fault := range r.Faults {
		if int64(fault.Member) >= int64(len(r.Votes)) || !r.HasSeat(int(fault.Member)) {
			return fmt.Errorf("fault %d: expected a member with a seat, got %d", i, fault.Member)
		}
		if !ordered.AddFault(fault) || ordered.Faults[i].Member != fault.Member || ordered.Faults[i].Kind != fault.Kind {
			return fmt.Errorf("fault %d: expected ascending members and kinds, got %d and %s", i, fault.Member, fault.Kind)
		}
		if err := r.validateHeight("a fault", true, fault.Height); err != nil {
			return err
		}
		var sound bool
		switch fault.Kind {
		case FAULT_KIND_EQUIVOCATION:
			sound = fault.Outcome.Validate() == nil && len(fault.OutputRoot) == 0
		case FAULT_KIND_REVEAL:
			sound = fault.Outcome.Validate() == nil && len(fault.Salt) == SaltSize && len(fault.OutputRoot) == 0
		case FAULT_KIND_OUTPUT:
			sound = fault.Outcome.Equal(Outcome{}) && len(fault.Salt) == 0 && len(fault.OutputRoot) == RootSize
		}
		if !sound {
			return fmt.Errorf("fault %d: expected what proves %s, got %v", i, fault.Kind, fault)
		}
	}
	return nil
}

// validateUnopened checks that reveals that opened nothing are in order and of members that committed.
func validateUnopened(r Round, snapshot Snapshot) error {
	previous := int64(-1)
	for i, unopened := range r.Unopened {
		member := int64(unopened.Member)
		if member <= previous || member >= int64(len(r.Votes)) || len(r.Votes[member].Commitment) == 0 {
			return fmt.Errorf("unopened reveal %d: expected a member above %d with a commitment, got %d", i, previous, member)
		}
		previous = member
		if err := unopened.Outcome.Validate(); err != nil {
			return fmt.Errorf("unopened reveal %d: %w", i, err)
		}
		if len(unopened.Salt) != SaltSize {
			return fmt.Errorf("unopened reveal %d: expected a salt of %d bytes, got %d", i, SaltSize, len(unopened.Salt))
		}
		if err := r.validateHeight("an unopened reveal", true, unopened.Height); err != nil {
			return err
		}
		if r.Opens(snapshot.Members[member].Operator, int(member), unopened.Salt, unopened.Outcome) {
			return fmt.Errorf("unopened reveal %d: expected a salt that opens nothing to its outcome, got one that does", i)
		}
	}
	return nil
}
