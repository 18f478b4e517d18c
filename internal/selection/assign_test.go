package selection_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"math/big"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/opengradient/opengradient/internal/selection"
)

// able is a node that serves task class 1, has 1,000 units free and 8 bytes of memory.
func able(power int64) selection.Node {
	return selection.Node{
		Power: power, Reliability: 10_000, Capacity: 1000, Reported: 1000, Observed: 1000, Memory: 8, Classes: 1 << 1, Environment: 1,
	}
}

var small = selection.Task{Class: 1, Memory: 8}

func TestEligible(t *testing.T) {
	tests := map[string]struct {
		change func(n *selection.Node, t *selection.Task)
		want   bool
	}{
		"just enough memory":             {func(*selection.Node, *selection.Task) {}, true},
		"a byte too little":              {func(_ *selection.Node, t *selection.Task) { t.Memory = 9 }, false},
		"a class it does not serve":      {func(_ *selection.Node, t *selection.Task) { t.Class = 2 }, false},
		"one of several classes":         {func(n *selection.Node, t *selection.Task) { n.Classes |= 1 << 5; t.Class = 5 }, true},
		"no class":                       {func(n *selection.Node, t *selection.Task) { n.Classes, t.Class = math.MaxUint64, 0 }, false},
		"the last class":                 {func(n *selection.Node, t *selection.Task) { n.Classes, t.Class = 1<<63, 63 }, true},
		"a class beyond the last":        {func(n *selection.Node, t *selection.Task) { n.Classes, t.Class = math.MaxUint64, 64 }, false},
		"the largest number for a class": {func(n *selection.Node, t *selection.Task) { n.Classes, t.Class = math.MaxUint64, math.MaxUint8 }, false},
		"full":                           {func(n *selection.Node, _ *selection.Task) { n.Reported, n.Leading = 0, 5000 }, true},
		"unreliable":                     {func(n *selection.Node, _ *selection.Task) { n.Reliability = 0 }, true},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			n, task := able(10), small
			tt.change(&n, &task)
			if got := n.Eligible(task); got != tt.want {
				t.Fatalf("expected %t, got %t", tt.want, got)
			}
		})
	}
}

func TestNodeFreeCapacity(t *testing.T) {
	for name, tt := range map[string]struct {
		capacity, reported, observed, leading, want uint64
	}{
		"the least of the three: advertised": {500, 1000, 2000, 100, 400},
		"the least of the three: reported":   {1000, 500, 2000, 100, 400},
		"the least of the three: delivered":  {2000, 1000, 500, 100, 400},
		"all of it is led":                   {1000, 1000, 1000, 1000, 0},
		"more than all of it is led":         {1000, 1000, 1000, 5000, 0},
		"claims have no end":                 {math.MaxUint64, math.MaxUint64, 700, 0, 700},
	} {
		t.Run(name, func(t *testing.T) {
			n := selection.Node{Capacity: tt.capacity, Reported: tt.reported, Observed: tt.observed, Leading: tt.leading}
			if got := n.FreeCapacity(); got != tt.want {
				t.Fatalf("expected %d, got %d", tt.want, got)
			}
		})
	}
}

func TestAssignNeedsAMajority(t *testing.T) {
	for name, tt := range map[string]struct {
		powers []int64 // the last one does not serve the class
		total  int64
		want   error
	}{
		"just more than half":          {[]int64{30, 21, 49}, 100, nil},
		"exactly half":                 {[]int64{30, 20, 50}, 100, selection.ErrNoMajority},
		"half of an odd number":        {[]int64{30, 20, 49}, 99, nil},
		"validators that are no nodes": {[]int64{30, 21, 1}, 103, selection.ErrNoMajority},
		"nobody":                       {[]int64{50}, 100, selection.ErrNoMajority},
		"no power at all":              {nil, 0, selection.ErrNoMajority},
		"the largest powers":           {[]int64{1 << 61, 1 << 61, 1<<62 - 1}, math.MaxInt64, nil},
		"the largest powers, halved":   {[]int64{1 << 61, 1<<61 - 1, 1 << 62}, math.MaxInt64, selection.ErrNoMajority},
	} {
		t.Run(name, func(t *testing.T) {
			var nodes []selection.Node
			for i, power := range tt.powers {
				n := able(power)
				if i == len(tt.powers)-1 {
					n.Classes = 1 << 2
				}
				nodes = append(nodes, n)
			}
			for _, committee := range []bool{false, true} {
				a, err := selection.Assign(seedOf(1), nodes, selection.Task{Class: 1, Committee: committee}, tt.total)
				if !errors.Is(err, tt.want) {
					t.Fatalf("expected %v, got %v", tt.want, err)
				}
				if err != nil && (a.Members != nil || a.Seats != nil) {
					t.Fatalf("expected no attempt, got %+v", a)
				}
			}
		})
	}
}

// plainAssign is the rule told in another way, out of draws alone, by positions of the nodes.
func plainAssign(t fatal, seed [32]byte, nodes []selection.Node, task selection.Task, total int64) (members []int, leader int, seats []int) {
	power, others := new(big.Int), big.NewInt(total)
	anyLeft := false
	for i, n := range nodes {
		serves := task.Class >= 1 && task.Class <= 63 && new(big.Int).SetUint64(n.Classes).Bit(int(task.Class)) == 1
		if serves && n.Memory >= task.Memory {
			members = append(members, i)
			power.Add(power, big.NewInt(n.Power))
			anyLeft = anyLeft || task.Passed == nil || !task.Passed(i)
		}
	}
	if others.Sub(others, power).Cmp(power) >= 0 {
		return nil, -1, nil
	}
	byPower, byWeight := make([]*big.Int, len(members)), make([]*big.Int, len(members))
	anyWeight := false
	for i, at := range members {
		n := nodes[at]
		byPower[i], byWeight[i] = new(big.Int), new(big.Int)
		if anyLeft && task.Passed != nil && task.Passed(at) {
			continue
		}
		offered := new(big.Int).SetUint64(slices.Min([]uint64{n.Capacity, n.Reported, n.Observed}))
		if offered.Sub(offered, new(big.Int).SetUint64(n.Leading)).Sign() < 1 {
			offered.SetInt64(1)
		}
		byPower[i].SetInt64(n.Power)
		byWeight[i].Mul(byPower[i], big.NewInt(int64(n.Reliability))).Mul(byWeight[i], offered)
		anyWeight = anyWeight || byWeight[i].Sign() > 0
	}
	if !anyWeight {
		byWeight = byPower
	}
	drawn, err := selection.Draw(seed, byWeight)
	if err != nil {
		t.Fatal(err)
	}
	if task.Committee {
		var of []selection.Seat
		for _, at := range members {
			of = append(of, selection.Seat{Power: nodes[at].Power, Environment: nodes[at].Environment})
		}
		seats = plainCommittee(t, seed, of, drawn, total)
	}
	return members, drawn, seats
}

// requireAssignment compares Assign with the plain rule, and holds what an attempt promises.
func requireAssignment(t interface {
	fatal
	Fatalf(format string, args ...any)
}, seed [32]byte, nodes []selection.Node, task selection.Task, total int64,
) {
	before := slices.Clone(nodes)
	a, err := selection.Assign(seed, nodes, task, total)
	if !slices.Equal(before, nodes) {
		t.Fatalf("expected the nodes to stay %+v, got %+v", before, nodes)
	}
	members, leader, seats := plainAssign(t, seed, nodes, task, total)
	if members == nil {
		if !errors.Is(err, selection.ErrNoMajority) {
			t.Fatalf("expected %v, got %+v, %v", selection.ErrNoMajority, a, err)
		}
		return
	}
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(members, a.Members) || leader != a.Leader || !slices.Equal(seats, a.Seats) || (a.Seats == nil) == task.Committee {
		t.Fatalf("expected members %v, leader %d and seats %v, got %+v", members, leader, seats, a)
	}
	var power int64
	for _, at := range a.Members {
		power += nodes[at].Power
	}
	if power != a.Power {
		t.Fatalf("expected a power of %d, got %d", power, a.Power)
	}
	if task.Committee && !slices.Contains(a.Seats, a.Leader) {
		t.Fatalf("expected a seat of the leader %d, got %v", a.Leader, a.Seats)
	}
	again, err := selection.Assign(seed, nodes, task, total)
	if err != nil || fmt.Sprint(again) != fmt.Sprint(a) {
		t.Fatalf("expected %+v again, got %+v, %v", a, again, err)
	}
}

func TestAssignMatchesOracle(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		largest := rapid.SampledFrom([]int64{1, 100, math.MaxInt64 / 20}).Draw(t, "largest power")
		units := func(label string) uint64 {
			return rapid.OneOf(rapid.Uint64Range(0, 2_000), rapid.SampledFrom([]uint64{0, 1, 1_000_000_000_000, math.MaxUint64})).Draw(t, label)
		}
		nodes := rapid.SliceOfN(rapid.Custom(func(t *rapid.T) selection.Node {
			return selection.Node{
				Power:       rapid.Int64Range(1, largest).Draw(t, "power"),
				Reliability: rapid.SampledFrom([]uint32{0, 1, 5_000, 10_000}).Draw(t, "reliability"),
				Capacity:    units("capacity"), Reported: units("reported"), Observed: units("observed"), Leading: units("leading"),
				Memory:      rapid.Uint64Range(0, 2).Draw(t, "memory"),
				Classes:     rapid.SampledFrom([]uint64{0, 2, 6, math.MaxUint64}).Draw(t, "classes"),
				Environment: rapid.Uint32Range(1, 3).Draw(t, "environment"),
			}
		}), 0, 12).Draw(t, "nodes")
		var all int64
		for _, n := range nodes {
			all += n.Power
		}
		passed := rapid.SliceOfN(rapid.Bool(), len(nodes), len(nodes)).Draw(t, "passed over")
		task := selection.Task{
			Class:     rapid.SampledFrom([]uint8{1, 1, 1, 2, 0, 63, 64}).Draw(t, "class"),
			Memory:    rapid.SampledFrom([]uint64{0, 0, 1, 2, 3}).Draw(t, "memory"),
			Committee: rapid.Bool().Draw(t, "committee"),
		}
		if rapid.Bool().Draw(t, "has passed over") {
			task.Passed = func(node int) bool { return passed[node] }
		}
		total := all + rapid.Int64Range(0, max(1, min(all/4, math.MaxInt64-all))).Draw(t, "others")
		requireAssignment(t, seedOf(rapid.Uint64().Draw(t, "seed")), nodes, task, total)
	})
}

// fuzzedNodes reads nodes of 8 bytes each: power, reliability, capacity, reported, observed, leading as a number of bits or
// so, then classes with memory, and environment.
func fuzzedNodes(data []byte) (nodes []selection.Node, all int64) {
	units := func(b byte) uint64 { return uint64(b&15) << (b >> 4 * 4) }
	for ; len(data) >= 8 && len(nodes) < 40; data = data[8:] {
		n := selection.Node{
			Power: 1 + int64(data[0]&15)<<(data[0]>>4*3), Reliability: uint32(data[1]) * 40,
			Capacity: units(data[2]), Reported: units(data[3]), Observed: units(data[4]), Leading: units(data[5]),
			Classes: uint64(data[6] & 15), Memory: uint64(data[6] >> 4), Environment: uint32(data[7]),
		}
		nodes = append(nodes, n)
		all += n.Power
	}
	return nodes, all
}

// FuzzAssign: whatever the nodes are, an attempt is that of the plain rule. Flags are the class, the memory, a committee,
// and whether every other node is passed over.
func FuzzAssign(f *testing.F) {
	node := []byte{0x1a, 250, 0x3f, 0x3f, 0x3f, 0x10, 0x12, 1}
	f.Add(uint64(1), byte(0x01), uint16(0), bytes.Repeat(node, 4))
	f.Add(uint64(2), byte(0x41), uint16(9), append(bytes.Repeat(node, 3), 0x2f, 1, 0xff, 0xff, 0x01, 0, 0x12, 2))
	f.Add(uint64(3), byte(0xc1), uint16(0), append(bytes.Repeat(node, 2), 0xff, 0, 0, 0, 0, 0, 0xff, 3))
	f.Add(uint64(4), byte(0x02), uint16(math.MaxUint16), node)
	f.Add(uint64(5), byte(0x00), uint16(0), []byte{})
	f.Fuzz(func(t *testing.T, seed uint64, flags byte, others uint16, data []byte) {
		nodes, all := fuzzedNodes(data)
		task := selection.Task{Class: flags & 7, Memory: uint64(flags >> 3 & 7), Committee: flags&0x40 != 0}
		if flags&0x80 != 0 {
			task.Passed = func(node int) bool { return node%2 == 1 }
		}
		requireAssignment(t, seedOf(seed), nodes, task, all+int64(others))
	})
}

// TestAttemptsAreDrawnByWhatNodesDeliver compares who leads with stake × reliability × free capacity, in any order of the
// nodes.
func TestAttemptsAreDrawnByWhatNodesDeliver(t *testing.T) {
	const draws = 30_000
	nodes := []selection.Node{able(10), able(20), able(30), able(30), able(5), able(40)}
	nodes[1].Reliability = 5_000
	nodes[2].Observed = 250                                      // a slow one
	nodes[3].Leading = 900                                       // a busy one
	nodes[4].Capacity, nodes[4].Reported = 1<<40, math.MaxUint64 // a boastful one
	nodes[5].Reported, nodes[5].Capacity = 0, 1_000_000_000_000  // a full one
	want := []float64{10 * 1000, 20 * 500, 30 * 250, 30 * 100, 5 * 1000, 40 * 1}
	for _, order := range [][]int{{0, 1, 2, 3, 4, 5}, {5, 4, 3, 2, 1, 0}, {3, 5, 0, 2, 4, 1}} {
		var of []selection.Node
		for _, at := range order {
			of = append(of, nodes[at])
		}
		counts, probabilities := map[string]int{}, map[string]float64{}
		var sum float64
		for _, weight := range want {
			sum += weight
		}
		for at, weight := range want {
			probabilities[fmt.Sprint(at)] = weight / sum
		}
		for n := range uint64(draws) {
			a, err := selection.Assign(seedOf(n), of, small, 200)
			if err != nil {
				t.Fatal(err)
			}
			counts[fmt.Sprint(order[a.Members[a.Leader]])]++
		}
		requireFrequencies(t, counts, probabilities, draws)
	}
}

// TestClaimsGainNothing: whatever a node claims beyond what it has delivered, every draw is the same.
func TestClaimsGainNothing(t *testing.T) {
	honest := []selection.Node{able(10), able(10), able(10), able(10)}
	honest[3].Environment = 2
	leads := 0
	for _, claim := range []uint64{1001, 1_000_000, 1_000_000_000_000, math.MaxUint64} {
		boastful := slices.Clone(honest)
		boastful[0].Capacity, boastful[0].Reported = claim, claim
		for n := range uint64(2_000) {
			task := small
			task.Committee = n%2 == 0
			want, err := selection.Assign(seedOf(n), honest, task, 40)
			if err != nil {
				t.Fatal(err)
			}
			got, err := selection.Assign(seedOf(n), boastful, task, 40)
			if err != nil {
				t.Fatal(err)
			}
			if fmt.Sprint(got) != fmt.Sprint(want) {
				t.Fatalf("a claim of %d turns %+v into %+v", claim, want, got)
			}
			if got.Leader == 0 {
				leads++
			}
		}
	}
	// Four standard deviations of 8,000 draws at a quarter.
	if leads < 2000-155 || leads > 2000+155 {
		t.Fatalf("expected the boastful node to lead about 2,000 of 8,000 attempts, got %d", leads)
	}
}

// TestBlocksOfAttemptsSpread begins attempts one after the other, each charged to its leader, as a block does. Nobody with
// room to spare is left out, nobody leads much more than its capacity, and what is full is drawn as rarely as its one unit of weight says.
func TestBlocksOfAttemptsSpread(t *testing.T) {
	// One attempt reaches beyond a capacity, and few are led by who is full.
	const units, beyond = 20, 3 * 20
	atFull, attempts := 0, 0
	for block := range uint64(200) {
		nodes := []selection.Node{able(10), able(20), able(30), able(40), able(50)}
		nodes[0].Observed, nodes[4].Capacity, nodes[4].Reported = 300, math.MaxUint64, math.MaxUint64
		for k := range uint64(200) { // 4,000 of 4,300 units
			a, err := selection.Assign(seedOf(block<<8+k), nodes, small, 150)
			if err != nil {
				t.Fatal(err)
			}
			attempts++
			leader := &nodes[a.Leader]
			if leader.FreeCapacity() == 0 {
				atFull++
			}
			leader.Leading += units
		}
		for i, n := range nodes {
			if most := min(n.Observed, n.Capacity) + beyond; n.Leading > most {
				t.Fatalf("block %d: expected node %d to lead at most %d units, got %d", block, i, most, n.Leading)
			}
			if n.Leading < 2*units {
				t.Fatalf("block %d: expected node %d to lead two attempts of 200 at least, got %d units", block, i, n.Leading)
			}
		}
	}
	if atFull*100 > attempts {
		t.Fatalf("expected at most one attempt of 100 with a leader that is full, got %d of %d", atFull, attempts)
	}
}

// TestNobodyWithStakeIsStarved: the least of stake, at the floor of what is observed, leads and sits as its weight says.
func TestNobodyWithStakeIsStarved(t *testing.T) {
	const draws = 40_000
	nodes := []selection.Node{able(1), able(400), able(300), able(299)}
	nodes[0].Observed = selection.FloorOf(1_000)
	nodes[0].Reliability = 2_500
	leads, sits := 0, 0
	for n := range uint64(draws) {
		task := small
		task.Committee = true
		a, err := selection.Assign(seedOf(n), nodes, task, 1_000)
		if err != nil {
			t.Fatal(err)
		}
		if a.Leader == 0 {
			leads++
		}
		if slices.Contains(a.Seats, 0) {
			sits++
		}
	}
	probability := 15 * 2_500 / (15*2_500 + 999.*1_000*10_000)
	requireNear(t, "attempts led", leads, probability, draws)
	// Whichever of the others leads, its first company is drawn by power among the rest, and any but this one is enough.
	requireNear(t, "seats", sits, probability+400./999/600+300./999/700+299./999/701, draws)
}

// requireNear compares a count with its probability, by five standard deviations and a half.
func requireNear(t *testing.T, what string, got int, probability float64, draws int) {
	t.Helper()
	expected := probability * float64(draws)
	if most := 5*math.Sqrt(expected) + 0.5; math.Abs(float64(got)-expected) > most {
		t.Errorf("%s: expected %.1f ± %.1f, got %d", what, expected, most, got)
	}
}

// TestLeadersDoNotChooseTheirCompany: the draws of the leader and of the seats beside it have nothing to do with each other,
// nor with what the seed looks like.
func TestLeadersDoNotChooseTheirCompany(t *testing.T) {
	const draws = 30_000
	nodes := []selection.Node{able(10), able(10), able(10), able(10), able(10)}
	counts, probabilities := map[string]int{}, map[string]float64{}
	for n := range uint64(draws) {
		seed := seedOf(n)
		task := small
		task.Committee = true
		a, err := selection.Assign(seed, nodes, task, 50)
		if err != nil {
			t.Fatal(err)
		}
		counts[fmt.Sprint(binary.BigEndian.Uint64(seed[:])%2, a.Leader, a.Seats)]++
	}
	for parity := range 2 {
		for leader := range 5 {
			for other := range 5 {
				if other != leader {
					seats := []int{min(leader, other), max(leader, other)}
					probabilities[fmt.Sprint(parity, leader, seats)] = 1. / 40
				}
			}
		}
	}
	requireFrequencies(t, counts, probabilities, draws)
}
