package selection_test

import (
	"math"
	"testing"

	"pgregory.net/rapid"

	"github.com/opengradient/opengradient/internal/selection"
)

// delivered is a block in which a node delivered all it was asked for, in one block.
func delivered(units uint64) selection.Delivery {
	return selection.Delivery{Asked: units, InTime: units, AtOnce: units}
}

func TestFloorOf(t *testing.T) {
	for unproven, want := range map[uint64]uint64{0: 1, 1: 1, 63: 1, 127: 1, 128: 2, 6400: 100, math.MaxUint64: 1<<58 - 1} {
		if got := selection.FloorOf(unproven); got != want {
			t.Errorf("unproven %d: expected %d, got %d", unproven, want, got)
		}
	}
}

func TestObserve(t *testing.T) {
	tests := map[string]struct {
		observed uint64
		delivery selection.Delivery
		want     uint64
	}{
		"nothing asked":                            {700, selection.Delivery{}, 700},
		"nothing asked, by mistake in time":        {700, selection.Delivery{InTime: 9000, AtOnce: 9000}, 700},
		"delivered less than it is known for":      {2000, delivered(500), 2000},
		"delivered more than it is known for":      {2000, delivered(2500), 2500},
		"delivered over several blocks":            {2000, selection.Delivery{Asked: 9000, InTime: 9000, AtOnce: 1500}, 2000},
		"an eighth of the way back":                {200, delivered(10), 300},
		"at least a unit of it":                    {999, delivered(10), 1000},
		"the way back ends where it is unproven":   {1000, delivered(10), 1000},
		"what it has proved brings it back sooner": {200, delivered(800), 800},
		"as it proved more than on the way back":   {200, delivered(301), 301},
		"more in time than asked counts as all":    {200, selection.Delivery{Asked: 10, InTime: 11, AtOnce: 5}, 300},
		"late with everything":                     {800, selection.Delivery{Asked: 500}, 700},
		"late with some":                           {800, selection.Delivery{Asked: 500, InTime: 400, AtOnce: 400}, 750},
		"late with one unit of the last":           {800, selection.Delivery{Asked: 500, InTime: 499}, 762},
		"late, and in time with what it is worth":  {800, selection.Delivery{Asked: 5000, InTime: 800, AtOnce: 800}, 800},
		"late, and in time with more than that":    {800, selection.Delivery{Asked: 5000, InTime: 1000, AtOnce: 1000}, 800},
		"one unit above what it delivers":          {401, selection.Delivery{Asked: 500, InTime: 400}, 400},
		"late at the floor":                        {15, selection.Delivery{Asked: 500}, 15},
		"late just above the floor":                {16, selection.Delivery{Asked: 500}, 15},
		"late near the floor, not below it":        {17, selection.Delivery{Asked: 500}, 15},
		"below a floor that was raised":            {3, selection.Delivery{Asked: 500}, 15},
		"nothing observed yet, in time":            {0, delivered(10), 125},
		"the largest numbers":                      {math.MaxUint64, selection.Delivery{Asked: math.MaxUint64}, math.MaxUint64 - 1<<61},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			if got := selection.Observe(tt.observed, 1000, tt.delivery); got != tt.want {
				t.Fatalf("expected %d, got %d", tt.want, got)
			}
		})
	}
}

func TestAbandoned(t *testing.T) {
	for name, tt := range map[string]struct{ observed, want uint64 }{
		"a quarter":              {1000, 750},
		"rounded down":           {1003, 753},
		"down to the floor":      {18, 15},
		"not below the floor":    {16, 15},
		"at the floor":           {15, 15},
		"below a raised floor":   {3, 15},
		"the largest number":     {math.MaxUint64, math.MaxUint64 - (math.MaxUint64 / 4)},
		"nothing to be observed": {0, 15},
	} {
		t.Run(name, func(t *testing.T) {
			if got := selection.Abandoned(tt.observed, 1000); got != tt.want {
				t.Fatalf("expected %d, got %d", tt.want, got)
			}
		})
	}
}

func TestLatency(t *testing.T) {
	const most = 1 << 22 * 1000
	for name, tt := range map[string]struct {
		average uint32
		blocks  int64
		want    uint32
	}{
		"the first":                  {0, 3, 3000},
		"the first at once":          {0, 0, 0},
		"as ever":                    {3000, 3, 3000},
		"later":                      {3000, 11, 4000},
		"sooner":                     {3000, 1, 2750},
		"at once":                    {3000, 0, 2625},
		"at once, and near it":       {7, 0, 7},
		"before it was asked":        {3000, -5, 2625},
		"the longest there is":       {0, math.MaxInt64, most},
		"the longest again":          {most, math.MaxInt64, most},
		"the longest, once":          {8, math.MaxInt64, 8 + (most-8)/8},
		"an average out of bounds":   {math.MaxUint32, 1, math.MaxUint32 - (math.MaxUint32-1000)/8},
		"the least number of blocks": {0, math.MinInt64, 0},
	} {
		t.Run(name, func(t *testing.T) {
			if got := selection.Latency(tt.average, tt.blocks); got != tt.want {
				t.Fatalf("expected %d, got %d", tt.want, got)
			}
		})
	}
}

// TestLatencyIsAnAverage: it lies between what it was and the new value, and moves an eighth of the way, rounded down.
func TestLatencyIsAnAverage(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		average := rapid.Uint32Range(1, 1<<22*1000).Draw(t, "average")
		blocks := rapid.OneOf(rapid.Int64Range(0, 100), rapid.Int64Range(0, 1<<22)).Draw(t, "blocks")
		got, sample := int64(selection.Latency(average, blocks)), blocks*1000
		if got == 0 {
			t.Fatal("an average of some must not look as if there were none")
		}
		moved := got - int64(average)
		if want := (sample - int64(average)) / 8; moved != want {
			t.Fatalf("from %d towards %d: expected to move by %d, got %d", average, sample, want, moved)
		}
	})
}

func drawDelivery(t *rapid.T) selection.Delivery {
	d := selection.Delivery{Asked: rapid.Uint64Range(0, 5_000).Draw(t, "asked")}
	d.InTime = rapid.OneOf(rapid.Just(d.Asked), rapid.Uint64Range(0, d.Asked)).Draw(t, "in time")
	d.AtOnce = rapid.Uint64Range(0, d.InTime).Draw(t, "at once")
	return d
}

// TestObservedIsEarned: over any history, what a node counts for is never above what it has proved in one block, or an
// unproven node counts for, and never below the floor.
func TestObservedIsEarned(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		unproven := rapid.OneOf(rapid.Uint64Range(1, 100), rapid.Uint64Range(1, 2_000)).Draw(t, "unproven")
		observed, proved := unproven, uint64(0)
		for range rapid.IntRange(1, 40).Draw(t, "blocks") {
			before := observed
			if rapid.IntRange(0, 4).Draw(t, "abandons") == 0 {
				observed = selection.Abandoned(observed, unproven)
				if observed > before {
					t.Fatalf("expected an abandoned attempt to cost, got %d after %d", observed, before)
				}
			} else {
				d := drawDelivery(t)
				observed = selection.Observe(observed, unproven, d)
				if late := d.InTime < d.Asked; late && observed > before || !late && observed < before {
					t.Fatalf("%+v moved %d to %d", d, before, observed)
				}
				if d.InTime == d.Asked {
					proved = max(proved, d.AtOnce)
				}
			}
			if most := max(unproven, proved); observed > most {
				t.Fatalf("expected at most %d, got %d", most, observed)
			}
			if least := selection.FloorOf(unproven); observed < least {
				t.Fatalf("expected at least %d, got %d", least, observed)
			}
		}
	})
}

// TestObserveIsMonotonic: to have been worth more, or to have delivered more of what was asked, is never a loss.
func TestObserveIsMonotonic(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		unproven := rapid.Uint64Range(1, 2_000).Draw(t, "unproven")
		less := rapid.Uint64Range(0, 5_000).Draw(t, "observed")
		more := less + rapid.Uint64Range(0, 2_000).Draw(t, "more observed")
		d := drawDelivery(t)
		if a, b := selection.Observe(less, unproven, d), selection.Observe(more, unproven, d); a > b {
			t.Fatalf("%+v: %d becomes %d and %d becomes %d", d, less, a, more, b)
		}
		if a, b := selection.Abandoned(less, unproven), selection.Abandoned(more, unproven); a > b {
			t.Fatalf("abandoned: %d becomes %d and %d becomes %d", less, a, more, b)
		}
		better := d
		better.InTime = rapid.Uint64Range(d.InTime, d.Asked).Draw(t, "better in time")
		better.AtOnce = rapid.Uint64Range(d.AtOnce, better.InTime).Draw(t, "better at once")
		if a, b := selection.Observe(less, unproven, d), selection.Observe(less, unproven, better); a > b {
			t.Fatalf("%d becomes %d by %+v and %d by %+v", less, a, d, b, better)
		}
	})
}

// TestANodeIsWorthWhatItDelivers: whatever it claims and however it begins, a node that can do so much in a block and is
// asked for more comes to count for that, and for no more than an eighth of the way back to an unproven one above it.
func TestANodeIsWorthWhatItDelivers(t *testing.T) {
	const unproven = 1_000
	for name, tt := range map[string]struct {
		able, asked uint64 // asked of 0 stands for what the node counts for
		begin       uint64
		least, most uint64
	}{
		"saturated and fast":                     {5_000, 8_000, 1_000, 1_000, 1_000},
		"fast, and asked for less":               {5_000, 4_000, 1_000, 4_000, 4_000},
		"fast, and asked for just what it can":   {5_000, 5_000, 1_000, 5_000, 5_000},
		"slower than it once was":                {5_000, 8_000, 60_000, 5_000, 5_000},
		"slow, and asked for more":               {300, 800, 1_000, 300, 300},
		"slow, and asked for what it counts for": {300, 0, 1_000, 300, 388},
		"a liar that delivers nothing":           {0, 800, 1_000, 15, 15},
		"a liar that once delivered a lot":       {0, 800, 1 << 40, 15, 15},
		"a liar that is asked for little":        {20, 0, 1_000, 20, 143},
		"one that came back to what it can":      {900, 100, 15, 1_000, 1_000},
	} {
		t.Run(name, func(t *testing.T) {
			observed := tt.begin
			for block := range 1_000 {
				asked := tt.asked
				if asked == 0 {
					asked = observed
				}
				done := min(asked, tt.able)
				observed = selection.Observe(observed, unproven, selection.Delivery{Asked: asked, InTime: done, AtOnce: done})
				if block >= 500 && (observed < tt.least || observed > tt.most) {
					t.Fatalf("block %d: expected %d to %d, got %d", block, tt.least, tt.most, observed)
				}
			}
		})
	}
}

// TestTheWayBack: a node that was silent for long counts for as much as a new one after a few dozen blocks.
func TestTheWayBack(t *testing.T) {
	observed := selection.FloorOf(1_000)
	blocks := 0
	for ; observed < 1_000; blocks++ {
		observed = selection.Observe(observed, 1_000, delivered(1))
	}
	if blocks > 50 {
		t.Fatalf("expected at most 50 blocks, got %d", blocks)
	}
}
