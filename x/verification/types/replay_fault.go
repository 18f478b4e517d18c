package types

import (
	"bytes"
	"cmp"
	"fmt"
)

// checkFaults checks that every fault follows from what the round held, and that every fault that follows is there.
// Standings must have been checked.
func (r Round) checkFaults(snapshot Snapshot, params Params) error {
	if err := r.checkUnopened(snapshot); err != nil {
		return err
	}
	for i, fault := range r.Faults {
		if i > 0 && cmp.Or(cmp.Compare(r.Faults[i-1].Member, fault.Member), cmp.Compare(r.Faults[i-1].Kind, fault.Kind)) >= 0 {
			return fmt.Errorf("faults: expected them ascending by member and kind, got %s of member %d behind %s of member %d",
				fault.Kind, fault.Member, r.Faults[i-1].Kind, r.Faults[i-1].Member)
		}
		if int(fault.Member) >= len(r.Votes) || !r.HasSeat(int(fault.Member)) {
			return fmt.Errorf("faults: %s: expected a member with a seat, got %d", fault.Kind, fault.Member)
		}
		if fault.Height <= r.OpenedHeight {
			return fmt.Errorf("faults: %s of member %d: expected a height above %d, got %d", fault.Kind, fault.Member, r.OpenedHeight, fault.Height)
		}
		if err := r.checkFault(fault, snapshot, params); err != nil {
			return fmt.Errorf("faults: %s of %s: %w", fault.Kind, snapshot.Members[fault.Member].Operator, err)
		}
	}
	for _, derived := range append(r.ContradictionFaults(snapshot, params, r.SettleHeight), r.RevealFaults(snapshot, r.SettleHeight)...) {
		if _, held := r.faultOf(derived.Member, derived.Kind); !held {
			return fmt.Errorf("faults: expected %s of %s, got none", derived.Kind, snapshot.Members[derived.Member].Operator)
		}
	}
	return nil
}

func (r Round) faultOf(member uint32, kind FaultKind) (Fault, bool) {
	for _, fault := range r.Faults {
		if fault.Member == member && fault.Kind == kind {
			return fault, true
		}
	}
	return Fault{}, false
}

// checkUnopened checks that each reveal that is held as opening nothing does open nothing.
func (r Round) checkUnopened(snapshot Snapshot) error {
	for i, unopened := range r.Unopened {
		position := int(unopened.Member)
		switch {
		case i > 0 && r.Unopened[i-1].Member >= unopened.Member:
			return fmt.Errorf("unopened: expected members ascending, got %d behind %d", unopened.Member, r.Unopened[i-1].Member)
		case position >= len(r.Votes) || !r.HasSeat(position) || len(r.Votes[position].Commitment) == 0:
			return fmt.Errorf("unopened: expected a member with a commitment, got %d", unopened.Member)
		case r.Opens(snapshot.Members[position].Operator, position, unopened.Salt, unopened.Outcome):
			return fmt.Errorf("unopened: %s: expected a reveal that does not open the commitment, got one that does", snapshot.Members[position].Operator)
		}
	}
	return nil
}

// checkFault checks one fault. Where a round told no further outcome apart, the one that a member spoke for may have
// lost its place to another since; then, and only then, is the member's first word not in the evidence.
func (r Round) checkFault(fault Fault, snapshot Snapshot, params Params) error {
	position := int(fault.Member)
	vote := r.Votes[position]
	lost := r.IsFull(params)
	switch fault.Kind {
	case FAULT_KIND_EQUIVOCATION:
		if err := fault.Outcome.Validate(); err != nil {
			return fmt.Errorf("second outcome: %w", err)
		}
		unopened, tried := r.UnopenedBy(position)
		other := vote.Candidate > 0 && !r.Candidates[vote.Candidate-1].Outcome.Equal(fault.Outcome) ||
			tried && !unopened.Outcome.Equal(fault.Outcome)
		if !other && !lost {
			return fmt.Errorf("expected a first outcome that is not %s, got none", fault.Outcome.String())
		}
	case FAULT_KIND_REVEAL:
		unopened, tried := r.UnopenedBy(position)
		if !tried || !unopened.Outcome.Equal(fault.Outcome) || !bytes.Equal(unopened.Salt, fault.Salt) {
			return fmt.Errorf("expected the reveal that opened nothing, of %s with salt %x, got %s with salt %x",
				unopened.Outcome.String(), unopened.Salt, fault.Outcome.String(), fault.Salt)
		}
		if !lost && !containsFault(r.RevealFaults(snapshot, fault.Height), fault.Member) {
			return fmt.Errorf("expected a salt that opens the commitment to another outcome of the round, got %x", fault.Salt)
		}
	case FAULT_KIND_OUTPUT:
		if len(fault.OutputRoot) != RootSize {
			return fmt.Errorf("expected the root of the published bytes, of %d bytes, got %d", RootSize, len(fault.OutputRoot))
		}
		other := vote.Candidate > 0 && !r.Candidates[vote.Candidate-1].Outcome.Failed() &&
			!bytes.Equal(r.Candidates[vote.Candidate-1].Outcome.OutputRoot, fault.OutputRoot)
		if !other && !lost {
			return fmt.Errorf("expected bytes of another root than the attested one, got %x", fault.OutputRoot)
		}
	case FAULT_KIND_CONTRADICTION:
		if !containsFault(r.ContradictionFaults(snapshot, params, fault.Height), fault.Member) {
			return fmt.Errorf("expected an output that contradicts the verdict and enough power of its environment class behind the verdict")
		}
	default:
		return fmt.Errorf("expected a known kind, got %d", fault.Kind)
	}
	return nil
}

func containsFault(faults []Fault, member uint32) bool {
	for _, fault := range faults {
		if fault.Member == member {
			return true
		}
	}
	return false
}
