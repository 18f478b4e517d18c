package types

import "strings"

// Word is the failure as people write it, for example output_limit.
func (f Failure) Word() string { return strings.ToLower(strings.TrimPrefix(f.String(), "FAILURE_")) }

// Word is the outcome as people write it, for example agreed.
func (o MemberOutcome) Word() string {
	return strings.ToLower(strings.TrimPrefix(o.String(), "MEMBER_OUTCOME_"))
}
