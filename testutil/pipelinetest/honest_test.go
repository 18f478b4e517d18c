package pipelinetest

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/opengradient/opengradient/internal/agreement"
	inferencetypes "github.com/opengradient/opengradient/x/inference/types"
	verificationtypes "github.com/opengradient/opengradient/x/verification/types"
)

// honestNodes have the classes given, one each, and the others stand by without stake.
func honestNodes(classes ...uint32) []*Node {
	nodes := make([]*Node, MaxNodes)
	for i := range nodes {
		nodes[i] = &Node{Operator: Operator(i), Name: Operator(i).String(), Class: ClassOne, secret: uint64(i)}
		if i < len(classes) {
			nodes[i].Class = classes[i]
		}
	}
	return nodes
}

// A network without faults takes the fewest blocks that a request can take: two after its submission, two more for
// commitments, two more when its nodes are of two classes that differ in the last bits.
func TestHonestNodesTakeTheFewestBlocks(t *testing.T) {
	for name, tc := range map[string]struct {
		tier    inferencetypes.Tier
		sealing inferencetypes.Sealing
		classes []uint32
		blocks  int64
	}{
		"quorum":             {inferencetypes.TIER_QUORUM, inferencetypes.SEALING_OPEN, []uint32{1, 1, 1, 1}, 2},
		"committee":          {inferencetypes.TIER_COMMITTEE, inferencetypes.SEALING_OPEN, []uint32{1, 1, 1, 1}, 2},
		"quorum, sealed":     {inferencetypes.TIER_QUORUM, inferencetypes.SEALING_SEALED, []uint32{1, 1, 1, 1}, 4},
		"committee, sealed":  {inferencetypes.TIER_COMMITTEE, inferencetypes.SEALING_SEALED, []uint32{1, 1, 1, 1}, 4},
		"two classes":        {inferencetypes.TIER_QUORUM, inferencetypes.SEALING_OPEN, []uint32{1, 2, 1, 2}, 4},
		"two sealed classes": {inferencetypes.TIER_QUORUM, inferencetypes.SEALING_SEALED, []uint32{1, 2, 1, 2}, 6},
		"an odd one out":     {inferencetypes.TIER_QUORUM, inferencetypes.SEALING_OPEN, []uint32{1, 1, 1, 2}, 2},
	} {
		t.Run(name, func(t *testing.T) {
			n := NewNetwork(t, honestNodes(tc.classes...), []int64{10, 10, 10, 10}, nil)
			for model := range models {
				submitted := n.Height()
				ids := n.Submit(model, 1, 2, tc.tier, tc.sealing)
				require.NotEmpty(t, ids)
				for range 12 {
					n.Block()
				}
				for _, id := range ids {
					r, err := n.Inference.Request(n.Ctx(), id)
					require.NoError(t, err)
					require.True(t, r.Settles(), "request %d is %s", id, r.Status)
					require.Equal(t, uint32(1), r.Attempt)
					exact := models[model].name == "integer" || n.facts[id].fails()
					blocks := tc.blocks
					if exact && len(tc.classes) == 4 && tc.classes[1] == ClassTwo {
						blocks -= 2 // nothing differs
					}
					if receipt, err := n.Inference.Receipts.Get(n.Ctx(), id); err == nil && !exact && name == "an odd one out" && receipt.Leader == n.Nodes[3].Name {
						blocks += 2 // the bytes that come first are those of the odd one
					}
					require.Equal(t, blocks, r.FinalHeight-submitted, "blocks of request %d of model %s", id, models[model].name)
					n.requireAllAgreed(id)
				}
			}
			n.Drain()
		})
	}
}

// requireAllAgreed checks the receipt: every seat agreed, exactly or within the tolerance.
func (n *Network) requireAllAgreed(id uint64) {
	n.t.Helper()
	receipt, err := n.Inference.Receipts.Get(n.ctx, id)
	require.NoError(n.t, err)
	outcomes, err := agreement.UnpackOutcomes[verificationtypes.MemberOutcome](receipt.MemberOutcomes, 4)
	require.NoError(n.t, err)
	for i, outcome := range outcomes {
		want := verificationtypes.MEMBER_OUTCOME_AGREED
		if len(receipt.Committee) > 0 && receipt.Committee[0]>>i&1 == 0 {
			want = verificationtypes.MEMBER_OUTCOME_NEUTRAL
		}
		require.Equal(n.t, want, outcome, "member %d of request %d", i, id)
	}
}

// An outcome that a dishonest member invents can take the last room of a round from an honest one that differs in the
// last bits and has less power behind it. Who attests that one is not paid, but it has missed nothing.
func TestNoRoomForAWordIsNoMiss(t *testing.T) {
	nodes := honestNodes(ClassOne, ClassOne, ClassOne, ClassTwo)
	nodes[2].Policy = Scattered
	n := NewNetwork(t, nodes, []int64{40, 40, 12, 11}, func(g *Genesis) {
		params := verificationtypes.DefaultParams()
		params.MaxCandidates = 2
		g.Verification.Params[0].Params = params
	})
	for range 3 {
		ids := n.Submit(0, 1, 2, inferencetypes.TIER_QUORUM, inferencetypes.SEALING_OPEN)
		require.NotEmpty(t, ids)
		for range 8 {
			n.Block()
		}
		for _, id := range ids {
			receipt, err := n.Inference.Receipts.Get(n.Ctx(), id)
			require.NoError(t, err)
			if n.facts[id].fails() {
				continue // nothing differs
			}
			outcomes, err := agreement.UnpackOutcomes[verificationtypes.MemberOutcome](receipt.MemberOutcomes, 4)
			require.NoError(t, err)
			require.Equal(t, verificationtypes.MEMBER_OUTCOME_MISSING, outcomes[3], "request %d", id)
		}
	}
	conduct, err := n.conduct(nodes[3].Operator)
	require.NoError(t, err)
	require.Zero(t, conduct.Missed)
	n.Drain()
}
