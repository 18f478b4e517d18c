package keeper_test

import (
	"errors"
	"slices"
	"testing"

	"github.com/opengradient/opengradient/x/verification/types"
)

func TestHealthOfARound(t *testing.T) {
	f := newFixture(t, types.DefaultParams())
	if _, err := f.Health(f.ctx, 1, func(string) bool { return true }); !errors.Is(err, types.ErrRoundNotFound) {
		t.Fatalf("expected %v, got %v", types.ErrRoundNotFound, err)
	}
	f.open(opening(1, equalMembers(4)))
	leader := f.round(1).Leader
	health, err := f.Health(f.ctx, 1, func(operator string) bool { return operator != leader })
	f.must(err)
	if health.Kind != types.HealthLeaderless || len(health.Candidates) != 3 || slices.Contains(health.Candidates, leader) {
		t.Errorf("expected a leaderless round with three candidates, got %+v", health)
	}
}

func TestReplaceLeader(t *testing.T) {
	f := newFixture(t, types.DefaultParams())
	o := opening(1, equalMembers(4))
	o.Rule, o.Seats, o.Leader = types.RULE_COMMITTEE, []int{0, 1}, o.Members[0].Operator
	f.open(o)
	f.next()
	f.record(says(rootOf(0), 1)...)
	before := f.round(1)
	for name, leader := range map[string]string{"an outsider": operator(9), "a member without a seat": o.Members[2].Operator} {
		if err := f.ReplaceLeader(f.ctx, 1, leader); !errors.Is(err, types.ErrInvalidRound) {
			t.Errorf("%s: expected %v, got %v", name, types.ErrInvalidRound, err)
		}
	}
	f.same("round", f.round(1), before)
	f.must(f.ReplaceLeader(f.ctx, 1, o.Members[1].Operator))
	before.Leader = o.Members[1].Operator
	f.same("round under another leader", f.round(1), before)

	// The other seat agrees and the new leader publishes: the round ends as any other.
	f.next()
	got := f.record(append(says(rootOf(0), 0), shows(1, result(0)))...)
	if len(got.Decisions) != 1 || got.Decisions[0].Publisher != o.Members[1].Operator || got.Decisions[0].Leader != o.Members[1].Operator {
		t.Fatalf("expected a verdict published by the new leader, got %+v", got.Decisions)
	}
	if err := f.ReplaceLeader(f.ctx, 1, o.Members[0].Operator); !errors.Is(err, types.ErrInvalidRound) {
		t.Errorf("settling: expected %v, got %v", types.ErrInvalidRound, err)
	}
	if err := f.ReplaceLeader(f.ctx, 2, o.Members[0].Operator); !errors.Is(err, types.ErrRoundNotFound) {
		t.Errorf("no round: expected %v, got %v", types.ErrRoundNotFound, err)
	}
}

func TestTimelinessOfASettlement(t *testing.T) {
	f := newFixture(t, types.DefaultParams())
	f.open(opening(1, equalMembers(7)))
	f.next() // 2: two are quick
	f.record(says(failure(), 0, 1)...)
	f.next() // 3: the verdict; 5 attends in silence, 6 is not carried
	f.record(append(says(failure(), 2, 3, 4), types.OperatorVotes{Operator: operator(5)})...)
	f.next() // 4: one is late, one could not be heard before
	f.record(says(failure(), 5, 6)...)
	f.next() // 5
	f.next() // 6
	settled := f.settle()
	if len(settled) != 1 {
		t.Fatalf("expected one settlement, got %d", len(settled))
	}
	const before, at = types.TimelinessBefore, types.TimelinessAtVerdict
	f.same("timeliness", settled[0].Timeliness, []types.Timeliness{before, before, at, at, at, types.TimelinessLate, types.TimelinessUnknown})
}

// Who could not commit could not speak by the verdict, though its votes were carried then; who could, and did not, is late.
func TestTimelinessOfASealedRound(t *testing.T) {
	f := newFixture(t, types.DefaultParams())
	o := opening(1, equalMembers(7))
	o.Sealed = true
	f.open(o)
	silent := func(i int) types.OperatorVotes { return types.OperatorVotes{Operator: operator(i)} }
	f.at(3)
	f.record(append(seals(0, 0, 1, 2, 3, 4), silent(5))...) // 6 is not carried
	for f.round(1).Phase == types.PHASE_COMMITTING {
		f.advance()
		f.next()
		if f.round(1).Phase == types.PHASE_COMMITTING {
			f.record(silent(5))
		}
	}
	f.at(f.round(1).RevealingHeight + 2)
	got := f.record(append(reveals(0, 0, 1, 2, 3, 4), shown(0, 0), silent(5), silent(6))...)
	if len(got.Decisions) != 1 {
		t.Fatalf("expected a verdict, got %+v", got)
	}
	f.at(f.round(1).SettleHeight)
	settled := f.settle()
	const at = types.TimelinessAtVerdict
	f.same("timeliness", settled[0].Timeliness, []types.Timeliness{at, at, at, at, at, types.TimelinessLate, types.TimelinessUnknown})
}

// Where there is no room for another outcome, whoever is silent may have spoken.
func TestTimelinessOfAFullRound(t *testing.T) {
	for _, full := range []bool{false, true} {
		params := types.DefaultParams()
		f := newFixture(t, params)
		f.open(opening(1, equalMembers(30)))
		f.next()
		outcomes := int(params.MaxCandidates)
		if !full {
			outcomes--
		}
		for i := 1; i < outcomes; i++ {
			f.record(says(rootOf(i), 30-i)...)
		}
		f.next()
		agreeing := make([]int, 21)
		for i := range agreeing {
			agreeing[i] = i
		}
		f.record(append(says(failure(), agreeing...), types.OperatorVotes{Operator: operator(21)})...)
		f.at(f.round(1).SettleHeight)
		want := types.TimelinessLate
		if full {
			want = types.TimelinessUnknown
		}
		if got := f.settle()[0].Timeliness[21]; got != want {
			t.Errorf("full: %t: expected %d of a silent member, got %d", full, want, got)
		}
	}
}
