package keeper

import (
	"testing"

	"github.com/stretchr/testify/require"

	"cosmossdk.io/math"
	stakingtypes "github.com/cosmos/cosmos-sdk/x/staking/types"

	"github.com/opengradient/opengradient/x/verification/types"
)

// punishOne punishes a fault of operator 2 in a round opened at a height.
func (b *bench) punishOne(opened int64) error {
	round := types.Round{RequestId: 7, Attempt: 2, OpenedHeight: opened, ParamsVersion: 1}
	return b.punish(b.ctx, round, electorateOf(3), types.Fault{Member: 1, Kind: types.FAULT_KIND_OUTPUT, Height: 100})
}

func TestPunishSlashesAndJails(t *testing.T) {
	b := newBench(t)
	consAddr := b.validator(stakingtypes.Bonded)
	// The round keeps the parameters it was opened under.
	b.params(func(p *types.Params) { p.SlashFraction, p.FaultJailBlocks = math.LegacyNewDecWithPrec(5, 1), 1 })
	require.NoError(t, b.punishOne(90))

	require.Equal(t, []slashed{{consAddr, 90, 10, "0.010000000000000000"}}, b.staking.slashes)
	require.Equal(t, []string{"o2 jailed until 10100: fault"}, b.nodes.take())
	require.Equal(t, []types.EventFault{
		{RequestId: 7, Attempt: 2, Operator: address(2), Kind: types.FAULT_KIND_OUTPUT, Slashed: "100000"},
	}, events[types.EventFault](b))
	require.Equal(t, []types.EventConductJailed{{Operator: address(2), Reason: "fault", Until: 10_100}}, events[types.EventConductJailed](b))
	require.Equal(t, types.Conduct{Operator: address(2), Reliability: 10_000, Faults: 1, SlashedHeight: 100}, b.conduct(2))
}

func TestPunishOncePerCause(t *testing.T) {
	for _, tc := range []struct {
		name            string
		slashed, opened int64
		punished        bool
	}{
		{"never slashed", 0, 90, true},
		{"never slashed, opened before a genesis", 0, -3, true},
		{"opened before the slash", 95, 94, false},
		{"opened in the block of the slash", 95, 95, false},
		{"opened after the slash", 95, 96, true},
		{"slashed before a genesis, opened before that", -2, -3, false},
		{"slashed before a genesis, opened after that", -3, -2, true},
	} {
		t.Run(tc.name, func(t *testing.T) {
			b := newBench(t)
			b.validator(stakingtypes.Bonded)
			b.set(types.Conduct{Operator: address(2), Reliability: 9_000, Faults: 4, SlashedHeight: tc.slashed})
			require.NoError(t, b.punishOne(tc.opened))
			got := b.conduct(2)
			require.Equal(t, uint64(5), got.Faults, "a fault is counted in any case")
			require.Equal(t, uint32(9_000), got.Reliability)
			if tc.punished {
				require.Len(t, b.staking.slashes, 1)
				require.Equal(t, max(tc.opened, 1), b.staking.slashes[0].InfractionHeight)
				require.Len(t, b.nodes.take(), 1)
				require.Equal(t, int64(100), got.SlashedHeight)
				return
			}
			require.Empty(t, b.staking.slashes)
			require.Empty(t, b.nodes.take())
			require.Equal(t, tc.slashed, got.SlashedHeight)
			require.Equal(t, "0", events[types.EventFault](b)[0].Slashed)
			require.Empty(t, events[types.EventConductJailed](b))
		})
	}
}

func TestPunishNeverFailsABlock(t *testing.T) {
	for _, tc := range []struct {
		name  string
		spoil func(*bench)
	}{
		{"the validator is gone", func(b *bench) { b.staking.validators = nil }},
		{"the validator has unbonded", func(b *bench) { b.validator(stakingtypes.Unbonded) }},
		{"the validator has no key", func(b *bench) {
			b.staking.validators[address(2)] = stakingtypes.Validator{Status: stakingtypes.Bonded}
		}},
		{"the validator cannot be read", func(b *bench) { b.staking.lookup = errStaking }},
		{"slashing fails", func(b *bench) { b.staking.fail = errStaking }},
		{"a hook panics", func(b *bench) { b.staking.panics = true }},
	} {
		t.Run(tc.name, func(t *testing.T) {
			b := newBench(t)
			b.validator(stakingtypes.Unbonding)
			tc.spoil(b)
			require.NoError(t, b.punishOne(90))
			require.Equal(t, "0", events[types.EventFault](b)[0].Slashed)
			require.Equal(t, []string{"o2 jailed until 10100: fault"}, b.nodes.take())
			require.Equal(t, int64(100), b.conduct(2).SlashedHeight)
			for _, event := range b.ctx.EventManager().Events() {
				require.NotEqual(t, "burn", event.Type, "expected nothing to remain of a slash that failed")
			}
		})
	}
}
