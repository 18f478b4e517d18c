package types

import (
	"fmt"

	"github.com/opengradient/opengradient/internal/agreement"
	verificationtypes "github.com/opengradient/opengradient/x/verification/types"
)

// members is the number of snapshot members that the conduct of the receipt has room for: the members themselves and
// up to three more.
func (r Receipt) members() int { return 4 * len(r.MemberOutcomes) }

// MemberOutcome is the conduct of the member at a position of the snapshot. It fails when the receipt has no room for
// so many members.
func (r Receipt) MemberOutcome(position int) (verificationtypes.MemberOutcome, error) {
	if position < 0 || position >= r.members() {
		return 0, fmt.Errorf("receipt %d: expected the conduct of member %d, got %d bytes", r.RequestId, position, len(r.MemberOutcomes))
	}
	return verificationtypes.MemberOutcome(r.MemberOutcomes[position/4] >> (2 * (position % 4)) & 3), nil
}

// HasSeat tells whether the member at a position of the snapshot took part in the deciding attempt. Without a committee
// all did.
func (r Receipt) HasSeat(position int) bool {
	return len(r.Committee) == 0 || agreement.HasBit(r.Committee, position)
}

// IsTolerated tells whether the member at a position of the snapshot agreed within the tolerance and not exactly.
func (r Receipt) IsTolerated(position int) bool { return agreement.HasBit(r.Tolerated, position) }

// validateMembers checks that a bitmap is empty or has a bit for each member, that who has no seat is neutral, and that
// who is tolerated agreed.
func (r Receipt) validateMembers() error {
	size := (len(r.MemberOutcomes) + 1) / 2
	for _, b := range []struct {
		name string
		bits []byte
	}{{"committee", r.Committee}, {"tolerated", r.Tolerated}} {
		if len(b.bits) != 0 && len(b.bits) != size {
			return fmt.Errorf("receipt %d: %s: expected 0 or %d bytes, got %d", r.RequestId, b.name, size, len(b.bits))
		}
	}
	// Behind the last member there may be up to three places whose conduct reads as missing.
	last := r.members() - 4
	for i := range r.members() {
		conduct, err := r.MemberOutcome(i)
		if err != nil {
			return err
		}
		padding := i > last && conduct == verificationtypes.MEMBER_OUTCOME_MISSING
		if !r.HasSeat(i) && conduct != verificationtypes.MEMBER_OUTCOME_NEUTRAL && !padding {
			return fmt.Errorf("receipt %d: member %d: expected %s without a seat, got %s", r.RequestId, i, verificationtypes.MEMBER_OUTCOME_NEUTRAL, conduct)
		}
		if r.IsTolerated(i) && conduct != verificationtypes.MEMBER_OUTCOME_AGREED {
			return fmt.Errorf("receipt %d: member %d: expected %s of a tolerated one, got %s", r.RequestId, i, verificationtypes.MEMBER_OUTCOME_AGREED, conduct)
		}
	}
	return nil
}
