package pipelinetest

import (
	"github.com/stretchr/testify/require"

	sdk "github.com/cosmos/cosmos-sdk/types"

	schedulingtypes "github.com/opengradient/opengradient/x/scheduling/types"
	verificationtypes "github.com/opengradient/opengradient/x/verification/types"
)

// isFair tells whether every extension that is carried says what its node knew at the time: then nobody who does its
// duty misses a round.
func (w Weather) isFair() bool { return w.Late == 0 && w.Lost == 0 }

// checkConduct holds what is remembered of nodes against what they did: as long as dishonest nodes never had the power
// to make a verdict wrong or an honest node look guilty, nobody who means well is at fault, contradicted or slashed.
func (n *Network) checkConduct() {
	n.t.Helper()
	for _, node := range n.Nodes {
		scheduled, err := n.Scheduling.Nodes.Get(n.ctx, node.Operator)
		require.NoError(n.t, err)
		conduct, err := n.conduct(node.Operator)
		require.NoError(n.t, err)
		require.Equal(n.t, conduct.Reliability, scheduled.Reliability, "reliability of %s", node.Policy)
		if node.Policy.MeansWell() && !n.framed {
			require.Zero(n.t, conduct.Faults, "faults of %s", node.Policy)
			require.Zero(n.t, conduct.SlashedHeight, "slash of %s", node.Policy)
		}
		if !node.Policy.IsHonest() || n.framed {
			continue
		}
		require.Zero(n.t, conduct.Contradicted, "contradicted rounds of %s", node.Policy)
		if scheduled.IsJailed() {
			require.Equal(n.t, "missed", scheduled.JailReason, "jail of %s", node.Policy)
		}
		if node.Policy == Honest && n.Weather.isFair() {
			require.Zero(n.t, conduct.Missed, "missed rounds of %s", node.Policy)
			require.False(n.t, scheduled.IsJailed(), "jail of %s", node.Policy)
		}
	}
}

// conduct is what is remembered of an operator; of one that was never counted, full reliability.
func (n *Network) conduct(operator sdk.ValAddress) (verificationtypes.Conduct, error) {
	known, err := n.Verification.Conducts.Has(n.ctx, operator)
	if err != nil || !known {
		return verificationtypes.Conduct{Reliability: schedulingtypes.MaxReliability}, err
	}
	return n.Verification.Conducts.Get(n.ctx, operator)
}

// countConduct adds to Ends what was proven of whom.
func (n *Network) countConduct() {
	for _, node := range n.Nodes {
		conduct, err := n.conduct(node.Operator)
		require.NoError(n.t, err)
		if conduct.Faults > 0 {
			n.Ends["fault of "+node.Policy.String()] += int(conduct.Faults)
		}
		scheduled, err := n.Scheduling.Nodes.Get(n.ctx, node.Operator)
		require.NoError(n.t, err)
		if scheduled.IsJailed() {
			n.Ends["jailed for "+scheduled.JailReason]++
		}
	}
}
