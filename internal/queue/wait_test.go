package queue_test

import (
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/opengradient/opengradient/internal/queue"
)

// waiting is a task in the simulated queue.
type waiting struct {
	key  queue.Key
	need queue.Need
	// since is the block in which it was accepted, and retries what has begun again while it waited.
	since   int64
	retries queue.Load
}

// chain is a queue served block by block, told plainly: a sorted list, of which each block looks at twice as many as it may
// begin, after the first one that did not fit the last block.
type chain struct {
	rule   queue.Rule
	height int64
	nextID uint64
	queue  []*waiting
	// unfit did not fit the last block as the first; nil for none.
	unfit *waiting
}

func (c *chain) load() (l queue.Load) {
	for _, w := range c.queue {
		l = l.With(w.need)
	}
	return l
}

// submit accepts a task, or refuses it.
func (c *chain) submit(class queue.Class, n queue.Need) bool {
	if c.rule.Admit(c.load(), n, class) != nil {
		return false
	}
	c.nextID++
	c.queue = append(c.queue, &waiting{
		key:  queue.Key{Line: queue.NewLine, Position: queue.Position(c.height, c.rule.HeadStarts, class), ID: c.nextID},
		need: n, since: c.height,
	})
	return true
}

// again puts a task that has had an attempt in front.
func (c *chain) again(n queue.Need) {
	c.nextID++
	c.queue = append(c.queue, &waiting{key: queue.Key{Line: queue.RetryLine, Position: c.height, ID: c.nextID}, need: n, since: c.height})
}

// block ends a block and returns what began in it.
func (c *chain) block() (begun []*waiting) {
	slices.SortFunc(c.queue, func(a, b *waiting) int { return a.key.Compare(b.key) })
	if at := slices.Index(c.queue, c.unfit); at >= 0 {
		c.queue = slices.Insert(slices.Delete(c.queue, at, at+1), 0, c.unfit)
	}
	c.unfit = nil
	budget := queue.NewBudget(c.rule.Limits)
	var left []*waiting
	for i, w := range c.queue {
		if i < 2*int(c.rule.Limits.Tasks) && budget.Fits(w.need) {
			budget.Take(w.need)
			begun = append(begun, w)
			continue
		}
		left = append(left, w)
		if c.unfit == nil && !budget.IsSpent() && i < 2*int(c.rule.Limits.Tasks) {
			c.unfit = w
		}
	}
	c.queue = left
	for _, again := range begun {
		for _, w := range left {
			if again.key.Line == queue.RetryLine {
				w.retries = w.retries.With(again.need)
			}
		}
	}
	c.height++
	return begun
}

func drawRule(t *rapid.T) queue.Rule {
	rule := queue.Rule{
		Limits: queue.Limits{
			Tasks: rapid.SampledFrom([]uint32{1, 2, 5, 100}).Draw(t, "tasks"),
			Units: rapid.SampledFrom([]uint64{1, 3, 12, 1_000}).Draw(t, "units"), Bytes: rapid.SampledFrom([]uint64{1, 3, 12, 1_000}).Draw(t, "bytes"),
		},
		MaxTasks:  rapid.Uint64Range(1, 200).Draw(t, "depth"),
		MaxBlocks: rapid.Uint32Range(1, 24).Draw(t, "blocks"),
	}
	rule.HeadStarts = drawHeadStarts(t, rule.MaxBlocks)
	return rule
}

// drawNeed draws what fits a block: often very little, or nearly all of it.
func drawNeed(t *rapid.T, limits queue.Limits) queue.Need {
	size := func(label string, least, most uint64) uint64 {
		return rapid.OneOf(
			rapid.Just(least), rapid.Just(most), rapid.Just(min(most/2+1, most)), rapid.Uint64Range(least, most),
		).Draw(t, label)
	}
	return queue.Need{Units: size("unit need", 1, limits.Units), Bytes: size("byte need", 0, limits.Bytes)}
}

// TestWaits tells how long tasks really wait in the worst orders, and how near that is to what the rule promises.
func TestWaits(t *testing.T) {
	small := queue.Need{Units: 1}
	tests := map[string]struct {
		limits queue.Limits
		starts queue.HeadStarts
		// accept submits in a block, and returns false when it is done.
		accept func(c *chain) bool
		// waited is the longest wait of a new task, of 40 blocks.
		waited int64
	}{
		"filled by number": {queue.Limits{Tasks: 2, Units: 1000, Bytes: 1000}, queue.HeadStarts{}, func(c *chain) bool {
			c.submitAll(queue.Standard, small)
			return false
		}, 40},
		"filled with a little over half a block": {queue.Limits{Tasks: 1000, Units: 1000, Bytes: 1000}, queue.HeadStarts{}, func(c *chain) bool {
			c.submitAll(queue.Standard, queue.Need{Units: 501})
			return false
		}, 39},
		"filled with a little over half of the bytes": {queue.Limits{Tasks: 1000, Units: 1000, Bytes: 1000}, queue.HeadStarts{}, func(c *chain) bool {
			c.submitAll(queue.Standard, queue.Need{Units: 1, Bytes: 501})
			return false
		}, 39},
		"filled with whole blocks": {queue.Limits{Tasks: 1000, Units: 1000, Bytes: 1000}, queue.HeadStarts{}, func(c *chain) bool {
			c.submitAll(queue.Standard, queue.Need{Units: 1000})
			return false
		}, 19},
		"by number, bytes and units one after the other": {queue.Limits{Tasks: 2, Units: 1000, Bytes: 1000}, queue.HeadStarts{}, func(c *chain) bool {
			for range 10 {
				c.submit(queue.Standard, small)
			}
			for range 10 {
				c.submit(queue.Standard, queue.Need{Units: 1, Bytes: 501})
			}
			c.submitAll(queue.Standard, queue.Need{Units: 501})
			return false
		}, 25},
		"overtaken while higher classes can": {queue.Limits{Tasks: 1, Units: 1000, Bytes: 1000}, queue.HeadStarts{Standard: 5, Priority: 10}, func(c *chain) bool {
			c.submitAll(queue.Economy, small)
			c.submitAll(queue.Standard, small)
			c.submitAll(queue.Priority, small)
			return c.height < 30
		}, 39},
		"behind small ones that begin again": {queue.Limits{Tasks: 4, Units: 1000, Bytes: 1000}, queue.HeadStarts{}, func(c *chain) bool {
			if c.height == 0 {
				c.submit(queue.Standard, queue.Need{Units: 1000})
			}
			c.again(small)
			return c.height < 99
		}, 1},
		"behind large ones that begin again": {queue.Limits{Tasks: 4, Units: 1000, Bytes: 1000}, queue.HeadStarts{}, func(c *chain) bool {
			if c.height == 0 {
				c.submit(queue.Standard, queue.Need{Units: 500})
			}
			c.again(queue.Need{Units: 501})
			return c.height < 99
		}, 1}, // it has the first claim on the second block
		"behind as many as begin again": {queue.Limits{Tasks: 4, Units: 1000, Bytes: 1000}, queue.HeadStarts{}, func(c *chain) bool {
			if c.height == 0 {
				c.submit(queue.Standard, small)
			}
			for range 4 {
				c.again(small)
			}
			return c.height < 9
		}, 10}, // what begins again comes first
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			c := &chain{rule: queue.Rule{Limits: tt.limits, MaxTasks: 1000, MaxBlocks: 40, HeadStarts: tt.starts}}
			var longest int64
			for more := true; more || len(c.queue) > 0; {
				more = more && tt.accept(c)
				height := c.height
				for _, w := range c.block() {
					if w.key.Line == queue.NewLine {
						longest = max(longest, height-w.since)
					}
				}
			}
			if longest != tt.waited {
				t.Fatalf("expected a longest wait of %d blocks, got %d", tt.waited, longest)
			}
		})
	}
}

// submitAll submits tasks of one kind until one is refused.
func (c *chain) submitAll(class queue.Class, n queue.Need) {
	for c.submit(class, n) {
	}
}

// TestEveryTaskBeginsInTime: whatever is submitted, a task that was accepted begins within the blocks of the rule, and those
// of what begins again while it waits.
func TestEveryTaskBeginsInTime(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		c := &chain{rule: drawRule(t)}
		failing, trickling := rapid.Bool().Draw(t, "failing attempts"), rapid.Bool().Draw(t, "a little again in every block")
		for range rapid.IntRange(1, 60).Draw(t, "blocks") {
			if trickling {
				c.again(queue.Need{Units: 1})
			}
			c.fill(t)
			c.checkedBlock(t, failing)
		}
		for len(c.queue) > 0 {
			c.checkedBlock(t, false)
		}
	})
}

// fill submits a few tasks, or one kind of task until it is refused.
func (c *chain) fill(t *rapid.T) {
	for range rapid.IntRange(0, 3).Draw(t, "kinds") {
		class, n := rapid.SampledFrom(classes).Draw(t, "class"), drawNeed(t, c.rule.Limits)
		most := rapid.SampledFrom([]int{1, 3, 1000}).Draw(t, "at most")
		for i := 0; i < most && c.submit(class, n); i++ {
		}
	}
}

func (c *chain) checkedBlock(t *rapid.T, failing bool) {
	height := c.height
	for _, w := range c.block() {
		most := int64(c.rule.MaxBlocks)
		if w.retries.Tasks > 0 {
			// Each of the three sums of Longest is rounded down once, and not twice.
			most += int64(w.retries.With(queue.Need{}).Longest(c.rule.Limits)) + 3
		}
		if waited := height - w.since; w.key.Line == queue.NewLine && waited > most {
			t.Fatalf("expected to wait %d blocks at most, got %d: %+v", most, waited, w)
		}
		if failing && rapid.IntRange(0, 3).Draw(t, "fails") == 0 {
			c.again(w.need)
		}
	}
}
