package app_test

import (
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/opengradient/opengradient/app"
	"github.com/opengradient/opengradient/testutil/chaintest"
)

// An earlier process of the validator signed its last extension on the block after the head at most; the block behind that
// one carries it, or none does. What comes after it answers to no state before that block, however it catches up.
func TestNewProcessWaitsForTheWordsOfTheOldOne(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		head := rapid.Int64Range(1, 50).Draw(rt, "head of the chain when the old process ended")
		kept := rapid.Int64Range(0, head).Draw(rt, "height of the data folder")
		start := head + rapid.Int64Range(0, 5).Draw(rt, "blocks while the node was down")
		carried := head + 2 // the block that may carry the last extension of the old process
		var p app.Proposals
		require.True(rt, p.Behind(kept), "before any proposal")
		for height := kept + 1; height <= start; height++ {
			require.True(rt, p.Behind(height), "while blocks are fetched")
		}
		for height := start + 1; height <= start+8; height++ {
			checks := height == start+1 || rapid.IntRange(0, 3).Draw(rt, "checks the proposal") > 0
			if checks {
				p.Checked(height)
			}
			if !p.Behind(height) {
				require.True(rt, checks, "block %d was fetched", height)
				require.GreaterOrEqual(rt, height, carried)
			}
		}
		p.Checked(start + 9)
		require.False(rt, p.Behind(start+9))
	})
}

func TestRemoteSignerIsFoundByItsOperator(t *testing.T) {
	c := chaintest.New(t, chaintest.Options{})
	require.Nil(t, c.App.ConsensusOf(""), "no operator")
	c.Next()
	for _, v := range c.Validators {
		require.Equal(t, []byte(v.Key.PubKey().Address()), []byte(c.App.ConsensusOf(v.Operator.String())))
	}
	require.Nil(t, c.App.ConsensusOf("cosmosvaloper1"), "no address")
}
