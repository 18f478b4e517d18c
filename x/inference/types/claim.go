package types

import (
	verificationtypes "github.com/opengradient/opengradient/x/verification/types"
)

// Claim is what the receipt says of its verdict, in the terms in which the verdict is derived again.
func (r Receipt) Claim() verificationtypes.Claim {
	return verificationtypes.Claim{
		RequestID: r.RequestId, Attempt: r.Attempt, Rule: r.rule(), Digest: r.Digest, Outcome: r.Outcome, Leader: r.Leader, Publisher: r.Publisher,
		Outcomes: r.MemberOutcomes, Committee: r.Committee, Tolerated: r.Tolerated, Arbitrated: r.Arbitrated, Sealed: r.Sealed,
		EvidenceRoot: r.EvidenceRoot,
	}
}

// rule is that of the deciding attempt. A committee makes the first attempt of its tier only (ADR 0024).
func (r Receipt) rule() verificationtypes.Rule {
	switch {
	case r.Tier == TIER_COMMITTEE && r.Attempt == 1:
		return verificationtypes.RULE_COMMITTEE
	case r.Tier == TIER_QUORUM, r.Tier == TIER_COMMITTEE:
		return verificationtypes.RULE_QUORUM
	default:
		return verificationtypes.RULE_UNSPECIFIED
	}
}
