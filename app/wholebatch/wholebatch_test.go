package wholebatch

import (
	"testing"

	"github.com/stretchr/testify/require"

	dbm "github.com/cosmos/cosmos-db"
)

func TestSizeIsWhatIsBeyondTheBound(t *testing.T) {
	db := New(dbm.NewMemDB())
	db.bound = 1_000
	for name, b := range map[string]dbm.Batch{"of no size": db.NewBatch(), "of a size": db.NewBatchWithSize(10)} {
		t.Run(name, func(t *testing.T) {
			require.NoError(t, b.Set([]byte("a"), make([]byte, 900)))
			size, err := b.GetByteSize()
			require.NoError(t, err)
			require.Zero(t, size)
			require.NoError(t, b.Set([]byte("b"), make([]byte, 900)))
			size, err = b.GetByteSize()
			require.NoError(t, err)
			require.GreaterOrEqual(t, size, 800)
			require.NoError(t, b.Write())
			value, err := db.Get([]byte("b"))
			require.NoError(t, err)
			require.Len(t, value, 900)
			_, err = b.GetByteSize()
			require.Error(t, err, "of a batch that was written")
			require.NoError(t, b.Close())
		})
	}
}
