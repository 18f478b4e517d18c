package keeper_test

import (
	"errors"
	"math"
	"testing"

	"github.com/opengradient/opengradient/x/verification/types"
)

func TestSnapshotsAreSharedAndCounted(t *testing.T) {
	f := newFixture(t, types.DefaultParams())
	f.open(opening(1, equalMembers(4)))
	f.open(opening(2, equalMembers(4)))
	other := opening(3, equalMembers(4))
	other.TotalPower++
	f.open(other)
	f.open(opening(4, members(10, 10, 10, 11)))
	if a, b, c, d := f.round(1).SnapshotId, f.round(2).SnapshotId, f.round(3).SnapshotId, f.round(4).SnapshotId; a != 1 || b != 1 || c != 2 || d != 3 {
		t.Fatalf("expected snapshots 1, 1, 2, 3, got %d, %d, %d, %d", a, b, c, d)
	}
	if got := f.snapshot(1).References; got != 2 {
		t.Fatalf("expected 2 references, got %d", got)
	}
	f.abandon(1)
	if got := f.snapshot(1).References; got != 1 {
		t.Fatalf("expected 1 reference, got %d", got)
	}
	f.abandon(2)
	if _, err := f.Snapshot(f.ctx, 1); !errors.Is(err, types.ErrSnapshotNotFound) {
		t.Fatalf("expected %v, got %v", types.ErrSnapshotNotFound, err)
	}
	// The same content later is a new snapshot: ids are never given twice.
	f.open(opening(5, equalMembers(4)))
	if got := f.round(5).SnapshotId; got != 4 {
		t.Fatalf("expected snapshot 4, got %d", got)
	}
	f.export()
}

func TestSettlementKeepsTheReference(t *testing.T) {
	f := newFixture(t, types.DefaultParams())
	f.open(opening(1, equalMembers(1)))
	f.next()
	f.record(says(failure(), 0)...)
	f.at(5)
	f.settle()
	f.open(opening(2, equalMembers(1)))
	if got := f.snapshot(1).References; got != 2 {
		t.Fatalf("expected the receipt's and the round's reference, got %d", got)
	}
	f.abandon(2)
	if got := f.snapshot(1).References; got != 1 {
		t.Fatalf("expected the receipt's reference, got %d", got)
	}
	f.must(f.ReleaseSnapshot(f.ctx, 1))
	if err := f.ReleaseSnapshot(f.ctx, 1); !errors.Is(err, types.ErrSnapshotNotFound) {
		t.Fatalf("expected %v, got %v", types.ErrSnapshotNotFound, err)
	}
	left := f.export()
	left.Attendances, left.Conducts = nil, nil
	f.same("state", left, &types.GenesisState{Params: types.DefaultGenesis().Params, NextSnapshotId: 2})
}

func TestOpenRoundRefuses(t *testing.T) {
	for _, tc := range []struct {
		name   string
		change func(*types.RoundOpening)
		want   error
	}{
		{"request id zero", func(o *types.RoundOpening) { o.RequestID = 0 }, types.ErrInvalidRound},
		{"attempt zero", func(o *types.RoundOpening) { o.Attempt = 0 }, types.ErrInvalidRound},
		{"no room for output", func(o *types.RoundOpening) { o.MaxOutputBytes = 0 }, types.ErrInvalidRound},
		{"second round", func(o *types.RoundOpening) { o.RequestID = 77 }, types.ErrRoundExists},
		{"leader from outside", func(o *types.RoundOpening) { o.Leader = operator(8) }, types.ErrInvalidRound},
		{"no members", func(o *types.RoundOpening) { o.Members = nil }, types.ErrInvalidRound},
		{"half of all power", func(o *types.RoundOpening) { o.TotalPower = 60 }, types.ErrNoQuorum},
		{"members out of order", func(o *types.RoundOpening) { o.Members[1], o.Members[2] = o.Members[2], o.Members[1] }, types.ErrInvalidSnapshot},
		{"member twice", func(o *types.RoundOpening) { o.Members[1] = o.Members[0] }, types.ErrInvalidSnapshot},
		{"no address", func(o *types.RoundOpening) { o.Members[1].Operator = "validator" }, types.ErrInvalidSnapshot},
		{"no power", func(o *types.RoundOpening) { o.Members[1].Power = 0 }, types.ErrInvalidSnapshot},
		{"less than no power", func(o *types.RoundOpening) { o.Members[1].Power = -1 }, types.ErrInvalidSnapshot},
		{"more power than there is", func(o *types.RoundOpening) { o.TotalPower = 29 }, types.ErrInvalidSnapshot},
		{"power that overflows", func(o *types.RoundOpening) {
			o.Members = members(math.MaxInt64, math.MaxInt64, math.MaxInt64)
			o.TotalPower = math.MaxInt64
		}, types.ErrInvalidSnapshot},
	} {
		t.Run(tc.name, func(t *testing.T) {
			f := newFixture(t, types.DefaultParams())
			f.open(opening(77, equalMembers(5)))
			before := f.export()
			o := opening(1, equalMembers(3))
			tc.change(&o)
			if err := f.OpenRound(f.ctx, o); !errors.Is(err, tc.want) {
				t.Fatalf("expected %v, got %v", tc.want, err)
			}
			f.same("state", f.export(), before)
		})
	}
}

func TestHasOpenRound(t *testing.T) {
	f := newFixture(t, types.DefaultParams())
	check := func(want bool) {
		t.Helper()
		if got, err := f.HasOpenRound(f.ctx, 1); err != nil || got != want {
			t.Fatalf("expected %t, got %t, %v", want, got, err)
		}
	}
	check(false)
	f.open(opening(1, equalMembers(1)))
	check(true)
	f.next()
	f.record(says(failure(), 0)...)
	check(false)
}
