package keeper

import (
	"testing"

	"github.com/stretchr/testify/require"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/cosmos/cosmos-sdk/types/query"

	"github.com/opengradient/opengradient/x/verification/types"
)

// remembering has two operators, divergences of two models and the evidence of request 7.
func remembering(t *testing.T) *bench {
	t.Helper()
	b := newBench(t)
	b.params(func(p *types.Params) { p.SettleBlocks = 9 })
	require.NoError(t, b.recordConduct(b.ctx, newAttendanceBook(b.Keeper), []types.Settlement{settlement(types.MEMBER_OUTCOME_AGREED, types.MEMBER_OUTCOME_DISAGREED)}))
	require.NoError(t, b.at(98).punishOne(90))
	b.attended([]int64{50, 99, 100}, 1, 2)
	round, snapshot := diverging()
	require.NoError(t, b.at(100).recordDivergences(b.ctx, round, snapshot))
	round.Model = append([]byte{1}, someModel[1:]...)
	require.NoError(t, b.recordDivergences(b.ctx, round, snapshot))
	_, err := b.keepEvidence(b.ctx, evidenceFor(7, contested), types.DefaultParams())
	require.NoError(t, err)
	return b
}

func TestConsequenceQueries(t *testing.T) {
	b := remembering(t)
	server := NewQueryServer(b.Keeper)

	params, err := server.ParamsVersion(b.ctx, &types.QueryParamsVersionRequest{Version: 2})
	require.NoError(t, err)
	require.Equal(t, uint32(9), params.Params.SettleBlocks)

	conduct, err := server.Conduct(b.ctx, &types.QueryConductRequest{Operator: address(2)})
	require.NoError(t, err)
	require.Equal(t, b.conduct(2), conduct.Conduct)
	conducts, err := server.Conducts(b.ctx, &types.QueryConductsRequest{Pagination: &query.PageRequest{Limit: 1}})
	require.NoError(t, err)
	require.Equal(t, []types.Conduct{b.conduct(1)}, conducts.Conducts)
	conducts, err = server.Conducts(b.ctx, &types.QueryConductsRequest{Pagination: &query.PageRequest{Key: conducts.Pagination.NextKey}})
	require.NoError(t, err)
	require.Equal(t, []types.Conduct{b.conduct(2)}, conducts.Conducts)

	all, err := server.Divergences(b.ctx, &types.QueryDivergencesRequest{})
	require.NoError(t, err)
	require.Len(t, all.Divergences, 2)
	one, err := server.Divergences(b.ctx, &types.QueryDivergencesRequest{Model: "01" + "00000000000000000000000000000000000000000000000000000000000000"})
	require.NoError(t, err)
	require.Equal(t, all.Divergences[1:], one.Divergences)
	for class, want := range map[uint32]int{all.Divergences[0].VerdictClass: 2, all.Divergences[0].OtherClass: 2, 99: 0} {
		some, err := server.Divergences(b.ctx, &types.QueryDivergencesRequest{EnvironmentClass: class})
		require.NoError(t, err)
		require.Len(t, some.Divergences, want, "class %d", class)
	}
	conducts, err = server.Conducts(b.ctx, &types.QueryConductsRequest{Faulty: true})
	require.NoError(t, err)
	require.Equal(t, []types.Conduct{b.conduct(2)}, conducts.Conducts)

	evidence, err := server.Evidence(b.ctx, &types.QueryEvidenceRequest{RequestId: 7})
	require.NoError(t, err)
	require.Equal(t, uint64(7), evidence.Evidence.Round.RequestId)
	require.Equal(t, int64(100_100), evidence.ExpiryHeight)
	again, err := evidence.Evidence.Encode()
	require.NoError(t, err)
	require.Equal(t, evidence.Encoded, again)
}

func TestConsequenceQueriesRefuse(t *testing.T) {
	b := remembering(t)
	server := NewQueryServer(b.Keeper)
	for _, tc := range []struct {
		name string
		call func() error
		want codes.Code
	}{
		{"no such version", func() error {
			_, err := server.ParamsVersion(b.ctx, &types.QueryParamsVersionRequest{Version: 3})
			return err
		}, codes.NotFound},
		{"no such operator", func() error {
			_, err := server.Conduct(b.ctx, &types.QueryConductRequest{Operator: address(9)})
			return err
		}, codes.NotFound},
		{"no operator", func() error { _, err := server.Conduct(b.ctx, &types.QueryConductRequest{Operator: "o1"}); return err }, codes.InvalidArgument},
		{"no hexadecimal", func() error {
			_, err := server.Divergences(b.ctx, &types.QueryDivergencesRequest{Model: "xy"})
			return err
		}, codes.InvalidArgument},
		{"no SHA-256", func() error {
			_, err := server.Divergences(b.ctx, &types.QueryDivergencesRequest{Model: "00"})
			return err
		}, codes.InvalidArgument},
		{"an offset of conducts", func() error {
			_, err := server.Conducts(b.ctx, &types.QueryConductsRequest{Pagination: &query.PageRequest{Offset: 1}})
			return err
		}, codes.InvalidArgument},
		{"a bad key of divergences", func() error {
			_, err := server.Divergences(b.ctx, &types.QueryDivergencesRequest{Pagination: &query.PageRequest{Key: []byte{1}}})
			return err
		}, codes.InvalidArgument},
		{"no evidence", func() error { _, err := server.Evidence(b.ctx, &types.QueryEvidenceRequest{RequestId: 8}); return err }, codes.NotFound},
		{"no params version request", func() error { _, err := server.ParamsVersion(b.ctx, nil); return err }, codes.InvalidArgument},
		{"no conduct request", func() error { _, err := server.Conduct(b.ctx, nil); return err }, codes.InvalidArgument},
		{"no conducts request", func() error { _, err := server.Conducts(b.ctx, nil); return err }, codes.InvalidArgument},
		{"no divergences request", func() error { _, err := server.Divergences(b.ctx, nil); return err }, codes.InvalidArgument},
		{"no evidence request", func() error { _, err := server.Evidence(b.ctx, nil); return err }, codes.InvalidArgument},
	} {
		t.Run(tc.name, func(t *testing.T) {
			require.Equal(t, tc.want, status.Code(tc.call()))
		})
	}
}

func TestConsequencesGoOnAfterARestart(t *testing.T) {
	before := remembering(t)
	genesis, err := before.ExportGenesis(before.ctx)
	require.NoError(t, err)
	require.NoError(t, genesis.Validate())
	require.Equal(t, int64(-3), genesis.Conducts[1].SlashedHeight, "expected -1 to be the last block")
	require.Equal(t, []int64{-50, -1, 0}, []int64{genesis.Attendances[0].Height, genesis.Attendances[1].Height, genesis.Attendances[2].Height})
	require.Equal(t, int64(100_000), genesis.Evidence[0].ExpiryHeight)

	for _, initial := range []int64{1, 101, 5_000} {
		after := newEmptyBench(t).at(initial)
		require.NoError(t, after.InitGenesis(after.ctx, *genesis))
		again, err := after.at(initial - 1).ExportGenesis(after.ctx)
		require.NoError(t, err)
		require.Equal(t, genesis, again, "initial height %d", initial)

		// What was slashed before is not slashed again for rounds of that time.
		after.validator(3)
		after.at(initial)
		require.False(t, after.conduct(2).Punishable(initial-1-2), "opened in the block of the slash")
		require.True(t, after.conduct(2).Punishable(initial-1-1), "opened after it")
		stored, err := after.evidenceOf(after.ctx, 7)
		require.NoError(t, err)
		require.Equal(t, genesis.Evidence[0].Evidence, stored.Evidence, "expected the encoding to stay")
		require.Equal(t, initial-1+100_000, stored.ExpiryHeight)
	}
}

func TestASlashInTheLastBlockIsRemembered(t *testing.T) {
	before := newBench(t)
	require.NoError(t, before.punishOne(90))
	genesis, err := before.ExportGenesis(before.ctx)
	require.NoError(t, err)
	require.NoError(t, genesis.Validate())
	after := newEmptyBench(t)
	require.NoError(t, after.InitGenesis(after.ctx, *genesis))
	require.False(t, after.conduct(2).Punishable(0), "expected a round of the old chain not to be punished again")
	require.True(t, after.conduct(2).Punishable(2))
}

// Every change below contradicts something else in the state.
func TestGenesisOfConsequencesValidate(t *testing.T) {
	for _, tc := range []struct {
		name   string
		change func(*types.GenesisState)
	}{
		{"conduct of nobody", func(g *types.GenesisState) { g.Conducts[0].Operator = "o1" }},
		{"conducts descend", func(g *types.GenesisState) { g.Conducts[0], g.Conducts[1] = g.Conducts[1], g.Conducts[0] }},
		{"conduct twice", func(g *types.GenesisState) { g.Conducts[1] = g.Conducts[0] }},
		{"misses that are not in the window", func(g *types.GenesisState) { g.Conducts[0].Missed = 1 }},
		{"window without its ring", func(g *types.GenesisState) { g.Conducts[0].Window = nil }},
		{"reliability over the whole", func(g *types.GenesisState) { g.Conducts[0].Reliability = 10_001 }},
		{"slashed in the future", func(g *types.GenesisState) { g.Conducts[1].SlashedHeight = 1 }},
		{"slashed before time", func(g *types.GenesisState) { g.Conducts[1].SlashedHeight = -1 << 62 }},
		{"slashed without a fault", func(g *types.GenesisState) { g.Conducts[1].Faults = 0 }},
		{"divergence of no model", func(g *types.GenesisState) { g.Divergences[0].Model = nil }},
		{"divergence of no class", func(g *types.GenesisState) { g.Divergences[0].OtherClass = 0 }},
		{"divergences descend", func(g *types.GenesisState) { g.Divergences[0], g.Divergences[1] = g.Divergences[1], g.Divergences[0] }},
		{"divergence twice", func(g *types.GenesisState) { g.Divergences[1] = g.Divergences[0] }},
		{"divergence of no output", func(g *types.GenesisState) { g.Divergences[0].Within, g.Divergences[0].Contradicting = 0, 0 }},
		{"divergence of no request", func(g *types.GenesisState) { g.Divergences[0].LastRequestId = 0 }},
		{"divergence in the future", func(g *types.GenesisState) { g.Divergences[0].LastHeight = 1 }},
		{"too many pairs of a model", func(g *types.GenesisState) {
			pair := g.Divergences[1]
			for class := uint32(7); class < 7+types.MaxDivergences; class++ {
				pair.OtherClass = class
				g.Divergences = append(g.Divergences, pair)
			}
		}},
		{"attendance in the future", func(g *types.GenesisState) { g.Attendances[2].Height = 1 }},
		{"attendance too long ago", func(g *types.GenesisState) { g.Attendances[0].Height = -65 }},
		{"attendance twice", func(g *types.GenesisState) { g.Attendances[1].Height = 0 }},
		{"attendance of nobody", func(g *types.GenesisState) { g.Attendances[0].Operators[0] = nil }},
		{"attendance descends", func(g *types.GenesisState) { g.Attendances[0].Operators[1] = g.Attendances[0].Operators[0] }},
		{"evidence of no request", func(g *types.GenesisState) { g.Evidence[0].RequestId = 0 }},
		{"evidence of another request", func(g *types.GenesisState) { g.Evidence[0].RequestId = 8 }},
		{"evidence twice", func(g *types.GenesisState) { g.Evidence = append(g.Evidence, g.Evidence[0]) }},
		{"evidence that is none", func(g *types.GenesisState) { g.Evidence[0].Evidence = []byte{1} }},
		{"evidence in another encoding", func(g *types.GenesisState) {
			g.Evidence[0].Evidence = append(g.Evidence[0].Evidence, 0x9a, 0x06, 0) // a field that there is not
		}},
		{"evidence kept for ever", func(g *types.GenesisState) { g.Evidence[0].ExpiryHeight = int64(types.MaxEvidenceBlocks) + 1 }},
	} {
		t.Run(tc.name, func(t *testing.T) {
			b := remembering(t)
			genesis, err := b.ExportGenesis(b.ctx)
			require.NoError(t, err)
			require.NoError(t, genesis.Validate())
			tc.change(genesis)
			require.ErrorIs(t, genesis.Validate(), types.ErrInvalidGenesis)
		})
	}
}
