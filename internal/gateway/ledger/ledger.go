// Package ledger counts what an API key has spent against its quota. It is pure: the jobs keep its balances on disk. All
// amounts are in uopg.
package ledger

import (
	"errors"
	"fmt"
	"math"
	"time"
)

// ErrQuota is a reservation that does not fit the quota; use errors.As with *QuotaError for the amounts.
var ErrQuota = errors.New("spending quota exceeded")

// QuotaError is a reservation that does not fit the quota.
type QuotaError struct {
	Quota, Used, Wanted uint64
	Period              Period
}

// Error implements error.
func (e *QuotaError) Error() string {
	span := "in all"
	if e.Period == PerDay {
		span = "per day (UTC)"
	}
	return fmt.Sprintf("%v: quota of %d uopg %s, %d uopg used or reserved, expected at most %d uopg more, got a request that may cost %d uopg",
		ErrQuota, e.Quota, span, e.Used, e.Quota-min(e.Used, e.Quota), e.Wanted)
}

// Unwrap makes errors.Is find ErrQuota.
func (e *QuotaError) Unwrap() error { return ErrQuota }

// Period is the time a quota is for.
type Period string

// The periods.
const (
	PerDay Period = "day" // from midnight to midnight, UTC
	Total  Period = "total"
)

// ParsePeriod reads a period.
func ParsePeriod(s string) (Period, error) {
	switch p := Period(s); p {
	case PerDay, Total:
		return p, nil
	default:
		return "", fmt.Errorf("quota period: expected day or total, got %.20q", s)
	}
}

// Day names the UTC day of a time, as 2026-11-27.
func Day(t time.Time) string { return t.UTC().Format(time.DateOnly) }

// Amounts are what one job has reserved, paid and got back, or the sum over jobs.
type Amounts struct {
	// Reserved may still be charged.
	Reserved uint64 `json:"reserved"`
	// Spent was charged: fees and gas.
	Spent uint64 `json:"spent"`
	// Refunded is the part of Spent that came back.
	Refunded uint64 `json:"refunded"`
}

// Used is what counts against the quota.
func (a Amounts) Used() uint64 {
	sum := Add(a.Reserved, a.Spent)
	return sum - min(sum, a.Refunded)
}

// Balance is the sum over the jobs of one key in one period.
type Balance struct {
	Amounts
	Jobs uint64 `json:"jobs"`
}

// Change gives the balance after the amounts of one of its jobs have gone from before to after. It fails when the sums
// would not be those of any jobs.
func (b Balance) Change(before, after Amounts) (Balance, error) {
	var err error
	shift := func(what string, sum, before, after uint64) uint64 {
		if sum < before || sum-before > math.MaxUint64-after {
			err = errors.Join(err, fmt.Errorf("ledger: %s: expected a sum of at least %d, got %d", what, before, sum))
			return sum
		}
		return sum - before + after
	}
	b.Reserved = shift("reserved", b.Reserved, before.Reserved, after.Reserved)
	b.Spent = shift("spent", b.Spent, before.Spent, after.Spent)
	b.Refunded = shift("refunded", b.Refunded, before.Refunded, after.Refunded)
	return b, err
}

// Room checks that more fits the quota beside what is used.
func (b Balance) Room(quota uint64, period Period, more uint64) error {
	if used := b.Used(); used > quota || more > quota-used {
		return &QuotaError{Quota: quota, Used: used, Wanted: more, Period: period}
	}
	return nil
}

// Add is a sum that stops at the largest number.
func Add(a, b uint64) uint64 {
	if a > math.MaxUint64-b {
		return math.MaxUint64
	}
	return a + b
}
