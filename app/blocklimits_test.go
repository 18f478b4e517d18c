package app_test

import (
	"encoding/json"
	"math"
	"testing"

	"github.com/stretchr/testify/require"

	abci "github.com/cometbft/cometbft/abci/types"
	cmtproto "github.com/cometbft/cometbft/proto/tendermint/types"
	dbm "github.com/cosmos/cosmos-db"
	sdk "github.com/cosmos/cosmos-sdk/types"
	authtypes "github.com/cosmos/cosmos-sdk/x/auth/types"
	consensustypes "github.com/cosmos/cosmos-sdk/x/consensus/types"
	govtypes "github.com/cosmos/cosmos-sdk/x/gov/types"
	stakingtypes "github.com/cosmos/cosmos-sdk/x/staking/types"

	"github.com/opengradient/opengradient/app"
	"github.com/opengradient/opengradient/testutil/chaintest"
)

// The smallest block that CheckBlockLimits takes for 100 validators and 1 MiB of evidence.
const smallestBlock = 100*(32<<10+64+3309+3355) + 1<<20 + 64<<10

func consensusParams(edit func(p *cmtproto.ConsensusParams)) cmtproto.ConsensusParams {
	p := chaintest.ConsensusParams()
	p.Abci = &cmtproto.ABCIParams{VoteExtensionsEnableHeight: 1}
	edit(p)
	return *p
}

func TestCheckBlockLimits(t *testing.T) {
	for name, tc := range map[string]struct {
		validators uint32
		edit       func(p *cmtproto.ConsensusParams)
		want       string
	}{
		"default":                  {100, func(*cmtproto.ConsensusParams) {}, ""},
		"smallest block":           {100, func(p *cmtproto.ConsensusParams) { p.Block.MaxBytes = smallestBlock }, ""},
		"one byte too small":       {100, func(p *cmtproto.ConsensusParams) { p.Block.MaxBytes = smallestBlock - 1 }, "block max_bytes: expected at least"},
		"one validator too many":   {101, func(p *cmtproto.ConsensusParams) { p.Block.MaxBytes = smallestBlock }, "for 101 validators"},
		"more evidence":            {100, func(p *cmtproto.ConsensusParams) { p.Block.MaxBytes, p.Evidence.MaxBytes = smallestBlock, 1<<20+1 }, "block max_bytes"},
		"evidence that overflows":  {100, func(p *cmtproto.ConsensusParams) { p.Evidence.MaxBytes = math.MaxInt64 }, "evidence max_bytes"},
		"negative evidence":        {200, func(p *cmtproto.ConsensusParams) { p.Evidence.MaxBytes = -4 << 20 }, "evidence max_bytes"},
		"largest block":            {1_000, func(p *cmtproto.ConsensusParams) { p.Block.MaxBytes = -1 }, ""},
		"largest block, too many":  {10_000, func(p *cmtproto.ConsensusParams) { p.Block.MaxBytes = -1 }, "block max_bytes"},
		"every validator":          {1<<32 - 1, func(p *cmtproto.ConsensusParams) { p.Block.MaxBytes = -1 }, "block max_bytes"},
		"no gas limit":             {100, func(p *cmtproto.ConsensusParams) { p.Block.MaxGas = -1 }, "block max_gas: expected a positive limit, got -1"},
		"no gas":                   {100, func(p *cmtproto.ConsensusParams) { p.Block.MaxGas = 0 }, "block max_gas"},
		"no vote extensions":       {100, func(p *cmtproto.ConsensusParams) { p.Abci.VoteExtensionsEnableHeight = 0 }, "vote_extensions_enable_height"},
		"no vote extension params": {100, func(p *cmtproto.ConsensusParams) { p.Abci = nil }, "vote_extensions_enable_height"},
		"no block params":          {100, func(p *cmtproto.ConsensusParams) { p.Block = nil }, "expected block and evidence params"},
		"no evidence params":       {100, func(p *cmtproto.ConsensusParams) { p.Evidence = nil }, "expected block and evidence params"},
	} {
		t.Run(name, func(t *testing.T) {
			err := app.CheckBlockLimits(consensusParams(tc.edit), tc.validators)
			if tc.want == "" {
				require.NoError(t, err)
				return
			}
			require.ErrorContains(t, err, tc.want)
		})
	}
}

// TestGenesisWithBadBlockLimitsIsRefused starts chains whose genesis would strand an honest proposer.
func TestGenesisWithBadBlockLimitsIsRefused(t *testing.T) {
	var state map[string]json.RawMessage
	chaintest.New(t, chaintest.Options{Edit: func(s map[string]json.RawMessage) { state = s }})
	genesis, err := json.Marshal(state)
	require.NoError(t, err)
	manyValidators := map[string]json.RawMessage{}
	for module, raw := range state {
		manyValidators[module] = raw
	}
	editGenesis(t, manyValidators, stakingtypes.ModuleName, func(g *stakingtypes.GenesisState) { g.Params.MaxValidators = 500 })
	crowded, err := json.Marshal(manyValidators)
	require.NoError(t, err)

	for name, tc := range map[string]struct {
		state json.RawMessage
		edit  func(p *cmtproto.ConsensusParams)
		want  string
	}{
		"as it is":            {genesis, func(*cmtproto.ConsensusParams) {}, ""},
		"blocks too small":    {genesis, func(p *cmtproto.ConsensusParams) { p.Block.MaxBytes = 4 << 20 }, "block max_bytes: expected at least"},
		"no gas limit":        {genesis, func(p *cmtproto.ConsensusParams) { p.Block.MaxGas = -1 }, "block max_gas: expected a positive limit"},
		"too many validators": {crowded, func(*cmtproto.ConsensusParams) {}, "for 500 validators"},
		"no state":            {json.RawMessage("null"), func(*cmtproto.ConsensusParams) {}, "validator set is empty"},
		"no object":           {json.RawMessage("[]"), func(*cmtproto.ConsensusParams) {}, "genesis app state"},
	} {
		t.Run(name, func(t *testing.T) {
			p := chaintest.ConsensusParams()
			tc.edit(p)
			resp, err := reopen(t, dbm.NewMemDB()).InitChain(&abci.RequestInitChain{
				ChainId: chaintest.ChainID, InitialHeight: 1, ConsensusParams: p, AppStateBytes: tc.state,
			})
			if tc.want != "" {
				require.ErrorContains(t, err, tc.want)
				return
			}
			require.NoError(t, err)
			require.Equal(t, int64(1), resp.ConsensusParams.Abci.VoteExtensionsEnableHeight, "vote extensions from the first block")
		})
	}
}

// TestParameterMessagesKeepTheBlockLimits sends the parameter messages that could break the block limits as the
// governance authority does.
func TestParameterMessagesKeepTheBlockLimits(t *testing.T) {
	c := chaintest.New(t, chaintest.Options{})
	c.Next()
	for name, tc := range map[string]struct {
		msg  sdk.Msg
		want string
	}{
		"same limits":             {updateConsensus(func(*consensustypes.MsgUpdateParams) {}), ""},
		"larger blocks":           {updateConsensus(func(m *consensustypes.MsgUpdateParams) { m.Block.MaxBytes = 16 << 20 }), ""},
		"blocks too small":        {updateConsensus(func(m *consensustypes.MsgUpdateParams) { m.Block.MaxBytes = 4 << 20 }), "block max_bytes"},
		"too much evidence":       {updateConsensus(func(m *consensustypes.MsgUpdateParams) { m.Evidence.MaxBytes = 6 << 20 }), "block max_bytes"},
		"no gas limit":            {updateConsensus(func(m *consensustypes.MsgUpdateParams) { m.Block.MaxGas = -1 }), "block max_gas"},
		"same extension height":   {updateConsensus(extensionsFrom(1)), ""},
		"later extension height":  {updateConsensus(extensionsFrom(100)), "vote extensions cannot be modified"},
		"vote extensions ended":   {updateConsensus(extensionsFrom(0)), "vote extensions cannot be disabled"},
		"fewer validators":        {updateStaking(50), ""},
		"too many validators":     {updateStaking(200), "for 200 validators"},
		"far too many validators": {updateStaking(1<<32 - 1), "block max_bytes"},
	} {
		t.Run(name, func(t *testing.T) {
			ctx := c.Ctx()
			ctx = ctx.WithConsensusParams(c.App.GetConsensusParams(ctx)).WithEventManager(sdk.NewEventManager())
			_, err := c.App.MsgServiceRouter().Handler(tc.msg)(ctx, tc.msg)
			if tc.want == "" {
				require.NoError(t, err)
				return
			}
			require.ErrorContains(t, err, tc.want)
		})
	}
}

func govAuthority() string { return authtypes.NewModuleAddress(govtypes.ModuleName).String() }

func updateConsensus(edit func(m *consensustypes.MsgUpdateParams)) sdk.Msg {
	p := chaintest.ConsensusParams()
	msg := &consensustypes.MsgUpdateParams{Authority: govAuthority(), Block: p.Block, Evidence: p.Evidence, Validator: p.Validator}
	edit(msg)
	return msg
}

func extensionsFrom(height int64) func(m *consensustypes.MsgUpdateParams) {
	return func(m *consensustypes.MsgUpdateParams) {
		m.Abci = &cmtproto.ABCIParams{VoteExtensionsEnableHeight: height}
	}
}

func updateStaking(maxValidators uint32) sdk.Msg {
	params := stakingtypes.DefaultParams()
	params.MaxValidators = maxValidators
	return &stakingtypes.MsgUpdateParams{Authority: govAuthority(), Params: params}
}
