package queue_test

import (
	"math"
	"math/big"
	"testing"

	"pgregory.net/rapid"

	"github.com/opengradient/opengradient/internal/queue"
)

func TestBudget(t *testing.T) {
	limits := queue.Limits{Tasks: 3, Units: 100, Bytes: 1000}
	tests := map[string]struct {
		begun       []queue.Need
		next        queue.Need
		fits, spent bool
		utilisation uint32
	}{
		"nothing begun":                            {nil, queue.Need{Units: 100, Bytes: 1000}, true, false, 0},
		"the first is larger than the block":       {nil, queue.Need{Units: 101, Bytes: 1001}, true, false, 0},
		"the first is larger than any block":       {nil, queue.Need{Units: math.MaxUint64, Bytes: math.MaxUint64}, true, false, 0},
		"exactly what is left":                     {[]queue.Need{{60, 600}}, queue.Need{Units: 40, Bytes: 400}, true, false, 6000},
		"a unit too many":                          {[]queue.Need{{60, 600}}, queue.Need{Units: 41, Bytes: 0}, false, false, 6000},
		"a byte too many":                          {[]queue.Need{{60, 600}}, queue.Need{Units: 1, Bytes: 401}, false, false, 6000},
		"no units left":                            {[]queue.Need{{100, 0}}, queue.Need{Units: 1}, false, true, 10_000},
		"no bytes left, for one without":           {[]queue.Need{{1, 1000}}, queue.Need{Units: 1}, true, false, 10_000},
		"no bytes left, for one with":              {[]queue.Need{{1, 1000}}, queue.Need{Units: 1, Bytes: 1}, false, false, 10_000},
		"as many as may begin":                     {[]queue.Need{{1, 0}, {1, 0}, {1, 0}}, queue.Need{Units: 1}, false, true, 10_000},
		"one fewer":                                {[]queue.Need{{1, 0}, {1, 0}}, queue.Need{Units: 1}, true, false, 6666},
		"what did not fit the limits left no room": {[]queue.Need{{500, 5000}}, queue.Need{Units: 1}, false, true, 10_000},
		"the scarcest counts":                      {[]queue.Need{{10, 900}}, queue.Need{Units: 90, Bytes: 100}, true, false, 9000},
		"rounded down":                             {[]queue.Need{{1, 999}}, queue.Need{Units: 1, Bytes: 1}, true, false, 9990},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			b := queue.NewBudget(limits)
			for _, n := range tt.begun {
				if !b.Fits(n) {
					t.Fatalf("expected room for %+v in %+v", n, b)
				}
				b.Take(n)
			}
			if got := b.Fits(tt.next); got != tt.fits {
				t.Errorf("expected that %+v fits: %t, got %t", tt.next, tt.fits, got)
			}
			if got := b.IsSpent(); got != tt.spent {
				t.Errorf("expected a spent budget: %t, got %t", tt.spent, got)
			}
			if got := b.Utilisation(); got != tt.utilisation {
				t.Errorf("expected a utilisation of %d, got %d", tt.utilisation, got)
			}
		})
	}
}

// TestBudgetMatchesOracle keeps a list of what has begun, and adds it up in integers of any size.
func TestBudgetMatchesOracle(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		limits := queue.Limits{
			Tasks: rapid.Uint32Range(1, 6).Draw(t, "tasks"),
			Units: drawSize(t, "units", 1), Bytes: drawSize(t, "bytes", 1),
		}
		b := queue.NewBudget(limits)
		var begun []queue.Need
		for range rapid.IntRange(1, 12).Draw(t, "needs") {
			n := queue.Need{Units: drawSize(t, "unit need", 1), Bytes: drawSize(t, "byte need", 0)}
			units, bytes := total(begun)
			want := len(begun) == 0 || len(begun) < int(limits.Tasks) && isRoom(units, limits.Units, n.Units) && isRoom(bytes, limits.Bytes, n.Bytes)
			if got := b.Fits(n); got != want {
				t.Fatalf("%+v after %+v: expected that it fits: %t, got %t", n, begun, want, got)
			}
			if b.IsSpent() && b.Fits(n) {
				t.Fatalf("%+v fits a spent budget", n)
			}
			if !want {
				continue
			}
			b.Take(n)
			begun = append(begun, n)
			if got, want := b.Utilisation(), scarcest(limits, begun); got != want {
				t.Fatalf("expected a utilisation of %d after %+v, got %d", want, begun, got)
			}
			// Spent is what leaves no room for the least there can be.
			if got := b.IsSpent(); got == b.Fits(queue.Need{Units: 1}) {
				t.Fatalf("expected a spent budget exactly when nothing fits, got %t after %+v of %+v", got, begun, limits)
			}
		}
	})
}

// drawSize draws small numbers, and those near the largest.
func drawSize(t *rapid.T, label string, least uint64) uint64 {
	return rapid.OneOf(rapid.Uint64Range(least, 20), rapid.Uint64Range(math.MaxUint64-20, math.MaxUint64)).Draw(t, label)
}

func total(needs []queue.Need) (units, bytes *big.Int) {
	units, bytes = new(big.Int), new(big.Int)
	for _, n := range needs {
		units.Add(units, new(big.Int).SetUint64(n.Units))
		bytes.Add(bytes, new(big.Int).SetUint64(n.Bytes))
	}
	return units, bytes
}

// isRoom tells whether a limit leaves room for more. What was taken can be more than the limit, and no need asks for less
// than nothing.
func isRoom(taken *big.Int, limit, more uint64) bool {
	sum := new(big.Int).Add(taken, new(big.Int).SetUint64(more))
	return more == 0 || sum.Cmp(new(big.Int).SetUint64(limit)) <= 0
}

// scarcest is the largest of the parts of the limits in basis points, none above all of it.
func scarcest(limits queue.Limits, begun []queue.Need) uint32 {
	units, bytes := total(begun)
	part := func(taken *big.Int, limit uint64) uint32 {
		whole := new(big.Int).SetUint64(limit)
		if taken.Cmp(whole) > 0 {
			taken = whole
		}
		return uint32(new(big.Int).Quo(new(big.Int).Mul(taken, big.NewInt(10_000)), whole).Uint64())
	}
	return max(part(big.NewInt(int64(len(begun))), uint64(limits.Tasks)), part(units, limits.Units), part(bytes, limits.Bytes))
}
