package app_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/opengradient/opengradient/testutil/chaintest"
	inferencetypes "github.com/opengradient/opengradient/x/inference/types"
	verificationtypes "github.com/opengradient/opengradient/x/verification/types"
)

// near is an output within the tolerance of that of honest validators for the second half of the validators.
func near(i int, id uint64) []byte {
	if i >= 2 {
		return output(float32(id) * (1 + 1e-6))
	}
	return answer(i, id)
}

// verdictAfter is the number of blocks from the one that includes a request to the verdict on it, when the validators
// compute output and know of a block only with their next vote.
func verdictAfter(t *testing.T, output chaintest.Output, sealing inferencetypes.Sealing, tier inferencetypes.Tier) (int64, verificationtypes.Round) {
	t.Helper()
	c := start(t, chaintest.Options{Accounts: 1})
	from := c.Accounts[0]
	register(t, c)
	c.AttestWith(chaintest.Attester{Output: output, Late: true})
	msg := submission(from.Address, 1)
	msg.Sealing, msg.Tier = sealing, tier
	deliver(t, c, signTx(t, c, walletOf(from), txOptions{}, msg))
	included := c.Height()
	for range 12 {
		c.Next()
		if request(t, c, 1).Status == inferencetypes.REQUEST_STATUS_FINALIZED {
			round, err := c.App.VerificationKeeper.Round(c.Ctx(), 1)
			require.NoError(t, err)
			return c.Height() - included, round
		}
	}
	require.Fail(t, "no verdict")
	return 0, verificationtypes.Round{}
}

// TestVerdictsComeInTime checks the way from a request to its verdict, in blocks: outputs that differ within the
// tolerance cost at most two blocks more than equal ones, because their bytes are published in the very vote that can
// see the difference.
func TestVerdictsComeInTime(t *testing.T) {
	for reason, tc := range map[string]struct {
		output  chaintest.Output
		sealing inferencetypes.Sealing
		tier    inferencetypes.Tier
		within  int64
	}{
		"equal outputs":                    {answer, inferencetypes.SEALING_OPEN, inferencetypes.TIER_QUORUM, 2},
		"outputs within the tolerance":     {near, inferencetypes.SEALING_OPEN, inferencetypes.TIER_QUORUM, 4},
		"sealed, equal":                    {answer, inferencetypes.SEALING_SEALED, inferencetypes.TIER_QUORUM, 4},
		"sealed, within the tolerance":     {near, inferencetypes.SEALING_SEALED, inferencetypes.TIER_QUORUM, 6},
		"a committee":                      {answer, inferencetypes.SEALING_OPEN, inferencetypes.TIER_COMMITTEE, 2},
		"a committee within the tolerance": {near, inferencetypes.SEALING_OPEN, inferencetypes.TIER_COMMITTEE, 4},
	} {
		t.Run(reason, func(t *testing.T) {
			blocks, round := verdictAfter(t, tc.output, tc.sealing, tc.tier)
			t.Logf("verdict after %d blocks, arbitrated: %t", blocks, round.Arbitrated)
			require.LessOrEqual(t, blocks, tc.within)
			require.Empty(t, round.Faults)
		})
	}
}
