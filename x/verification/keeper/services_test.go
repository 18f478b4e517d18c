package keeper_test

import (
	"encoding/hex"
	"errors"
	"strings"
	"testing"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	sdk "github.com/cosmos/cosmos-sdk/types"
	sdkerrors "github.com/cosmos/cosmos-sdk/types/errors"
	"github.com/cosmos/cosmos-sdk/types/query"
	"github.com/cosmos/gogoproto/proto"

	"github.com/opengradient/opengradient/internal/agreement"
	"github.com/opengradient/opengradient/x/verification/keeper"
	"github.com/opengradient/opengradient/x/verification/types"
)

func (f *fixture) updateParams(params types.Params) {
	f.t.Helper()
	_, err := keeper.NewMsgServer(f.Keeper).UpdateParams(f.ctx, &types.MsgUpdateParams{Authority: authority, Params: params})
	f.must(err)
}

func TestUpdateParams(t *testing.T) {
	for _, tc := range []struct {
		name string
		msg  types.MsgUpdateParams
		want error
	}{
		{"not the authority", types.MsgUpdateParams{Authority: "somebody", Params: types.DefaultParams()}, sdkerrors.ErrUnauthorized},
		{"out of bounds", types.MsgUpdateParams{Authority: authority}, types.ErrInvalidParams},
	} {
		t.Run(tc.name, func(t *testing.T) {
			f := newFixture(t, types.DefaultParams())
			if _, err := keeper.NewMsgServer(f.Keeper).UpdateParams(f.ctx, &tc.msg); !errors.Is(err, tc.want) {
				t.Fatalf("expected %v, got %v", tc.want, err)
			}
			if _, version, err := f.CurrentParams(f.ctx); err != nil || version != 1 {
				t.Fatalf("expected version 1 to stay, got %d, %v", version, err)
			}
		})
	}
	f := newFixture(t, types.DefaultParams())
	changed := types.DefaultParams()
	changed.SettleBlocks, changed.PublisherTurnBlocks, changed.MaxCandidates = 5, 4, 3
	f.updateParams(changed)
	params, version, err := f.CurrentParams(f.ctx)
	f.must(err)
	f.same("current", []any{params, version}, []any{changed, 2})
	first, err := f.ParamsAt(f.ctx, 1)
	f.must(err)
	f.same("first version", first, types.DefaultParams())
	if _, err := f.ParamsAt(f.ctx, 3); err == nil {
		t.Fatal("expected an error for a version that is not there")
	}
}

// TestTaus: outputs outside of rounds are compared by the current tolerances.
func TestTaus(t *testing.T) {
	f := newFixture(t, types.DefaultParams())
	taus, err := f.Taus(f.ctx)
	f.must(err)
	f.same("at first", taus, agreement.DefaultTaus())
	changed := types.DefaultParams()
	want := agreement.Taus{FP32: agreement.DefaultTaus().FP32 / 2, FP64: agreement.DefaultTaus().FP64}
	changed.Tolerances = types.NewTolerances(want)
	f.updateParams(changed)
	taus, err = f.Taus(f.ctx)
	f.must(err)
	f.same("after a change", taus, want)
}

func TestQueries(t *testing.T) {
	f := newFixture(t, types.DefaultParams())
	for id := uint64(1); id <= 5; id++ {
		f.open(opening(id, equalMembers(2)))
	}
	server := keeper.NewQueryServer(f.Keeper)

	params, err := server.Params(f.ctx, &types.QueryParamsRequest{})
	f.must(err)
	f.same("params", params, types.QueryParamsResponse{Params: types.DefaultParams(), Version: 1})

	round, err := server.Round(f.ctx, &types.QueryRoundRequest{RequestId: 4})
	f.must(err)
	f.same("round", round.Round, f.round(4))

	snapshot, err := server.Snapshot(f.ctx, &types.QuerySnapshotRequest{Id: 1})
	f.must(err)
	if snapshot.Snapshot.References != 5 {
		t.Errorf("expected 5 references, got %d", snapshot.Snapshot.References)
	}

	var ids []uint64
	page := &query.PageRequest{Limit: 2}
	for {
		rounds, err := server.Rounds(f.ctx, &types.QueryRoundsRequest{Pagination: page})
		f.must(err)
		for _, round := range rounds.Rounds {
			ids = append(ids, round.RequestId)
		}
		if len(rounds.Pagination.NextKey) == 0 {
			break
		}
		page = &query.PageRequest{Key: rounds.Pagination.NextKey, Limit: 2}
	}
	f.same("pages", ids, []uint64{1, 2, 3, 4, 5})

	one := f.round(1)
	for name, tc := range map[string]struct {
		req  types.QueryRoundsRequest
		want int
	}{
		"in a phase":       {types.QueryRoundsRequest{Phase: types.PHASE_OPEN}, 5},
		"in another phase": {types.QueryRoundsRequest{Phase: types.PHASE_SETTLING}, 0},
		"of a leader":      {types.QueryRoundsRequest{Leader: one.Leader}, 5},
		"of another":       {types.QueryRoundsRequest{Leader: sdk.ValAddress(make([]byte, 20)).String()}, 0},
		"for a model":      {types.QueryRoundsRequest{Model: hex.EncodeToString(one.Model), Phase: types.PHASE_OPEN}, 5},
		"for another one":  {types.QueryRoundsRequest{Model: strings.Repeat("ef", 32)}, 0},
	} {
		rounds, err := server.Rounds(f.ctx, &tc.req)
		f.must(err)
		if len(rounds.Rounds) != tc.want {
			t.Errorf("%s: expected %d rounds, got %d", name, tc.want, len(rounds.Rounds))
		}
	}
}

// TestTheFirstOutcomeIsToldOnce: whoever follows a request sees when the first outcome of an attempt is known.
func TestTheFirstOutcomeIsToldOnce(t *testing.T) {
	f := newFixture(t, types.DefaultParams())
	f.open(opening(1, equalMembers(4)))
	for i, want := range []int{1, 0, 0} {
		f.next()
		f.record(says(rootOf(i/2), i)...)
		got := 0
		for _, e := range f.ctx.EventManager().Events() {
			if e.Type == proto.MessageName(&types.EventRoundRevealed{}) {
				got++
			}
		}
		if got != want {
			t.Fatalf("attestation %d: expected %d events, got %d", i+1, want, got)
		}
	}
}

func TestQueriesRefuse(t *testing.T) {
	f := newFixture(t, types.DefaultParams())
	server := keeper.NewQueryServer(f.Keeper)
	for _, tc := range []struct {
		name string
		call func() error
		want codes.Code
	}{
		{"no such round", func() error { _, err := server.Round(f.ctx, &types.QueryRoundRequest{RequestId: 9}); return err }, codes.NotFound},
		{"no such snapshot", func() error { _, err := server.Snapshot(f.ctx, &types.QuerySnapshotRequest{Id: 9}); return err }, codes.NotFound},
		{"key and offset", func() error {
			_, err := server.Rounds(f.ctx, &types.QueryRoundsRequest{Pagination: &query.PageRequest{Key: []byte{1}, Offset: 1}})
			return err
		}, codes.InvalidArgument},
		{"no leader", func() error {
			_, err := server.Rounds(f.ctx, &types.QueryRoundsRequest{Leader: "x"})
			return err
		}, codes.InvalidArgument},
		{"no phase", func() error { _, err := server.Rounds(f.ctx, &types.QueryRoundsRequest{Phase: 99}); return err }, codes.InvalidArgument},
		{"no model", func() error { _, err := server.Rounds(f.ctx, &types.QueryRoundsRequest{Model: "iris"}); return err }, codes.InvalidArgument},
		{"no params request", func() error { _, err := server.Params(f.ctx, nil); return err }, codes.InvalidArgument},
		{"no round request", func() error { _, err := server.Round(f.ctx, nil); return err }, codes.InvalidArgument},
		{"no rounds request", func() error { _, err := server.Rounds(f.ctx, nil); return err }, codes.InvalidArgument},
		{"no snapshot request", func() error { _, err := server.Snapshot(f.ctx, nil); return err }, codes.InvalidArgument},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if got := status.Code(tc.call()); got != tc.want {
				t.Errorf("expected %s, got %s", tc.want, got)
			}
		})
	}
}
