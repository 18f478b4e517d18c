package types_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/opengradient/opengradient/x/models/types"
)

// TestStatuses walks all pairs: nothing leads from an admitted status to one that is not, and what is over may only be
// admitted again.
func TestStatuses(t *testing.T) {
	allowed := 0
	for i := range types.ModelStatus_name {
		from := types.ModelStatus(i)
		for j := range types.ModelStatus_name {
			to := types.ModelStatus(j)
			err := from.Next(to)
			if err != nil {
				require.ErrorIs(t, err, types.ErrStatus)
				continue
			}
			allowed++
			require.NotEqual(t, from, to)
			require.True(t, to.IsKnown())
			if from.Admitted() {
				require.True(t, to.Admitted())
			}
			if from.Over() {
				require.Equal(t, types.MODEL_STATUS_ADMITTING, to)
			}
			if to == types.MODEL_STATUS_ACTIVE && !from.Admitted() {
				require.Equal(t, types.MODEL_STATUS_ADMITTING, from, "nothing becomes active without an admission")
			}
		}
	}
	require.Equal(t, 15, allowed)
	require.Error(t, types.ModelStatus(99).Next(types.MODEL_STATUS_ACTIVE))
	for s, want := range map[types.ModelStatus][4]bool{ // usable, admitted, attestable, over
		types.MODEL_STATUS_UNSPECIFIED: {}, types.MODEL_STATUS_INSPECTING: {},
		types.MODEL_STATUS_ADMITTING: {false, false, true, false}, types.MODEL_STATUS_ACTIVE: {true, true, true, false},
		types.MODEL_STATUS_DEPRECATED: {true, true, true, false}, types.MODEL_STATUS_DISABLED: {false, true, true, false},
		types.MODEL_STATUS_REJECTED: {false, false, false, true}, types.MODEL_STATUS_EXPIRED: {false, false, false, true},
	} {
		require.Equal(t, want, [4]bool{s.Usable(), s.Admitted(), s.Attestable(), s.Over()}, "%s", s)
	}
}

func TestEveryFailureHasAReason(t *testing.T) {
	seen := map[string]bool{types.ReasonRefused: true, types.ReasonDisagreement: true, types.ReasonNoQuorum: true}
	for f := range types.ModelFailure_name {
		if f == 0 {
			require.Empty(t, types.ModelFailure(f).Reason())
			continue
		}
		reason := types.ModelFailure(f).Reason()
		require.NotEmpty(t, reason)
		require.False(t, seen[reason], reason)
		seen[reason] = true
	}
}

func TestReceived(t *testing.T) {
	u := types.Upload{ChunkHashes: make([][]byte, 11)}
	r := types.NewReceived(11)
	require.Len(t, r, 2)
	for i, index := range []uint32{10, 0, 7, 8} {
		require.False(t, r.Has(index))
		before := r
		r = r.With(index)
		require.True(t, r.Has(index))
		require.False(t, before.Has(index), "the old one is as it was")
		require.EqualValues(t, i+1, r.Count())
	}
	require.Equal(t, []uint32{1, 2, 3, 4, 5, 6, 9}, u.Missing(r))
	require.False(t, r.Has(1<<31))
}

func TestChunks(t *testing.T) {
	for size, want := range map[uint64]uint64{0: 0, 1: 1, types.ChunkBytes - 1: 1, types.ChunkBytes: 1, types.ChunkBytes + 1: 2, 32 << 20: 128} {
		count := types.ChunkCount(size)
		require.Equal(t, want, count)
		sum := uint64(0)
		for i := range uint32(count) {
			sum += types.ChunkSize(size, i)
		}
		require.Equal(t, size, sum)
		require.Zero(t, types.ChunkSize(size, uint32(count)))
	}
	require.Zero(t, types.ChunkSize(1<<20, 1<<32-1))
}
