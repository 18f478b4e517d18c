package keeper_test

import (
	"maps"
	"slices"
	"testing"

	"github.com/opengradient/opengradient/internal/agreement"
	"github.com/opengradient/opengradient/x/verification/types"
)

// seals is the votes of operators that each commit to one variant of request 1 with their own salt.
func seals(v int, operators ...int) []types.OperatorVotes {
	var votes []types.OperatorVotes
	for _, o := range operators {
		vote := types.OperatorVotes{Operator: operator(o)}
		utterance{commit: promise{byte(o) + 1, v}, attest: -1, publish: -1}.into(&vote, opening(1, equalMembers(1)))
		votes = append(votes, vote)
	}
	return votes
}

// reveals is the votes of operators that each reveal one variant with their own salt.
func reveals(v int, operators ...int) []types.OperatorVotes {
	var votes []types.OperatorVotes
	for _, o := range operators {
		votes = append(votes, revealsWith(byte(o)+1, v, o))
	}
	return votes
}

func revealsWith(salt byte, v, o int) types.OperatorVotes {
	vote := types.OperatorVotes{Operator: operator(o)}
	utterance{attest: -1, reveal: promise{salt, v}, publish: -1, class: 1}.into(&vote, opening(1, equalMembers(1)))
	return vote
}

// claims is the votes of operators that all attest one variant.
func claims(v int, operators ...int) []types.OperatorVotes {
	return says(variants[v].outcome, operators...)
}

func shown(v, o int) types.OperatorVotes { return shows(o, variants[v].output) }

func all(lists ...[]types.OperatorVotes) []types.OperatorVotes { return slices.Concat(lists...) }

func with(change func(*types.RoundOpening)) types.RoundOpening {
	o := opening(1, equalMembers(4))
	change(&o)
	return o
}

func sealed(o *types.RoundOpening) { o.Sealed = true }

func committee(seats ...int) func(*types.RoundOpening) {
	return func(o *types.RoundOpening) { o.Rule, o.Seats = types.RULE_COMMITTEE, seats }
}

// step is a block of a scenario: what is said, and what the round is after it.
type step struct {
	height int64
	votes  []types.OperatorVotes
	want   types.DecisionKind
	phase  types.Phase // not looked at when nothing is expected of it
	reason string      // why something was not taken
}

const (
	pending    = types.DecisionUnspecified
	final      = types.DecisionFinal
	impossible = types.DecisionImpossible
)

// Rounds open at height 1 with four members of which three are the threshold. With the default parameters commitments
// end at 5, equality is not waited for from 6 on, and arbitrations close after four blocks.
func TestPhases(t *testing.T) {
	const (
		committing  = types.PHASE_COMMITTING
		open        = types.PHASE_OPEN
		arbitrating = types.PHASE_ARBITRATING
		settling    = types.PHASE_SETTLING
	)
	for _, tc := range []struct {
		name    string
		opening types.RoundOpening
		steps   []step
	}{
		{"all commit at once", with(sealed), []step{
			{3, seals(0, 0, 1, 2, 3), pending, open, ""},
			{4, all(reveals(0, 0, 1, 2), []types.OperatorVotes{shown(0, 3)}), pending, open, types.ReasonBadOutput},
			{5, []types.OperatorVotes{shown(0, 1)}, final, settling, ""},
		}},
		{"one is silent until the timer", with(sealed), []step{
			{3, seals(0, 0, 1, 2), pending, committing, ""},
			{4, nil, pending, committing, ""},
			{5, nil, pending, open, ""},
			{6, seals(0, 3), pending, open, types.ReasonNotSealed},
			{7, reveals(0, 3), pending, open, types.ReasonNoCommitment},
			{8, claims(0, 0), pending, open, types.ReasonUnopened},
			{9, claims(0, 3), pending, open, types.ReasonNoCommitment},
		}},
		{"a threshold of commitments after the timer", with(sealed), []step{
			{3, seals(0, 0, 1), pending, committing, ""},
			{5, nil, pending, committing, ""},
			{9, seals(1, 3), pending, open, ""},
		}},
		{"nothing is revealed while commitments are taken", with(sealed), []step{
			{3, seals(0, 0), pending, committing, ""},
			{4, reveals(0, 0), pending, committing, types.ReasonSealed},
			{4, claims(0, 1), pending, committing, types.ReasonSealed},
			{4, []types.OperatorVotes{shown(0, 0)}, pending, committing, types.ReasonSealed},
			{4, seals(1, 0), pending, committing, types.ReasonSecondCommitment},
			{4, seals(0, 0), pending, committing, ""},
		}},
		{"a round that is not sealed takes neither", with(func(*types.RoundOpening) {}), []step{
			{3, seals(0, 0), pending, open, types.ReasonNotSealed},
			{3, reveals(0, 0), pending, open, types.ReasonNotSealed},
		}},
		{"a committee is unanimous", with(committee(0, 2)), []step{
			{3, claims(0, 0, 1), pending, open, types.ReasonNoSeat},
			{4, all(claims(0, 2), []types.OperatorVotes{shown(0, 0)}), final, settling, ""},
		}},
		{"a committee is of one mind within the tolerance", with(committee(0, 2)), []step{
			{3, all(claims(0, 0), []types.OperatorVotes{shown(0, 0)}), pending, open, ""},
			{4, claims(1, 2), pending, arbitrating, ""},
			{5, []types.OperatorVotes{shown(1, 2)}, final, settling, ""},
		}},
		{"dissent in a committee", with(committee(0, 2)), []step{
			{3, all(claims(0, 0), claims(4, 2), []types.OperatorVotes{shown(0, 0)}), pending, arbitrating, ""},
			{4, []types.OperatorVotes{shown(4, 2)}, impossible, arbitrating, ""},
		}},
		{"a failure in a committee", with(committee(0, 2)), []step{{3, all(claims(0, 0), claims(5, 2)), impossible, open, ""}}},
		{"silence in a committee", with(committee(0, 2)), []step{
			{3, claims(0, 0), pending, open, ""},
			{5, nil, pending, open, ""},
			{6, nil, impossible, open, ""},
			{7, claims(0, 0), pending, open, ""},
		}},
		{"silence in a sealed committee", with(func(o *types.RoundOpening) { sealed(o); committee(0, 2)(o) }), []step{
			{3, seals(0, 0), pending, committing, ""},
			{5, nil, impossible, committing, ""},
		}},
		{"contested, then won exactly", with(func(*types.RoundOpening) {}), []step{
			{3, all(claims(0, 0, 1), claims(1, 2)), pending, open, ""},
			{5, all(claims(0, 3), []types.OperatorVotes{shown(0, 1)}), final, settling, ""},
		}},
		{"contested, then arbitrated when the last has spoken", with(func(*types.RoundOpening) {}), []step{
			{3, all(claims(0, 0, 1), claims(1, 2)), pending, open, ""},
			{4, claims(4, 3), pending, arbitrating, ""},
			{5, []types.OperatorVotes{shown(0, 0)}, pending, arbitrating, ""},
			{6, []types.OperatorVotes{shown(1, 2)}, final, settling, ""},
		}},
		{"contested, then arbitrated at the soft deadline", with(func(*types.RoundOpening) {}), []step{
			{3, all(claims(0, 0, 1), claims(1, 2), []types.OperatorVotes{shown(0, 0), shown(1, 2)}), pending, open, ""},
			{6, nil, final, settling, ""},
		}},
		{"an exact winner during the arbitration", with(func(*types.RoundOpening) {}), []step{
			{3, all(claims(0, 0, 1), claims(1, 2)), pending, open, ""},
			{6, nil, pending, arbitrating, ""},
			{7, claims(0, 3), pending, arbitrating, ""},
			{8, []types.OperatorVotes{shown(0, 3)}, final, settling, ""},
		}},
		{"the first choice is published too late", with(func(*types.RoundOpening) {}), []step{
			{3, all(claims(0, 0, 1), claims(1, 2), claims(4, 3), []types.OperatorVotes{shown(1, 2)}), pending, arbitrating, ""},
			{6, nil, pending, arbitrating, ""},
			{7, nil, impossible, arbitrating, ""},
			{8, []types.OperatorVotes{shown(0, 0)}, pending, arbitrating, ""},
		}},
		{"the medoid wins when the first choice cannot", with(func(o *types.RoundOpening) {
			o.Members, o.TotalPower = members(11, 10, 10, 9), 40
		}), []step{
			// 1.000008 is within the tolerance of 1 and of 1.000015, which are not within that of each other.
			{3, all(claims(0, 0), claims(2, 1), claims(3, 2), claims(5, 3)), pending, arbitrating, ""},
			{4, []types.OperatorVotes{shown(0, 0), shown(3, 2)}, pending, arbitrating, ""},
			{5, []types.OperatorVotes{shown(2, 1)}, final, settling, ""},
		}},
		{"failures leave no room for a verdict", with(func(*types.RoundOpening) {}), []step{
			{3, all(claims(0, 0), claims(1, 1), claims(5, 2)), pending, arbitrating, ""},
			{4, claims(6, 3), impossible, arbitrating, ""},
		}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			f := newFixture(t, types.DefaultParams())
			f.open(tc.opening)
			for _, s := range tc.steps {
				f.run(s)
			}
			f.export()
		})
	}
}

// run goes to the height of a step, one block at a time.
func (f *fixture) run(s step) {
	f.t.Helper()
	for f.ctx.BlockHeight() < s.height {
		f.next()
		if f.ctx.BlockHeight() < s.height {
			if decisions := f.advance(); len(decisions) != 0 {
				f.t.Fatalf("height %d: expected no decision, got %+v", f.ctx.BlockHeight(), decisions)
			}
		}
	}
	got := f.record(s.votes...)
	decisions := append(got.Decisions, f.advance()...)
	if s.want == pending && len(decisions) != 0 || s.want != pending && (len(decisions) != 1 || decisions[0].Kind != s.want) {
		f.t.Fatalf("height %d: expected decision %d, got %+v", s.height, s.want, decisions)
	}
	if round := f.round(1); round.Phase != s.phase {
		f.t.Fatalf("height %d: expected %s, got %s", s.height, s.phase, round.Phase)
	}
	if s.reason == "" && len(got.Ignored) != 0 || s.reason != "" && (len(got.Ignored) != 1 || got.Ignored[0].Reason != s.reason) {
		f.t.Fatalf("height %d: expected %q ignored, got %+v", s.height, s.reason, got.Ignored)
	}
}

// Two rounds are arbitrated in a block that has room for one and a half: the second goes on in the next block.
func TestArbitrationGoesOnWhenTheBlockIsFull(t *testing.T) {
	f := newFixture(t, types.DefaultParams())
	for id := uint64(1); id <= 2; id++ {
		f.open(opening(id, equalMembers(4)))
	}
	f.at(3)
	vote := func(o, v int, publishes bool) types.OperatorVotes {
		vote := types.OperatorVotes{Operator: operator(o)}
		for id := uint64(1); id <= 2; id++ {
			vote.Attestations = append(vote.Attestations, attest(id, variants[v].outcome))
			if publishes {
				vote.Outputs = append(vote.Outputs, publish(id, variants[v].output))
			}
		}
		return vote
	}
	f.record(vote(0, 0, true), vote(1, 0, false), vote(2, 1, true))
	f.at(6)
	// Two outputs of one small tensor, which counts for 15: an arbitration may cost 30.
	f.must(f.Compared.Set(f.ctx, 6, types.DefaultCompareElements-30))
	if got := f.advance(); len(got) != 1 || got[0].RequestID != 1 || !got[0].Arbitrated {
		t.Fatalf("expected a verdict on the first round, got %+v", got)
	}
	if round := f.round(2); round.Phase != types.PHASE_ARBITRATING || round.TimerHeight != 7 {
		t.Fatalf("expected the second round to be tried again at 7, got %s at %d", round.Phase, round.TimerHeight)
	}
	f.export()
	f.next()
	if got := f.advance(); len(got) != 1 || got[0].RequestID != 2 || !got[0].Arbitrated {
		t.Fatalf("expected a verdict on the second round, got %+v", got)
	}
	f.at(9)
	f.must(f.Compared.Set(f.ctx, 9, types.DefaultCompareElements))
	settled := f.settle()
	if len(settled) != 1 || settled[0].Outcomes[2] != types.MEMBER_OUTCOME_NEUTRAL || settled[0].Tolerated != nil {
		t.Fatalf("expected what could not be compared to be neutral, got %+v", settled)
	}
	f.next()
	settled = f.settle()
	if len(settled) != 1 || settled[0].Outcomes[2] != types.MEMBER_OUTCOME_AGREED || settled[0].Tolerated[0] != 0b100 {
		t.Fatalf("expected the tolerated member to agree, got %+v", settled)
	}
}

// A block without room does not make an arbitration forget when it closes.
func TestArbitrationClosesAfterAFullBlock(t *testing.T) {
	f := newFixture(t, types.DefaultParams())
	f.open(opening(1, equalMembers(4)))
	f.at(3)
	f.record(all(claims(0, 0, 1), claims(1, 2), claims(4, 3), []types.OperatorVotes{shown(1, 2)})...)
	f.next()
	f.must(f.Compared.Set(f.ctx, 4, types.DefaultCompareElements))
	f.record(seals(0, 0)...) // changes nothing
	f.run(step{4, claims(5, 9), pending, types.PHASE_ARBITRATING, types.ReasonNotMember})
	if got := f.round(1).TimerHeight; got != 7 {
		t.Fatalf("expected the arbitration to close at 7, got %d", got)
	}
	f.next()
	f.must(f.Compared.Set(f.ctx, 5, types.DefaultCompareElements))
	f.record(shows(2, []byte("nonsense"))) // unwanted: nothing is tried
	if got := f.round(1).TimerHeight; got != 7 {
		t.Fatalf("expected the arbitration to close at 7 still, got %d", got)
	}
	f.record(shown(4, 3)) // a change: it is tried, and there is no room
	if got := f.round(1).TimerHeight; got != 6 {
		t.Fatalf("expected another try at 6, got %d", got)
	}
	f.next()
	if got := f.advance(); len(got) != 0 || f.round(1).TimerHeight != 7 {
		t.Fatalf("expected it to wait until 7 again, got %+v and %d", got, f.round(1).TimerHeight)
	}
	f.next()
	if got := f.advance(); len(got) != 1 || got[0].Kind != impossible {
		t.Fatalf("expected no verdict at 7, got %+v", got)
	}
}

func TestFaults(t *testing.T) {
	const (
		equivocation = types.FAULT_KIND_EQUIVOCATION
		reveal       = types.FAULT_KIND_REVEAL
		output       = types.FAULT_KIND_OUTPUT
	)
	unsealed := with(func(*types.RoundOpening) {})
	opened := all(seals(0, 0, 1, 2), seals(1, 3))
	for _, tc := range []struct {
		name    string
		opening types.RoundOpening
		blocks  [][]types.OperatorVotes
		want    map[int]types.FaultKind
	}{
		{"a second outcome", unsealed, [][]types.OperatorVotes{claims(0, 0, 1), claims(1, 0)}, map[int]types.FaultKind{0: equivocation}},
		{"the same outcome again", unsealed, [][]types.OperatorVotes{claims(0, 0, 1), claims(0, 0)}, nil},
		{"a second outcome after the verdict", unsealed, [][]types.OperatorVotes{
			all(claims(0, 0, 1, 2), []types.OperatorVotes{shown(0, 0)}), claims(5, 1),
		}, map[int]types.FaultKind{1: equivocation}},
		{"bytes of another root", unsealed, [][]types.OperatorVotes{claims(0, 0, 1), {shown(1, 0)}}, map[int]types.FaultKind{0: output}},
		{"bytes of another root when nobody wants them", unsealed, [][]types.OperatorVotes{
			all(claims(0, 0, 1), []types.OperatorVotes{shown(0, 1)}), {shown(1, 0)},
		}, nil},
		{"bytes of the root that are no output", unsealed, [][]types.OperatorVotes{
			says(types.NewRootOutcome(rootBytes([]byte("nonsense"))), 0), {shows(0, []byte("nonsense"))},
		}, nil},
		{"bytes of a silent member", unsealed, [][]types.OperatorVotes{{shown(1, 0)}}, nil},
		{"a reveal opened to an outcome that nobody else has", with(sealed), [][]types.OperatorVotes{
			opened, all(reveals(0, 0, 1), []types.OperatorVotes{revealsWith(4, 0, 3)}), claims(0, 0),
		}, nil},
		{"opened to another outcome that is known", with(sealed), [][]types.OperatorVotes{
			opened, reveals(0, 0, 1), {revealsWith(3, 4, 2)},
		}, map[int]types.FaultKind{2: reveal}},
		{"opened to another outcome that comes later", with(sealed), [][]types.OperatorVotes{
			opened, {revealsWith(3, 4, 2)}, reveals(0, 0),
		}, map[int]types.FaultKind{2: reveal}},
		{"a failure was committed to", with(sealed), [][]types.OperatorVotes{
			all(seals(0, 0, 1, 2), seals(5, 3)), {revealsWith(4, 0, 3)},
		}, map[int]types.FaultKind{3: reveal}},
		{"the salt of another node", with(sealed), [][]types.OperatorVotes{
			opened, all(reveals(0, 0, 1), []types.OperatorVotes{revealsWith(1, 0, 2)}),
		}, nil},
		{"two reveals that open nothing", with(sealed), [][]types.OperatorVotes{
			opened, {revealsWith(77, 0, 2)}, {revealsWith(77, 1, 2)},
		}, map[int]types.FaultKind{2: equivocation}},
		{"a reveal that opens after one that did not", with(sealed), [][]types.OperatorVotes{
			opened, {revealsWith(77, 0, 2)}, reveals(0, 2),
		}, nil},
		{"an attestation against the reveal", with(sealed), [][]types.OperatorVotes{
			opened, reveals(0, 2), claims(1, 2),
		}, map[int]types.FaultKind{2: equivocation}},
		{"an attestation against a reveal that opens nothing", with(sealed), [][]types.OperatorVotes{
			opened, {revealsWith(77, 0, 2)}, claims(1, 2),
		}, map[int]types.FaultKind{2: equivocation}},
		{"a second commitment", with(sealed), [][]types.OperatorVotes{seals(0, 0), seals(1, 0)}, nil},
	} {
		t.Run(tc.name, func(t *testing.T) {
			f := newFixture(t, types.DefaultParams())
			f.open(tc.opening)
			for _, votes := range tc.blocks {
				f.next()
				f.record(votes...)
				f.export()
			}
			got, wanted := make(map[int]types.FaultKind), make(map[int]types.FaultKind)
			maps.Copy(wanted, tc.want)
			for _, fault := range f.round(1).Faults {
				got[int(fault.Member)] = fault.Kind
			}
			f.same("faults", got, wanted)
			if len(f.nodes.calls) != len(tc.want) {
				t.Errorf("expected %d nodes in jail, got %v", len(tc.want), f.nodes.calls)
			}
			passed := f.abandon(1)
			for member := range tc.want {
				if !slices.Contains(passed, operator(member)) {
					t.Errorf("expected operator %d to be passed over, got %v", member, passed)
				}
			}
		})
	}
}

// A verdict that enough power of a member's own class stands behind makes its contradiction a fault; a committee's never does.
func TestContradictionsAtTheSettlement(t *testing.T) {
	class := func(votes []types.OperatorVotes, class uint32) []types.OperatorVotes {
		for i := range votes {
			votes[i].Attestations[0].EnvironmentClass = class
		}
		return votes
	}
	for _, tc := range []struct {
		name      string
		variant   int
		class     uint32
		published bool
		outcome   types.MemberOutcome
		faults    int
	}{
		{"its own class against it", 4, 1, true, types.MEMBER_OUTCOME_DISAGREED, 1},
		{"too little power in its class", 4, 2, true, types.MEMBER_OUTCOME_DISAGREED, 0},
		{"unknown bytes", 4, 1, false, types.MEMBER_OUTCOME_NEUTRAL, 0},
		{"between once and twice the tolerance", 3, 1, true, types.MEMBER_OUTCOME_NEUTRAL, 0},
		{"within the tolerance", 1, 1, true, types.MEMBER_OUTCOME_AGREED, 0},
		{"a failure", 5, 1, false, types.MEMBER_OUTCOME_DISAGREED, 0},
	} {
		t.Run(tc.name, func(t *testing.T) {
			f := newFixture(t, types.DefaultParams())
			f.open(opening(1, equalMembers(4)))
			f.next()
			votes := all(class(claims(0, 0, 1), 1), class(claims(0, 2), 2), class(claims(tc.variant, 3), tc.class), []types.OperatorVotes{shown(0, 0)})
			f.record(votes...)
			f.next()
			if tc.published {
				f.record(shown(tc.variant, 3)) // late bytes count until the settlement
			}
			f.at(5)
			settled := f.settle()
			if len(settled) != 1 || settled[0].Outcomes[3] != tc.outcome || len(settled[0].Round.Faults) != tc.faults {
				t.Fatalf("expected %s and %d faults, got %+v", tc.outcome, tc.faults, settled)
			}
			if distance := settled[0].Round.Candidates[1].Error; tc.variant == 5 && distance != agreement.ErrorUnbounded {
				t.Errorf("expected no relative error of a failure, got %d", distance)
			}
		})
	}
}

// A displaced member is silent, keeps its commitment, and reveals again.
func TestDisplacedInASealedRound(t *testing.T) {
	params := types.DefaultParams()
	params.MaxCandidates = 2
	f := newFixture(t, params)
	o := opening(1, members(1, 2, 10, 10, 10))
	o.Sealed = true
	f.open(o)
	f.next()
	f.record(all(seals(4, 0), seals(1, 1), seals(0, 2, 3, 4))...)
	f.next()
	f.record(all(reveals(4, 0), reveals(1, 1), []types.OperatorVotes{shown(4, 0)})...)
	f.next()
	got := f.record(reveals(0, 2)...)
	f.same("ignored", got.Ignored, []types.Ignored{{Operator: operator(0), Reason: types.ReasonTooManyCandidates, Count: 1}})
	vote := f.round(1).Votes[0]
	if vote.Candidate != 0 || len(vote.Commitment) == 0 || len(vote.Salt) != 0 {
		t.Fatalf("expected a commitment and nothing else, got %+v", vote)
	}
	if genesis := f.export(); len(genesis.Outputs) != 0 {
		t.Fatalf("expected the bytes to go with their candidate, got %d", len(genesis.Outputs))
	}
	f.next()
	if got := f.record(reveals(4, 0)...); len(got.Ignored) != 1 || got.Ignored[0].Reason != types.ReasonTooManyCandidates {
		t.Fatalf("expected no room, got %+v", got)
	}
	if faults := f.round(1).Faults; len(faults) != 0 {
		t.Fatalf("expected no fault of who is displaced, got %+v", faults)
	}
}

func TestConclude(t *testing.T) {
	near := all(claims(0, 0, 1), claims(1, 2), []types.OperatorVotes{shown(0, 0), shown(1, 2)})
	for _, tc := range []struct {
		name    string
		opening types.RoundOpening
		votes   []types.OperatorVotes
		want    types.DecisionKind
	}{
		{"nothing was said", with(sealed), nil, impossible},
		{"one outcome short of the threshold", with(sealed), claims(0, 0, 1), impossible},
		{"decided without bytes", with(func(*types.RoundOpening) {}), claims(0, 0, 1, 2), impossible},
		{"near enough together", with(func(*types.RoundOpening) {}), near, final},
		{"near, but without bytes", with(func(*types.RoundOpening) {}), near[:3], impossible},
	} {
		t.Run(tc.name, func(t *testing.T) {
			f := newFixture(t, types.DefaultParams())
			f.open(tc.opening)
			f.next()
			f.record(tc.votes...)
			got := f.conclude(1)
			if got.Kind != tc.want || got.RequestID != 1 || got.Arbitrated != (tc.want == final) {
				t.Fatalf("expected decision %d, got %+v", tc.want, got)
			}
			f.export()
		})
	}
	if got := newFixture(t, types.DefaultParams()).conclude(7); got.Kind != impossible || got.RequestID != 7 {
		t.Errorf("expected no verdict without a round, got %+v", got)
	}
}

func TestOpenRoundRefusesSeatsAndDigests(t *testing.T) {
	for name, o := range map[string]types.RoundOpening{
		"no rule":                    with(func(o *types.RoundOpening) { o.Rule = 0 }),
		"seats of a quorum":          with(func(o *types.RoundOpening) { o.Seats = []int{0, 1} }),
		"a committee without seats":  with(committee()),
		"a committee without leader": with(committee(1, 2)),
		"a seat out of range":        with(committee(0, 4)),
		"seats that descend":         with(committee(0, 2, 1)),
		"a short digest":             with(func(o *types.RoundOpening) { o.Digest = []byte{1} }),
		"no model":                   with(func(o *types.RoundOpening) { o.Model = nil }),
	} {
		f := newFixture(t, types.DefaultParams())
		if err := f.OpenRound(f.ctx, o); err == nil {
			t.Errorf("%s: expected an error, got none", name)
		}
	}
}
