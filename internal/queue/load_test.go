package queue_test

import (
	"errors"
	"math"
	"math/big"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/opengradient/opengradient/internal/queue"
)

func TestLoad(t *testing.T) {
	const most = math.MaxUint64
	tests := map[string]struct {
		load          queue.Load
		need          queue.Need
		with, without queue.Load
	}{
		"nothing":                    {queue.Load{}, queue.Need{Units: 5, Bytes: 7}, queue.Load{Tasks: 1, Units: 5, Bytes: 7}, queue.Load{}},
		"some":                       {queue.Load{Tasks: 3, Units: 30, Bytes: 40}, queue.Need{Units: 5, Bytes: 7}, queue.Load{Tasks: 4, Units: 35, Bytes: 47}, queue.Load{Tasks: 2, Units: 25, Bytes: 33}},
		"sums stay at the largest":   {queue.Load{Tasks: most, Units: most - 1, Bytes: most}, queue.Need{Units: 2, Bytes: 1}, queue.Load{Tasks: most, Units: most, Bytes: most}, queue.Load{Tasks: most - 1, Units: most - 3, Bytes: most - 1}},
		"no part goes below nothing": {queue.Load{Tasks: 1, Units: 4, Bytes: 9}, queue.Need{Units: 5, Bytes: 7}, queue.Load{Tasks: 2, Units: 9, Bytes: 16}, queue.Load{Bytes: 2}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			if got := tt.load.With(tt.need); got != tt.with {
				t.Errorf("with %+v: expected %+v, got %+v", tt.need, tt.with, got)
			}
			if got := tt.load.Without(tt.need); got != tt.without {
				t.Errorf("without %+v: expected %+v, got %+v", tt.need, tt.without, got)
			}
		})
	}
}

func TestLoadInBlocks(t *testing.T) {
	const most = math.MaxUint64
	limits := queue.Limits{Tasks: 4, Units: 100, Bytes: 1000}
	tests := map[string]struct {
		load            queue.Load
		blocks, longest uint64
	}{
		"nothing":               {queue.Load{}, 0, 0},
		"one small":             {queue.Load{Tasks: 1, Units: 1}, 1, 0},
		"a full block":          {queue.Load{Tasks: 4, Units: 49, Bytes: 499}, 1, 0},
		"one more than a block": {queue.Load{Tasks: 5, Units: 49, Bytes: 499}, 2, 1},
		"half of the units":     {queue.Load{Tasks: 2, Units: 50}, 1, 1},
		"all of the units":      {queue.Load{Tasks: 2, Units: 100}, 1, 2},
		"a unit more":           {queue.Load{Tasks: 2, Units: 101}, 2, 2},
		"half of the bytes":     {queue.Load{Tasks: 2, Units: 2, Bytes: 500}, 1, 1},
		"a byte more than all":  {queue.Load{Tasks: 2, Units: 2, Bytes: 1001}, 2, 2},
		"all of everything":     {queue.Load{Tasks: 41, Units: 1000, Bytes: 10_000}, 11, 10 + 20 + 20},
		"the largest numbers":   {queue.Load{Tasks: most, Units: most, Bytes: most}, most/4 + 1, most/4 + most/100 + most/1000},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			if got := tt.load.Blocks(limits); got != tt.blocks {
				t.Errorf("expected %d blocks at least, got %d", tt.blocks, got)
			}
			if got := tt.load.Longest(limits); got != tt.longest {
				t.Errorf("expected %d blocks at most, got %d", tt.longest, got)
			}
		})
	}
	one := queue.Limits{Tasks: 1, Units: 1, Bytes: 1}
	if got := (queue.Load{Tasks: most, Units: most, Bytes: most}).Longest(one); got != most {
		t.Errorf("expected a sum that stays at the largest number, got %d", got)
	}
}

// TestLoadIsThatOfAList: tasks come and go, and their sum is that of the list of those that are left.
func TestLoadIsThatOfAList(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		limits := queue.Limits{
			Tasks: rapid.Uint32Range(1, 9).Draw(t, "tasks"),
			Units: rapid.Uint64Range(1, 50).Draw(t, "units"), Bytes: rapid.Uint64Range(1, 50).Draw(t, "bytes"),
		}
		var list []queue.Need
		load := queue.Load{}
		for range rapid.IntRange(0, 40).Draw(t, "steps") {
			if len(list) > 0 && rapid.IntRange(0, 2).Draw(t, "goes") == 0 {
				at := rapid.IntRange(0, len(list)-1).Draw(t, "which")
				load = load.Without(list[at])
				list = append(list[:at], list[at+1:]...)
			} else {
				n := queue.Need{Units: rapid.Uint64Range(1, 60).Draw(t, "unit need"), Bytes: rapid.Uint64Range(0, 60).Draw(t, "byte need")}
				load = load.With(n)
				list = append(list, n)
			}
			units, bytes := total(list)
			if want := (queue.Load{Tasks: uint64(len(list)), Units: units.Uint64(), Bytes: bytes.Uint64()}); load != want {
				t.Fatalf("expected %+v, got %+v", want, load)
			}
			if want := leastBlocks(load, limits); load.Blocks(limits) != want {
				t.Fatalf("%+v with %+v: expected %d blocks at least, got %d", load, limits, want, load.Blocks(limits))
			}
		}
	})
}

// leastBlocks counts blocks until each sum is used up.
func leastBlocks(l queue.Load, limits queue.Limits) (blocks uint64) {
	for ; l != (queue.Load{}); blocks++ {
		l.Tasks -= min(l.Tasks, uint64(limits.Tasks))
		l.Units -= min(l.Units, limits.Units)
		l.Bytes -= min(l.Bytes, limits.Bytes)
	}
	return blocks
}

func TestAdmit(t *testing.T) {
	rule := queue.Rule{
		Limits:   queue.Limits{Tasks: 10, Units: 100, Bytes: 1000},
		MaxTasks: 500, MaxBlocks: 100, HeadStarts: queue.HeadStarts{Standard: 10, Priority: 30},
	}
	// waits is what brings the Longest to so many blocks, with one more task of a unit.
	waits := func(blocks uint64) queue.Load { return queue.Load{Tasks: 1, Units: 50*blocks - 1} }
	huge := queue.Need{Units: math.MaxUint64, Bytes: math.MaxUint64}
	small := queue.Need{Units: 1}
	tests := map[string]struct {
		waiting queue.Load
		need    queue.Need
		class   queue.Class
		message string // empty when it is accepted
	}{
		"nothing waits": {queue.Load{}, small, queue.Economy, ""},
		"nothing waits in front of a whole block":    {queue.Load{}, queue.Need{Units: 100, Bytes: 1000}, queue.Economy, ""},
		"nothing waits in front of more than fits":   {queue.Load{}, huge, queue.Economy, ""},
		"something waits in front of more than fits": {queue.Load{Tasks: 1, Units: 1}, huge, queue.Priority, "got 202914184810805067"},
		"economy with room":                          {waits(40), small, queue.Economy, ""},
		"economy without":                            {waits(41), small, queue.Economy, "expected what waits to begin within 40 blocks for the fee class economy, got 41"},
		"standard where economy is refused":          {waits(41), small, queue.Standard, ""},
		"standard with room":                         {waits(50), small, queue.Standard, ""},
		"standard without":                           {waits(51), small, queue.Standard, "expected what waits to begin within 50 blocks for the fee class standard, got 51"},
		"priority where standard is refused":         {waits(51), small, queue.Priority, ""},
		"priority with room":                         {waits(70), small, queue.Priority, ""},
		"priority without":                           {waits(71), small, queue.Priority, "expected what waits to begin within 70 blocks for the fee class priority, got 71"},
		"bytes fill it as well":                      {queue.Load{Tasks: 1, Units: 1, Bytes: 35_000}, queue.Need{Units: 1, Bytes: 500}, queue.Priority, "within 70 blocks for the fee class priority, got 71"},
		"numbers fill it as well":                    {queue.Load{Tasks: 410, Units: 40}, small, queue.Economy, "within 40 blocks for the fee class economy, got 41"},
		"fewer tasks than there may be":              {queue.Load{Tasks: 499, Units: 499}, small, queue.Priority, ""},
		"as many tasks as there may be":              {queue.Load{Tasks: 500, Units: 1}, small, queue.Priority, "expected fewer than 500 waiting tasks, got 500"},
		"loads that do not fit a number":             {queue.Load{Tasks: 2, Units: math.MaxUint64, Bytes: math.MaxUint64}, huge, queue.Priority, "within 70 blocks"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			err := rule.Admit(tt.waiting, tt.need, tt.class)
			if tt.message == "" {
				if err != nil {
					t.Fatalf("expected room, got %v", err)
				}
				return
			}
			if !errors.Is(err, queue.ErrFull) || !strings.Contains(err.Error(), tt.message) {
				t.Fatalf("expected %v with %q, got %v", queue.ErrFull, tt.message, err)
			}
		})
	}
}

func TestRoom(t *testing.T) {
	tests := map[string]struct {
		blocks uint32
		starts queue.HeadStarts
		want   [3]uint64 // by class, ascending
	}{
		"the usual ones":                       {100, queue.HeadStarts{Standard: 10, Priority: 30}, [3]uint64{40, 50, 70}},
		"no head starts":                       {100, queue.HeadStarts{}, [3]uint64{100, 100, 100}},
		"head starts of half of the time":      {100, queue.HeadStarts{Standard: 25, Priority: 50}, [3]uint64{0, 25, 50}},
		"head starts as long as all there is":  {100, queue.HeadStarts{Standard: 50, Priority: 100}, [3]uint64{0, 0, 0}},
		"the largest numbers":                  {math.MaxUint32, queue.HeadStarts{Priority: math.MaxUint32}, [3]uint64{0, 0, 0}},
		"head starts beyond what is permitted": {1, queue.HeadStarts{Standard: math.MaxUint32, Priority: math.MaxUint32}, [3]uint64{0, 0, 0}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			rule := queue.Rule{MaxBlocks: tt.blocks, HeadStarts: tt.starts}
			for i, class := range classes {
				if got := rule.Room(class); got != tt.want[i] {
					t.Errorf("%s: expected %d blocks, got %d", class, tt.want[i], got)
				}
			}
		})
	}
}

// TestAdmitMatchesOracle counts blocks in integers of any size. A lower class never finds room where a higher one does not,
// and nobody does in front of whom more waits.
func TestAdmitMatchesOracle(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		rule := queue.Rule{
			Limits: queue.Limits{
				Tasks: rapid.Uint32Range(1, 9).Draw(t, "tasks"),
				Units: drawSize(t, "units", 1), Bytes: drawSize(t, "bytes", 1),
			},
			MaxTasks: rapid.Uint64Range(1, 100).Draw(t, "depth"), MaxBlocks: rapid.Uint32Range(1, 40).Draw(t, "blocks"),
		}
		rule.HeadStarts = drawHeadStarts(t, rule.MaxBlocks)
		// As much as the parameters of the chain let wait: far below what does not fit a number.
		waiting := queue.Load{
			Tasks: rapid.Uint64Range(0, 120).Draw(t, "waiting"),
			Units: rapid.Uint64Max(1<<62).Draw(t, "waiting units"), Bytes: rapid.Uint64Max(1<<62).Draw(t, "waiting bytes"),
		}
		need := queue.Need{Units: rapid.Uint64Range(1, 1<<60).Draw(t, "unit need"), Bytes: rapid.Uint64Max(1<<60).Draw(t, "byte need")}
		var admitted [3]bool
		for i, class := range classes {
			admitted[i] = rule.Admit(waiting, need, class) == nil
			want := waiting.Tasks < rule.MaxTasks && (waiting.Tasks == 0 || longest(waiting, need, rule.Limits).Cmp(room(rule, class)) <= 0)
			if admitted[i] != want {
				t.Fatalf("%+v, %+v, %+v of %s: expected room: %t, got %t", rule, waiting, need, class, want, admitted[i])
			}
			if i > 0 && admitted[i-1] && !admitted[i] {
				t.Fatalf("%+v, %+v: %s finds room and %s does not", rule, waiting, classes[i-1], class)
			}
			if less := waiting.Without(need); admitted[i] && rule.Admit(less, need, class) != nil {
				t.Fatalf("%+v: %+v is refused behind %+v and not behind %+v", rule, need, less, waiting)
			}
		}
	})
}

func longest(waiting queue.Load, need queue.Need, limits queue.Limits) *big.Int {
	whole := func(n, limit uint64, more uint64, times int64) *big.Int {
		sum := new(big.Int).Add(new(big.Int).SetUint64(n), new(big.Int).SetUint64(more))
		return sum.Mul(sum, big.NewInt(times)).Quo(sum, new(big.Int).SetUint64(limit))
	}
	blocks := whole(waiting.Tasks, uint64(limits.Tasks), 0, 1)
	blocks.Add(blocks, whole(waiting.Units, limits.Units, need.Units, 2))
	return blocks.Add(blocks, whole(waiting.Bytes, limits.Bytes, need.Bytes, 2))
}

// room keeps free the longest head start, and what higher ones have over the class.
func room(rule queue.Rule, class queue.Class) *big.Int {
	blocks := int64(rule.MaxBlocks) - 2*int64(rule.HeadStarts.Priority) + int64(rule.HeadStarts.Of(class))
	return big.NewInt(max(blocks, 0))
}
