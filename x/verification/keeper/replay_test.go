package keeper_test

import (
	"bytes"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"cosmossdk.io/collections"

	"github.com/opengradient/opengradient/internal/tensor"
	"github.com/opengradient/opengradient/x/verification/types"
)

// drama draws a round, lets its members say what they like until it is settled, and gives the settlement with the
// outputs it was judged by; ok is false when the round ends without a verdict.
func drama(rt *rapid.T, f *fixture) (s types.Settlement, outputs []types.RoundOutput, ok bool) {
	o := drawOpening(rt, 1)
	f.open(o)
	plans := drawPlans(rt)
	minds := rapid.IntRange(0, 2).Draw(rt, "minds") // 0: of all kinds, 1: most of one, 2: most within the tolerance
	for i := range plans {
		if minds > 0 && !oneIn(rt, 5, "liar") {
			plans[i].variant = plans[0].variant
			if minds == 2 {
				plans[i].variant = rapid.IntRange(0, 2).Draw(rt, "near")
			}
		}
	}
	for range 24 {
		f.next()
		var votes []types.OperatorVotes
		for i := range o.Members {
			vote := types.OperatorVotes{Operator: operator(i)}
			drawUtterance(rt, i, plans[i], o.Sealed).into(&vote, o)
			votes = append(votes, vote)
		}
		decisions := append(f.record(votes...).Decisions, f.advance()...)
		for _, decision := range decisions {
			if decision.Kind == types.DecisionImpossible {
				f.abandon(1)
				return s, nil, false
			}
		}
		if f.round(1).Phase != types.PHASE_SETTLING && oneIn(rt, 12, "deadline") && f.conclude(1).Kind != types.DecisionFinal {
			f.abandon(1)
			return s, nil, false
		}
		outputs = nil
		f.must(f.Outputs.Walk(f.ctx, nil, func(key collections.Pair[uint64, uint32], output []byte) (bool, error) {
			outputs = append(outputs, types.RoundOutput{RequestId: key.K1(), Candidate: key.K2(), Output: output})
			return false, nil
		}))
		if settlements := f.settle(); len(settlements) > 0 {
			return settlements[0], outputs, true
		}
	}
	return s, nil, false
}

// checkRounds checks several rounds at a time: many end without a verdict, and few are arbitrated.
func checkRounds(t *testing.T, check func(*rapid.T)) {
	rapid.Check(t, func(rt *rapid.T) {
		for range 4 {
			check(rt)
		}
	})
}

func claimOf(s types.Settlement) types.Claim {
	winner := s.Round.Winner()
	return types.Claim{
		RequestID: s.Round.RequestId, Attempt: s.Round.Attempt, Rule: s.Round.Rule, Digest: s.Round.Digest, Outcome: winner.Outcome,
		Leader: s.Round.Leader, Publisher: winner.Publisher, Outcomes: s.Bitmap, Committee: s.Round.Seats, Tolerated: s.Tolerated,
		Arbitrated: s.Round.Arbitrated, Sealed: s.Round.Sealed, EvidenceRoot: s.EvidenceRoot[:],
	}
}

// Whatever the members of a round do, its verdict follows from its evidence, and if it is exact from the receipt alone.
// Neither a field of the receipt nor a bit of the evidence can be another one, and the error names what differs.
func TestVerdictsFollowFromWhatIsKept(t *testing.T) {
	seen := make(map[string]int)
	checkRounds(t, func(rt *rapid.T) {
		params := drawParams(rt)
		params.MaxCandidates = rapid.SampledFrom([]uint32{2, 3, 8}).Draw(rt, "max candidates")
		f := newFixture(rt, params)
		s, outputs, ok := drama(rt, f)
		if !ok {
			seen["none"]++
			return
		}
		for name, is := range map[string]bool{
			"exact": !s.Round.Arbitrated, "arbitrated": s.Round.Arbitrated, "contested": s.Round.IsContested(), "sealed": s.Round.Sealed,
			"committee": s.Round.Rule == types.RULE_COMMITTEE, "failure": s.Round.Winner().Outcome.Failed(),
		} {
			if is {
				seen[name]++
			}
		}
		for _, fault := range s.Round.Faults {
			seen[fault.Kind.String()]++
		}
		encoded, err := types.NewEvidence(s.Round, outputs).Encode()
		f.must(err)
		claim := claimOf(s)
		replayed, err := claim.ReplayEvidence(s.Snapshot, params, encoded)
		f.must(err)
		if !replayed.Outcome.Equal(s.Round.Winner().Outcome) || replayed.Exact == s.Round.Arbitrated || replayed.Power < replayed.Threshold {
			rt.Fatalf("expected the verdict of %s, got %+v", asJSON(rt, s.Round), replayed)
		}
		alone, err := claim.Replay(s.Snapshot)
		if s.Round.Arbitrated {
			expectRefusal(rt, "receipt alone", err, "takes the evidence")
		} else {
			f.must(err)
			// Late words of the same outcome count for the receipt; the evidence knows when they came.
			if alone.Threshold != replayed.Threshold || alone.Power < replayed.Power || !alone.Outcome.Equal(replayed.Outcome) {
				rt.Fatalf("expected the verdict %+v from the receipt alone, got %+v", replayed, alone)
			}
		}
		refusesOtherClaims(rt, claim, s.Snapshot, params, encoded)
		refusesOtherBytes(rt, claim, s.Snapshot, params, encoded)
	})
	for _, name := range []string{"exact", "arbitrated", "contested", "sealed", "committee", "failure"} {
		if seen[name] == 0 {
			t.Errorf("expected a round that is %s, got none in %v", name, seen)
		}
	}
	t.Log(seen)
}

func expectRefusal(rt *rapid.T, what string, err error, names ...string) {
	if err == nil {
		rt.Fatalf("%s: expected an error with one of %q, got none", what, names)
	}
	if !slices.ContainsFunc(names, func(name string) bool { return strings.Contains(err.Error(), name) }) {
		rt.Fatalf("%s: expected an error with one of %q, got %q", what, names, err)
	}
}

// flipped is a copy with one bit changed; one byte more when there is none.
func flipped(rt *rapid.T, b []byte) []byte {
	other := slices.Clone(b)
	if len(other) == 0 {
		return []byte{1}
	}
	other[rapid.IntRange(0, len(b)-1).Draw(rt, "byte")] ^= 1 << rapid.IntRange(0, 7).Draw(rt, "bit")
	return other
}

func refusesOtherClaims(rt *rapid.T, claim types.Claim, snapshot types.Snapshot, params types.Params, encoded []byte) {
	for _, tc := range []struct {
		what   string
		change func(*types.Claim)
		names  []string
	}{
		{"request id", func(c *types.Claim) { c.RequestID++ }, []string{"request id:"}},
		{"attempt", func(c *types.Claim) { c.Attempt++ }, []string{"attempt:"}},
		{"digest", func(c *types.Claim) { c.Digest = flipped(rt, c.Digest) }, []string{"digest:"}},
		{"root", func(c *types.Claim) { c.Outcome.OutputRoot = flipped(rt, c.Outcome.OutputRoot) }, []string{"output root:"}},
		{"failure", func(c *types.Claim) { c.Outcome.Failure++ }, []string{"failure:"}},
		{"leader", func(c *types.Claim) { c.Leader = operator(7) }, []string{"leader:"}},
		{"publisher", func(c *types.Claim) { c.Publisher += "x" }, []string{"publisher:"}},
		// The conduct of the publisher, and of those who agreed within the tolerance, has to fit other fields too.
		{"outcomes", func(c *types.Claim) { c.Outcomes = flipped(rt, c.Outcomes) }, []string{"outcomes:", "publisher:", "tolerated:"}},
		{"committee", func(c *types.Claim) { c.Committee = flipped(rt, c.Committee) }, []string{"committee:", "rule:"}},
		{"no committee", func(c *types.Claim) { c.Committee = append([]byte{0}, c.Committee...) }, []string{"committee:", "rule:"}},
		{"tolerated", func(c *types.Claim) { c.Tolerated = flipped(rt, c.Tolerated) }, []string{"tolerated:", "publisher:"}},
		{"tolerated with nobody", func(c *types.Claim) { c.Tolerated = append([]byte{0}, c.Tolerated...) }, []string{"tolerated:"}},
		{"arbitrated", func(c *types.Claim) { c.Arbitrated = !c.Arbitrated }, []string{"arbitrated:"}},
		{"sealed", func(c *types.Claim) { c.Sealed = !c.Sealed }, []string{"sealed:"}},
		{"evidence root", func(c *types.Claim) { c.EvidenceRoot = flipped(rt, c.EvidenceRoot) }, []string{"evidence root:"}},
	} {
		other := claim
		tc.change(&other)
		_, err := other.ReplayEvidence(snapshot, params, encoded)
		expectRefusal(rt, tc.what, err, tc.names...)
	}
}

// refusesOtherBytes changes bytes of the evidence: under the root of the receipt, and under a root of their own, where
// what still is evidence must at least not be taken for another verdict than the receipt's.
func refusesOtherBytes(rt *rapid.T, claim types.Claim, snapshot types.Snapshot, params types.Params, encoded []byte) {
	for range 32 {
		other := flipped(rt, encoded)
		_, err := claim.ReplayEvidence(snapshot, params, other)
		expectRefusal(rt, "evidence", err, "evidence root:")
		root := tensor.MerkleRoot(other)
		forged := claim
		forged.EvidenceRoot = root[:]
		if replayed, err := forged.ReplayEvidence(snapshot, params, other); err == nil && !replayed.Outcome.Equal(claim.Outcome) {
			rt.Fatalf("expected the verdict %v or an error, got %+v", claim.Outcome, replayed)
		}
	}
	short := encoded[:rapid.IntRange(0, len(encoded)-1).Draw(rt, "length")]
	_, err := claim.ReplayEvidence(snapshot, params, short)
	expectRefusal(rt, "evidence cut short", err, "evidence root:")
	_, err = claim.ReplayEvidence(snapshot, params, append(bytes.Clone(encoded), 0))
	expectRefusal(rt, "evidence with a byte more", err, "evidence root:")
}

// A fault that is added to the evidence, left out or changed is refused even when the root is made to fit.
func TestFaultsFollowFromTheEvidence(t *testing.T) {
	proven := make(map[string]int)
	checkRounds(t, func(rt *rapid.T) {
		params := drawParams(rt)
		f := newFixture(rt, params)
		s, outputs, ok := drama(rt, f)
		if !ok {
			return
		}
		refuses := func(what string, change func(*types.Round)) {
			round := s.Round
			round.Faults = slices.Clone(round.Faults)
			change(&round)
			encoded, err := types.NewEvidence(round, outputs).Encode()
			f.must(err)
			claim := claimOf(s)
			root := tensor.MerkleRoot(encoded)
			claim.EvidenceRoot = root[:]
			_, err = claim.ReplayEvidence(s.Snapshot, params, encoded)
			expectRefusal(rt, what, err, "faults:")
		}
		for i, fault := range s.Round.Faults {
			proven[fault.Kind.String()]++
			refuses("twice", func(r *types.Round) { r.Faults = slices.Insert(r.Faults, i, fault) })
			refuses("of nobody", func(r *types.Round) { r.Faults[i].Member = uint32(len(r.Votes)) })
			refuses("of no kind", func(r *types.Round) { r.Faults[i].Kind = 99 })
			refuses("before the round", func(r *types.Round) { r.Faults[i].Height = r.OpenedHeight })
			switch fault.Kind {
			case types.FAULT_KIND_CONTRADICTION:
				refuses("left out", func(r *types.Round) { r.Faults = slices.Delete(r.Faults, i, i+1) })
			case types.FAULT_KIND_REVEAL:
				refuses("left out", func(r *types.Round) { r.Faults = slices.Delete(r.Faults, i, i+1) })
				refuses("another salt", func(r *types.Round) { r.Faults[i].Salt = flipped(rt, fault.Salt) })
			case types.FAULT_KIND_OUTPUT:
				vote := s.Round.Votes[fault.Member]
				refuses("the attested root", func(r *types.Round) { r.Faults[i].OutputRoot = r.Candidates[vote.Candidate-1].Outcome.OutputRoot })
				refuses("no root", func(r *types.Round) { r.Faults[i].OutputRoot = nil })
			case types.FAULT_KIND_EQUIVOCATION:
				refuses("no outcome", func(r *types.Round) { r.Faults[i].Outcome = types.Outcome{} })
			}
		}
		// What is said of somebody who did nothing of the kind.
		for member, vote := range s.Round.Votes {
			_, tried := s.Round.UnopenedBy(member)
			if !s.Round.HasSeat(member) || tried || vote.Candidate == 0 {
				continue
			}
			first := s.Round.Candidates[vote.Candidate-1]
			for _, fault := range []types.Fault{
				{Kind: types.FAULT_KIND_EQUIVOCATION, Outcome: first.Outcome},
				{Kind: types.FAULT_KIND_REVEAL, Outcome: first.Outcome, Salt: vote.Salt},
				{Kind: types.FAULT_KIND_OUTPUT, OutputRoot: first.Outcome.OutputRoot},
			} {
				fault.Member, fault.Height = uint32(member), s.Round.SettleHeight
				innocent := s.Round
				innocent.Faults = slices.Clone(innocent.Faults)
				if innocent.AddFault(fault) {
					refuses("invented", func(r *types.Round) { r.AddFault(fault) })
				}
			}
			if vote.Candidate == s.Round.Decided {
				refuses("agreed and contradicts", func(r *types.Round) {
					r.AddFault(types.Fault{Member: uint32(member), Kind: types.FAULT_KIND_CONTRADICTION, Height: r.SettleHeight})
				})
			}
		}
	})
	t.Log(proven)
}
