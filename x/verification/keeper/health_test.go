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
