package keeper_test

import (
	"errors"
	"testing"

	"github.com/opengradient/opengradient/x/verification/types"
)

// everyPhase has, at height 10, a round in each state: 1 untouched, 2 with votes and bytes of a loser, 3 decided
// without bytes, 4 settling with a root, 5 settling with a failure.
func everyPhase(t tester) *fixture {
	t.Helper()
	f := newFixture(t, types.DefaultParams())
	f.at(7)
	for id := uint64(1); id <= 5; id++ {
		f.open(opening(id, equalMembers(4)))
	}
	f.at(8)
	changed := types.DefaultParams()
	changed.SettleBlocks, changed.PublisherTurnBlocks, changed.MaxCandidates = 9, 1, 2
	f.updateParams(changed)
	f.record(
		types.OperatorVotes{
			Operator:     operator(0),
			Attestations: []types.Attestation{attest(2, rootOf(5)), attest(3, rootOf(0)), attest(4, rootOf(0)), attest(5, failure())},
			Outputs:      []types.PublishedOutput{publish(2, result(5)), publish(4, result(0))},
		},
		types.OperatorVotes{
			Operator:     operator(1),
			Attestations: []types.Attestation{attest(3, rootOf(0)), attest(4, rootOf(0)), attest(5, failure())},
		},
	)
	f.at(10)
	f.record(
		types.OperatorVotes{
			Operator:     operator(2),
			Attestations: []types.Attestation{attest(2, rootOf(0)), attest(3, rootOf(0)), attest(4, rootOf(0)), attest(5, failure())},
		},
		types.OperatorVotes{
			Operator:     operator(3),
			Attestations: []types.Attestation{attest(3, rootOf(1)), attest(4, rootOf(1))},
		},
	)
	f.settle()
	return f
}

func TestExportHoldsRelativeHeights(t *testing.T) {
	genesis := everyPhase(t).export()
	type heights struct{ Opened, Decided, Final, Settle, FirstVote int64 }
	var got []heights
	for _, r := range genesis.Rounds {
		got = append(got, heights{r.OpenedHeight, r.DecidedHeight, r.FinalHeight, r.SettleHeight, r.Votes[0].Height})
	}
	f := newEmptyFixture(t)
	f.same("heights", got, []heights{{-3, 0, 0, 0, 0}, {-3, 0, 0, 0, -2}, {-3, 0, 0, 0, -2}, {-3, 0, 0, 3, -2}, {-3, 0, 0, 3, -2}})
	if len(genesis.Outputs) != 2 || genesis.Outputs[0].RequestId != 2 || genesis.Outputs[1].RequestId != 4 {
		t.Errorf("expected the bytes of requests 2 and 4 only, got %+v", genesis.Outputs)
	}
}

func TestRoundsGoOnAfterARestart(t *testing.T) {
	genesis := everyPhase(t).export()
	f := newEmptyFixture(t)
	f.must(f.InitGenesis(f.ctx, *genesis)) // initial height 1
	f.same("state", asRelative(f), genesis)

	f.at(1)
	// The decision of request 3 was in the last block before the genesis, and operator 0 leads.
	round := f.round(3)
	for height, want := range map[int64]int{0: 0, 1: 0, 2: 1, 4: 2, 6: 0} {
		if got, ok := round.PublisherTurn(f.snapshot(round.SnapshotId), height, 2); !ok || got != operator(want) {
			t.Errorf("height %d: expected the turn of operator %d, got %s", height, want, got)
		}
	}
	got := f.record(types.OperatorVotes{Operator: operator(1), Outputs: []types.PublishedOutput{publish(3, result(0))}})
	if len(got.Decisions) != 1 || got.Decisions[0].RequestID != 3 {
		t.Fatalf("expected a verdict on request 3, got %+v", got)
	}
	f.at(2)
	if settled := f.settle(); len(settled) != 0 {
		t.Fatalf("expected nothing to settle at 2, got %d", len(settled))
	}
	f.at(3)
	if settled := f.settle(); len(settled) != 2 || settled[0].Round.RequestId != 4 || settled[1].Round.RequestId != 5 {
		t.Fatalf("expected requests 4 and 5 to settle at 3, got %+v", settled)
	}
	f.at(4) // verdict at 1 and three blocks
	if settled := f.settle(); len(settled) != 1 || settled[0].Round.RequestId != 3 {
		t.Fatalf("expected request 3 to settle at 4, got %+v", settled)
	}
}

// asRelative exports right after the import, when the last block is the one before the genesis.
func asRelative(f *fixture) *types.GenesisState {
	f.t.Helper()
	height := f.ctx.BlockHeight()
	f.at(height - 1)
	defer f.at(height)
	return f.export()
}

func TestInitGenesisRefusesAndWritesNothing(t *testing.T) {
	genesis := everyPhase(t).export()
	genesis.Rounds[2].Decided = 0
	f := newEmptyFixture(t)
	if err := f.InitGenesis(f.ctx, *genesis); !errors.Is(err, types.ErrInvalidGenesis) {
		t.Fatalf("expected %v, got %v", types.ErrInvalidGenesis, err)
	}
	if has, err := f.ParamsCurrent.Has(f.ctx); err != nil || has {
		t.Errorf("expected no state, got some, %v", err)
	}
}

// Every change below contradicts something else in the state.
func TestGenesisValidate(t *testing.T) {
	for _, tc := range []struct {
		name   string
		change func(*types.GenesisState)
		want   error
	}{
		{"no params", func(g *types.GenesisState) { g.Params = nil }, types.ErrInvalidGenesis},
		{"a gap in versions", func(g *types.GenesisState) { g.Params[1].Version = 3 }, types.ErrInvalidGenesis},
		{"params out of bounds", func(g *types.GenesisState) { g.Params[0].Params.SettleBlocks = 0 }, types.ErrInvalidParams},
		{"next snapshot id is taken", func(g *types.GenesisState) { g.NextSnapshotId = 1 }, types.ErrInvalidGenesis},
		{"next snapshot id is zero", func(g *types.GenesisState) { *g = *types.DefaultGenesis(); g.NextSnapshotId = 0 }, types.ErrInvalidGenesis},
		{"snapshot without members", func(g *types.GenesisState) { g.Snapshots[0].Members = nil }, types.ErrInvalidSnapshot},
		{"snapshot twice", func(g *types.GenesisState) {
			twin := g.Snapshots[0]
			twin.Id, g.NextSnapshotId = 2, 3
			g.Snapshots = append(g.Snapshots, twin)
		}, types.ErrInvalidGenesis},
		{"snapshot ids descend", func(g *types.GenesisState) { g.Snapshots = append(g.Snapshots, g.Snapshots[0]) }, types.ErrInvalidGenesis},
		{"too few references", func(g *types.GenesisState) { g.Snapshots[0].References = 4 }, types.ErrInvalidGenesis},
		{"unused snapshot", func(g *types.GenesisState) { g.Rounds, g.Outputs, g.Snapshots[0].References = nil, nil, 0 }, types.ErrInvalidGenesis},
		{"round without a snapshot", func(g *types.GenesisState) { g.Rounds[0].SnapshotId = 2 }, types.ErrInvalidGenesis},
		{"round without params", func(g *types.GenesisState) { g.Rounds[0].ParamsVersion = 3 }, types.ErrInvalidGenesis},
		{"rounds descend", func(g *types.GenesisState) { g.Rounds[1].RequestId = 1 }, types.ErrInvalidGenesis},
		{"request zero", func(g *types.GenesisState) { g.Rounds[0].RequestId = 0 }, types.ErrInvalidGenesis},
		{"attempt zero", func(g *types.GenesisState) { g.Rounds[0].Attempt = 0 }, types.ErrInvalidGenesis},
		{"no output limit", func(g *types.GenesisState) { g.Rounds[0].MaxOutputBytes = 0 }, types.ErrInvalidGenesis},
		{"no phase", func(g *types.GenesisState) { g.Rounds[0].Phase = 0 }, types.ErrInvalidGenesis},
		{"foreign leader", func(g *types.GenesisState) { g.Rounds[0].Leader = operator(9) }, types.ErrInvalidGenesis},
		{"vote missing", func(g *types.GenesisState) { g.Rounds[0].Votes = g.Rounds[0].Votes[1:] }, types.ErrInvalidGenesis},
		{"opened in the future", func(g *types.GenesisState) { g.Rounds[0].OpenedHeight = 1 }, types.ErrInvalidGenesis},
		{"opened before time", func(g *types.GenesisState) { g.Rounds[0].OpenedHeight = -1 << 62 }, types.ErrInvalidGenesis},
		{"silent with a height", func(g *types.GenesisState) { g.Rounds[0].Votes[0].Height = -1 }, types.ErrInvalidGenesis},
		{"vote for nobody", func(g *types.GenesisState) { g.Rounds[1].Votes[1].Candidate = 3 }, types.ErrInvalidGenesis},
		{"vote without a class", func(g *types.GenesisState) { g.Rounds[1].Votes[0].EnvironmentClass = 0 }, types.ErrInvalidGenesis},
		{"vote before the opening", func(g *types.GenesisState) { g.Rounds[1].Votes[0].Height = -3 }, types.ErrInvalidGenesis},
		{"vote in the future", func(g *types.GenesisState) { g.Rounds[1].Votes[0].Height = 1 }, types.ErrInvalidGenesis},
		{"power without votes", func(g *types.GenesisState) { g.Rounds[1].Candidates[0].Power++ }, types.ErrInvalidGenesis},
		{"candidate without votes", func(g *types.GenesisState) {
			g.Rounds[0].Candidates = []types.Candidate{{Outcome: rootOf(0)}}
		}, types.ErrInvalidGenesis},
		{"candidate twice", func(g *types.GenesisState) { g.Rounds[1].Candidates[1].Outcome = rootOf(5) }, types.ErrInvalidGenesis},
		{"candidate without an outcome", func(g *types.GenesisState) { g.Rounds[1].Candidates[1].Outcome = types.Outcome{} }, types.ErrInvalidGenesis},
		{"too many candidates", func(g *types.GenesisState) {
			r := &g.Rounds[1]
			r.ParamsVersion = 2
			r.Votes[1] = types.MemberVote{Candidate: 3, EnvironmentClass: 1}
			r.Candidates = append(r.Candidates, types.Candidate{Outcome: rootOf(9), Power: 10})
		}, types.ErrInvalidGenesis},
		{"decided against the votes", func(g *types.GenesisState) { g.Rounds[2].Decided = 2 }, types.ErrInvalidGenesis},
		{"decided without a threshold", func(g *types.GenesisState) { g.Rounds[1].Decided = 1 }, types.ErrInvalidGenesis},
		{"decision height without a decision", func(g *types.GenesisState) { g.Rounds[1].DecidedHeight = -1 }, types.ErrInvalidGenesis},
		{"decided before the opening", func(g *types.GenesisState) { g.Rounds[2].DecidedHeight = -3 }, types.ErrInvalidGenesis},
		{"settling without bytes", func(g *types.GenesisState) { g.Rounds[2].Phase = types.PHASE_SETTLING }, types.ErrInvalidGenesis},
		{"open with a verdict", func(g *types.GenesisState) { g.Rounds[3].Phase = types.PHASE_OPEN }, types.ErrInvalidGenesis},
		{"open with a verdict's height", func(g *types.GenesisState) { g.Rounds[2].SettleHeight = 3 }, types.ErrInvalidGenesis},
		{"verdict before the decision", func(g *types.GenesisState) { g.Rounds[3].FinalHeight = -1 }, types.ErrInvalidGenesis},
		{"settlement at another height", func(g *types.GenesisState) { g.Rounds[3].SettleHeight = 2 }, types.ErrInvalidGenesis},
		{"settlement overdue", func(g *types.GenesisState) { g.Rounds[3] = g.Rounds[3].Shift(-3) }, types.ErrInvalidGenesis},
		{"publisher of a failure", func(g *types.GenesisState) { g.Rounds[4].Candidates[0].Publisher = operator(0) }, types.ErrInvalidGenesis},
		{"publisher of a loser", func(g *types.GenesisState) { g.Rounds[3].Candidates[1].Publisher = operator(3) }, types.ErrInvalidGenesis},
		{"publisher with another outcome", func(g *types.GenesisState) { g.Rounds[1].Candidates[0].Publisher = operator(2) }, types.ErrInvalidGenesis},
		{"publisher from outside", func(g *types.GenesisState) { g.Rounds[1].Candidates[0].Publisher = operator(9) }, types.ErrInvalidGenesis},
		{"publisher without bytes", func(g *types.GenesisState) { g.Outputs = nil }, types.ErrInvalidGenesis},
		{"bytes without a publisher", func(g *types.GenesisState) { g.Rounds[1].Candidates[0].Publisher = "" }, types.ErrInvalidGenesis},
		{"bytes of another root", func(g *types.GenesisState) { g.Outputs[0].Output = result(6) }, types.ErrInvalidGenesis},
		{"bytes over the limit", func(g *types.GenesisState) { g.Rounds[1].MaxOutputBytes = 4 }, types.ErrInvalidGenesis},
		{"bytes of no round", func(g *types.GenesisState) {
			g.Outputs = append(g.Outputs, types.RoundOutput{RequestId: 9, Candidate: 1, Output: result(0)})
		}, types.ErrInvalidGenesis},
		{"bytes beside a failure", func(g *types.GenesisState) {
			g.Outputs = append(g.Outputs, types.RoundOutput{RequestId: 5, Candidate: 1, Output: result(0)})
		}, types.ErrInvalidGenesis},
		{"bytes twice", func(g *types.GenesisState) { g.Outputs = append(g.Outputs, g.Outputs[0]) }, types.ErrInvalidGenesis},
	} {
		t.Run(tc.name, func(t *testing.T) {
			genesis := everyPhase(t).export()
			tc.change(genesis)
			if err := genesis.Validate(); !errors.Is(err, tc.want) {
				t.Errorf("expected %v, got %v", tc.want, err)
			}
		})
	}
	if err := types.DefaultGenesis().Validate(); err != nil {
		t.Errorf("expected the default to be valid, got %v", err)
	}
}
