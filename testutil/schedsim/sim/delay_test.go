package sim

import "testing"

// TestDelaysByHand: a node that is given work at the end of block 1 works on it until block 2, and what it has done then is
// counted by block 3.
func TestDelaysByHand(t *testing.T) {
	for name, tt := range map[string]struct {
		speed     float64
		units     uint64
		committee bool
		slow      []int // nodes that are slow all the time: at a tenth of the speed
		gone      []int // nodes that are never heard, and never noticed
		want      int64 // blocks from acceptance to the verdict
		attempts  int
	}{
		"within the first block":                   {speed: 1000, units: 1000, want: 2, attempts: 1},
		"a unit more":                              {speed: 1000, units: 1001, want: 3, attempts: 1},
		"two blocks and a half":                    {speed: 1000, units: 2500, want: 4, attempts: 1},
		"a committee waits for its seats only":     {speed: 1000, units: 1000, committee: true, slow: []int{3}, want: 2, attempts: 1},
		"a committee waits for its slowest seat":   {speed: 1000, units: 300, committee: true, slow: []int{1}, want: 4, attempts: 1},
		"all waits for two thirds":                 {speed: 1000, units: 300, slow: []int{3}, want: 2, attempts: 1},
		"all waits for more than two thirds":       {speed: 1000, units: 300, slow: []int{2, 3}, want: 4, attempts: 1},
		"the next one publishes for a slow leader": {speed: 1000, units: 500, slow: []int{0}, want: 4, attempts: 1},
		"a leader a block late publishes itself":   {speed: 1000, units: 200, slow: []int{0}, want: 3, attempts: 1},
		"the next one publishes for a lost leader": {speed: 1000, units: 500, gone: []int{0}, want: 4, attempts: 1},
		// The committee is given up at the end of block 6, five after it began, and all need two blocks more.
		"a committee with a lost seat": {speed: 1000, units: 1000, committee: true, gone: []int{1}, want: 7, attempts: 2},
		// Three attempts of ten blocks each: the last ends with the block 31.
		"no majority of the votes": {speed: 1000, units: 1000, gone: []int{1, 2}, want: 30, attempts: 3},
	} {
		t.Run(name, func(t *testing.T) {
			s := tiny(tt.speed)
			s.Params.HeartbeatWindow = 1_000
			n := started(t, s, fixed{leader: 0, seats: []int{0, 1}}, tt.units, tt.committee)
			for _, id := range tt.slow {
				n.nodes[id].trouble, n.nodes[id].until = slow, 1<<40
			}
			for _, id := range tt.gone {
				n.nodes[id].trouble, n.nodes[id].until = gone, 1<<40
			}
			finish(t, n)
			if got := n.height - 1; got != tt.want || n.result.Attempts != tt.attempts {
				t.Fatalf("expected %d blocks and %d attempts, got %d and %d", tt.want, tt.attempts, got, n.result.Attempts)
			}
		})
	}
}

// TestLeaderIsReplaced: a leader whose worker fails says so in the vote that block 3 counts, and another seat publishes.
func TestLeaderIsReplaced(t *testing.T) {
	s := tiny(100)
	n := started(t, s, &RoundRobin{leader: -1}, 450, false) // node 0 leads, all are ready with block 7
	n.nodes[0].trouble, n.nodes[0].until = failed, 1<<40
	finish(t, n)
	if n.result.Replaced != 1 || n.result.Verdicts != 1 || n.height != 7 {
		t.Fatalf("expected a verdict with block 7 under another leader, got %d verdicts with block %d and %d replaced", n.result.Verdicts, n.height, n.result.Replaced)
	}
}

// TestNobodyWorksForNothing: what is done after block 4 is counted by block 6, with which the round is settled. One that is
// not done by then leaves the round, and has all its time for others.
func TestNobodyWorksForNothing(t *testing.T) {
	n := started(t, tiny(1000), fixed{leader: 0}, 1000, false)
	n.nodes[3].speed = 1
	finish(t, n) // with block 3
	for n.height < 7 {
		if backlog := n.nodes[3].backlog(); (n.height < 5) != (backlog > 0) {
			t.Fatalf("expected work until block 4, got a backlog of %d after block %d", backlog, n.height)
		}
		n.height++
		if err := n.block(); err != nil {
			t.Fatal(err)
		}
	}
}

// TestDeliveriesAreObserved: who is in time has proved what it delivered, who is late loses.
func TestDeliveriesAreObserved(t *testing.T) {
	s := tiny(4000)
	n := started(t, s, fixed{leader: 0}, 3000, false)
	n.nodes[3].speed = 100
	finish(t, n)
	for range s.Params.SettleBlocks {
		n.height++
		if err := n.block(); err != nil {
			t.Fatal(err)
		}
	}
	for id, want := range []uint64{3000, 3000, 3000, 875} { // an eighth of the distance from 1,000 to nothing
		if got := n.nodes[id].observed; got != want {
			t.Errorf("node %d: expected %d, got %d", id, want, got)
		}
	}
}
