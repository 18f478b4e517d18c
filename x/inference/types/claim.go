package types

import (
	verificationtypes "github.com/opengradient/opengradient/x/verification/types"
)

// Claim is what the receipt says of its verdict, in the terms in which the verdict is derived again.
func (r Receipt) Claim() verificationtypes.Claim {
	return verificationtypes.Claim{
		RequestID: r.RequestId, Attempt: r.Attempt, Digest: r.Digest, Outcome: r.Outcome, Leader: r.Leader, Publisher: r.Publisher,
		Outcomes: r.MemberOutcomes, Committee: r.Committee, Tolerated: r.Tolerated, Arbitrated: r.Arbitrated, Sealed: r.Sealed,
		EvidenceRoot: r.EvidenceRoot,
	}
}
