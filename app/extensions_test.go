package app_test

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	abci "github.com/cometbft/cometbft/abci/types"

	"github.com/opengradient/opengradient/app/abcitypes"
	"github.com/opengradient/opengradient/app/preblock"
	"github.com/opengradient/opengradient/app/voteext"
	"github.com/opengradient/opengradient/testutil/chaintest"
	schedulingtypes "github.com/opengradient/opengradient/x/scheduling/types"
)

// TestExtendVoteIsEmptyWithoutDuty checks that a node that runs no inference duty adds nothing to its votes: on the
// first block, whose state is not committed, and on later ones.
func TestExtendVoteIsEmptyWithoutDuty(t *testing.T) {
	c := chaintest.New(t, chaintest.Options{})
	for range 3 {
		resp, err := c.App.ExtendVote(context.Background(), &abci.RequestExtendVote{Height: c.Height() + 1, Hash: []byte("block")})
		require.NoError(t, err)
		require.Empty(t, resp.VoteExtension)
		c.Next()
	}
}

// TestVerifyVoteExtensionLooksAtTheSizeOnly checks that content never decides which precommits count.
func TestVerifyVoteExtensionLooksAtTheSizeOnly(t *testing.T) {
	c := chaintest.New(t, chaintest.Options{})
	c.Next()
	for name, tc := range map[string]struct {
		extension []byte
		status    abci.ResponseVerifyVoteExtension_VerifyStatus
	}{
		"empty":         {nil, abci.ResponseVerifyVoteExtension_ACCEPT},
		"garbage":       {[]byte("garbage"), abci.ResponseVerifyVoteExtension_ACCEPT},
		"as allowed":    {make([]byte, voteext.MaxBytes), abci.ResponseVerifyVoteExtension_ACCEPT},
		"one too large": {make([]byte, voteext.MaxBytes+1), abci.ResponseVerifyVoteExtension_REJECT},
	} {
		t.Run(name, func(t *testing.T) {
			resp, err := c.App.VerifyVoteExtension(&abci.RequestVerifyVoteExtension{
				Height: c.Height() + 1, Hash: []byte("block"), ValidatorAddress: c.Validators[0].Key.PubKey().Address(),
				VoteExtension: tc.extension,
			})
			require.NoError(t, err)
			require.Equal(t, tc.status, resp.Status)
		})
	}
}

// TestBadExtensionsAreCounted runs a chain on which two of four validators send nothing of use. It goes on, says so in
// events, and takes what the others send.
func TestBadExtensionsAreCounted(t *testing.T) {
	const malformed, nodeless = 0, 1
	c := chaintest.New(t, chaintest.Options{Powers: []int64{10, 10, 20, 20}, Edit: func(state map[string]json.RawMessage) {
		editGenesis(t, state, schedulingtypes.ModuleName, func(g *schedulingtypes.GenesisState) {
			operator := chaintest.Operator(nodeless).String()
			g.Nodes = slices.DeleteFunc(g.Nodes, func(n schedulingtypes.Node) bool { return n.Operator == operator })
		})
	}})
	c.Extend = func(i int, _ int64) []byte {
		if i == malformed {
			return []byte("garbage")
		}
		b, err := voteext.Encode(abcitypes.VoteExtension{Version: voteext.Version, Status: &schedulingtypes.NodeStatus{
			Ready: true, FreeCapacity: 1_000, Environment: chaintest.Environment(), WorkerVersion: "test",
		}})
		require.NoError(t, err)
		return b
	}
	c.Next()
	for range 3 {
		resp := c.Next()
		reasons := map[string]string{}
		for _, e := range typedEvents(t, resp, &abcitypes.EventExtensionIgnored{}) {
			reasons[e.Validator] = e.Reason
		}
		require.Equal(t, map[string]string{
			consensusAddress(c, malformed): preblock.ReasonMalformed,
			consensusAddress(c, nodeless):  preblock.ReasonUnknownNode,
		}, reasons)
		require.Empty(t, typedEvents(t, resp, &abcitypes.EventInjectionDropped{}))
	}
	for i, want := range []bool{false, false, true, true} {
		node, err := c.App.SchedulingKeeper.Nodes.Get(c.Ctx(), c.Validators[i].Operator)
		require.Equal(t, i == nodeless, err != nil)
		require.Equal(t, want, node.Status != nil, "validator %d", i)
	}
}

// TestLateOversizedExtensionsAreMarked checks an extension over the cap, which can come with a late precommit that
// nobody verifies: the proposer leaves it out and says so, as long as it is less than a third of the power.
func TestLateOversizedExtensionsAreMarked(t *testing.T) {
	const oversized = 3
	c := start(t, chaintest.Options{})
	c.Extend = func(i int, _ int64) []byte {
		if i == oversized {
			return make([]byte, voteext.MaxBytes+1)
		}
		return nil
	}
	c.Next()
	for range 2 {
		ignored := typedEvents(t, c.Next(), &abcitypes.EventExtensionIgnored{})
		require.Equal(t, []*abcitypes.EventExtensionIgnored{
			{Validator: consensusAddress(c, oversized), Reason: preblock.ReasonOversized},
		}, ignored)
	}
}

func consensusAddress(c *chaintest.Chain, i int) string {
	return fmt.Sprintf("%X", []byte(c.Validators[i].Key.PubKey().Address()))
}
