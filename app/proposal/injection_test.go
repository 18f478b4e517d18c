package proposal_test

import (
	"bytes"
	"runtime"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/opengradient/opengradient/app/abcitypes"
	"github.com/opengradient/opengradient/app/proposal"
)

// TestDecodeRefusesTooManyEntriesBeforeItHoldsThem: an entry takes two bytes in a block and fifty-six in memory, so a
// proposer could otherwise make every validator hold hundreds of megabytes for one refused block.
func TestDecodeRefusesTooManyEntriesBeforeItHoldsThem(t *testing.T) {
	const size = 8 << 20
	tx := slices.Concat(proposal.Magic, []byte{8, proposal.Version}, bytes.Repeat([]byte{26, 0}, size/2))
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	_, err := proposal.Decode(tx)
	runtime.ReadMemStats(&after)
	require.ErrorContains(t, err, "entries")
	require.Less(t, after.TotalAlloc-before.TotalAlloc, uint64(size), "bytes allocated for %d bytes of injection", size)
}

func TestDecodeTakesAsManyEntriesAsACommitCanHave(t *testing.T) {
	tx, err := proposal.Encode(abcitypes.InjectedCommit{
		Version: proposal.Version, Entries: make([]abcitypes.InjectedEntry, proposal.MaxEntries),
	})
	require.NoError(t, err)
	c, err := proposal.Decode(tx)
	require.NoError(t, err)
	require.Len(t, c.Entries, proposal.MaxEntries)
	_, err = proposal.Decode(append(tx, 26, 0))
	require.ErrorContains(t, err, "entries")
}
