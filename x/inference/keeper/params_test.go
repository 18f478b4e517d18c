package keeper_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"cosmossdk.io/math"

	"github.com/opengradient/opengradient/x/inference/types"
)

// setParams stores a new version with a change.
func (f *fixture) setParams(change func(*types.Params)) {
	f.Helper()
	p, _, err := f.k.CurrentParams(f.ctx)
	require.NoError(f, err)
	change(&p)
	_, err = f.msgs.UpdateParams(f.ctx, &types.MsgUpdateParams{Authority: f.k.Authority(), Params: p})
	require.NoError(f, err)
}

func TestUpdateParams(t *testing.T) {
	f := newFixture(t)
	f.setParams(func(p *types.Params) { p.BytePrice = math.NewInt(9) })
	p, version, err := f.k.CurrentParams(f.ctx)
	require.NoError(t, err)
	require.Equal(t, uint64(2), version)
	require.Equal(t, int64(9), p.BytePrice.Int64())
	first, err := f.k.ParamsAt(f.ctx, 1)
	require.NoError(t, err)
	require.Equal(t, types.DefaultParams(), first)

	f.requireUnchanged(func() {
		_, err = f.msgs.UpdateParams(f.ctx, &types.MsgUpdateParams{Authority: alice.String(), Params: p})
		require.ErrorContains(t, err, "invalid authority")
		p.MaxOutputBytes = 0
		_, err = f.msgs.UpdateParams(f.ctx, &types.MsgUpdateParams{Authority: f.k.Authority(), Params: p})
		require.ErrorIs(t, err, types.ErrInvalidParams)
	})
}
