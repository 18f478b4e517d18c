package types

import "strings"

// Word is the tier as people write it, for example quorum.
func (t Tier) Word() string { return strings.ToLower(strings.TrimPrefix(t.String(), "TIER_")) }

// Word is the choice as people write it, for example sealed.
func (s Sealing) Word() string { return strings.ToLower(strings.TrimPrefix(s.String(), "SEALING_")) }

// Word is the status as people write it, for example finalized.
func (s RequestStatus) Word() string {
	return strings.ToLower(strings.TrimPrefix(s.String(), "REQUEST_STATUS_"))
}

// Word is the reason as people write it, for example no_agreement.
func (r FailureReason) Word() string {
	return strings.ToLower(strings.TrimPrefix(r.String(), "FAILURE_REASON_"))
}
