package queue_test

import (
	"math"
	"testing"

	"pgregory.net/rapid"

	"github.com/opengradient/opengradient/internal/queue"
)

// classes are all fee classes, ascending.
var classes = []queue.Class{queue.Economy, queue.Standard, queue.Priority}

func TestClassesHaveNames(t *testing.T) {
	for class, want := range map[queue.Class]string{queue.Economy: "economy", queue.Standard: "standard", queue.Priority: "priority", 3: "unknown", 255: "unknown"} {
		if got := class.String(); got != want {
			t.Errorf("class %d: expected %s, got %s", class, want, got)
		}
	}
}

func TestHeadStarts(t *testing.T) {
	tests := map[string]struct {
		starts        queue.HeadStarts
		of, overtaken [3]uint32 // by class, ascending
	}{
		"the usual ones":                {queue.HeadStarts{Standard: 10, Priority: 30}, [3]uint32{0, 10, 30}, [3]uint32{30, 20, 0}},
		"none":                          {queue.HeadStarts{}, [3]uint32{}, [3]uint32{}},
		"as good as priority":           {queue.HeadStarts{Standard: 5, Priority: 5}, [3]uint32{0, 5, 5}, [3]uint32{5, 0, 0}},
		"standard comes before others":  {queue.HeadStarts{Standard: 7, Priority: 3}, [3]uint32{0, 7, 3}, [3]uint32{7, 0, 4}},
		"as long as they can be stored": {queue.HeadStarts{Standard: 1, Priority: math.MaxUint32}, [3]uint32{0, 1, math.MaxUint32}, [3]uint32{math.MaxUint32, math.MaxUint32 - 1, 0}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			for i, class := range classes {
				if got := tt.starts.Of(class); got != tt.of[i] {
					t.Errorf("%s: expected a head start of %d, got %d", class, tt.of[i], got)
				}
				if got := tt.starts.Overtaken(class); got != tt.overtaken[i] {
					t.Errorf("%s: expected to be overtaken for %d blocks, got %d", class, tt.overtaken[i], got)
				}
			}
		})
	}
}

func TestKeyOrder(t *testing.T) {
	starts := queue.HeadStarts{Standard: 10, Priority: 30}
	at := func(height int64, class queue.Class, id uint64) queue.Key {
		return queue.Key{Line: queue.NewLine, Position: queue.Position(height, starts, class), ID: id}
	}
	again := func(deadline int64, id uint64) queue.Key {
		return queue.Key{Line: queue.RetryLine, Position: deadline, ID: id}
	}
	tests := map[string]struct{ first, second queue.Key }{
		"the older of a class":                          {at(10, queue.Standard, 2), at(11, queue.Standard, 1)},
		"the lesser id of a block":                      {at(10, queue.Standard, 1), at(10, queue.Standard, 2)},
		"priority before standard of the same block":    {at(10, queue.Priority, 2), at(10, queue.Standard, 1)},
		"standard before economy of the same block":     {at(10, queue.Standard, 2), at(10, queue.Economy, 1)},
		"priority before economy of 29 blocks ago":      {at(39, queue.Priority, 2), at(10, queue.Economy, 1)},
		"economy of 30 blocks ago before priority":      {at(10, queue.Economy, 1), at(40, queue.Priority, 2)},
		"priority before standard of 19 blocks ago":     {at(29, queue.Priority, 2), at(10, queue.Standard, 1)},
		"standard of 20 blocks ago before priority":     {at(10, queue.Standard, 1), at(30, queue.Priority, 2)},
		"another attempt before whatever is new":        {again(math.MaxInt64, 9), at(math.MinInt64+30, queue.Priority, 1)},
		"another attempt with the nearer deadline":      {again(50, 9), again(51, 1)},
		"another attempt with the lesser id":            {again(50, 1), again(50, 2)},
		"heights before an imported chain are heights":  {at(-40, queue.Economy, 7), at(-5, queue.Economy, 3)},
		"a head start that goes below the first height": {at(1, queue.Priority, 7), at(0, queue.Standard, 3)},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			if got := tt.first.Compare(tt.second); got != -1 {
				t.Errorf("expected %+v before %+v, got %d", tt.first, tt.second, got)
			}
			if got := tt.second.Compare(tt.first); got != 1 {
				t.Errorf("expected %+v after %+v, got %d", tt.second, tt.first, got)
			}
			if got := tt.first.Compare(tt.first); got != 0 {
				t.Errorf("expected a key to be itself, got %d", got)
			}
		})
	}
}

// accepted is a new task.
type accepted struct {
	height int64
	class  queue.Class
	id     uint64
}

func (a accepted) key(h queue.HeadStarts) queue.Key {
	return queue.Key{Line: queue.NewLine, Position: queue.Position(a.height, h, a.class), ID: a.id}
}

// TestNobodyIsOvertakenForLong: a task accepted later comes first only within the difference of the head starts, so never
// one of the same class or a lower one, and never after the blocks that Overtaken says. And it does come first within it.
func TestNobodyIsOvertakenForLong(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		starts := drawHeadStarts(t, 40)
		older := accepted{rapid.Int64Range(-50, 50).Draw(t, "height"), rapid.SampledFrom(classes).Draw(t, "class"), 1}
		later := accepted{older.height + rapid.Int64Range(0, 60).Draw(t, "later"), rapid.SampledFrom(classes).Draw(t, "later class"), 2}
		overtakes := later.key(starts).Compare(older.key(starts)) < 0
		difference := int64(starts.Of(later.class)) - int64(starts.Of(older.class))
		if want := later.height-older.height < difference; overtakes != want {
			t.Fatalf("head starts %+v: expected that %+v overtakes %+v: %t, got %t", starts, later, older, want, overtakes)
		}
		if overtakes && later.height-older.height >= int64(starts.Overtaken(older.class)) {
			t.Fatalf("head starts %+v: %+v overtakes %+v after the %d blocks of its class", starts, later, older, starts.Overtaken(older.class))
		}
	})
}

// drawHeadStarts draws head starts as the parameters of the chain allow them.
func drawHeadStarts(t *rapid.T, most uint32) queue.HeadStarts {
	priority := rapid.Uint32Range(0, most).Draw(t, "priority head start")
	return queue.HeadStarts{Standard: rapid.Uint32Range(0, priority).Draw(t, "standard head start"), Priority: priority}
}
