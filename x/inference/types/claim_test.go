package types_test

import (
	"reflect"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/opengradient/opengradient/x/inference/types"
	verificationtypes "github.com/opengradient/opengradient/x/verification/types"
)

// Every field of a claim comes from the receipt, and each from its own.
func TestClaimOfAReceipt(t *testing.T) {
	r := sampleReceipt()
	r.Outcome = verificationtypes.NewFailureOutcome(verificationtypes.FAILURE_EXECUTION)
	r.Tier, r.Attempt, r.Leader, r.Publisher, r.Arbitrated, r.Sealed = types.TIER_COMMITTEE, 2, "leader", "publisher", true, true
	c := r.Claim()
	require.Equal(t, verificationtypes.Claim{
		RequestID: 7, Attempt: 2, Rule: verificationtypes.RULE_QUORUM, Digest: r.Digest, Outcome: r.Outcome, Leader: "leader", Publisher: "publisher",
		Outcomes: r.MemberOutcomes, Committee: r.Committee, Tolerated: r.Tolerated, Arbitrated: true, Sealed: true, EvidenceRoot: r.EvidenceRoot,
	}, c)
	v := reflect.ValueOf(c)
	for i := range v.NumField() {
		require.False(t, v.Field(i).IsZero(), v.Type().Field(i).Name)
	}
	require.Equal(t, verificationtypes.Claim{}, types.Receipt{}.Claim())
}

// The rule is that of tier and attempt, whatever seats the receipt names.
func TestRuleOfAClaim(t *testing.T) {
	for name, tc := range map[string]struct {
		tier    types.Tier
		attempt uint32
		want    verificationtypes.Rule
	}{
		"quorum":             {types.TIER_QUORUM, 1, verificationtypes.RULE_QUORUM},
		"quorum, again":      {types.TIER_QUORUM, 2, verificationtypes.RULE_QUORUM},
		"committee":          {types.TIER_COMMITTEE, 1, verificationtypes.RULE_COMMITTEE},
		"after a committee":  {types.TIER_COMMITTEE, 2, verificationtypes.RULE_QUORUM},
		"no committee":       {types.TIER_COMMITTEE, 0, verificationtypes.RULE_QUORUM},
		"an unknown tier":    {99, 1, verificationtypes.RULE_UNSPECIFIED},
		"no tier whatsoever": {0, 1, verificationtypes.RULE_UNSPECIFIED},
	} {
		t.Run(name, func(t *testing.T) {
			r := types.Receipt{Tier: tc.tier, Attempt: tc.attempt, Committee: []byte{1}}
			require.Equal(t, tc.want, r.Claim().Rule)
		})
	}
}
