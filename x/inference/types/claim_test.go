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
	r.Attempt, r.Leader, r.Publisher, r.Arbitrated, r.Sealed = 2, "leader", "publisher", true, true
	c := r.Claim()
	require.Equal(t, verificationtypes.Claim{
		RequestID: 7, Attempt: 2, Digest: r.Digest, Outcome: r.Outcome, Leader: "leader", Publisher: "publisher",
		Outcomes: r.MemberOutcomes, Committee: r.Committee, Tolerated: r.Tolerated, Arbitrated: true, Sealed: true, EvidenceRoot: r.EvidenceRoot,
	}, c)
	v := reflect.ValueOf(c)
	for i := range v.NumField() {
		require.False(t, v.Field(i).IsZero(), v.Type().Field(i).Name)
	}
	require.Equal(t, verificationtypes.Claim{}, types.Receipt{}.Claim())
}
