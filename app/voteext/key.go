package voteext

import (
	"cmp"
	"fmt"
)

// Key names one attempt of one request. Both count from 1.
type Key struct {
	RequestID uint64
	Attempt   uint32
}

// Compare orders keys by request id, then attempt: -1, 0 or +1.
func (k Key) Compare(other Key) int {
	if c := cmp.Compare(k.RequestID, other.RequestID); c != 0 {
		return c
	}
	return cmp.Compare(k.Attempt, other.Attempt)
}

// String writes the key as request/attempt.
func (k Key) String() string { return fmt.Sprintf("%d/%d", k.RequestID, k.Attempt) }
