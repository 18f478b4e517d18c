package executor

import "time"

// Clock is the time of the node. It paces retries and nothing else.
type Clock interface {
	Now() time.Time
	// After sends once when d has passed.
	After(d time.Duration) <-chan time.Time
}

// systemClock is the machine's clock.
type systemClock struct{}

func (systemClock) Now() time.Time                         { return time.Now() }
func (systemClock) After(d time.Duration) <-chan time.Time { return time.After(d) }

const (
	firstRetry = 250 * time.Millisecond
	lastRetry  = 5 * time.Second
)

// retryDelay is the pause after the failure of a number counted from 1: it doubles
// up to lastRetry.
func retryDelay(failures int) time.Duration { return doubled(firstRetry, lastRetry, failures) }

// doubled is first, doubled with each further failure, and at most last.
func doubled(first, last time.Duration, failures int) time.Duration {
	delay := first
	for ; failures > 1 && delay < last; failures-- {
		delay *= 2
	}
	return min(delay, last)
}
