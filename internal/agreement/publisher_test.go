package agreement

import (
	"math"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

func TestPublisherOrder(t *testing.T) {
	for _, tc := range []struct {
		name   string
		agreed []bool
		leader int
		want   []int
	}{
		{"the leader agreed and goes first", []bool{true, true, true, true}, 2, []int{2, 3, 0, 1}},
		{"the leader was wrong and is passed over", []bool{true, true, false, true}, 2, []int{3, 0, 1}},
		{"the leader is the last member", []bool{true, false, true}, 2, []int{2, 0}},
		{"no leader among the members", []bool{false, true, true}, -1, []int{1, 2}},
		{"a leader beyond the members", []bool{true, true}, 7, []int{0, 1}},
		{"nobody agreed", []bool{false, false}, 0, []int{}},
		{"no members", nil, 0, []int{}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if got := PublisherOrder(tc.agreed, tc.leader); !slices.Equal(got, tc.want) {
				t.Errorf("expected %v, got %v", tc.want, got)
			}
		})
	}
}

func TestPublisherTurn(t *testing.T) {
	order := []int{5, 1, 3}
	for _, tc := range []struct {
		name    string
		order   []int
		decided int64
		height  int64
		turn    uint32
		want    int
		ok      bool
	}{
		{"first turn from the decision", order, 10, 10, 2, 5, true},
		{"first turn lasts", order, 10, 11, 2, 5, true},
		{"second turn", order, 10, 12, 2, 1, true},
		{"last turn", order, 10, 15, 2, 3, true},
		{"round again", order, 10, 16, 2, 5, true},
		{"before the decision", order, 10, 9, 2, 0, false},
		{"nobody agreed", nil, 10, 10, 2, 0, false},
		{"turns of no blocks count as one", order, 10, 11, 0, 1, true},
		{"decided before an imported genesis", order, -3, 1, 2, 3, true},
		{"far future", order, 0, math.MaxInt64, 1, order[uint64(math.MaxInt64)%3], true},
	} {
		t.Run(tc.name, func(t *testing.T) {
			got, ok := PublisherTurn(tc.order, tc.decided, tc.height, tc.turn)
			if got != tc.want || ok != tc.ok {
				t.Errorf("expected %d %v, got %d %v", tc.want, tc.ok, got, ok)
			}
		})
	}
}

// Every member that agreed has the same number of turns in a full round of turns, and nobody else has any.
func TestPublisherTurnsAreFair(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		agreed := rapid.SliceOfN(rapid.Bool(), 1, 20).Draw(rt, "agreed")
		leader := rapid.IntRange(-1, len(agreed)).Draw(rt, "leader")
		turn := rapid.Uint32Range(1, 5).Draw(rt, "turn")
		order := PublisherOrder(agreed, leader)
		counts := make([]int, len(agreed))
		for h := int64(0); h < int64(len(order))*int64(turn); h++ {
			position, ok := PublisherTurn(order, 100, 100+h, turn)
			if !ok {
				rt.Fatalf("no turn at %d blocks after the decision", h)
			}
			counts[position]++
		}
		for i, count := range counts {
			want := 0
			if agreed[i] {
				want = int(turn)
			}
			if count != want {
				rt.Fatalf("member %d (agreed %v): expected %d blocks, got %d", i, agreed[i], want, count)
			}
		}
	})
}
