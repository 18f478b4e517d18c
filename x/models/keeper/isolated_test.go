package keeper

import (
	"errors"
	"testing"

	"github.com/stretchr/testify/require"

	storetypes "github.com/cosmos/cosmos-sdk/store/v2/types"
	"github.com/cosmos/cosmos-sdk/testutil"
	sdk "github.com/cosmos/cosmos-sdk/types"
)

// TestIsolated: a step that panics or fails leaves nothing behind, and its error is the same on every machine.
func TestIsolated(t *testing.T) {
	key := storetypes.NewKVStoreKey("isolated")
	ctx := testutil.DefaultContext(key, storetypes.NewTransientStoreKey("transient"))
	wrong := errors.New("wrong")
	for name, tt := range map[string]struct {
		end  func() error
		want error
		left bool
	}{
		"a step that ends well": {func() error { return nil }, nil, true},
		"a step that fails":     {func() error { return wrong }, wrong, false},
		"a step that panics":    {func() error { panic("at an address of this machine") }, errPanic, false},
	} {
		t.Run(name, func(t *testing.T) {
			ctx, _ := ctx.CacheContext()
			err := isolated(ctx, func(ctx sdk.Context) error {
				ctx.KVStore(key).Set([]byte("k"), []byte("v"))
				return tt.end()
			})
			require.Equal(t, tt.want, err)
			require.Equal(t, tt.left, ctx.KVStore(key).Has([]byte("k")))
		})
	}
}
