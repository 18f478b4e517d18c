package sim

import (
	"testing"

	"github.com/opengradient/opengradient/internal/queue"
)

// TestWhatIsProvedIsDividedByTheBlocks that a round took: two blocks of work are not the work of one.
func TestWhatIsProvedIsDividedByTheBlocks(t *testing.T) {
	s := tiny(1500)
	n := started(t, s, fixed{leader: 0}, 3000, false) // after the blocks 1 and 2, counted by 4
	finish(t, n)
	for range s.Params.SettleBlocks {
		n.height++
		if err := n.block(); err != nil {
			t.Fatal(err)
		}
	}
	for _, one := range n.nodes {
		if one.observed != 1500 {
			t.Errorf("node %d: expected 1,500 units in a block, got %d", one.id, one.observed)
		}
	}
}

// TestWhatIsProvedIsDividedTogether: rounds that were opened together are summed up before they are divided.
func TestWhatIsProvedIsDividedTogether(t *testing.T) {
	n := newNetwork(tiny(1), Chain{})
	for _, of := range []opening{{5, 1001}, {4, 300}, {5, 2}} {
		n.provedAtOnce(2, of.opened, of.units)
	}
	if got := n.atOnce[2]; len(got) != 2 || got[0] != (opening{5, 1003}) || got[1] != (opening{4, 300}) {
		t.Errorf("expected the two openings, got %v", got)
	}
}

// TestSilenceOfALeader costs a quarter once it led for half of the time of an attempt, and nothing who is spared.
func TestSilenceOfALeader(t *testing.T) {
	for name, tt := range map[string]struct {
		after, replaced int64 // blocks after the opening
		spared          bool
		want            uint64
		passed          bool
	}{
		"before half of the time":     {after: 4, passed: true},
		"half of the time":            {after: 5, want: 750, passed: true},
		"spared":                      {after: 5, spared: true},
		"took over too late":          {after: 9, replaced: 5, passed: true},
		"took over, and had the time": {after: 10, replaced: 5, want: 750, passed: true},
	} {
		t.Run(name, func(t *testing.T) {
			n := started(t, tiny(1), fixed{leader: 0}, 1000, false)
			n.nodes[0].claimed = 4000
			n.height++
			if err := n.block(); err != nil {
				t.Fatal(err)
			}
			a := n.underWay[0]
			if tt.replaced > 0 {
				a.replaced = a.opened + tt.replaced
			}
			n.height = a.opened + tt.after
			n.retry(a, func(int) bool { return tt.spared })
			if got := n.nodes[0].observed; got != tt.want || a.task.hasPassed(0) != tt.passed {
				t.Errorf("expected %d observed and passed over: %t, got %d and %t", tt.want, tt.passed, got, a.task.hasPassed(0))
			}
		})
	}
}

// TestAClaimBehindTheHeadCounts: it takes the room of the last of those that a block looks at.
func TestAClaimBehindTheHeadCounts(t *testing.T) {
	n := newNetwork(tiny(1), Chain{})
	for id := range uint64(10) {
		n.waiting.push(&task{id: id, class: queue.Standard, need: queue.Need{Units: 1 + id, Bytes: 1}})
	}
	behind := n.waiting.places[len(n.waiting.places)-1].task
	if behind.id < 4 {
		t.Fatalf("expected a task behind the head, got %d", behind.id)
	}
	before := n.waiting.load
	n.unfit = behind
	head := n.claimFirst(n.waiting.pop(4))
	var ids []uint64
	taken := queue.Load{}
	for _, one := range head {
		ids = append(ids, one.id)
		taken = taken.With(one.need)
	}
	if len(ids) != 4 || head[0] != behind || ids[1] != 0 || ids[2] != 1 || ids[3] != 2 {
		t.Errorf("expected the claim and the first three, got %v", ids)
	}
	if taken.Tasks+n.waiting.load.Tasks != before.Tasks || taken.Units+n.waiting.load.Units != before.Units {
		t.Errorf("expected the rest to wait, got %+v beside %+v of %+v", n.waiting.load, taken, before)
	}
	if rest := n.waiting.pop(10); len(rest) != 6 || rest[0].id != 3 {
		t.Errorf("expected the fourth to be next, got %d left", len(rest))
	}
}
